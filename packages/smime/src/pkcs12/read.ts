/** Reads PKCS#12 files (RFC 7292, PBMAC1 of RFC 9879), also those of decades ago. */
import { createHmac, createPrivateKey, createPublicKey, timingSafeEqual } from 'node:crypto';
import { implicitOctets, normaliseBer } from '../asn1/ber.ts';
import { DerReader, readOnly, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { digestOfOid } from '../keys/algorithms.ts';
import { limits } from '../limits.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { bmpPassword, derivePkcs12, digestLength, purpose } from './derive.ts';
import { decryptWithPassword, deriveByPbkdf2, hmacDigest, type Pkcs12Password } from './encryption.ts';

/** One private key from a PKCS#12 file. */
export interface Pkcs12Key {
  /** DER PKCS#8 PrivateKeyInfo. */
  readonly privateKey: Uint8Array;
  /** DER of the certificate that belongs to the key, where the file has it. */
  readonly certificate?: Uint8Array;
  readonly friendlyName?: string;
}

/** What was in a PKCS#12 file. */
export interface Pkcs12Content {
  readonly keys: readonly Pkcs12Key[];
  /** DER of the certificates that belong to none of the keys: the chain. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * Opens a PKCS#12 file, DER or BER. The MAC is checked before anything is decrypted; a file without MAC is taken as it is.
 * Throws `wrong-password`, `unsupported` for a cipher this engine has not, `limit-exceeded` for absurd iteration counts.
 */
export async function readPkcs12(der: Uint8Array, password: string): Promise<Pkcs12Content> {
  const pfx = readOnly(normaliseBer(der), 'the PKCS#12 file');
  const version = pfx.smallInteger();
  if (version !== 3) throw new SmimeError('unsupported', `PKCS#12 version ${version} is not implemented`);
  const authSafe = pfx.enter();
  const type = authSafe.oid();
  if (type !== oids.data)
    throw new SmimeError(
      'unsupported',
      'PKCS#12 files that are signed with a key instead of a password are not implemented',
    );
  const content = authSafe.enter(0xa0).octetString();
  const macData = pfx.atEnd ? undefined : pfx.element(tag.sequence);
  pfx.finish('the PKCS#12 file');
  // An empty password is two zero octets to some programs and no octet at all to others (NSS).
  const forms = password === '' ? [bmpPassword(''), Buffer.alloc(0)] : [bmpPassword(password)];
  let failure: unknown;
  for (const octets of forms) {
    try {
      if (macData) await checkMac(new DerReader(macData).enter(), content, { text: password, octets });
      return await readSafes(content, { text: password, octets });
    } catch (error) {
      if (!(error instanceof SmimeError) || error.code !== 'wrong-password') throw error;
      failure = error;
    }
  }
  throw failure;
}

async function readSafes(content: Uint8Array, password: Pkcs12Password): Promise<Pkcs12Content> {
  const bags: Bags = { keys: [], certificates: [], budget: limits.pkcs12Bags };
  const safes = readOnly(normaliseBer(content), 'the authenticated safe');
  while (!safes.atEnd) {
    spend(bags);
    const safe = safes.enter();
    const kind = safe.oid();
    if (kind === oids.data) await readSafe(safe.enter(0xa0).octetString(), password, bags, 0);
    else if (kind === oids.encryptedData)
      await readSafe(await openEncryptedData(safe.enter(0xa0).enter(), password), password, bags, 0);
    else throw new SmimeError('unsupported', `PKCS#12 content of the type ${kind} is not implemented`);
  }
  return pair(bags);
}

interface Attributes {
  friendlyName?: string;
  localKeyId?: string;
}

interface Bags {
  readonly keys: (Attributes & { privateKey: Uint8Array })[];
  readonly certificates: (Attributes & { certificate: Uint8Array })[];
  budget: number;
}

function spend(bags: Bags): void {
  bags.budget -= 1;
  if (bags.budget < 0)
    throw new SmimeError('limit-exceeded', `a PKCS#12 file with more than ${limits.pkcs12Bags} bags`);
}

/** RFC 7292 4: HMAC over the content of the authenticated safe. */
async function checkMac(macData: DerReader, content: Uint8Array, password: Pkcs12Password): Promise<void> {
  const info = macData.enter();
  const algorithm = info.enter();
  const id = algorithm.oid();
  const expected = info.octetString();
  if (id === oids.pbmac1) {
    const parameters = algorithm.enter();
    const derivation = parameters.element(tag.sequence);
    const digest = hmacDigest(parameters.enter().oid());
    const key = await deriveByPbkdf2(derivation, password.text);
    return compareMac(createHmac(digest, key).update(content).digest(), expected);
  }
  const digest = digestOfOid(id);
  if (!digest) throw new SmimeError('unsupported', `the MAC ${id} is not implemented`);
  const salt = macData.octetString();
  const iterations = macData.atEnd ? 1 : macData.smallInteger();
  const key = await derivePkcs12(password.octets, salt, iterations, digestLength(digest), purpose.mac, digest);
  compareMac(createHmac(digest, key).update(content).digest(), expected);
}

function compareMac(computed: Buffer, expected: Uint8Array): void {
  if (computed.length !== expected.length || !timingSafeEqual(computed, expected)) throw wrongPassword();
}

const wrongPassword = (): SmimeError =>
  new SmimeError('wrong-password', 'the password does not open the PKCS#12 file, or the file was altered');

async function openEncryptedData(data: DerReader, password: Pkcs12Password): Promise<Uint8Array> {
  data.smallInteger();
  const content = data.enter();
  content.oid();
  const algorithm = content.element(tag.sequence);
  return open(algorithm, implicitOctets(content.element()), password);
}

async function open(algorithm: Uint8Array, ciphertext: Uint8Array, password: Pkcs12Password): Promise<Uint8Array> {
  const plaintext = await decryptWithPassword(algorithm, ciphertext, password);
  // Without a MAC a wrong password may, one time in 256, survive the padding and show as broken ASN.1.
  if (plaintext?.[0] !== tag.sequence) throw wrongPassword();
  return plaintext;
}

async function readSafe(contents: Uint8Array, password: Pkcs12Password, bags: Bags, depth: number): Promise<void> {
  if (depth >= limits.pkcs12Depth)
    throw new SmimeError('limit-exceeded', `PKCS#12 bags are nested deeper than ${limits.pkcs12Depth}`);
  const list = readOnly(normaliseBer(contents), 'the safe contents');
  while (!list.atEnd) {
    spend(bags);
    const bag = list.enter();
    const type = bag.oid();
    const value = bag.enter(0xa0);
    const attributes = readAttributes(bag);
    switch (type) {
      case oids.keyBag:
        bags.keys.push({ privateKey: value.element(tag.sequence), ...attributes });
        break;
      case oids.shroudedKeyBag: {
        const shrouded = value.enter();
        const algorithm = shrouded.element(tag.sequence);
        bags.keys.push({ privateKey: await open(algorithm, shrouded.octetString(), password), ...attributes });
        break;
      }
      case oids.certBag: {
        const certificate = value.enter();
        // SDSI certificates (RFC 7292 4.2.3) are long extinct.
        if (certificate.oid() === oids.x509CertificateBag)
          bags.certificates.push({ certificate: certificate.enter(0xa0).octetString(), ...attributes });
        break;
      }
      case oids.safeContentsBag:
        await readSafe(value.element(tag.sequence), password, bags, depth + 1);
        break;
      default:
        // CRLs, secrets and unknown bags: nothing to mail with.
        break;
    }
  }
}

function readAttributes(bag: DerReader): Attributes {
  const attributes: Attributes = {};
  const set = bag.enterIf(tag.set);
  while (set && !set.atEnd) {
    const attribute = set.enter();
    const type = attribute.oid();
    const values = attribute.enter(tag.set);
    if (values.atEnd) continue;
    if (type === oids.friendlyName) {
      const name = values.string();
      // Some programs count the final NUL of their C string as part of the name.
      if (name !== undefined) attributes.friendlyName = name.replace(/\0+$/, '');
    } else if (type === oids.localKeyId) attributes.localKeyId = values.octetString().toString('hex');
  }
  return attributes;
}

/** A key and its certificate have the same localKeyId, or failing that the same public key. */
function pair({ keys, certificates }: Bags): Pkcs12Content {
  const rest = new Set(certificates);
  const paired = keys.map(({ privateKey, friendlyName, localKeyId }) => {
    const byId = [...rest].filter((candidate) => localKeyId !== undefined && candidate.localKeyId === localKeyId);
    const owned =
      byId.length === 1 ? byId[0] : [...rest].find((candidate) => belongs(privateKey, candidate.certificate));
    if (owned) rest.delete(owned);
    const name = friendlyName ?? owned?.friendlyName;
    return {
      privateKey,
      ...(owned && { certificate: owned.certificate }),
      ...(name !== undefined && { friendlyName: name }),
    };
  });
  return { keys: paired, certificates: [...rest].map(({ certificate }) => certificate) };
}

function belongs(privateKey: Uint8Array, certificate: Uint8Array): boolean {
  try {
    const own = createPublicKey(createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' }));
    return own.equals(parseCertificate(certificate).publicKey);
  } catch {
    // A key or certificate that cannot be loaded belongs to nothing that we can tell.
    return false;
  }
}
