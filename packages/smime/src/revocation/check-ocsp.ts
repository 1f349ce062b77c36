/** What OCSP responses say about one certificate (RFC 6960 3.2). */
import { oids } from '../asn1/oids.ts';
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { SignatureBudget } from '../x509/signature-budget.ts';
import type { RevocationReport, RevocationSources } from './check.ts';
import { checkCrls } from './check-crls.ts';
import { isCurrent } from './freshness.ts';
import { certIdMatches, type OcspResponse } from './ocsp.ts';
import { verifyOcspResponse } from './verify-ocsp.ts';

type Sources = RevocationSources & { readonly signatures: SignatureBudget };

export function checkOcsp(certificate: Certificate, issuer: Certificate, sources: Sources): RevocationReport {
  const { ocsp = [], at } = sources;
  const problems: Problem[] = [];
  let good: RevocationReport | undefined;
  let asked = 0;
  for (const response of ocsp) {
    const answers = (response.basic?.responses ?? []).filter(
      ({ certId }) => certId.serialNumber === certificate.serialNumber && certIdMatches(certId, issuer),
    );
    if (answers.length === 0 || ++asked > limits.revocationSources) continue;
    const untrusted = distrust(response, issuer, sources);
    if (untrusted.length > 0) {
      problems.push(...untrusted);
      continue;
    }
    for (const { status, thisUpdate, nextUpdate } of answers) {
      // A revocation stands even in an answer that is out of date; only `good` grows old.
      if (typeof status === 'object') return { status: 'revoked', source: 'ocsp', ...status, problems: [] };
      if (status === 'unknown')
        problems.push(
          problem(
            'warning',
            'ocsp-unknown',
            'the OCSP responder does not know the certificate',
            'RFC 6960 section 2.2',
          ),
        );
      else if (!isCurrent({ thisUpdate, nextUpdate }, at))
        problems.push(problem('warning', 'ocsp-stale', 'the OCSP response is not current', 'RFC 6960 section 3.2'));
      else good = { status: 'good', source: 'ocsp', ...(nextUpdate && { nextUpdate }), problems: [] };
    }
  }
  return good ?? { status: 'unknown', problems };
}

/** Why the response proves nothing. */
function distrust(response: OcspResponse, issuer: Certificate, sources: Sources): Problem[] {
  const { valid, responder, problems } = verifyOcspResponse({
    response,
    issuer,
    at: sources.at,
    signatures: sources.signatures,
  });
  if (!valid || !responder) return problems.map((found): Problem => ({ ...found, severity: 'warning' }));
  if (responder === issuer || responder.extensions.some(({ id }) => id === oids.ocspNoCheck)) return [];
  // RFC 6960 4.2.2.2.1: a delegate without that extension may itself be revoked. It cannot vouch for itself, so CRLs are asked.
  if (checkCrls(responder, issuer, sources).status !== 'revoked') return [];
  return [
    problem(
      'warning',
      'ocsp-responder-revoked',
      'the certificate of the OCSP responder was revoked',
      'RFC 6960 section 4.2.2.2.1',
    ),
  ];
}
