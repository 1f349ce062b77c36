/** What would become of certificates and keys of another office: the same judgement for a rehearsal and for the act. */
import { mailboxKey } from '@chancery/smime';
import { type AuthorityRow, listAuthorities } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import { type Acquaintance, acquaintanceWith, type ImportedEntry } from '../store/imported-certificates.ts';
import { peopleByAddresses } from '../store/people.ts';
import { isRefusal, issuerHere, type OutsideCertificate, type Refusal, readOutside } from './outside-certificate.ts';

/** One certificate that is to come in, and perhaps its key with it. */
export interface Candidate {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly source: string;
  readonly revoked: { readonly at: Date; readonly reason: string } | null;
}

export type Verdict =
  | {
      readonly outcome: 'refused' | 'nobody';
      readonly outside: OutsideCertificate | undefined;
      readonly refusal: Refusal;
    }
  | (Settled & { readonly outcome: 'known' })
  | (Settled & { readonly outcome: 'updated'; readonly row: ImportedEntry; readonly news: News })
  | (Settled & {
      readonly outcome: 'imported';
      /** The escrowed key of this certificate, where it is in escrow already. */
      readonly escrowedKeyId: string | null;
      /** Here before, without its key. */
      readonly row: ImportedEntry | undefined;
    });

interface Settled {
  readonly outside: OutsideCertificate;
  readonly personId: string;
  readonly authority: AuthorityRow | undefined;
}

interface News {
  readonly authority_id?: string;
  readonly revoked_at?: Date;
  readonly revocation_reason?: string;
}

/**
 * A judge who knows what the office knows of these candidates, and hears of each that comes in (`note`): two of one group may
 * be the same.
 */
export async function judgeOf(
  snapshot: Snapshot,
  candidates: readonly Candidate[],
  what: 'certificates' | 'keys',
): Promise<{
  judge(candidate: Candidate): Verdict;
  note(verdict: Verdict & { outcome: 'imported' }, escrowedKeyId: string | null, row: ImportedEntry): void;
}> {
  const read = new Map(candidates.map((one) => [one, readOutside(one.certificate)]));
  const good = [...read.values()].filter((one): one is OutsideCertificate => !isRefusal(one));
  const authorities = await listAuthorities(snapshot);
  const people = await peopleByAddresses(snapshot, good.flatMap(keysOf));
  const known = await acquaintanceWith(snapshot, {
    fingerprints: good.map(({ fingerprint }) => fingerprint),
    keys: good.map(({ spkiSha256 }) => spkiSha256),
    serials: good.map(({ certificate }) => certificate.serialNumber),
  });
  return {
    judge(candidate) {
      const outside = read.get(candidate) ?? readOutside(candidate.certificate);
      if (isRefusal(outside)) return { outcome: 'refused', outside: undefined, refusal: outside };
      const signing = what === 'keys' ? signingKey(outside, known) : undefined;
      if (signing !== undefined) return refused(outside, signing);
      const owner = ownerOf(outside, people);
      if (typeof owner !== 'string')
        return { outcome: owner.code === 'nobody' ? 'nobody' : 'refused', outside, refusal: owner };
      const settled = { outside, personId: owner, authority: issuerHere(outside.certificate, authorities) };
      return what === 'keys' ? judgeKey(settled, known) : judgeCertificate(settled, candidate, known);
    },
    note({ outside, authority, personId }, escrowedKeyId, row) {
      known.imported.set(outside.fingerprint.toString('hex'), row);
      if (authority !== undefined) known.serials.add(`${authority.id}/${outside.certificate.serialNumber}`);
      if (outside.use === 'signing') known.signing.add(outside.spkiSha256.toString('hex'));
      if (escrowedKeyId !== null)
        known.escrowed.set(outside.spkiSha256.toString('hex'), { id: escrowedKeyId, personId });
    },
  };
}

