/** Certificates of authorities that come from outside: judged, and taken in. */
import { createHash } from 'node:crypto';
import { parseKeyReference } from '@chancery/keystore';
import {
  type Certificate,
  formatName,
  parseCertificate,
  SmimeError,
  verifyCertificateSignature,
} from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import { type AuthorityRow, insertAuthority, listAuthorities } from '../store/authorities.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import type { World } from '../world.ts';
import { adoptImported } from './adopt-imported.ts';
import { keyLabel } from './authority-key.ts';
import { issueCrl } from './crl.ts';
import { weaknessesOf } from './key-strength.ts';

export interface Newcomer {
  readonly name: string;
  readonly keyReference: string;
  readonly certificate: Certificate;
  readonly above: readonly Certificate[];
}

/** Judges a certificate from outside, and takes it in as an authority of ours. */
export async function admit(tx: Transaction, world: World, newcomer: Newcomer): Promise<AuthorityRow> {
  const { name, keyReference, certificate, above } = newcomer;
  const refuse = (why: string) => new AuthorityError('unusable-input', `${why} No authority was made.`);
  const spki = await world.keyStore.publicKey(parseKeyReference(keyReference));
  if (Buffer.compare(spki, certificate.spki) !== 0) throw refuse('The certificate is of another key.');
  const now = world.clock();
  requireSoundAuthority(certificate, now, refuse);
  const known = await listAuthorities(tx);
  if (known.some((one) => Buffer.compare(one.certificate.der, certificate.der) === 0))
    throw new AuthorityError('conflict', 'This authority is here already. Nothing was changed.');
  const parent = known.find((one) => one.role === 'root' && verifyCertificateSignature(certificate, one.certificate));
  const selfSigned = isSignedBy(certificate, certificate);
  const outside = parent !== undefined || selfSigned ? [] : chainAbove(certificate, above, refuse);
  const authority = {
    role: selfSigned ? ('root' as const) : ('issuing' as const),
    slug: await freeSlug(tx, name),
    name,
    keyReference,
    certificate,
    issuerId: parent?.id ?? null,
    outsideChain: outside.map(({ der }) => der),
  };
  const id = await insertAuthority(tx, { ...authority, createdAt: now });
  const row: AuthorityRow = { ...authority, id, revokedAt: null, revocationReason: null, retiredAt: null };
  await adoptImported(tx, row);
  await issueCrl(tx, world, row);
  return row;
}

/** Sound, of an authority that may sign certificates and lists, and in its period. */
export function requireSoundAuthority(certificate: Certificate, now: Date, refuse: Refusal): void {
  const weak = weaknessesOf(certificate.spki);
  if (weak.length > 0) throw refuse(`The key cannot be used: ${weak.join('; ')}.`);
  if (certificate.basicConstraints?.ca !== true) throw refuse('The certificate is not of a certification authority.');
  const usage = certificate.keyUsage;
  if (usage !== undefined && !(usage.has('keyCertSign') && usage.has('cRLSign')))
    throw refuse('The certificate does not allow its key to sign certificates and CRLs.');
  if (certificate.notBefore > now || certificate.notAfter <= now) throw refuse('The certificate is not in its period.');
}

/** Makes the error of a sentence that says why not. */
export type Refusal = (why: string) => AuthorityError;

/** From the issuer up to a root, each signature checked. */
export function chainAbove(certificate: Certificate, above: readonly Certificate[], refuse: Refusal): Certificate[] {
  const chain: Certificate[] = [];
  const left = new Set(above);
  for (let below = certificate; ; ) {
    const issuer = [...left].find((one) => isSignedBy(below, one));
    if (issuer === undefined)
      throw refuse(
        `Nobody given or known here signed the certificate of ${formatName(below.subject)}: give the certificates above it, up to the root.`,
      );
    if (issuer.basicConstraints?.ca !== true)
      throw refuse(`${formatName(issuer.subject)} is no certification authority.`);
    left.delete(issuer);
    chain.push(issuer);
    if (isSignedBy(issuer, issuer)) return chain;
    below = issuer;
  }
}

export function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  return (
    formatName(certificate.issuer) === formatName(issuer.subject) && verifyCertificateSignature(certificate, issuer)
  );
}

export function readCertificate(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw new AuthorityError(
      'unusable-input',
      `A certificate cannot be read: ${error.message}. No authority was made.`,
    );
  }
}

/** For URLs, as long as there are certificates that name it: never used again. */
export async function freeSlug(snapshot: Snapshot, title: string): Promise<string> {
  const taken = new Set((await listAuthorities(snapshot)).map(({ slug }) => slug));
  const base =
    title
      .toLowerCase()
      .normalize('NFKD')
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 40) || 'authority';
  if (!taken.has(base)) return base;
  for (let number = 2; ; number++) if (!taken.has(`${base}-${number}`)) return `${base}-${number}`;
}

export function described({ slug, name, role, certificate, outsideChain }: AuthorityRow) {
  return {
    authority: slug,
    name,
    role,
    key: keyLabel(certificate),
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    fingerprint: sha256(certificate.der),
    notAfter: certificate.notAfter.toISOString(),
    ...(outsideChain.length > 0 && { above: outsideChain.map(sha256) }),
  };
}

export const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
