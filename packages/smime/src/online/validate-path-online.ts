/** Path validation that fetches what is missing: issuers (RFC 5280 4.2.2.1), OCSP answers (RFC 6960) and CRLs (RFC 5280 4.2.1.13). */
import type { PathInput, PathReport } from '../path/validate-path.ts';
import { validatePath } from '../path/validate-path.ts';
import { findIssuers } from './find-issuers.ts';
import { findStatuses } from './find-statuses.ts';
import { type FetchRecord, GuardedFetch, type OnlineInput } from './guarded-fetch.ts';

/** A path report, and what was asked for on the way. */
export interface OnlinePathReport extends PathReport {
  readonly fetched: readonly FetchRecord[];
}

/**
 * `validatePath`, and where it misses issuers or the status of a certificate, the same again with what the certificates point to.
 * Never throws for what certificates or servers do. Whoever made the certificates learns by the requests that they are looked at.
 */
export async function validatePathOnline(input: PathInput, online: OnlineInput): Promise<OnlinePathReport> {
  const guarded = new GuardedFetch(online);
  try {
    let complete = input;
    let report = validatePath(complete);
    if (!hasPath(report, complete)) {
      complete = { ...complete, intermediates: await findIssuers(complete, guarded) };
      report = validatePath(complete);
    }
    if (input.revocation !== 'none' && report.revocation !== 'revoked' && onlyStatusMissing(report)) {
      complete = { ...complete, ...(await findStatuses(report.path, complete, online, guarded)) };
      report = validatePath(complete);
    }
    return { ...report, fetched: guarded.records };
  } finally {
    guarded.close();
  }
}

function hasPath({ path }: PathReport, { anchors }: PathInput): boolean {
  const last = path.at(-1);
  return anchors.some((anchor) => last !== undefined && Buffer.compare(anchor.der, last.der) === 0);
}

/** No request is worth making for a path that fails anyway. */
function onlyStatusMissing({ problems, revocation }: PathReport): boolean {
  const errors = problems.filter(({ severity }) => severity === 'error');
  return revocation === 'unknown' && errors.every(({ code }) => code === 'revocation-unknown');
}