function judgeCertificate(settled: Settled, candidate: Candidate, known: Acquaintance): Verdict {
  const { outside, authority, personId } = settled;
  const fingerprint = outside.fingerprint.toString('hex');
  if (known.issuedHere.has(fingerprint)) return { outcome: 'known', ...settled };
  const row = known.imported.get(fingerprint);
  if (row !== undefined) {
    const news = newsOf(row, candidate, authority);
    if (news === undefined) return { outcome: 'known', ...settled };
    const clash = serialClash(settled, known);
    if (news.authority_id !== undefined && clash !== undefined) return refused(outside, clash);
    return { outcome: 'updated', row, news, ...settled };
  }
  const clash = serialClash(settled, known);
  if (clash !== undefined) return refused(outside, clash);
  const escrowed = known.escrowed.get(outside.spkiSha256.toString('hex'));
  if (escrowed !== undefined && outside.use === 'signing')
    return refused(outside, {
      code: 'key-escrowed',
      reason: 'Its key is in escrow, and this certificate is not for encryption: the two do not go together.',
    });
  if (escrowed !== undefined && escrowed.personId !== personId) return refused(outside, ofAnother);
  return { outcome: 'imported', escrowedKeyId: escrowed?.id ?? null, row: undefined, ...settled };
}

function judgeKey(settled: Settled, known: Acquaintance): Verdict {
  const { outside, personId } = settled;
  const escrowed = known.escrowed.get(outside.spkiSha256.toString('hex'));
  if (escrowed !== undefined && escrowed.personId !== personId) return refused(outside, ofAnother);
  const fingerprint = outside.fingerprint.toString('hex');
  const row = known.imported.get(fingerprint);
  const here = row !== undefined || known.issuedHere.has(fingerprint);
  if (escrowed !== undefined && here) return { outcome: 'known', ...settled };
  if (row !== undefined && row.person_id !== personId) return refused(outside, ofAnother);
  const clash = row === undefined ? serialClash(settled, known) : undefined;
  if (clash !== undefined) return refused(outside, clash);
  return { outcome: 'imported', escrowedKeyId: escrowed?.id ?? null, row, ...settled };
}

/** By this certificate's key usage, or by another certificate of the same key. */
function signingKey({ use, subject, spkiSha256 }: OutsideCertificate, known: Acquaintance): Refusal | undefined {
  if (use === 'encryption' && !known.signing.has(spkiSha256.toString('hex'))) return undefined;
  return {
    code: 'signing-key',
    reason: `The key of ${subject} is for signing. A signing key is never escrowed: whoever has a copy could sign in its owner's name.`,
  };
}

const ofAnother: Refusal = {
  code: 'key-of-another',
  reason: "The same key is here already, as another person's.",
};

const refused = (outside: OutsideCertificate, refusal: Refusal): Verdict => ({ outcome: 'refused', outside, refusal });

/** The person whom a certificate names: one, by whatever address of theirs. */
function ownerOf(outside: OutsideCertificate, people: ReadonlyMap<string, string>): string | Refusal {
  const { addresses } = outside;
  const owners = new Map(
    keysOf(outside).flatMap((key) => {
      const owner = people.get(key);
      return owner === undefined ? [] : [[owner, key] as const];
    }),
  );
  const [first, another] = owners;
  if (first === undefined) return { code: 'nobody', reason: `Nobody here has the address ${addresses.join(' or ')}.` };
  if (another !== undefined)
    return {
      code: 'two-people',
      reason: `It names the addresses of more than one person here: ${[...owners.values()].join(', ')}.`,
    };
  return first[0];
}

/** People have addresses in ASCII. Others are left out before a lower case that makes a `k` of the Kelvin sign could match them. */
function keysOf({ addresses }: OutsideCertificate): string[] {
  return addresses.map(mailboxKey).filter((key) => /^[\x21-\x7e]+$/.test(key));
}

/** RFC 5280 4.1.2.2: one authority, one serial number, one certificate; OCSP and lists know no other name for it. */
function serialClash({ outside, authority }: Settled, known: Acquaintance): Refusal | undefined {
  if (authority === undefined || !known.serials.has(`${authority.id}/${outside.certificate.serialNumber}`))
    return undefined;
  return {
    code: 'serial-taken',
    reason: `${authority.name} has another certificate with the serial number ${outside.certificate.serialNumber} here.`,
  };
}

function newsOf(row: ImportedEntry, { revoked }: Candidate, authority: AuthorityRow | undefined): News | undefined {
  const worse = revoked !== null && (row.revoked_at === null || isReleasedFromHold(row, revoked.reason));
  const news: News = {
    ...(authority !== undefined && row.authority_id === null && { authority_id: authority.id }),
    ...(worse && { revoked_at: row.revoked_at ?? revoked.at, revocation_reason: revoked.reason }),
  };
  return Object.keys(news).length === 0 ? undefined : news;
}

const isReleasedFromHold = (row: ImportedEntry, reason: string): boolean =>
  row.revocation_reason === 'certificateHold' && reason !== 'certificateHold';
