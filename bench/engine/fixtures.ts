/** What all contenders work on: keys, certificates, contents, objects, made once for a run and kept as files they all read. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  assembleSigned,
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  buildTbsCrl,
  type Certificate,
  certificatePolicies,
  crlDistributionPoints,
  crlNumber,
  defaultHash,
  type Extension,
  encryptContent,
  encryptMessage,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  localSigner,
  oids,
  parseCertificate,
  type Signer,
  signatureAlgorithmFor,
  signContent,
  signMessage,
  subjectAltName,
  subjectKeyIdentifier,
} from '@chancery/smime';
import { type KeyName, keyNames, type Task } from './task.ts';

const recipientsAtMost = 10;
const day = 86_400_000;

interface Holder {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly signer: Signer;
}

export class Fixtures {
  readonly folder: string;
  private readonly authorities: { root: Holder; issuing: Holder };
  private readonly people: ReadonlyMap<KeyName, Holder>;

  private constructor(folder: string, authorities: { root: Holder; issuing: Holder }, people: Map<KeyName, Holder>) {
    this.folder = folder;
    this.authorities = authorities;
    this.people = people;
  }

  /** Keys and certificates: a root and an issuing CA on RSA-3072, one person for each kind of key, ten recipients for each. */
  static async make(folder: string): Promise<Fixtures> {
    const root = await issue('root', 'ca', undefined, newKey('rsa3072'));
    const issuing = await issue('issuing', 'ca', root, newKey('rsa3072'));
    const people = new Map<KeyName, Holder>();
    const save = (name: string, holder: Holder): void => {
      writeFileSync(path.join(folder, `${name}.crt`), holder.certificate.der);
      writeFileSync(path.join(folder, `${name}.key`), holder.key.export({ format: 'der', type: 'pkcs8' }));
    };
    save('root', root);
    save('issuing', issuing);
    for (const key of keyNames) {
      const person = await issue('alice@example.org', key, issuing, newKey(key));
      people.set(key, person);
      save(key, person);
      if (key === 'ed25519') continue;
      for (let index = 0; index < recipientsAtMost; index++)
        save(`${key}-${index}`, await issue(`person${index}@example.org`, key, issuing, newKey(key)));
    }
    return new Fixtures(folder, { root, issuing }, people);
  }

  /** Writes the files that a task needs beside keys and certificates, where they are not there yet. */
  async provide(task: Task): Promise<void> {
    const { operation, key, cipher, octets } = task;
    if (octets > 0) {
      this.once(`content-${octets}`, () => entity(octets));
      this.once(`message-${octets}`, () => mail(octets));
    }
    const { issuing } = this.authorities;
    const person = this.people.get(key) as Holder;
    const recipient = parseCertificate(
      this.read(operation.endsWith('decrypt') && key !== 'ed25519' ? `${key}-0.crt` : `${key}.crt`),
    );
    if (operation === 'verify' || operation === 'verify-chain') {
      const chain = operation === 'verify-chain' ? [issuing.certificate] : [];
      await this.onceAsync(`${operation}-${key}-${octets}`, () =>
        signContent({ signers: [{ ...person, chain }], content: this.read(`content-${octets}`), detached: true }),
      );
    }
    if (operation === 'decrypt')
      await this.onceAsync(`decrypt-${key}-${cipher}-${octets}`, async () =>
        encryptContent({ content: this.read(`content-${octets}`), recipients: [recipient], ...sealing(cipher) }),
      );
    if (operation === 'mail-verify')
      await this.onceAsync(`mail-verify-${key}-${octets}`, () =>
        signMessage({
          signers: [{ ...person, chain: [issuing.certificate] }],
          message: this.read(`message-${octets}`),
          form: 'clear',
        }),
      );
    if (operation === 'mail-decrypt')
      await this.onceAsync(`mail-decrypt-${key}-${cipher}-${octets}`, () =>
        encryptMessage({ message: this.read(`message-${octets}`), recipients: [recipient], ...sealing(cipher) }),
      );
    if (operation.startsWith('crl')) {
      await this.onceAsync('crl', () => crl(issuing));
      this.once('revoked-serial', () => derInteger(revokedSerial));
    }
  }

  private read(name: string): Buffer {
    return readFileSync(path.join(this.folder, name));
  }

  private once(name: string, make: () => Uint8Array): void {
    const file = path.join(this.folder, name);
    if (!existsSync(file)) writeFileSync(file, make());
  }

  private async onceAsync(name: string, make: () => Promise<Uint8Array>): Promise<void> {
    const file = path.join(this.folder, name);
    if (!existsSync(file)) writeFileSync(file, await make());
  }
}

/** As clients do it: OAEP goes with GCM, PKCS#1 v1.5 with CBC. */
export function sealing(cipher: Task['cipher']): {
  cipher: 'aes-256-gcm' | 'aes-256-cbc';
  keyTransport: 'oaep' | 'pkcs1';
} {
  return cipher === 'gcm'
    ? { cipher: 'aes-256-gcm', keyTransport: 'oaep' }
    : { cipher: 'aes-256-cbc', keyTransport: 'pkcs1' };
}

