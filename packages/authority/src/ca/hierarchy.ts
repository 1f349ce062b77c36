/** The two authorities of an office: a root that signs one issuing authority, and that one, which signs everything else. */
import type { KeySpec } from '@chancery/keystore';
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  certificatePolicies,
  crlDistributionPoints,
  type Extension,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  type Name,
  oids,
  parseCertificate,
  subjectKeyIdentifier,
  verifyCertificateSignature,
} from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import { type AuthorityRow, insertAuthority } from '../store/authorities.ts';
import type { Transaction } from '../store/database.ts';
import type { World } from '../world.ts';
import { addressesOf } from './addresses.ts';
import { algorithmOf, draftCertificate, signAsAuthority } from './authority-key.ts';
import { issueCrl } from './crl.ts';
import { lintCertificate, lintForIssuance } from './lints/lint-certificate.ts';
import { randomSerialNumber } from './serial-number.ts';

export interface HierarchyInput {
  readonly organisation: string;
  /** ECDSA: P-384 and P-256. RSA: 4096 and 3072 bits. */
  readonly algorithm: 'ecdsa' | 'rsa';
}

/**
 * Makes both authorities, their keys in the key store, and their first CRLs. A transaction that is rolled back leaves
 * two unused keys behind in the key store, and nothing else.
 */
export async function establishHierarchy(tx: Transaction, world: World, input: HierarchyInput): Promise<void> {
  const specs = KEYS[input.algorithm];
  const title = (role: AuthorityRow['role']) => authorityName(input.organisation, TITLES[role]);
  const root = await establish(tx, world, title('root'), 'root', 'root', specs.root, undefined);
  const issuing = await establish(tx, world, title('issuing'), 'issuing', 'issuing', specs.issuing, root);
  for (const authority of [root, issuing]) await issueCrl(tx, world, authority);
}

const KEYS: Record<HierarchyInput['algorithm'], Record<AuthorityRow['role'], KeySpec>> = {
  ecdsa: { root: 'p384', issuing: 'p256' },
  rsa: { root: 'rsa-4096', issuing: 'rsa-3072' },
};

const YEARS: Record<AuthorityRow['role'], number> = { root: 20, issuing: 10 };
const TITLES: Record<AuthorityRow['role'], string> = { root: 'Root CA', issuing: 'S/MIME Issuing CA' };
/** For relying parties whose clocks are slow. */
const BACKDATE_MS = 5 * 60_000;

/** A new authority with a key of its own in the key store, below `parent`; a root where there is none. */
export async function establish(
  tx: Transaction,
  world: World,
  { name, subject }: AuthorityName,
  role: AuthorityRow['role'],
  slug: string,
  spec: KeySpec,
  parent: AuthorityRow | undefined,
): Promise<AuthorityRow> {
  const keyReference = await world.keyStore.generate(spec, name);
  const spki = await world.keyStore.publicKey(keyReference);
  const now = world.clock();
  const notBefore = new Date(Math.floor((now.getTime() - BACKDATE_MS) / 1000) * 1000);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + YEARS[role]);
  notAfter.setTime(notAfter.getTime() - 1000);

  const certificate = await signAuthority(world, {
    role,
    issuer: parent ?? { keyReference, subject, spki },
    subject,
    spki,
    notBefore,
    notAfter,
    extensions: parent === undefined ? rootExtensions(spki) : issuingExtensions(world, spki, parent),
  });
  const authority = { role, slug, name, keyReference, certificate, issuerId: parent?.id ?? null, outsideChain: [] };
  const id = await insertAuthority(tx, { ...authority, createdAt: now });
  return { ...authority, id, revokedAt: null, revocationReason: null, retiredAt: null };
}

export interface AuthorityDraft {
  /** `outside`: an authority that is not ours, whose certificate must keep to the RFCs and not to the house's own rules. */
  readonly role: AuthorityRow['role'] | 'outside';
  /** Who signs: one of ours, or, for a root, its own key. */
  readonly issuer: AuthorityRow | { readonly keyReference: string; readonly subject: Name; readonly spki: Uint8Array };
  readonly subject: Name;
  /** DER. */
  readonly spki: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Extension[];
}

