/** Recovery requests: asking for a key, and the officers' decisions. The key itself is opened in `release.ts`. */
import { createHash, randomUUID } from 'node:crypto';
import { OpeningPart, routes } from '@chancery/api';
import {
  type Certificate,
  encryptionSchemeOf,
  formatName,
  keyKindOf,
  parseCertificate,
  pemToDer,
  SmimeError,
} from '@chancery/smime';
import { checkPartial, isSignedBy, type Opening, type Partial, PURPOSES } from '@chancery/vault';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Principal } from '../principal.ts';
import type { Snapshot } from '../store/database.ts';
import { certificatesOfKeys, escrowedKeysOfPerson, locksOfKeys } from '../store/escrow.ts';
import { personById } from '../store/people.ts';
import {
  decisionsOf,
  insertDecision,
  insertRecovery,
  lapsedRecoveries,
  lockRecovery,
  type RecoveryDecision,
  type RecoveryRow,
  setRecoveryState,
} from '../store/recovery.ts';
import { currentVault, type VaultRow, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { sealedHalfOf } from './locks/vault.ts';
import { approvals, type Caller, type DecisionFacts, type RequestFacts, stateAt, whyNotDecide } from './quorum.ts';
import { keyOfVault, planOfVault, trust } from './vault.ts';

const NewRecoveryRequest = routes.requestRecovery.body;

/** What the officers approve, word for word: its RFC 8785 JSON is stored, and the release follows it and nothing else. */
const CanonicalRequest = z.object({
  version: z.literal(2),
  id: z.string(),
  vaultId: z.string(),
  person: z.object({ id: z.string(), name: z.string(), address: z.string() }),
  /** What is opened, with the point of each lock that officers multiply (base64url). */
  records: z.array(z.object({ id: z.string(), encapsulation: z.string() })).min(1),
  reason: NewRecoveryRequest.shape.reason,
  caseNumber: z.string(),
  explanation: z.string(),
  delivery: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('certificate'),
      /** DER in base64, and the name in it for a person. */
      certificate: z.string(),
      recipient: z.string(),
    }),
    z.object({ kind: z.literal('pkcs12'), profile: z.enum(['modern', 'compat']) }),
  ]),
  threshold: z.number(),
  requestedBy: z.object({ id: z.string(), name: z.string(), address: z.string() }),
  requestedAt: z.string(),
  expiresAt: z.string(),
});
export type CanonicalRequest = z.output<typeof CanonicalRequest>;

/**
 * Asks for a person's keys.
 * @throws AuthorityError `not-found`, `forbidden` (no operator), `wrong-state` (no key in escrow), `unusable-input` (the certificate)
 */
export const requestRecovery = operation({
  action: 'recovery.request',
  permission: 'recovery:request',
  input: NewRecoveryRequest,
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, input, by, world) {
    if (by.kind !== 'operator') {
      throw new AuthorityError(
        'forbidden',
        'Only an operator asks for a key, under their own name. Nothing was asked for. Sign in to the console.',
      );
    }
    const person = await personById(tx, input.personId);
    if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was asked for.');
    const at = world.clock();
    const vault = await currentVault(tx);
    const { plan } = keyOfVault(vault);
    const records = await recordsOf(tx, vault, await keysAskedFor(tx, person.id, input.escrowedKeyIds));
    const expiresAt = new Date(at.getTime() + input.expiresInHours * 3_600_000);
    const canonical: CanonicalRequest = {
      version: 2,
      id: randomUUID(),
      vaultId: vault.id,
      person: { id: person.id, name: person.name, address: person.address },
      records,
      reason: input.reason,
      caseNumber: input.caseNumber,
      explanation: input.explanation,
      delivery: deliveryOf(input.delivery, at),
      threshold: plan.threshold,
      requestedBy: { id: by.id, name: by.name, address: by.address },
      requestedAt: at.toISOString(),
      expiresAt: expiresAt.toISOString(),
    };
    const text = canonicalize(canonical) ?? '';
    const digest = digestOf(text);
    await insertRecovery(tx, {
      id: canonical.id,
      person_id: person.id,
      requested_by: by.id,
      canonical: text,
      digest,
      threshold: plan.threshold,
      requested_at: at,
      expires_at: expiresAt,
    });
    return {
      result: canonical.id,
      audit: {
        requestId: canonical.id,
        escrowedKeyIds: records.map(({ id }) => id),
        reason: input.reason,
        caseNumber: input.caseNumber,
        delivery: canonical.delivery.kind,
        digest,
        expiresAt: canonical.expiresAt,
      },
    };
  },
});

/**
 * An officer approves or rejects exactly the request that they saw. One rejection ends it.
 * @throws AuthorityError `quorum-refused`, `not-found`
 */
