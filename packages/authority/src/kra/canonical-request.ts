/** What the officers approve, word for word: its RFC 8785 JSON is stored, and the release follows it and nothing else. */
import { createHash } from 'node:crypto';
import { recoveryReasons } from '@chancery/api';
import type { Opening } from '@chancery/vault';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import type { RecoveryRow } from '../store/recovery.ts';

const Named = z.object({ id: z.string(), name: z.string(), address: z.string() });
const PersonOfRequest = Named.extend({
  keys: z
    .array(
      z.object({
        id: z.string(),
        /** Of the certificate, so that officers read which year they open; null before version 3. */
        serialNumber: z.string().nullable(),
        notBefore: z.string().nullable(),
        notAfter: z.string().nullable(),
      }),
    )
    .min(1),
});

const CanonicalRequest = z.object({
  version: z.literal(3),
  id: z.string(),
  vaultId: z.string(),
  /** By id. */
  people: z.array(PersonOfRequest).min(1),
  /** What is opened, with the point of each lock that officers multiply (base64url): the keys of all people, by id. */
  records: z.array(z.object({ id: z.string(), encapsulation: z.string() })).min(1),
  reason: z.enum(recoveryReasons),
  caseNumber: z.string(),
  explanation: z.string(),
  period: z.object({ from: z.string(), until: z.string() }).nullable(),
  delivery: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('certificate'),
      /** DER in base64, and the name in it for a person. */
      certificate: z.string(),
      recipient: z.string(),
    }),
    z.object({ kind: z.literal('pkcs12'), profile: z.enum(['modern', 'compat']) }),
    z.object({ kind: z.literal('owner') }),
    z.object({
      kind: z.literal('decrypt'),
      /** Nothing else is opened. */
      messages: z.array(z.object({ sha256: z.string(), name: z.string() })).min(1),
    }),
  ]),
  rules: z.object({
    identityCheck: z.boolean(),
    managerApproval: z.boolean(),
    coolOffHours: z.number(),
    notBefore: z.string().nullable(),
  }),
  /** Its subjects are not told before somebody lifts that. */
  withholdNotice: z.boolean(),
  threshold: z.number(),
  requestedBy: Named,
  requestedAt: z.string(),
  expiresAt: z.string(),
});
export type CanonicalRequest = z.output<typeof CanonicalRequest>;

export function writeCanonical(request: CanonicalRequest): { text: string; digest: string } {
  const text = canonicalize(request) ?? '';
  return { text, digest: digestOf(text) };
}

export function readCanonical(request: Pick<RecoveryRow, 'canonical'>): CanonicalRequest {
  return StoredRequest.parse(JSON.parse(request.canonical));
}

/** Version 2: one person, and no rules but those that always hold. */
const SecondVersion = CanonicalRequest.omit({ people: true, period: true, rules: true, withholdNotice: true }).extend({
  version: z.literal(2),
  person: Named,
});
type SecondVersion = z.output<typeof SecondVersion>;

const StoredRequest = z.union([
  CanonicalRequest,
  SecondVersion.transform(asThird),
  // From before there were ceremonies: shown, and never released any more.
  SecondVersion.omit({ records: true })
    .extend({ version: z.literal(1), escrowedKeyIds: z.array(z.string()) })
    .transform(({ escrowedKeyIds, ...request }) =>
      asThird({ ...request, version: 2, records: escrowedKeyIds.map((id) => ({ id, encapsulation: '' })) }),
    ),
]);

function asThird({ person, ...request }: SecondVersion): CanonicalRequest {
  const unknown = { serialNumber: null, notBefore: null, notAfter: null };
  return {
    ...request,
    version: 3,
    people: [{ ...person, keys: request.records.map(({ id }) => ({ id, ...unknown })) }],
    period: null,
    rules: { identityCheck: false, managerApproval: false, coolOffHours: 0, notBefore: null },
    withholdNotice: false,
  };
}

/** Is what is stored still what was asked, in every column that the rules read? */
export function isRequestIntact(request: RecoveryRow): boolean {
  const canonical = readCanonical(request);
  const [person, ...more] = canonical.people;
  return (
    digestOf(request.canonical) === request.digest &&
    canonical.id === request.id &&
    request.person_id === (more.length === 0 ? person?.id : null) &&
    canonical.requestedBy.id === request.requested_by &&
    canonical.threshold === request.threshold &&
    canonical.expiresAt === request.expires_at.toISOString()
  );
}

/** What the officers' parts are for: exactly this request. */
export function openingOf(request: Pick<RecoveryRow, 'canonical' | 'digest'>): Opening {
  const { vaultId, records } = readCanonical(request);
  return { vaultId, request: request.digest, records };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
