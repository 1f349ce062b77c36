/** Checks a bundle of evidence about a person without any office: whoever has the file, and noted the trail's key, needs nothing else. */
import {
  type Certificate,
  parseCertificate,
  parseCrl,
  SmimeError,
  verifyContent,
  verifyCrlSignature,
} from '@chancery/smime';
import { isProven, type ProvenRecord, parseVerifierKey, signedCheckpoint, type VerifierKey } from '@chancery/trail';
import { z } from 'zod';

export const EVIDENCE = 'chancery-evidence-about-a-person';

const Text = z.string();
const Maybe = Text.nullable();
const Evidence = z.object({
  format: z.literal(EVIDENCE),
  version: z.literal(1),
  organisation: Text,
  madeAt: Text,
  person: z.object({
    id: Text,
    name: Text,
    address: Text,
    aliases: z.array(Text),
    externalId: Maybe,
    state: z.enum(['active', 'suspended', 'left']),
    leftAt: Maybe,
    suspendedAt: Maybe,
  }),
  certificates: z.array(
    z.object({
      serialNumber: Text,
      authorityId: Text,
      use: Text,
      subject: Text,
      addresses: z.array(Text),
      fingerprintSha256: Text,
      notBefore: Text,
      notAfter: Text,
      revokedAt: Maybe,
      revocationReason: Maybe,
      published: z.array(z.object({ target: Text, state: Text, at: Text })),
    }),
  ),
  escrowedKeys: z.array(
    z.object({
      id: Text,
      algorithm: Text,
      spkiSha256: Text,
      createdAt: Text,
      deliveredAt: Maybe,
      keptUntil: Maybe,
      destroyedAt: Maybe,
    }),
  ),
  legalHolds: z.array(z.object({ caseNumber: Text, placedAt: Text, liftedAt: Maybe })),
  authorities: z.array(
    z.object({
      id: Text,
      name: Text,
      /** DER in base64, its own certificate first. */
      chain: z.array(Text),
      /** The list in force then; without its octets where they were too many. */
      list: z.object({ sha256: Text, der: Maybe }).nullable(),
    }),
  ),
  trail: z.object({
    checkpoint: Text,
    keys: z.array(Text),
    /** Older ones were left out. */
    truncated: z.boolean(),
    records: z.array(z.object({ canonical: Text, proof: z.array(Text) })),
  }),
});
export type Evidence = z.output<typeof Evidence>;

export interface EvidenceVerdict {
  readonly intact: boolean;
  readonly finding: 'unreadable' | 'unsigned' | 'another-key' | 'altered' | 'not-listed' | null;
  readonly person: string | null;
  readonly state: string | null;
  readonly records: number;
  /** Certificates that the authorities' own lists say are revoked. */
  readonly listed: number;
  readonly message: string;
}

/**
 * @param file CMS SignedData, DER
 * @param keys whose signature counts; without them the one in the file, which then has to be compared by hand
 */
export async function verifyEvidence(file: Uint8Array, keys?: readonly VerifierKey[]): Promise<EvidenceVerdict> {
  const signed = await openSigned(file);
  if (signed === undefined) return refuse('unreadable', 'This is no bundle of evidence about a person.');
  const { evidence, certificate } = signed;
  if (certificate === undefined) return refuse('unsigned', 'The signature of this bundle is not right.', evidence);
  const trusted = keys ?? readKeys(evidence.trail.keys);
  const holds = trusted.some(({ publicKey }) =>
    Buffer.from(certificate.spki).subarray(-32).equals(Buffer.from(publicKey)),
  );
  if (!holds) {
    const whose = keys === undefined ? 'a key in the bundle' : 'the key that you gave';
    return refuse('another-key', `This bundle is not signed by ${whose}.`, evidence);
  }
  const checkpoint = signedCheckpoint(evidence.trail.checkpoint, trusted);
  if (checkpoint === undefined)
    return refuse('unsigned', 'The checkpoint in this bundle is not signed by that key.', evidence);
  for (const [at, record] of evidence.trail.records.entries()) {
    if (!isProven(record, checkpoint))
      return refuse('altered', `Record ${at + 1} of this bundle is not in the trail that was signed.`, evidence, at);
  }
  const unbacked = withoutRecord(evidence);
  if (unbacked !== undefined) return refuse('altered', unbacked, evidence);
  const lists = checkLists(evidence);
  if (typeof lists === 'string') return refuse('not-listed', lists, evidence);
  const compare =
    keys === undefined ? ` Compare the key with the one that you noted: ${evidence.trail.keys.join(' ')}` : '';
  const { person, trail, madeAt } = evidence;
  return {
    intact: true,
    finding: null,
    person: person.address,
    state: person.state,
    records: trail.records.length,
    listed: lists,
    message: `${person.name} <${person.address}> is ${STATES[person.state]}, as of ${madeAt}. All ${trail.records.length} records are in the trail of ${checkpoint.origin} as it was signed with ${checkpoint.size} records${trail.truncated ? '; older ones were left out' : ''}. The authorities' own lists say of ${lists} certificates that they are revoked.${compare}`,
  };
}