export const decideRecovery = operation({
  action: 'recovery.decide',
  permission: 'recovery:approve',
  input: z.strictObject({
    id: z.uuid(),
    decision: z.enum(['approve', 'reject']),
    digest: z.string(),
    note: z.string().max(1000).default(''),
    /** By the officer's share key, over the digest and the decision. */
    signature: z.string().max(200),
    /** The officer's part of the opening, with an approval. */
    partial: OpeningPart.optional(),
  }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id, decision, digest, note, signature, partial }, by, world) {
    const at = world.clock();
    const request = await lockRecovery(tx, id);
    if (request === undefined) {
      throw new AuthorityError('not-found', 'There is no such recovery request. Nothing was decided.');
    }
    const { facts, decisions, vault } = await factsOf(tx, request);
    const officer = officerOf(by, vault);
    const refusal =
      whyNotDecide(facts, decisions, officer, at) ??
      (isRequestIntact(request) ? null : 'The stored request is not the one that was made') ??
      (digest === request.digest ? null : 'The digest is not the one of this request: it shows another request');
    if (refusal !== null) throw new AuthorityError('quorum-refused', `${refusal}. Nothing was decided.`);
    checkEvidence(request, vault, officer.id, { decision, signature, partial });
    await insertDecision(tx, {
      request_id: id,
      officer_id: officer.id,
      decision,
      digest,
      note,
      decided_at: at,
      signature,
      partial: partial === undefined ? null : JSON.stringify(partial),
    });
    const after: DecisionFacts[] = [...decisions, { officerId: officer.id, decision, digest, inOffice: true }];
    const state =
      decision === 'reject'
        ? 'rejected'
        : approvals(facts, after) >= Math.max(2, facts.threshold)
          ? 'approved'
          : 'open';
    if (state !== request.state) await setRecoveryState(tx, id, state);
    return {
      result: state,
      audit: {
        personId: request.person_id,
        decision,
        note,
        digest,
        signature,
        state,
        approvals: approvals(facts, after),
      },
    };
  },
});

/** Writes down that requests have lapsed. For the scheduler. */
export const expireRecoveries = operation({
  action: 'recovery.expire',
  permission: 'system',
  input: z.strictObject({ ids: z.array(z.uuid()).min(1) }),
  subject: () => null,
  async run(tx, { ids }, _by, world) {
    const expired: string[] = [];
    for (const id of ids) {
      const request = await lockRecovery(tx, id);
      if (request === undefined || stateAt(stateOf(request), world.clock()) === request.state) continue;
      await setRecoveryState(tx, id, 'expired');
      expired.push(id);
    }
    return { result: expired, audit: { expired } };
  },
});

export async function findLapsedRecoveries(world: World): Promise<string[]> {
  return world.database.snapshot((snapshot) => lapsedRecoveries(snapshot, world.clock()));
}

/** A request as the rules see it, with what was decided. */
export async function factsOf(
  snapshot: Snapshot,
  request: RecoveryRow,
): Promise<{ facts: RequestFacts; decisions: (DecisionFacts & RecoveryDecision)[]; vault: VaultRow }> {
  const person = await personById(snapshot, request.person_id);
  const canonical = readCanonical(request);
  const decisions = await decisionsOf(snapshot, [request.id]);
  return {
    facts: {
      ...stateOf(request),
      requestedBy: request.requested_by,
      subjectAddresses: [canonical.person.address, ...(person ? [person.address, ...person.aliases] : [])],
      threshold: request.threshold,
      digest: request.digest,
    },
    decisions: decisions.map((row) => ({ ...row, officerId: row.officer_id })),
    vault: await vaultById(snapshot, canonical.vaultId),
  };
}

const stateOf = (request: RecoveryRow) => ({ state: request.state, expiresAt: request.expires_at });

export function readCanonical(request: RecoveryRow): CanonicalRequest {
  return StoredRequest.parse(JSON.parse(request.canonical));
}

/** A request from before there were ceremonies: shown, and never released any more. */
const StoredRequest = z.union([
  CanonicalRequest,
  CanonicalRequest.omit({ records: true })
    .extend({ version: z.literal(1), escrowedKeyIds: z.array(z.string()) })
    .transform(
      ({ escrowedKeyIds, ...request }): CanonicalRequest => ({
        ...request,
        version: 2,
        records: escrowedKeyIds.map((id) => ({ id, encapsulation: '' })),
      }),
    ),
]);

/** Is what is stored still what was asked, in every column that the rules read? */
export function isRequestIntact(request: RecoveryRow): boolean {
  const canonical = readCanonical(request);
  return (
    digestOf(request.canonical) === request.digest &&
    canonical.id === request.id &&
    canonical.person.id === request.person_id &&
    canonical.requestedBy.id === request.requested_by &&
    canonical.threshold === request.threshold &&
    canonical.expiresAt === request.expires_at.toISOString()
  );
}