/**
 * The certificate of an authority: linted, signed, and verified; its period cut to its issuer's.
 * @throws AuthorityError `lint-failed`
 */
export async function signAuthority(world: World, draft: AuthorityDraft): Promise<Certificate> {
  const { role, issuer, subject, spki, notBefore, notAfter, extensions } = draft;
  const above = 'certificate' in issuer ? issuer.certificate : undefined;
  const signing = 'certificate' in issuer ? issuer.certificate : issuer;
  const signatureAlgorithm = algorithmOf(signing.spki);
  const tbs = buildTbsCertificate({
    serialNumber: randomSerialNumber(),
    signatureAlgorithm,
    issuer: signing.subject,
    subject,
    notBefore: later(notBefore, above?.notBefore),
    notAfter: earlier(notAfter, above?.notAfter),
    spki,
    extensions,
  });
  const unsigned = draftCertificate(tbs, signatureAlgorithm);
  requireCleanLint(role, unsigned, above ?? unsigned);
  const der = await signAsAuthority(world, { keyReference: issuer.keyReference, spki: signing.spki }, tbs);
  const certificate = parseCertificate(der);
  if (!verifyCertificateSignature(certificate, above ?? certificate))
    throw new Error('The key store returned a signature that does not verify. No authority was made.');
  return certificate;
}

function rootExtensions(spki: Uint8Array): Extension[] {
  return [
    basicConstraints({ ca: true }),
    keyUsage(['keyCertSign', 'cRLSign']),
    subjectKeyIdentifier(keyIdentifier(spki)),
  ];
}

function issuingExtensions(world: World, spki: Uint8Array, parent: AuthorityRow): Extension[] {
  return [
    basicConstraints({ ca: true, pathLength: 0 }),
    keyUsage(['keyCertSign', 'cRLSign']),
    // Purposes nest: what an authority may not do, nothing below it may.
    extendedKeyUsage(ISSUING_PURPOSES),
    certificatePolicies([oids.anyPolicy]),
    subjectKeyIdentifier(keyIdentifier(spki)),
    ...belowExtensions(world, parent),
  ];
}

export const ISSUING_PURPOSES: readonly string[] = [oids.emailProtection, oids.clientAuth, oids.ocspSigning];

/** How a certificate says who signed it, and where to find that authority's certificates and CRL. */
export function belowExtensions(world: World, parent: AuthorityRow): Extension[] {
  const addresses = addressesOf(world.config, parent.slug);
  return [
    authorityKeyIdentifier(parent.certificate.subjectKeyIdentifier ?? keyIdentifier(parent.certificate.spki)),
    crlDistributionPoints([addresses.crl]),
    // The second has cross-certificates too, for whoever trusts another root (RFC 5280 4.2.2.1).
    authorityInfoAccess({ caIssuers: [addresses.certificate, addresses.chain] }),
  ];
}

function requireCleanLint(role: AuthorityDraft['role'], draft: Certificate, issuer: Certificate): void {
  const found =
    role === 'outside'
      ? lintCertificate(draft.der, { issuer: issuer.der, profile: 'rfc' })
      : lintForIssuance({ use: role, certificate: draft, issuer });
  const errors = found.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw new AuthorityError(
    'lint-failed',
    `The certificate of the authority would break its rules: ${errors.map(({ message, clause }) => `${message} (${clause})`).join('; ')}. No authority was made.`,
    { fields: errors.map(({ lint, message }) => ({ path: lint, message })) },
  );
}

export interface AuthorityName {
  /** For people. */
  readonly name: string;
  readonly subject: Name;
}

/** The common name holds 64 characters (RFC 5280 Appendix A.1): a long organisation is cut, its title is not. */
export function authorityName(organisation: string, title: string): AuthorityName {
  const cut = (length: number) => [...organisation.trim()].slice(0, length).join('').trim();
  return {
    name: `${organisation} ${title}`,
    subject: buildName([
      { type: 'organizationName', value: cut(64) },
      { type: 'commonName', value: `${cut(63 - title.length)} ${title}` },
    ]),
  };
}

const later = (a: Date, b: Date | undefined): Date => (b !== undefined && b > a ? b : a);
const earlier = (a: Date, b: Date | undefined): Date => (b !== undefined && b < a ? b : a);
