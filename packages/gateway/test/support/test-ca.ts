/** A real root and issuing CA, made with the engine, for people of our own and for strangers. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  assembleSigned,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  buildTbsCrl,
  type Certificate,
  crlNumber,
  defaultHash,
  type Extension,
  extendedKeyUsage,
  type KeyUsage,
  keyIdentifier,
  keyKindOf,
  keyUsage,
  localSigner,
  oids,
  parseCertificate,
  type Signer,
  signatureAlgorithmFor,
  subjectAltName,
  subjectKeyIdentifier,
} from '@chancery/smime';

export interface Keys {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
  readonly signer: Signer;
}

export function makeKeys(kind: 'p256' | 'rsa' = 'p256'): Keys {
  const { privateKey, publicKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return { privateKey, spki, signer: localSigner(privateKey) };
}

interface LeafRequest {
  readonly spki: Uint8Array;
  readonly emails: readonly string[];
  readonly use: 'signing' | 'encryption' | 'gateway' | 'both';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface TestCa {
  readonly rootKeys: Keys;
  readonly root: Certificate;
  readonly issuing: Certificate;
  issue(request: LeafRequest): Promise<Certificate>;
  revoke(certificate: Certificate): void;
  /** Fresh CRLs of root and issuing CA, DER. */
  crls(nextUpdate?: Date): Promise<Uint8Array[]>;
}

const day = 24 * 60 * 60 * 1000;

/** @param under whose root the issuing CA stands; without it, a root of its own */
export async function makeCa(name: string, under?: TestCa): Promise<TestCa> {
  const rootKeys = under?.rootKeys ?? makeKeys();
  const issuingKeys = makeKeys();
  const rootName = under?.root.subject ?? buildName([{ type: 'commonName', value: `${name} Root` }]);
  const issuingName = buildName([{ type: 'commonName', value: `${name} Issuing CA` }]);
  const caExtensions = [basicConstraints({ ca: true }), keyUsage(['keyCertSign', 'cRLSign'])];
  const root =
    under?.root ?? (await certify(rootKeys.signer, rootName, rootKeys.spki, rootName, rootKeys.spki, caExtensions));
  const issuing = await certify(rootKeys.signer, rootName, rootKeys.spki, issuingName, issuingKeys.spki, caExtensions);
  const revoked: { serialNumber: string; revokedAt: Date }[] = [];
  let number = 0;

  async function crl(
    signer: Signer,
    issuer: Certificate,
    entries: typeof revoked,
    nextUpdate: Date,
  ): Promise<Uint8Array> {
    const algorithm = algorithmOf(signer);
    const tbs = buildTbsCrl({
      signatureAlgorithm: algorithm,
      issuer: issuer.subject,
      thisUpdate: new Date(Date.now() - 60_000),
      nextUpdate,
      entries,
      extensions: [authorityKeyIdentifier(keyIdentifier(issuer.spki)), crlNumber(++number)],
    });
    return assembleSigned(tbs, algorithm, await signer.sign(tbs, hashOf(signer)));
  }

  return {
    rootKeys,
    root,
    issuing,
    issue: ({ spki, emails, use, notBefore, notAfter }) =>
      certify(
        issuingKeys.signer,
        issuingName,
        issuingKeys.spki,
        buildName([{ type: 'commonName', value: emails[0] ?? 'gateway' }]),
        spki,
        [
          basicConstraints({ ca: false }),
          keyUsage(usagesOf(use, keyKindOf(spki))),
          extendedKeyUsage([oids.emailProtection]),
          ...(emails.length > 0 ? [subjectAltName({ emails })] : []),
        ],
        notBefore,
        notAfter,
      ),
    revoke(certificate) {
      revoked.push({ serialNumber: certificate.serialNumber, revokedAt: new Date(Date.now() - 1000) });
    },
    async crls(nextUpdate = new Date(Date.now() + day)) {
      return [
        await crl(rootKeys.signer, root, [], nextUpdate),
        await crl(issuingKeys.signer, issuing, revoked, nextUpdate),
      ];
    },
  };
}

async function certify(
  signer: Signer,
  issuer: ReturnType<typeof buildName>,
  issuerSpki: Uint8Array,
  subject: ReturnType<typeof buildName>,
  spki: Uint8Array,
  extensions: readonly Extension[],
  notBefore = new Date(Date.now() - day),
  notAfter = new Date(Date.now() + 365 * day),
): Promise<Certificate> {
  const algorithm = algorithmOf(signer);
  const tbs = buildTbsCertificate({
    serialNumber: `5a${randomBytes(15).toString('hex')}`,
    signatureAlgorithm: algorithm,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    extensions: [
      ...extensions,
      subjectKeyIdentifier(keyIdentifier(spki)),
      authorityKeyIdentifier(keyIdentifier(issuerSpki)),
    ],
  });
  return parseCertificate(assembleSigned(tbs, algorithm, await signer.sign(tbs, hashOf(signer))));
}

function usagesOf(use: LeafRequest['use'], kind: string): KeyUsage[] {
  const opening: KeyUsage = kind === 'rsa' ? 'keyEncipherment' : 'keyAgreement';
  switch (use) {
    case 'signing':
      return ['digitalSignature'];
    case 'both':
      return ['digitalSignature', opening];
    default:
      return [opening];
  }
}

const hashOf = (signer: Signer) => defaultHash(signer.kind);
const algorithmOf = (signer: Signer) => signatureAlgorithmFor(signer.kind, hashOf(signer));