/** Anybody but an operator is no officer and nobody's match. */
export function officerOf(by: Principal, vault: VaultRow): Caller {
  if (by.kind !== 'operator') return { id: by.id, address: '', isOfficer: false, holdsShare: false };
  const holdsShare = planOfVault(vault)?.officers.some(({ id }) => id === by.id) ?? false;
  return { id: by.id, address: by.address, isOfficer: by.roles.includes('recovery-officer'), holdsShare };
}

/** What the officers' parts are for: exactly this request. */
export function openingOf(request: RecoveryRow): Opening {
  const { vaultId, records } = readCanonical(request);
  return { vaultId, request: request.digest, records };
}

/**
 * An officer's signature and part, held against the share that they were dealt.
 * @throws AuthorityError `unusable-input`
 */
function checkEvidence(
  request: RecoveryRow,
  vault: VaultRow,
  officerId: string,
  evidence: { decision: 'approve' | 'reject'; signature: string; partial: Partial | undefined },
): void {
  const { plan, key } = keyOfVault(vault);
  const index = plan.officers.findIndex(({ id }) => id === officerId) + 1;
  const signingKey = plan.officers[index - 1]?.publicKeys.signing ?? '';
  const { decision, signature, partial } = evidence;
  if (!isSignedBy(signingKey, signature, PURPOSES.decision, { request: request.digest, decision })) {
    throw new AuthorityError(
      'unusable-input',
      'The decision is not signed with your share key. Nothing was decided. Use the share key that you had at the ceremony.',
    );
  }
  if (decision === 'reject') return;
  if (partial?.officer !== index) {
    throw new AuthorityError('unusable-input', 'An approval holds your own part of the opening. Nothing was decided.');
  }
  trust(() => checkPartial(partial, key, openingOf(request)));
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

async function keysAskedFor(snapshot: Snapshot, personId: string, wanted: readonly string[]): Promise<string[]> {
  const all = (await escrowedKeysOfPerson(snapshot, personId)).map(({ id }) => id);
  const stranger = wanted.find((id) => !all.includes(id));
  if (stranger !== undefined) {
    throw new AuthorityError(
      'not-found',
      `The escrowed key ${stranger} is not one of this person's. Nothing was asked for.`,
    );
  }
  const certified = await certificatesOfKeys(snapshot, all);
  const keys = (wanted.length > 0 ? [...new Set(wanted)] : all).filter((id) => certified.has(id));
  if (keys.length > 0) return keys.sort();
  throw new AuthorityError(
    'wrong-state',
    'There is no certified key of this person in escrow yet. Nothing was asked for. Try again once the certificate is there.',
  );
}

/** The locks that a quorum opens. @throws AuthorityError `wrong-state` while keys move to the vault */
async function recordsOf(
  snapshot: Snapshot,
  vault: VaultRow,
  escrowedKeyIds: readonly string[],
): Promise<CanonicalRequest['records']> {
  const locks = await locksOfKeys(snapshot, escrowedKeyIds);
  return escrowedKeyIds.map((id) => {
    const lock = locks.find(
      ({ kind, holder, escrowed_key_id }) => kind === 'vault' && holder === vault.id && escrowed_key_id === id,
    );
    if (lock === undefined) {
      throw new AuthorityError(
        'wrong-state',
        'A key of this person is still on its way into the vault. Nothing was asked for. Try again in a few minutes.',
      );
    }
    return { id, encapsulation: sealedHalfOf(lock.wrapped).encapsulation };
  });
}

function deliveryOf(delivery: z.output<typeof NewRecoveryRequest>['delivery'], at: Date): CanonicalRequest['delivery'] {
  if (delivery.kind === 'pkcs12') return delivery;
  let certificate: Certificate;
  try {
    const text = delivery.certificate.trim();
    certificate = parseCertificate(
      text.startsWith('-----BEGIN') ? pemToDer(text, 'CERTIFICATE') : Buffer.from(text, 'base64'),
    );
    certificate.publicKey.asymmetricKeyType;
  } catch (error) {
    const why = error instanceof SmimeError ? `: ${error.message}` : '';
    throw unusable(`The recipient's certificate cannot be read${why}.`);
  }
  if (certificate.notAfter < at || certificate.notBefore > at) {
    throw unusable(
      `The recipient's certificate is good from ${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()} only.`,
    );
  }
  const scheme = encryptionSchemeOf(keyKindOf(certificate.spki));
  const usage = certificate.keyUsage;
  const encrypts = usage === undefined || usage.has(scheme === 'key-agreement' ? 'keyAgreement' : 'keyEncipherment');
  if (scheme === undefined || !encrypts) throw unusable("The recipient's certificate is not for encryption.");
  return {
    kind: 'certificate',
    certificate: Buffer.from(certificate.der).toString('base64'),
    recipient: formatName(certificate.subject),
  };
}

function unusable(what: string): AuthorityError {
  return new AuthorityError('unusable-input', `${what} Nothing was asked for. Choose another certificate.`);
}