const STATES = { active: 'here', suspended: 'suspended', left: 'gone' } as const;

/** Undefined where it cannot be read; without a certificate where the signature is wrong. */
async function openSigned(
  file: Uint8Array,
): Promise<{ evidence: Evidence; certificate: Certificate | undefined } | undefined> {
  try {
    const { content, signers } = await verifyContent({ der: file, anchors: [] });
    const parsed = Evidence.safeParse(JSON.parse(Buffer.from(content ?? []).toString('utf8')));
    if (!parsed.success) return undefined;
    const [signer, ...more] = signers;
    const right = signer?.signature === 'valid' && more.length === 0;
    return { evidence: parsed.data, certificate: right ? signer.certificate : undefined };
  } catch (error) {
    if (error instanceof SmimeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readKeys(texts: readonly string[]): VerifierKey[] {
  return texts.flatMap((text) => {
    try {
      return [parseVerifierKey(text)];
    } catch {
      return [];
    }
  });
}

/** What the bundle says became of the person is on the trail. @returns the sentence that says what is not */
function withoutRecord({ person, trail }: Evidence): string | undefined {
  if (person.state === 'active' || trail.truncated) return undefined;
  const action = person.state === 'left' ? 'person.leave' : 'person.suspend';
  const told = trail.records.some((record) => isRecordOf(record, action, person.id));
  return told ? undefined : `Nothing in the trail says that this person is ${STATES[person.state]}.`;
}

function isRecordOf({ canonical }: ProvenRecord, action: string, personId: string): boolean {
  const record = JSON.parse(canonical) as { action?: unknown; outcome?: unknown; subject?: unknown };
  return record.action === action && record.outcome === 'succeeded' && record.subject === `person:${personId}`;
}

/** Every certificate that is said to be revoked is on its authority's list. @returns how many, or what is wrong */
function checkLists({ authorities, certificates, madeAt }: Evidence): number | string {
  let listed = 0;
  for (const { id, name, chain, list } of authorities) {
    if (list?.der == null) continue;
    const issuer = chain[0];
    if (issuer === undefined) return `The certificate of ${name} is missing.`;
    try {
      const crl = parseCrl(Buffer.from(list.der, 'base64'));
      if (!verifyCrlSignature(crl, parseCertificate(Buffer.from(issuer, 'base64'))))
        return `The list of ${name} is not signed by it.`;
      for (const one of certificates) {
        // A list leaves out what has ended, and a revocation that came after it.
        const counts =
          one.authorityId === id &&
          one.revokedAt !== null &&
          new Date(one.revokedAt) <= crl.thisUpdate &&
          new Date(one.notAfter) > new Date(madeAt);
        if (!counts) continue;
        if (crl.find(one.serialNumber) === undefined)
          return `The list of ${name} does not say that ${one.serialNumber} is revoked.`;
        listed += 1;
      }
    } catch (error) {
      if (error instanceof SmimeError) return `The list of ${name} cannot be read: ${error.message}`;
      throw error;
    }
  }
  return listed;
}

function refuse(
  finding: EvidenceVerdict['finding'],
  message: string,
  evidence?: Evidence,
  records = 0,
): EvidenceVerdict {
  return {
    intact: false,
    finding,
    person: evidence?.person.address ?? null,
    state: evidence?.person.state ?? null,
    records,
    listed: 0,
    message,
  };
}
