/**
 * Cross-certificates: a further certificate for the name and key of an authority, by another root. One of ours gets it from
 * outside (request out, certificate in) or from another root of ours; and our roots give them to authorities that are not ours.
 */
import { randomUUID } from 'node:crypto';
import { RevocationReason } from '@chancery/api';
import {
  basicConstraints,
  buildRequest,
  type Certificate,
  certificatePolicies,
  type Extension,
  extendedKeyUsage,
  formatName,
  keyIdentifier,
  keyUsage,
  type Name,
  nameConstraints,
  oids,
  parseRequest,
  SmimeError,
  subjectKeyIdentifier,
  verifyCertificateSignature,
  verifyRequestSignature,
} from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type AuthorityRow, listAuthorities, requireAuthority } from '../store/authorities.ts';
import {
  holdCrossCertificate,
  insertCrossCertificate,
  listCrossCertificates,
  markCrossRevoked,
} from '../store/cross-certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { noteRevocation } from '../store/revocations.ts';
import type { World } from '../world.ts';
import { chainAbove, isSignedBy, readCertificate, requireSoundAuthority, sha256 } from './admit-authority.ts';
import { authoritySigner, keyLabel } from './authority-key.ts';
import { belowExtensions, ISSUING_PURPOSES, signAuthority } from './hierarchy.ts';
import { weaknessesOf } from './key-strength.ts';

const Der = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
/** A mail domain, without the leading dot. */
const Domain = z.string().regex(/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/);

/**
 * Signs one with a root of ours: for an authority of ours (old root by new, new root by old: RFC 4210 4.4), or for one that
 * is not ours, which may then speak for mail alone, and for those domains alone where some are named.
 * @throws AuthorityError `not-found`, `wrong-state`, `unusable-input` (certificate or request, or no proof of its key), `lint-failed`
 */
export const crossCertify = operation({
  action: 'authority.cross-certify',
  permission: 'authority:write',
  irreversible: true,
  input: z.strictObject({
    issuerId: z.uuid(),
    subject: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('authority'), authorityId: z.uuid() }),
      z.strictObject({ kind: z.literal('certificate'), certificate: Der }),
      z.strictObject({ kind: z.literal('request'), request: Der }),
    ]),
    years: z.int().min(1).max(20).default(10),
    domains: z.array(Domain).max(100).default([]),
  }),
  subject: ({ issuerId }) => `authority:${issuerId}`,
  async run(tx, { issuerId, subject: wanted, years, domains }, _by, world) {
    const issuer = await requireAuthority(tx, issuerId);
    if (issuer.role !== 'root' || issuer.retiredAt !== null)
      throw new AuthorityError('wrong-state', `${issuer.name} is no root in force. Nothing was signed.`);
    const subject = await subjectOf(tx, world, wanted);
    if (Buffer.compare(subject.spki, issuer.certificate.spki) === 0)
      throw refuse(`${issuer.name} cannot certify its own key.`);
    if (subject.ours !== undefined && domains.length > 0) throw refuse('An authority of ours is not bound to domains.');
    const notAfter = new Date(world.clock());
    notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years);
    const { period } = subject;
    const certificate = await signAuthority(world, {
      role: subject.ours?.role ?? 'outside',
      issuer,
      subject: subject.name,
      spki: subject.spki,
      // What the key signed before this day is to be believed too.
      notBefore: period?.notBefore ?? wholeSeconds(world.clock()),
      notAfter: period !== undefined && period.notAfter < notAfter ? period.notAfter : wholeSeconds(notAfter),
      extensions: extensionsOf(world, issuer, subject, domains),
    });
    const id = randomUUID();
    await insertCrossCertificate(tx, {
      id,
      subjectId: subject.ours?.id ?? null,
      issuerId,
      certificate,
      above: [],
      createdAt: world.clock(),
    });
    if (subject.ours !== undefined) await tellOthers(tx, world, subject.ours);
    return { result: { id, certificate: certificate.der }, audit: { id, ...describeCross(certificate), domains } };
  },
});

