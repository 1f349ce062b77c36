/** For each recipient, the certificate to encrypt with: gathered from where it may be, and judged before it is used. */
import { createHash } from 'node:crypto';
import { encryptionSchemeOf, parseCertificate, validatePath } from '@chancery/smime';
import type { Reader } from '../choose-algorithms.ts';
import { reasonOf } from '../errors.ts';
import type { OfficeView } from '../office.ts';
import type { Directory } from './directory.ts';
import type { Harvested } from './harvested.ts';

export type Found =
  | ({ readonly state: 'good' } & Reader)
  | { readonly state: 'none'; readonly reason: string }
  | { readonly state: 'unknown'; readonly reason: string };

export interface Lookup {
  find(address: string, view: OfficeView): Promise<Found>;
}

export function openLookup({
  directory,
  harvested,
  now,
}: {
  readonly directory: Directory;
  readonly harvested: Pick<Harvested, 'pinnedFor'>;
  readonly now: () => number;
}): Lookup {
  /** By view: whatever the authority says anew, a CRL above all, begins it afresh. */
  const judged = new WeakMap<OfficeView, Map<string, { until: number; found: Found }>>();

  function judge(candidates: readonly Candidate[], address: string, view: OfficeView): Found {
    const known = judged.get(view) ?? new Map();
    judged.set(view, known);
    const hash = createHash('sha256').update(address.toLowerCase());
    for (const { certificate } of candidates) hash.update(certificate);
    const key = hash.digest('base64');
    const before = known.get(key);
    if (before !== undefined && before.until > now()) return before.found;
    const found = judgeAfresh(candidates, address, view, now());
    if (known.size >= remembered) known.clear();
    known.set(key, { until: now() + judgementLifetime, found });
    return found;
  }

  function outside(address: string, view: OfficeView): Found {
    const pinned = harvested.pinnedFor(address);
    if (pinned === undefined) return { state: 'none', reason: 'none known' };
    return judge([{ ...pinned, revocation: 'if-present' }], address, view);
  }

  return {
    async find(address, view) {
      const isOurs = view.isOurs(address);
      if (!isOurs && !view.isPartner(address)) return outside(address, view);
      const person = view.personOf(address);
      const answer = await directory.certificatesOf(person?.address ?? address);
      if ('unknown' in answer) return { state: 'unknown', reason: answer.unknown };
      // A partner whose certificate from here is for signing alone, or is told to nobody, may have another one.
      if (!isOurs && answer.certificates.length === 0) return outside(address, view);
      // Our own CRLs come with the configuration: without one that is fresh, nobody may call a certificate good.
      const candidates = answer.certificates.map((certificate) => ({
        certificate,
        chain: [],
        revocation: 'required' as const,
      }));
      return judge(candidates, address, view);
    },
  };
}

/** DER, with the CA certificates that came along. */
interface Candidate {
  readonly certificate: Uint8Array;
  readonly chain: readonly Uint8Array[];
  readonly revocation: 'required' | 'if-present';
}

/** Milliseconds that a judgement holds: a certificate or CRL that ends meanwhile is used so much longer. */
const judgementLifetime = 30_000;
const remembered = 20_000;

/** The first certificate that stands: path, time, usage, address and revocation. */
function judgeAfresh(candidates: readonly Candidate[], address: string, view: OfficeView, now: number): Found {
  let worst: Found = { state: 'none', reason: 'none published' };
  for (const { certificate: der, chain, revocation } of candidates) {
    const found = judgeOne(der, chain, revocation, address, view, now);
    if (found.state === 'good') return found;
    // One that may yet prove good keeps the others from being the last word.
    if (worst.state !== 'unknown') worst = found;
  }
  return worst;
}

function judgeOne(
  der: Uint8Array,
  chain: readonly Uint8Array[],
  revocation: Candidate['revocation'],
  address: string,
  view: OfficeView,
  now: number,
): Found {
  try {
    const certificate = parseCertificate(der);
    const { valid, problems } = validatePath({
      leaf: certificate,
      intermediates: [...view.intermediates, ...chain.map(parseCertificate)],
      anchors: view.anchors,
      at: new Date(now),
      purpose: 'email-encryption',
      email: address,
      crls: view.crls,
      revocation,
    });
    if (valid && (certificate.keyKind === undefined || encryptionSchemeOf(certificate.keyKind) === undefined)) {
      return { state: 'none', reason: 'nothing can be encrypted to the key of its certificate' };
    }
    if (valid) return { state: 'good', certificate };
    const errors = problems.filter(({ severity }) => severity === 'error');
    const state = errors.length > 0 && errors.every(({ code }) => code === 'revocation-unknown') ? 'unknown' : 'none';
    return { state, reason: errors[0]?.message ?? 'its certificate is not valid' };
  } catch (error) {
    return { state: 'none', reason: `its certificate cannot be read: ${reasonOf(error)}` };
  }
}
