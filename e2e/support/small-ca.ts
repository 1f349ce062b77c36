/** A certification authority in memory, made of the library's own parts: for tests that need certificates and no office. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  assembleSigned,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  defaultHash,
  type Extension,
  extendedKeyUsage,
  type KeyUsage,
  keyIdentifier,
  keyUsage,
  localSigner,
  oids,
  parseCertificate,
  type Signer,
  signatureAlgorithmFor,
  subjectAltName,
  subjectKeyIdentifier,
} from '@chancery/smime';

export interface SmallCa {
  readonly certificate: Certificate;
  readonly signer: Signer;
}

/** A root where no issuer is given, else a CA below it. */
export async function createCa(
  name: string,
  kind: 'rsa' | 'ec',
  issuer?: SmallCa,
  extensions: readonly Extension[] = [],
) {
  const { privateKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = localSigner(privateKey);
  const certificate = await certify(issuer ?? { signer, certificate: undefined }, {
    name,
    spki: signer.spki,
    extensions: [basicConstraints({ ca: true }), keyUsage(['keyCertSign', 'cRLSign']), ...extensions],
  });
  const own = { certificate, signer };
  return {
    ...own,
    /** A certificate for another authority's key, under the name that it asked for. */
    certifyAuthority: (subject: Certificate['subject'], spki: Uint8Array) =>
      certify(own, {
        name: subject,
        spki,
        extensions: [basicConstraints({ ca: true, pathLength: 0 }), keyUsage(['keyCertSign', 'cRLSign'])],
      }),
  };
}

export interface Subject {
  readonly name: string;
  readonly email: string;
  readonly usage: readonly KeyUsage[];
  /** Hexadecimal; a random one where there is none. */
  readonly serialNumber?: string;
  readonly extensions?: readonly Extension[];
}

/** A person's certificate for a key; of the key only the public half is looked at. */
export function issueFor(ca: SmallCa, key: KeyObject, subject: Subject): Promise<Certificate> {
  return certify(ca, {
    name: subject.name,
    ...(subject.serialNumber !== undefined && { serialNumber: subject.serialNumber }),
    spki: createPublicKey(key).export({ format: 'der', type: 'spki' }),
    extensions: [
      keyUsage(subject.usage),
      extendedKeyUsage([oids.emailProtection]),
      subjectAltName({ emails: [subject.email] }),
      ...(subject.extensions ?? []),
    ],
  });
}

const day = 86_400_000;

async function certify(
  issuer: { readonly signer: Signer; readonly certificate: Certificate | undefined },
  {
    name,
    spki,
    extensions,
    serialNumber = `4${randomBytes(8).toString('hex').slice(1)}`,
  }: {
    name: string | Certificate['subject'];
    spki: Uint8Array;
    extensions: readonly Extension[];
    serialNumber?: string;
  },
): Promise<Certificate> {
  const hash = defaultHash(issuer.signer.kind);
  const signatureAlgorithm = signatureAlgorithmFor(issuer.signer.kind, hash);
  const subject = typeof name === 'string' ? buildName([{ type: 'commonName', value: name }]) : name;
  const tbs = buildTbsCertificate({
    serialNumber,
    signatureAlgorithm,
    issuer: issuer.certificate?.subject ?? subject,
    subject,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 30 * day),
    spki,
    extensions: [
      subjectKeyIdentifier(keyIdentifier(spki)),
      authorityKeyIdentifier(keyIdentifier(issuer.signer.spki)),
      ...extensions,
    ],
  });
  return parseCertificate(assembleSigned(tbs, signatureAlgorithm, await issuer.signer.sign(tbs, hash)));
}
