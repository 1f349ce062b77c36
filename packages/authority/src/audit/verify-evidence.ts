/** Checks a bundle of evidence about a person without any office: whoever has the file, and noted the trail's key, needs nothing else. */
import { createHash, createPublicKey, verify } from 'node:crypto';
import {
  type Certificate,
  parseCertificate,
  parseCrl,
  SmimeError,
  type TimeStampReport,
  validatePath,
  verifyContent,
  verifyCrlSignature,
  verifyTimeStamp,
} from '@chancery/smime';
import { isProven, type ProvenRecord, parseVerifierKey, signedCheckpoint, type VerifierKey } from '@chancery/trail';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import { openZip } from './open-zip.ts';

export const EVIDENCE = 'chancery-evidence-about-a-person';

const Text = z.string();
const Maybe = Text.nullable();
const shape = {
  format: z.literal(EVIDENCE),
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
};
/** As it is made today. */
const Evidence = z.object({
  ...shape,
  version: z.literal(2),
  /** Whose time stamp goes with it: an address, or `office` and the certificate of its own key. */
  timeStamp: z.object({ by: Text, certificateSha256: Maybe }),
  /** By the trail's key over everything else: Ed25519, base64. */
  signature: z.object({ key: Text, value: Text }),
});
export type Evidence = z.output<typeof Evidence>;
/** As it was: the trail's key signed the CMS object itself, and nobody stamped it. */
const FirstEvidence = z.object({ ...shape, version: z.literal(1) });
const AnyEvidence = z.discriminatedUnion('version', [FirstEvidence, Evidence]);
type AnyEvidence = z.output<typeof AnyEvidence>;

/** What the trail's key signs of a bundle, in octets. */
export function signedText(evidence: Omit<Evidence, 'signature'>): Uint8Array {
  const text = canonicalize({ ...evidence, signature: undefined });
  if (text === undefined) throw new Error('The evidence is no JSON');
  // A checkpoint never begins like that: neither signature passes for the other.
  return Buffer.from(`${EVIDENCE}\n${text}`, 'utf8');
}

export interface EvidenceVerdict {
  readonly intact: boolean;
  readonly finding:
    | 'unreadable'
    | 'unsigned'
    | 'another-key'
    | 'another-root'
    | 'altered'
    | 'not-listed'
    | 'wrong-time'
    | null;
  readonly person: string | null;
  readonly state: string | null;
  readonly records: number;
  /** Certificates that the authorities' own lists say are revoked. */
  readonly listed: number;
  /** What the time stamp says; null where there is none. */
  readonly stampedAt: string | null;
  readonly message: string;
}

/** What whoever checks has from elsewhere. What is left out is taken from the file, and has to be compared by hand. */
export interface Noted {
  /** Verifier keys of the trail. */
  readonly keys?: readonly VerifierKey[] | undefined;
  /** Roots of the office. */
  readonly roots?: readonly Certificate[] | undefined;
  /** What a time-stamping authority elsewhere must lead to. */
  readonly stampers?: readonly Certificate[] | undefined;
}

/** @param file a ZIP archive with the signed object and its time stamp, or CMS SignedData alone, DER */
export async function verifyEvidence(file: Uint8Array, noted: Noted = {}): Promise<EvidenceVerdict> {
  const files = openZip(file);
  const object = files?.get('evidence.p7m') ?? (files === undefined ? file : undefined);
  const opened = object === undefined ? undefined : await openSigned(object, noted.roots ?? []);
  if (object === undefined || opened === undefined)
    return refuse('unreadable', 'This is no bundle of evidence about a person.');
  const { evidence, certificate } = opened;
  if (certificate === undefined) return refuse('unsigned', 'The signature of this bundle is not right.', evidence);
  const trusted = noted.keys ?? readKeys(evidence.trail.keys);
  if (!trusted.some((key) => isSignedBy(key, evidence, certificate))) {
    const whose = noted.keys === undefined ? 'a key in the bundle' : 'the key that you gave';
    return refuse('another-key', `This bundle is not signed by ${whose}.`, evidence);
  }
  // One of before leads to no root; that whose key was noted signed it says more.
  const isOfTrail = evidence.version === 1 && noted.keys !== undefined;
  if (noted.roots !== undefined && !isOfTrail && !opened.leadsToRoot)
    return refuse('another-root', 'The signature of this bundle does not lead to the root that you gave.', evidence);
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
  const stamp = checkStamp(evidence, object, files?.get('evidence.tst'), noted.stampers ?? []);
  if (typeof stamp === 'string') return refuse('wrong-time', stamp, evidence);
  const { person, trail, madeAt } = evidence;
  return {
    intact: true,
    finding: null,
    person: person.address,
    state: person.state,
    records: trail.records.length,
    listed: lists,
    stampedAt: stamp?.at ?? null,
    message: [
      `${person.name} <${person.address}> is ${STATES[person.state]}, as of ${madeAt}. All ${trail.records.length} records are in the trail of ${checkpoint.origin} as it was signed with ${checkpoint.size} records${trail.truncated ? '; older ones were left out' : ''}. The authorities' own lists say of ${lists} certificates that they are revoked.`,
      stamp === undefined ? 'No time stamp goes with it.' : `It was there at ${stamp.at}, as ${stamp.by} says.`,
      ...(noted.keys === undefined ? [`Compare the key with the one that you noted: ${trail.keys.join(' ')}`] : []),
    ].join(' '),
  };
}

