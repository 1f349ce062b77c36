/** Reads PKCS#12 files (RFC 7292, PBMAC1 of RFC 9879), also those of decades ago. */
import { implicitOctets, normaliseBer } from '../asn1/ber.ts';
import { type DerReader, readOnly, tag } from '../asn1/der.ts';
import { nameOfOid, oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { DerivationBudget } from './derive.ts';
import { decryptWithPassword } from './encryption.ts';
import { checkMac, wrongPassword } from './mac.ts';
import { pairKeys } from './pair.ts';
import { type PasswordForms, passwordForms } from './password.ts';

/** One private key from a PKCS#12 file. */
export interface Pkcs12Key {
  /** DER PKCS#8 PrivateKeyInfo, of whatever algorithm: what can be done with it is for the caller to see. */
  readonly privateKey: Uint8Array;
  /** DER of the certificate that belongs to the key, where the file has it. */
  readonly certificate?: Uint8Array;
  readonly friendlyName?: string;
}

/** One certificate from a PKCS#12 file that belongs to none of its keys. */
export interface Pkcs12Certificate {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly friendlyName?: string;
  /** Java's mark of a certificate to be trusted. Nothing here trusts it. */
  readonly javaTrusted?: true;
}

/** What was in a PKCS#12 file. */
export interface Pkcs12Content {
  readonly keys: readonly Pkcs12Key[];
  /** The certificates that belong to none of the keys: the chain. */
  readonly certificates: readonly Pkcs12Certificate[];
  /** Types of bags that were left aside, each once: `crlBag`, `secretBag`, or an object identifier. */
  readonly skipped: readonly string[];
}

/** What reading a PKCS#12 file may cost. */
export interface Pkcs12Options {
  /** What all key derivations together may cost, in iterations of PBKDF2 (about 0.4 us each). By default `limits.passwordWork`. */
  readonly work?: number;
}

/**
 * Opens a PKCS#12 file, DER or BER. The MAC is checked before anything is decrypted; a file without MAC is taken as it is.
 * Throws `wrong-password`, `unsupported` for a cipher this engine has not or a file protected with a key instead of a password,
 * `limit-exceeded` for absurd iteration counts.
 */
export async function readPkcs12(
  der: Uint8Array,
  password: string,
  options: Pkcs12Options = {},
): Promise<Pkcs12Content> {
  const pfx = readOnly(normaliseBer(der), 'the PKCS#12 file');
  const version = pfx.smallInteger();
  if (version !== 3) throw new SmimeError('unsupported', `PKCS#12 version ${version} is not implemented`);
  const authSafe = pfx.enter();
  const type = authSafe.oid();
  if (type === oids.signedData)
    throw new SmimeError(
      'unsupported',
      'a PKCS#12 file signed with a key instead of a password (public-key integrity mode) is not implemented',
    );
  if (type !== oids.data)
    throw new SmimeError('unsupported', `a PKCS#12 file with content of the type ${type} is not implemented`);
  const content = authSafe.enter(0xa0).octetString();
  const macData = pfx.enterIf(tag.sequence);
  pfx.finish('the PKCS#12 file');

  const budget = new DerivationBudget(options.work);
  const forms = passwordForms(password);
  const found = new Bags(macData ? await checkMac(macData, content, forms, budget) : forms, budget);
  await readSafes(content, found);
  return found.content();
}

interface Attributes {
  readonly friendlyName?: string;
  readonly localKeyId?: string;
  readonly javaTrusted?: true;
}

/** What is found on the way through the file, and what the way may still cost. */
class Bags {
  readonly keys: (Attributes & { readonly privateKey: Uint8Array })[] = [];
  readonly certificates: (Attributes & { readonly certificate: Uint8Array })[] = [];
  readonly skipped = new Set<string>();
  readonly #password: PasswordForms;
  readonly #budget: DerivationBudget;
  #left: number = limits.pkcs12Bags;

  constructor(password: PasswordForms, budget: DerivationBudget) {
    this.#password = password;
    this.#budget = budget;
  }

  count(): void {
    this.#left -= 1;
    if (this.#left < 0)
      throw new SmimeError('limit-exceeded', `a PKCS#12 file with more than ${limits.pkcs12Bags} bags`);
  }

  addKey(privateKey: Uint8Array, attributes: Attributes): void {
    if (this.keys.length >= limits.pkcs12Keys)
      throw new SmimeError('limit-exceeded', `a PKCS#12 file with more than ${limits.pkcs12Keys} private keys`);
    this.keys.push({ privateKey, ...attributes });
  }

  /** The plaintext, which is one SEQUENCE: without a MAC a wrong password survives the padding one time in 256. */
  async open(algorithm: Uint8Array, ciphertext: Uint8Array): Promise<Buffer> {
    const plaintext = await decryptWithPassword(algorithm, ciphertext, this.#password, this.#budget, isOneSequence);
    if (plaintext === undefined) throw wrongPassword();
    return normaliseBer(plaintext);
  }

  content(): Pkcs12Content {
    const pairs = pairKeys(this.keys, this.certificates);
    const owned = new Set(pairs.values());
    return {
      keys: this.keys.map((key) => {
        const own = pairs.get(key);
        const friendlyName = key.friendlyName ?? own?.friendlyName;
        return {
          privateKey: key.privateKey,
          ...(own && { certificate: own.certificate }),
          ...(friendlyName !== undefined && { friendlyName }),
        };
      }),
      certificates: this.certificates
        .filter((candidate) => !owned.has(candidate))
        .map(({ localKeyId, ...certificate }) => certificate),
      skipped: [...this.skipped],
    };
  }
}

/** True for the octets of one SEQUENCE and nothing else, as far as its length tells; BER that ends somewhere inside is let through. */
function isOneSequence(plaintext: Buffer): boolean {
  if (plaintext[0] !== tag.sequence) return false;
  if (plaintext[1] === 0x80) return true;
  try {
    readOnly(plaintext, 'the plaintext');
    return true;
  } catch {
    return false;
  }
}

async function readSafes(content: Uint8Array, bags: Bags): Promise<void> {
  const safes = readOnly(normaliseBer(content), 'the authenticated safe');
  while (!safes.atEnd) {
    bags.count();
    const safe = safes.enter();
    const kind = safe.oid();
    if (kind === oids.data) await readSafe(normaliseBer(safe.enter(0xa0).octetString()), bags, 0);
    else if (kind === oids.encryptedData)
      await readSafe(await openEncryptedData(safe.enter(0xa0).enter(), bags), bags, 0);
    else if (kind === oids.envelopedData)
      throw new SmimeError(
        'unsupported',
        'PKCS#12 content encrypted to a certificate instead of a password (public-key privacy mode) is not implemented',
      );
    else throw new SmimeError('unsupported', `PKCS#12 content of the type ${kind} is not implemented`);
  }
}

async function openEncryptedData(data: DerReader, bags: Bags): Promise<Buffer> {
  data.smallInteger();
  const content = data.enter();
  content.oid();
  const algorithm = content.element(tag.sequence);
  return bags.open(algorithm, implicitOctets(content.element()));
}

async function readSafe(contents: Uint8Array, bags: Bags, depth: number): Promise<void> {
  if (depth >= limits.pkcs12Depth)
    throw new SmimeError('limit-exceeded', `PKCS#12 bags are nested deeper than ${limits.pkcs12Depth}`);
  const list = readOnly(contents, 'the safe contents');
  while (!list.atEnd) {
    bags.count();
    const bag = list.enter();
    const type = bag.oid();
    const value = bag.enter(0xa0);
    const attributes = readAttributes(bag);
    switch (type) {
      case oids.keyBag:
        bags.addKey(value.element(tag.sequence), attributes);
        break;
      case oids.shroudedKeyBag: {
        const shrouded = value.enter();
        const algorithm = shrouded.element(tag.sequence);
        bags.addKey(await bags.open(algorithm, shrouded.octetString()), attributes);
        break;
      }
      case oids.certBag: {
        const certificate = value.enter();
        const kind = certificate.oid();
        // SDSI certificates (RFC 7292 4.2.3) are long extinct.
        if (kind === oids.x509CertificateBag)
          bags.certificates.push({ certificate: certificate.enter(0xa0).octetString(), ...attributes });
        else bags.skipped.add(nameOfOid(kind) ?? kind);
        break;
      }
      case oids.safeContentsBag:
        await readSafe(value.element(tag.sequence), bags, depth + 1);
        break;
      default:
        // CRLs, secrets and what else there may be: nothing to mail with.
        bags.skipped.add(nameOfOid(type) ?? type);
    }
  }
}

/**
 * RFC 7292 4.2 and what others add: Microsoft's name of a key's provider and its mark of a machine's key, which has no value,
 * are passed over.
 */
function readAttributes(bag: DerReader): Attributes {
  let attributes: Attributes = {};
  const set = bag.enterIf(tag.set);
  while (set && !set.atEnd) {
    const attribute = set.enter();
    const type = attribute.oid();
    if (type === oids.javaTrustedKeyUsage) attributes = { ...attributes, javaTrusted: true };
    const values = attribute.enter(tag.set);
    if (values.atEnd) continue;
    if (type === oids.friendlyName) {
      const name = values.string();
      // Some programs count the final NUL of their C string as part of the name.
      if (name !== undefined) attributes = { ...attributes, friendlyName: name.replace(/\0+$/, '') };
    } else if (type === oids.localKeyId)
      attributes = { ...attributes, localKeyId: values.content().toString('latin1') };
  }
  return attributes;
}