const crlEntries = 100_000;
const serialAt = (index: number): string => (0x4a00_0000_0000_0000_0000n + BigInt(index) * 0x1_0001n).toString(16);
/** The serial number that is looked up; it is revoked. */
export const revokedSerial = serialAt(77_777);
const derInteger = (hex: string): Buffer =>
  Buffer.from(`02${(hex.length / 2).toString(16).padStart(2, '0')}${hex}`, 'hex');

async function crl({ certificate, signer }: Holder): Promise<Uint8Array> {
  const algorithm = signatureAlgorithmFor(signer.kind, 'sha256');
  const now = Date.now();
  const entries = Array.from({ length: crlEntries }, (_, index) => ({
    serialNumber: serialAt(index),
    revokedAt: new Date(now - (index % 500) * day),
    ...(index % 5 === 0 ? {} : { reason: 'keyCompromise' as const }),
  }));
  const tbs = buildTbsCrl({
    signatureAlgorithm: algorithm,
    issuer: certificate.subject,
    thisUpdate: new Date(now - day),
    nextUpdate: new Date(now + 7 * day),
    entries,
    extensions: [authorityKeyIdentifier(keyIdentifier(signer.spki)), crlNumber(1)],
  });
  return assembleSigned(tbs, algorithm, await signer.sign(tbs, 'sha256'));
}

/** The same entity with the fields of a message before it. */
function mail(octets: number): Buffer {
  const fields =
    'From: Alice <alice@example.org>\r\nTo: Person <person0@example.org>\r\nSubject: Figures\r\n' +
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n`;
  return Buffer.concat([Buffer.from(fields, 'latin1'), entity(octets)]);
}

/** A MIME entity in canonical form, of exactly that many octets: base64 of random octets, as an attachment is. */
function entity(octets: number): Buffer {
  const header = 'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  const out = Buffer.alloc(octets, '=');
  let to = out.write(header, 'latin1');
  const lines = 6_000;
  const text = randomBytes(57 * lines)
    .toString('base64')
    .replace(/.{76}/g, '$&\r\n');
  while (to < octets) to += out.write(text.slice(0, octets - to), to, 'latin1');
  // Wherever the last line was cut, it ends at one CRLF.
  out.write('A\r\n', octets - 3, 'latin1');
  return out;
}

function newKey(kind: KeyName): KeyObject {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (kind === 'p256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return generateKeyPairSync('rsa', { modulusLength: kind === 'rsa2048' ? 2048 : 3072 }).privateKey;
}

/** A certificate with the extensions that a public S/MIME CA puts into one. */
async function issue(
  name: string,
  profile: 'ca' | KeyName,
  issuer: Holder | undefined,
  key: KeyObject,
): Promise<Holder> {
  const signer = localSigner(key);
  const by = issuer?.signer ?? signer;
  const hash = defaultHash(by.kind);
  const algorithm = signatureAlgorithmFor(by.kind, hash);
  const ca = profile === 'ca';
  const subject = buildName([
    { type: 'countryName', value: 'DE' },
    { type: 'organizationName', value: 'Example Organisation' },
    { type: 'commonName', value: name },
  ]);
  const usage = profile.startsWith('rsa') ? 'keyEncipherment' : 'keyAgreement';
  const tbs = buildTbsCertificate({
    serialNumber: `4${randomBytes(15).toString('hex').slice(1)}`,
    signatureAlgorithm: algorithm,
    issuer: issuer?.certificate.subject ?? subject,
    subject,
    notBefore: new Date(Date.now() - 30 * day),
    notAfter: new Date(Date.now() + 700 * day),
    spki: signer.spki,
    extensions: [
      subjectKeyIdentifier(keyIdentifier(signer.spki)),
      ...(issuer ? [authorityKeyIdentifier(keyIdentifier(issuer.signer.spki))] : []),
      ...(ca ? [keyUsage(['keyCertSign', 'cRLSign']), basicConstraints({ ca })] : endEntity(name, usage)),
    ],
  });
  return { certificate: parseCertificate(assembleSigned(tbs, algorithm, await by.sign(tbs, hash))), key, signer };
}

function endEntity(address: string, usage: 'keyEncipherment' | 'keyAgreement'): Extension[] {
  return [
    keyUsage(['digitalSignature', usage]),
    extendedKeyUsage([oids.emailProtection, oids.clientAuth]),
    subjectAltName({ emails: [address] }),
    certificatePolicies(['2.23.140.1.5.1.2']),
    crlDistributionPoints(['http://crl.example.org/issuing.crl']),
    authorityInfoAccess({
      ocsp: ['http://ocsp.example.org/'],
      caIssuers: ['http://ca.example.org/issuing.crt'],
    }),
  ];
}
