/** For each recipient, the certificate to encrypt with: gathered from where it may be, ranked, and judged before it is used. */

import { createHash } from 'node:crypto';
import { domainOf } from '@chancery/mail-policy';
import { type Certificate, fingerprint, formatName, parseCertificate } from '@chancery/smime';
import type { Reader } from '../choose-algorithms.ts';
import type { OfficeView } from '../office.ts';
import type { Directory } from './directory.ts';
import type { DomainCertificates } from './domain-certificates.ts';
import type { Harvested } from './harvested.ts';
import { type Belief, isAssociated, type Judged, judgeCandidate } from './judge.ts';
import type { Association, Candidate, PromptSource, SourceAnswer } from './source.ts';

export type Found =
  | ({
      readonly state: 'good';
      /** Where it is from: `directory`, `pinned`, `domain`, or the name of a source. */
      readonly source: string;
      /** It is that of the whole domain, whose gateway opens the message: not of the recipient alone. */
      readonly domain?: string;
    } & Reader)
  | { readonly state: 'none'; readonly reason: string }
  | { readonly state: 'unknown'; readonly reason: string };

/** Why an address can or cannot be written to encrypted. */
export interface Explanation {
  readonly address: string;
  readonly state: Found['state'];
  readonly reason: string | null;
  /** The certificate that is used, and where it is from. */
  readonly uses: (Described & { readonly source: string }) | null;
  /** In the order in which they count. */
  readonly sources: readonly {
    readonly source: string;
    readonly said: 'found' | 'nothing' | 'unknown' | 'not-asked';
    readonly remark: string | null;
    readonly certificates: readonly (Described & { readonly state: Judged['state']; readonly reason: string | null })[];
  }[];
}

interface Described {
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly sha256: string;
  readonly notAfter: string;
}

export interface Lookup {
  /** Asks no further than it needs to: what is pinned is not asked for elsewhere. */
  find(address: string, view: OfficeView): Promise<Found>;
  /** Asks everyone. */
  explain(address: string, view: OfficeView): Promise<Explanation>;
  close(): Promise<void>;
}

/** A source that is asked, and whether mail waits for it where it does not answer. */
export interface Ranked {
  readonly source: PromptSource;
  readonly ignoreFailures: boolean;
}

export interface LookupOptions {
  readonly directory: Directory;
  readonly harvested: Pick<Harvested, 'pinnedFor'>;
  readonly domains: DomainCertificates;
  /** In the order in which they count; each remembers and ends by itself. */
  readonly sources: readonly Ranked[];
  readonly now: () => number;
}