const STATES = { active: 'here', suspended: 'suspended', left: 'gone' } as const;

interface Opened {
  readonly evidence: AnyEvidence;
  /** Undefined where the signature is wrong. */
  readonly certificate: Certificate | undefined;
  readonly leadsToRoot: boolean;
}

/** Undefined where it cannot be read. */
async function openSigned(file: Uint8Array, roots: readonly Certificate[]): Promise<Opened | undefined> {
  try {
    const opened = await verifyContent({ der: file, anchors: [] });
    const parsed = AnyEvidence.safeParse(JSON.parse(Buffer.from(opened.content ?? []).toString('utf8')));
    if (!parsed.success) return undefined;
    const evidence = parsed.data;
    const [signer, ...more] = opened.signers;
    const certificate = signer?.signature === 'valid' && more.length === 0 ? signer.certificate : undefined;
    return { evidence, certificate, leadsToRoot: certificate !== undefined && leadsTo(roots, certificate, evidence) };
  } catch (error) {
    if (error instanceof SmimeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** As of when it was made: certificates end, and what they signed does not become untrue. */
function leadsTo(roots: readonly Certificate[], leaf: Certificate, { authorities, madeAt }: AnyEvidence): boolean {
  const chain = authorities.flatMap((one) => one.chain).map((der) => parseCertificate(Buffer.from(der, 'base64')));
  const at = new Date(madeAt);
  return validatePath({ leaf, intermediates: chain, anchors: roots, at, purpose: 'any', revocation: 'none' }).valid;
}

function isSignedBy({ publicKey }: VerifierKey, evidence: AnyEvidence, certificate: Certificate): boolean {
  const raw = Buffer.from(publicKey);
  if (evidence.version === 1) return Buffer.from(certificate.spki).subarray(-32).equals(raw);
  const key = createPublicKey({ key: Buffer.concat([ED25519, raw]), format: 'der', type: 'spki' });
  return verify(null, signedText(evidence), key, Buffer.from(evidence.signature.value, 'base64'));
}

/** SubjectPublicKeyInfo of Ed25519 (RFC 8410), up to the 32 octets of the key. */
const ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

/** @returns when and by whom; undefined where there is none, which is nothing wrong with a bundle of before; else what is wrong */
function checkStamp(
  evidence: AnyEvidence,
  content: Uint8Array,
  token: Uint8Array | undefined,
  stampers: readonly Certificate[],
): { at: string; by: string } | string | undefined {
  if (token === undefined) return undefined;
  if (evidence.version === 1) return 'This bundle is of a time before there were time stamps, and has one.';
  let report: TimeStampReport;
  try {
    report = verifyTimeStamp({ token, content, anchors: stampers });
  } catch (error) {
    if (error instanceof SmimeError) return `The time stamp cannot be read: ${error.message}.`;
    throw error;
  }
  const { certificate, info, path, problems } = report;
  if (!report.valid || certificate === undefined)
    return problems.find(({ severity }) => severity === 'error')?.message ?? 'The time stamp is not right.';
  if (path !== undefined && !path.valid) return 'The time stamp does not lead to the authority that you gave.';
  const { by, certificateSha256: own } = evidence.timeStamp;
  if (own !== null && own !== createHash('sha256').update(certificate.der).digest('hex'))
    return 'The time stamp is not by the key that the office names.';
  return { at: info.time.toISOString(), by: by === 'office' ? 'the office itself' : by };
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
function withoutRecord({ person, trail }: AnyEvidence): string | undefined {
  const { state } = person;
  if (state === 'active' || trail.truncated) return undefined;
  const told = trail.records.some((record) => tellsOf(record, state, person.id));
  return told ? undefined : `Nothing in the trail says that this person is ${STATES[person.state]}.`;
}

/** Somebody in the office had it so, a source said it of them, or a group of it did of many. */
function tellsOf({ canonical }: ProvenRecord, state: 'suspended' | 'left', personId: string): boolean {
  const record = Told.safeParse(JSON.parse(canonical));
  if (!record.success || record.data.outcome !== 'succeeded') return false;
  const { action, subject, details } = record.data;
  if (action === ACTS[state] && subject === `person:${personId}`) return true;
  if (details.became === state && details.personId === personId) return true;
  const many = details[state];
  return Array.isArray(many) && many.includes(personId);
}

const ACTS = { left: 'person.leave', suspended: 'person.suspend' } as const;
const Told = z.object({
  action: z.string(),
  outcome: z.string(),
  subject: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});

/** Every certificate that is said to be revoked is on its authority's list. @returns how many, or what is wrong */
function checkLists({ authorities, certificates, madeAt }: AnyEvidence): number | string {
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
  evidence?: AnyEvidence,
  records = 0,
): EvidenceVerdict {
  return {
    intact: false,
    finding,
    person: evidence?.person.address ?? null,
    state: evidence?.person.state ?? null,
    records,
    listed: 0,
    stampedAt: null,
    message,
  };
}
