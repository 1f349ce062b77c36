/** Takes in what another office issued: certificates, and the keys behind those for encryption. */
import { randomUUID } from 'node:crypto';
import type { ImportedItem } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { archiveKey } from '../kra/archive.ts';
import { bulkOperation, type Done } from '../operation.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import {
  type ImportedEntry,
  type ImportedRow,
  insertImported,
  noteEscrow,
  updateImported,
} from '../store/imported-certificates.ts';
import { lockPerson, type PersonRow } from '../store/people.ts';
import type { World } from '../world.ts';
import { type Candidate, judgeOf, type Verdict } from './judge-imports.ts';

const Der = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const Outside = z.strictObject({
  /** Whom it was judged to name; judged again. */
  personId: z.uuid(),
  certificate: Der,
  source: z.string().max(300),
  revoked: z.strictObject({ at: z.date(), reason: z.string() }).nullable(),
});

const subjectOf = ({ personId }: { personId: string }): string => `person:${personId}`;

/** @throws AuthorityError `unusable-input`, `wrong-state` (its person changed meanwhile) */
export const importCertificate = bulkOperation({
  action: 'certificate.import',
  permission: 'certificate:import',
  input: Outside,
  subject: subjectOf,
  async runAll(tx, inputs, _by, world) {
    const { judge, note } = await judgeOf(tx, inputs, 'certificates');
    const done: (Done<Verdict['outcome']> | AuthorityError)[] = [];
    for (const input of inputs) {
      const verdict = accept(judge(input), input.personId);
      if (verdict instanceof AuthorityError) done.push(verdict);
      else if (verdict.outcome === 'updated') {
        await updateImported(tx, verdict.row.id, verdict.news);
        await follow(tx, world, verdict, verdict.news.revoked_at !== undefined || verdict.row.revoked_at !== null);
        done.push({ result: 'updated', audit: { ...described(verdict, input), news: { ...verdict.news } } });
      } else {
        if (verdict.outcome === 'imported') {
          const row = rowOf(verdict, input, verdict.escrowedKeyId, world);
          await insertImported(tx, row);
          note(verdict, verdict.escrowedKeyId, row);
          await follow(tx, world, verdict, row.revoked_at !== null);
        }
        done.push({ result: verdict.outcome, audit: described(verdict, input) });
      }
    }
    return done;
  },
});

/**
 * Takes a private key for encryption into escrow, with its certificate. A signing key is refused by name.
 * @throws AuthorityError `unusable-input`, `wrong-state` (its person changed meanwhile)
 */
export const importKey = bulkOperation({
  action: 'key.import',
  permission: 'escrow:import',
  input: Outside.extend({ sealed: Der }),
  subject: subjectOf,
  async runAll(tx, inputs, _by, world) {
    const { judge, note } = await judgeOf(tx, inputs, 'keys');
    const people = await owners(tx, inputs.map(judge));
    const done: (Done<Verdict['outcome']> | AuthorityError)[] = [];
    for (const input of inputs) {
      const verdict = accept(judge(input), input.personId);
      if (verdict instanceof AuthorityError) done.push(verdict);
      else if (verdict.outcome !== 'imported')
        done.push({ result: verdict.outcome, audit: { ...described(verdict, input), existing: true } });
      else
        try {
          const person = people.get(verdict.personId);
          if (person === undefined) throw meanwhile();
          const key =
            verdict.escrowedKeyId === null
              ? await archiveKey(tx, world, {
                  person,
                  certificate: verdict.outside.certificate,
                  algorithm: verdict.outside.keyAlgorithm,
                  sealed: input.sealed,
                })
              : { escrowedKeyId: verdict.escrowedKeyId, locks: [], locked: [] };
          const row = rowOf(verdict, input, key.escrowedKeyId, world);
          if (verdict.row === undefined) {
            await insertImported(tx, row);
            await follow(tx, world, verdict, row.revoked_at !== null);
          }
          const { spkiSha256 } = verdict.outside;
          await noteEscrow(tx, { id: key.escrowedKeyId, spkiSha256, personId: verdict.personId });
          note(verdict, key.escrowedKeyId, row);
          done.push({
            result: 'imported',
            audit: { ...described(verdict, input), ...key, existing: verdict.escrowedKeyId !== null },
          });
        } catch (error) {
          if (!(error instanceof AuthorityError)) throw error;
          done.push(error);
        }
    }
    return done;
  },
});

