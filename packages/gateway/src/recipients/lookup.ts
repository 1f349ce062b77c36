/** For each recipient, the certificate to encrypt with: gathered from where it may be, and judged before it is used. */
import { type Certificate, parseCertificate, validatePath } from '@chancery/smime';
import { reasonOf } from '../errors.ts';
import type { OfficeView } from '../office.ts';
import type { Directory } from './directory.ts';
import type { Harvested } from './harvested.ts';

export type Found =
  | { readonly state: 'good'; readonly certificate: Certificate }
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
  return {
    async find(address, view) {
      if (!view.isOurs(address)) {
        const pinned = harvested.pinnedFor(address);
        return pinned === undefined
          ? { state: 'none', reason: 'none known' }
          : judge([pinned.certificate], pinned.chain, address, view, 'if-present', now());
      }
      const person = view.personOf(address);
      const answer = await directory.certificatesOf(person?.address ?? address);
      if ('unknown' in answer) return { state: 'unknown', reason: answer.unknown };
      // Our own CRLs come with the configuration: without one that is fresh, nobody may call a certificate good.
      return judge(answer.certificates, [], address, view, 'required', now());
    },
  };
}

/** The first certificate that stands: path, time, usage, address and revocation. */
function judge(
  candidates: readonly Uint8Array[],
  chain: readonly Uint8Array[],
  address: string,
  view: OfficeView,
  revocation: 'required' | 'if-present',
  now: number,
): Found {
  let worst: Found = { state: 'none', reason: 'none published' };
  for (const der of candidates) {
    let certificate: Certificate;
    try {
      certificate = parseCertificate(der);
    } catch (error) {
      worst = { state: 'none', reason: `its certificate cannot be read: ${reasonOf(error)}` };
      continue;
    }
    const report = validatePath({
      leaf: certificate,
      intermediates: [...view.intermediates, ...chain.map(parseCertificate)],
      anchors: view.anchors,
      at: new Date(now),
      purpose: 'email-encryption',
      email: address,
      crls: view.crls,
      revocation,
    });
    if (report.valid) return { state: 'good', certificate };
    const reason =
      report.problems.find(({ severity }) => severity === 'error')?.message ?? 'its certificate is not valid';
    const unknown = report.revocation === 'unknown';
    if (unknown || worst.state !== 'unknown') worst = { state: unknown ? 'unknown' : 'none', reason };
  }
  return worst;
}