export function openLookup({ directory, harvested, domains, sources, now }: LookupOptions): Lookup {
  /** By view: whatever the authority says anew, a CRL above all, begins it afresh. */
  const judged = new WeakMap<OfficeView, Map<string, { until: number; found: Judged }>>();

  function judge(candidate: Candidate, address: string, view: OfficeView, belief: Belief, ours = false): Judged {
    const known = judged.get(view) ?? new Map();
    judged.set(view, known);
    const hash = createHash('sha256').update(`${belief} ${ours} ${address.toLowerCase()}`);
    for (const der of [candidate.certificate, ...candidate.chain]) hash.update(der);
    const key = hash.digest('base64');
    const before = known.get(key);
    if (before !== undefined && before.until > now()) return before.found;
    const revocation = ours ? ('required' as const) : ('if-present' as const);
    const found = judgeCandidate(candidate, { view, address, belief, revocation, now: now() });
    if (known.size >= remembered) known.clear();
    known.set(key, { until: now() + judgementLifetime, found });
    return found;
  }

  /** The first of them that stands; one that may yet prove good keeps the others from being the last word. */
  function best(judgements: readonly Judged[], otherwise: string): Judged {
    const good = judgements.find(({ state }) => state === 'good');
    const open = judgements.find(({ state }) => state === 'unknown');
    return good ?? open ?? judgements[0] ?? { state: 'none', reason: otherwise };
  }

  const serving = (address: string) => sources.filter(({ source }) => source.serves(domainOf(address)));

  function judgeAnswer(answer: SourceAnswer, address: string, view: OfficeView): Judgement[] {
    if (answer.said !== 'found') return [];
    const by = (belief: Belief) => (candidate: Candidate) => ({
      candidate,
      judged: judge(candidate, address, view, belief),
    });
    return [...(answer.vouched ?? []).map(by('vouched')), ...answer.candidates.map(by('path'))];
  }

  /** What one source found and another vouches for by its digest. */
  function judgeAssociated(answers: readonly SourceAnswer[], address: string, view: OfficeView): Judgement[] {
    const associations: Association[] = answers.flatMap((one) =>
      one.said === 'found' ? (one.associations ?? []) : [],
    );
    if (associations.length === 0) return [];
    return answers
      .flatMap((one) => (one.said === 'found' ? one.candidates : []))
      .filter(({ certificate }) => isAssociated(certificate, associations))
      .map((candidate) => ({ candidate, judged: judge(candidate, address, view, 'vouched') }));
  }

  function pinnedOf(address: string, view: OfficeView) {
    const candidate = harvested.pinnedFor(address);
    return candidate && { candidate, judged: judge(candidate, address, view, 'path') };
  }

  async function outside(address: string, view: OfficeView): Promise<Found> {
    const pinned = pinnedOf(address, view);
    if (pinned?.judged.state === 'good') {
      // What they said themselves, in the newest mail that proved everything.
      const { capabilities } = pinned.candidate;
      return { ...pinned.judged, ...(capabilities !== undefined && { capabilities }), source: 'pinned' };
    }
    const domain = domains.for(address);
    const ofDomain = domain?.judge(view, now());
    if (ofDomain?.state === 'good' && domain !== undefined) {
      return { ...ofDomain, source: 'domain', domain: domain.domain.replace(/^\./, '') };
    }

    const asked = serving(address).map((ranked) => ({ ranked, answer: ranked.source.find(address) }));
    const refusals: Judged[] = [pinned?.judged, ofDomain].filter((one) => one !== undefined);
    const answers: SourceAnswer[] = [];
    let silent: string | undefined;
    // Side by side they are asked, and in their order they count: a good one of a later source waits for those before it.
    for (const { ranked, answer: asking } of asked) {
      const answer = await asking;
      answers.push(answer);
      const found = judgeAnswer(answer, address, view);
      const good = found.find(({ judged: { state } }) => state === 'good')?.judged;
      if (good?.state === 'good') return { ...good, source: ranked.source.name };
      refusals.push(...found.map((one) => one.judged));
      if (answer.said === 'unknown' && !ranked.ignoreFailures) silent ??= `${ranked.source.name}: ${answer.reason}`;
    }
    const associated = judgeAssociated(answers, address, view).map((one) => one.judged);
    const agreed = associated.find(({ state }) => state === 'good');
    if (agreed?.state === 'good') return { ...agreed, source: 'smimea' };
    const last = best(refusals, 'none known');
    if (last.state === 'unknown') return last;
    if (silent !== undefined) return { state: 'unknown', reason: silent };
    return last.state === 'good' ? { ...last, source: 'pinned' } : last;
  }

  async function inHouse(address: string, view: OfficeView): Promise<Found | 'nothing'> {
    const answer = await directory.certificatesOf(view.personOf(address)?.address ?? address);
    if ('unknown' in answer) return { state: 'unknown', reason: answer.unknown };
    if (answer.certificates.length === 0) return 'nothing';
    // Our own CRLs come with the configuration: without one that is fresh, nobody may call a certificate good.
    const judgements = answer.certificates.map((certificate) =>
      judge({ certificate, chain: [] }, address, view, 'path', true),
    );
    const found = best(judgements, 'none published');
    return found.state === 'good' ? { ...found, source: 'directory' } : found;
  }

  async function find(address: string, view: OfficeView): Promise<Found> {
    const isOurs = view.isOurs(address);
    if (!isOurs && !view.isPartner(address)) return outside(address, view);
    const found = await inHouse(address, view);
    // A partner whose certificate from here is for signing alone, or is told to nobody, may have another one.
    if (found !== 'nothing') return found;
    return isOurs ? { state: 'none', reason: 'none published' } : outside(address, view);
  }

  async function explain(address: string, view: OfficeView): Promise<Explanation> {
    const isOurs = view.isOurs(address);
    const rows: Explanation['sources'][number][] = [];
    if (isOurs || view.isPartner(address)) {
      const answer = await directory.certificatesOf(view.personOf(address)?.address ?? address);
      const certificates = 'unknown' in answer ? [] : answer.certificates;
      rows.push({
        source: 'directory',
        said: 'unknown' in answer ? 'unknown' : certificates.length > 0 ? 'found' : 'nothing',
        remark: 'unknown' in answer ? answer.unknown : null,
        certificates: certificates.map((certificate) => {
          const candidate = { certificate, chain: [] };
          return describeJudgement({ candidate, judged: judge(candidate, address, view, 'path', true) });
        }),
      });
    }
    if (!isOurs) {
      const pinned = pinnedOf(address, view);
      rows.push(rowOf('pinned', pinned ? [pinned] : [], pinned ? null : 'no signed mail of theirs has come'));
      const domain = domains.for(address);
      if (domain !== undefined)
        rows.push(rowOf('domain', [{ candidate: domain, judged: domain.judge(view, now()) }], `of ${domain.domain}`));
      const answers = await Promise.all(
        serving(address).map(async (one) => [one, await one.source.find(address)] as const),
      );
      for (const [{ source, ignoreFailures }, answer] of answers) {
        if (answer.said === 'unknown') {
          const remark = ignoreFailures ? `${answer.reason} (ignored)` : answer.reason;
          rows.push({ source: source.name, said: 'unknown', remark, certificates: [] });
        } else rows.push(rowOf(source.name, judgeAnswer(answer, address, view), answer.remark ?? null));
      }
      const associated = judgeAssociated(
        answers.map(([, answer]) => answer),
        address,
        view,
      );
      if (associated.length > 0)
        rows.push(rowOf('smimea', associated, 'found elsewhere, and proven by its digest in the DNS'));
      for (const { source } of sources)
        if (!source.serves(domainOf(address)))
          rows.push({ source: source.name, said: 'not-asked', remark: 'not for this domain', certificates: [] });
    }
    const found = await find(address, view);
    return {
      address,
      state: found.state,
      reason: found.state === 'good' ? null : found.reason,
      uses: found.state === 'good' ? { ...describe(found.certificate), source: found.source } : null,
      sources: rows,
    };
  }

  return {
    find,
    explain,
    async close() {
      await Promise.all(sources.map(({ source }) => source.close?.()));
    },
  };
}

interface Judgement {
  readonly candidate: Candidate;
  readonly judged: Judged;
}

/** Milliseconds that a judgement holds: a certificate or CRL that ends meanwhile is used so much longer. */
const judgementLifetime = 30_000;
const remembered = 20_000;

function rowOf(source: string, found: readonly Judgement[], remark: string | null): Explanation['sources'][number] {
  const said = found.length > 0 ? 'found' : 'nothing';
  return { source, said, remark, certificates: found.map(describeJudgement) };
}

function describeJudgement({ candidate, judged }: Judgement): Explanation['sources'][number]['certificates'][number] {
  const reason = judged.state === 'good' ? null : judged.reason;
  try {
    return { ...describe(parseCertificate(candidate.certificate)), state: judged.state, reason };
  } catch {
    const unread = { subject: '', issuer: '', serialNumber: '', sha256: '', notAfter: '' };
    return { ...unread, state: judged.state, reason };
  }
}

function describe(certificate: Certificate): Described {
  return {
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    serialNumber: certificate.serialNumber,
    sha256: fingerprint(certificate.der),
    notAfter: certificate.notAfter.toISOString(),
  };
}