/** A request with the key and the name that an authority has: for another root to answer. */
export const requestCross = operation({
  action: 'authority.request-cross',
  permission: 'authority:write',
  irreversible: true,
  input: z.strictObject({ authorityId: z.uuid() }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId }, _by, world) {
    const { slug, keyReference, certificate } = await requireAuthority(tx, authorityId);
    const request = await buildRequest({
      subject: certificate.subject,
      signer: await authoritySigner(world, keyReference),
    });
    return { result: { request }, audit: { authority: slug, request: sha256(request) } };
  },
});

/**
 * Takes in the cross-certificate that another root gave to an authority of ours.
 * @throws AuthorityError `unusable-input` for one of another key or name, of no CA, or that no chain of good signatures
 *   leads to a root; `conflict`
 */
export const installCross = operation({
  action: 'authority.install-cross',
  permission: 'authority:write',
  input: z.strictObject({ authorityId: z.uuid(), certificate: Der, chain: z.array(Der).max(8) }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId, certificate: der, chain }, _by, world) {
    const authority = await requireAuthority(tx, authorityId);
    const own = authority.certificate;
    const certificate = readCertificate(der);
    if (Buffer.compare(certificate.spki, own.spki) !== 0)
      throw refuse(`The certificate is of another key than that of ${authority.name}.`);
    if (Buffer.compare(certificate.subject.der, own.subject.der) !== 0)
      throw refuse(
        `The certificate is of ${formatName(certificate.subject)}, and what ${authority.name} signs names ${formatName(own.subject)}, octet for octet.`,
      );
    const identifier = certificate.subjectKeyIdentifier;
    if (identifier !== undefined && Buffer.compare(identifier, keyIdentifierOf(own)) !== 0)
      throw refuse(`The certificate has another subject key identifier than what ${authority.name} signs refers to.`);
    requireSoundAuthority(certificate, world.clock(), refuse);
    const known = await listAuthorities(tx);
    const before = [...known, ...(await listCrossCertificates(tx))];
    if (before.some((one) => Buffer.compare(one.certificate.der, certificate.der) === 0))
      throw new AuthorityError('conflict', 'This certificate is here already. Nothing was changed.');
    if (isSignedBy(certificate, certificate)) throw refuse('The certificate is signed by its own key.');
    const parent = known.find((one) => one.id !== authorityId && isSignedBy(certificate, one.certificate));
    const above = parent === undefined ? chainAbove(certificate, chain.map(readCertificate), refuse) : [];
    const id = randomUUID();
    await insertCrossCertificate(tx, {
      id,
      subjectId: authorityId,
      issuerId: parent?.id ?? null,
      certificate,
      above: above.map((one) => one.der),
      createdAt: world.clock(),
    });
    await tellOthers(tx, world, authority);
    return {
      result: { id },
      audit: {
        id,
        ...describeCross(certificate),
        ...(above.length > 0 && { above: above.map((one) => sha256(one.der)) }),
      },
    };
  },
});

/** Revokes one that a root of ours signed, on that root's CRL. @throws AuthorityError `not-found`, `wrong-state` */
export const revokeCross = operation({
  action: 'authority.revoke-cross',
  permission: 'authority:write',
  input: z.strictObject({ id: z.uuid(), reason: RevocationReason, note: z.string().max(1000).default('') }),
  subject: ({ id }) => `cross-certificate:${id}`,
  async run(tx, { id, reason, note }, _by, world) {
    const cross = await holdCrossCertificate(tx, id);
    if (cross === undefined)
      throw new AuthorityError('not-found', 'There is no such cross-certificate. Nothing was changed.');
    const { issuerId, certificate, revokedAt } = cross;
    if (issuerId === null)
      throw new AuthorityError(
        'wrong-state',
        `${formatName(certificate.issuer)} signed it, and alone can revoke it. Nothing was changed.`,
      );
    if (revokedAt !== null) throw new AuthorityError('wrong-state', 'It is revoked already. Nothing was changed.');
    const at = world.clock();
    await markCrossRevoked(tx, id, at);
    await noteRevocation(tx, {
      authorityId: issuerId,
      serialNumber: certificate.serialNumber,
      revokedAt: at,
      reason,
      released: false,
      notAfter: certificate.notAfter,
    });
    await world.jobs.enqueue(tx, 'generate-crl', { authorityId: issuerId });
    return { result: undefined, audit: { ...describeCross(certificate), reason, note } };
  },
});

