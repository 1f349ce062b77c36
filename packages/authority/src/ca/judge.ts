/** What the lints say of a certificate that is about to be signed, and what its profile makes of that. */
import type { ProfileDocument } from '@chancery/api';
import { AuthorityError } from '../errors.ts';
import { baselines } from './lints/editions.ts';
import { type LintFinding, lintForIssuance } from './lints/lint-certificate.ts';

export interface JudgedFinding extends LintFinding {
  /** `excepted`: the profile names the lint, and `reason` says why. */
  readonly verdict: 'blocks' | 'noted' | 'excepted';
  readonly reason?: string;
}

/** What blocks first. */
export function judgeByProfile(
  profile: ProfileDocument,
  certificate: { readonly der: Uint8Array },
  issuer: { readonly der: Uint8Array },
): JudgedFinding[] {
  const { baseline } = profile;
  const findings = lintForIssuance({
    use: profile.use,
    certificate,
    issuer,
    ...(baseline && { baseline: { claim: baseline, edition: baselines[profile.lints.edition] } }),
  });
  const reasons = new Map(profile.lints.exceptions.map(({ lint, reason }) => [lint, reason]));
  return findings
    .map((finding): JudgedFinding => {
      const reason = reasons.get(finding.lint);
      if (reason !== undefined) return { ...finding, verdict: 'excepted', reason };
      const blocks = finding.severity === 'error' || profile.lints.block === 'warning';
      return { ...finding, verdict: blocks ? 'blocks' : 'noted' };
    })
    .sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
}

const ORDER: readonly JudgedFinding['verdict'][] = ['blocks', 'noted', 'excepted'];

/** @throws AuthorityError `lint-failed`, naming each lint that blocks, its clause and the value it found */
export function requireUnblocked(findings: readonly JudgedFinding[]): void {
  const blocking = findings.filter(({ verdict }) => verdict === 'blocks');
  if (blocking.length === 0) return;
  throw new AuthorityError(
    'lint-failed',
    `The certificate would break its rules: ${blocking.map(describeFinding).join('; ')}. It was not issued.`,
    { fields: blocking.map(({ lint, message, clause }) => ({ path: lint, message: `${message} (${clause})` })) },
  );
}

/** For the audit trail: `within-issuer-validity: it outlives … (RFC 5280 6.1.3 (a)(2))`. */
export function describeFinding({
  lint,
  message,
  clause,
  reason,
}: Pick<JudgedFinding, 'lint' | 'message' | 'clause'> & { readonly reason?: string | undefined }): string {
  return `${lint}: ${message} (${clause})${reason === undefined ? '' : `, excepted: ${reason}`}`;
}
