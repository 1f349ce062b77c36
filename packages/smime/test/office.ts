/** A small certification authority for tests: real keys, real certificates, every field open to be made wrong. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  assembleSigned,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  type DecryptionKey,
  defaultHash,
  type Extension,
  extendedKeyUsage,
  type KeyKind,
  type KeyUsage,
  keyIdentifier,
  keyUsage,
  localDecrypter,
  localSigner,
  type NameAttributeType,
  oids,
  parseCertificate,
  type Signer,
  signatureAlgorithmFor,
  subjectAltName,
  subjectKeyIdentifier,
} from '../src/index.ts';

/** The instant at which the tests stand. */
export const now = new Date('2026-06-15T12:00:00Z');
const day = 86_400_000;

export interface Holder {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  readonly signer: Signer;
  readonly key: DecryptionKey;
}

export interface HolderInput {
  readonly email?: string;
  readonly name?: string;
  readonly kind?: KeyKind;
  readonly bits?: number;
  readonly ca?: boolean;
  readonly usage?: readonly KeyUsage[];
  readonly purposes?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly extensions?: readonly Extension[];
}

const curves: Partial<Record<KeyKind, string>> = { p256: 'P-256', p384: 'P-384', p521: 'P-521' };

function newKey({ kind = 'p256', bits = 2048 }: HolderInput): KeyObject {
  if (kind === 'rsa') return generateKeyPairSync('rsa', { modulusLength: bits }).privateKey;
  if (kind === 'rsa-pss') return generateKeyPairSync('rsa-pss', { modulusLength: bits }).privateKey;
  const namedCurve = curves[kind];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve }).privateKey;
  // Of all the others node's names are ours.
  return generateKeyPairSync(kind as 'ed25519').privateKey;
}

/** @param issuer undefined: self-signed */
export async function issue(input: HolderInput, issuer?: Holder): Promise<Holder> {
  const privateKey = newKey(input);
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const signer = keepsSecrets.test(input.kind ?? '')
    ? refusingToSign(input.kind as KeyKind, spki)
    : localSigner(privateKey);
  const by = issuer?.signer ?? signer;
  const attributes: { type: NameAttributeType; value: string }[] = [
    { type: 'commonName', value: input.name ?? input.email ?? 'Test root' },
  ];
  const subject = buildName(attributes);
  const algorithm = signatureAlgorithmFor(by.kind, defaultHash(by.kind));
  const usage = input.usage ?? (input.ca ? ['keyCertSign', 'cRLSign'] : usagesOf(input.kind ?? 'p256'));
  const tbs = buildTbsCertificate({
    serialNumber: `4${randomBytes(8).toString('hex').slice(1)}`,
    signatureAlgorithm: algorithm,
    issuer: issuer?.certificate.subject ?? subject,
    subject,
    notBefore: input.notBefore ?? new Date(now.getTime() - 30 * day),
    notAfter: input.notAfter ?? new Date(now.getTime() + 300 * day),
    spki: signer.spki,
    extensions: [
      ...(input.ca ? [basicConstraints({ ca: true })] : []),
      keyUsage(usage as KeyUsage[]),
      ...(input.ca ? [] : [extendedKeyUsage(input.purposes ?? [oids.emailProtection])]),
      ...(input.email === undefined ? [] : [subjectAltName({ emails: [input.email] })]),
      subjectKeyIdentifier(keyIdentifier(signer.spki)),
      ...(issuer ? [authorityKeyIdentifier(keyIdentifier(issuer.signer.spki))] : []),
      ...(input.extensions ?? []),
    ],
  });
  const certificate = parseCertificate(assembleSigned(tbs, algorithm, await by.sign(tbs, defaultHash(by.kind))));
  const decrypter = signsOnly.test(input.kind ?? '') ? undefined : localDecrypter(privateKey);
  return { certificate, privateKey, signer, key: { decrypter: decrypter ?? refusing(signer), certificate } };
}

const signsOnly = /^(ed|ml-dsa|rsa-pss)/;
const keepsSecrets = /^(x|ml-kem)/;

/** RFC 8410 5, RFC 9881 5, RFC 9935 5: each kind of key for what it can do, and nothing else. */
function usagesOf(kind: KeyKind): KeyUsage[] {
  if (signsOnly.test(kind)) return ['digitalSignature'];
  const established: KeyUsage = kind === 'rsa' || kind.startsWith('ml-kem') ? 'keyEncipherment' : 'keyAgreement';
  return keepsSecrets.test(kind) ? [established] : ['digitalSignature', established];
}

/** Keys for key agreement and encapsulation sign nothing. */
function refusingToSign(kind: KeyKind, spki: Uint8Array): Signer {
  return { kind, spki, sign: () => Promise.reject(new Error('an encryption key')) };
}

/** Keys for signatures decrypt nothing. */
function refusing({ kind, spki }: Signer): DecryptionKey['decrypter'] {
  const refuse = (): Promise<Uint8Array> => Promise.reject(new Error('a signing key'));
  return { kind, spki, unwrapRsa: refuse, agree: refuse, decapsulate: refuse };
}

/** A message with CRLF, from Alice unless told otherwise. */
export function mail(
  input: { from?: string; body?: string; headers?: readonly string[]; contentType?: string } = {},
): Buffer {
  const {
    from = 'Alice <alice@example.org>',
    body = 'The meeting is on Friday.\r\n',
    headers = [],
    contentType = 'text/plain; charset=utf-8',
  } = input;
  return Buffer.from(
    [
      `From: ${from}`,
      'To: Bob <bob@example.org>',
      'Subject: Meeting',
      `Date: ${now.toUTCString().replace('GMT', '+0000')}`,
      'Message-ID: <1@example.org>',
      ...headers,
      'MIME-Version: 1.0',
      `Content-Type: ${contentType}`,
      '',
      body,
    ].join('\r\n'),
  );
}

/** Replaces text in a message and fails where it does not stand there, so that no test passes for want of its attack. */
export function replaced(message: Uint8Array, from: string | RegExp, to: string): Buffer {
  const text = Buffer.from(message).toString('latin1');
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`the message does not hold ${from}`);
  return Buffer.from(changed, 'latin1');
}

export const codes = (problems: readonly { readonly code: string }[]): string[] => problems.map(({ code }) => code);