interface Subject {
  readonly name: Name;
  readonly spki: Uint8Array;
  readonly identifier: Uint8Array;
  readonly pathLength: number | undefined;
  /** Of the certificate that it has already. */
  readonly period: Pick<Certificate, 'notBefore' | 'notAfter'> | undefined;
  /** Undefined: it is not ours. */
  readonly ours: AuthorityRow | undefined;
}

async function subjectOf(
  snapshot: Snapshot,
  world: World,
  wanted: z.output<typeof crossCertify.input>['subject'],
): Promise<Subject> {
  if (wanted.kind === 'request') return ofRequest(wanted.request);
  const ours = wanted.kind === 'authority' ? await requireAuthority(snapshot, wanted.authorityId) : undefined;
  const certificate = wanted.kind === 'authority' ? ours?.certificate : readCertificate(wanted.certificate);
  if (certificate === undefined) throw refuse('There is no certificate.');
  if (ours === undefined) {
    requireSoundAuthority(certificate, world.clock(), refuse);
    if (!verifyCertificateSignature(certificate, certificate))
      throw refuse(
        'The certificate is not signed by its own key, so nothing proves that anybody has it: give a request.',
      );
  }
  return {
    name: certificate.subject,
    spki: certificate.spki,
    identifier: keyIdentifierOf(certificate),
    pathLength: certificate.basicConstraints?.pathLength,
    period: certificate,
    ours,
  };
}

function ofRequest(der: Uint8Array): Subject {
  try {
    const { subject, spki, ...request } = parseRequest(der);
    if (!verifyRequestSignature({ subject, spki, ...request }))
      throw refuse('The request is not signed by its own key, so nothing proves that whoever sent it has the key.');
    const weak = weaknessesOf(spki);
    if (weak.length > 0) throw refuse(`The key cannot be used: ${weak.join('; ')}.`);
    return {
      name: subject,
      spki,
      identifier: keyIdentifier(spki),
      pathLength: undefined,
      period: undefined,
      ours: undefined,
    };
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw refuse(`The request cannot be read: ${error.message}.`);
  }
}

function extensionsOf(
  world: World,
  issuer: AuthorityRow,
  { ours, pathLength, identifier }: Subject,
  domains: readonly string[],
): Extension[] {
  const purposes = ours === undefined ? OUTSIDE_PURPOSES : ISSUING_PURPOSES;
  return [
    basicConstraints({ ca: true, ...(pathLength !== undefined && { pathLength }) }),
    keyUsage(['keyCertSign', 'cRLSign']),
    // A root of ours does what it did; of others we speak about mail.
    ...(ours?.role === 'root' ? [] : [extendedKeyUsage(purposes), certificatePolicies([oids.anyPolicy])]),
    ...(domains.length === 0
      ? []
      : [nameConstraints({ permitted: { emails: domains.flatMap((domain) => [domain, `.${domain}`]) } })]),
    subjectKeyIdentifier(identifier),
    ...belowExtensions(world, issuer),
  ];
}

const OUTSIDE_PURPOSES = [oids.emailProtection, oids.ocspSigning];

/** What is signed below names this, whoever certifies the key. */
const keyIdentifierOf = (certificate: Certificate): Uint8Array =>
  certificate.subjectKeyIdentifier ?? keyIdentifier(certificate.spki);

/** The chains of whatever stands below have one certificate more. */
async function tellOthers(
  tx: Parameters<World['jobs']['enqueue']>[0],
  world: World,
  { id }: AuthorityRow,
): Promise<void> {
  for (const one of await listAuthorities(tx))
    if (one.id === id || one.issuerId === id)
      await world.jobs.enqueue(tx, 'publish-documents', { authorityId: one.id });
}

function describeCross(certificate: Certificate) {
  return {
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    key: keyLabel(certificate),
    serialNumber: certificate.serialNumber,
    fingerprint: sha256(certificate.der),
    notAfter: certificate.notAfter.toISOString(),
  };
}

const wholeSeconds = (at: Date): Date => new Date(Math.floor(at.getTime() / 1000) * 1000);

function refuse(why: string): AuthorityError {
  return new AuthorityError('unusable-input', `${why} Nothing was signed or changed.`);
}