/** What would become of these, in their order; changes nothing. */
export async function rehearse(
  snapshot: Snapshot,
  candidates: readonly Candidate[],
  what: 'certificates' | 'keys',
): Promise<Verdict[]> {
  const { judge, note } = await judgeOf(snapshot, candidates, what);
  return candidates.map((candidate) => {
    const verdict = judge(candidate);
    if (verdict.outcome === 'imported') {
      const row = verdict.row ?? rowOf(verdict, candidate, null, { clock: () => new Date() });
      note(verdict, what === 'keys' ? (verdict.escrowedKeyId ?? row.id) : verdict.escrowedKeyId, row);
    }
    return verdict;
  });
}

/** As the contract has it. */
export function describeVerdict(verdict: Verdict): Omit<ImportedItem, 'created'> {
  const { outside } = verdict;
  const refusal = 'refusal' in verdict ? verdict.refusal : undefined;
  return {
    outcome: verdict.outcome,
    code: refusal?.code ?? null,
    reason: refusal?.reason ?? null,
    subject: outside?.subject ?? refusal?.subject ?? null,
    issuer: outside?.issuer ?? null,
    addresses: [...(outside?.addresses ?? [])],
    personId: 'personId' in verdict ? verdict.personId : null,
    use: outside?.use ?? null,
    notAfter: outside?.certificate.notAfter.toISOString() ?? null,
  };
}

type Accepted = Exclude<Verdict, { outcome: 'refused' | 'nobody' }>;

function accept(verdict: Verdict, personId: string): Accepted | AuthorityError {
  if ('refusal' in verdict)
    return new AuthorityError('unusable-input', `${verdict.refusal.reason} Nothing was imported.`);
  return verdict.personId === personId ? verdict : meanwhile();
}

function meanwhile(): AuthorityError {
  return new AuthorityError(
    'wrong-state',
    'Its addresses came to another person meanwhile. Nothing was imported. Import it again.',
  );
}

/** Held until commit: whether gateways open their mail must not change while locks are made. In one order, against deadlock. */
async function owners(tx: Transaction, verdicts: readonly Verdict[]): Promise<Map<string, PersonRow>> {
  const ids = new Set(verdicts.flatMap((one) => (one.outcome === 'imported' ? [one.personId] : [])));
  const people = new Map<string, PersonRow>();
  for (const id of [...ids].sort()) {
    const person = await lockPerson(tx, id);
    if (person !== undefined) people.set(id, person);
  }
  return people;
}

/** Lists follow what changed of an authority of ours. */
async function follow(
  tx: Transaction,
  world: World,
  { authority }: Verdict & { outcome: 'imported' | 'updated' },
  status: boolean,
) {
  if (authority !== undefined && status) await world.jobs.enqueue(tx, 'generate-crl', { authorityId: authority.id });
}

function rowOf(
  { outside, authority, personId, row }: Verdict & { outcome: 'imported' },
  { source, revoked }: Candidate,
  escrowedKeyId: string | null,
  world: Pick<World, 'clock'>,
): ImportedRow & ImportedEntry {
  const { certificate } = outside;
  return {
    id: row?.id ?? randomUUID(),
    person_id: personId,
    authority_id: authority?.id ?? null,
    issuer: outside.issuer,
    serial_number: certificate.serialNumber,
    use: outside.use,
    also_signs: outside.alsoSigns,
    subject: outside.subject,
    addresses: [...outside.addresses],
    key_algorithm: outside.keyAlgorithm,
    spki_sha256: outside.spkiSha256,
    fingerprint: outside.fingerprint,
    certificate: Buffer.from(certificate.der),
    escrowed_key_id: escrowedKeyId,
    not_before: certificate.notBefore,
    not_after: certificate.notAfter,
    source,
    imported_at: world.clock(),
    revoked_at: revoked?.at ?? null,
    revocation_reason: revoked?.reason ?? null,
  };
}

/** The name in the certificate decides whose it is, and stands on record beside the file that it came from. */
function described(verdict: Accepted, { source, revoked }: Candidate) {
  const { outside, authority } = verdict;
  return {
    source,
    fingerprint: outside.fingerprint.toString('hex'),
    subject: outside.subject,
    issuer: outside.issuer,
    serialNumber: outside.certificate.serialNumber,
    addresses: [...outside.addresses],
    use: outside.use,
    alsoSigns: outside.alsoSigns,
    key: outside.keyAlgorithm,
    notAfter: outside.certificate.notAfter.toISOString(),
    ...(authority !== undefined && { authority: authority.slug }),
    ...(revoked !== null && { revoked: { at: revoked.at.toISOString(), reason: revoked.reason } }),
  };
}
