/** Whether an OCSP response may be believed (RFC 6960 3.2, 4.2.2.2). */
import { oids } from '../asn1/oids.ts';
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import { type Certificate, isIssuedBy } from '../x509/certificate.ts';
import { keyIdentifier } from '../x509/extensions.ts';
import { namesEqual } from '../x509/name.ts';
import { SignatureBudget } from '../x509/signature-budget.ts';
import type { BasicOcspResponse, OcspResponse } from './ocsp.ts';

/**
 * Checks who signed a response, when, and over which nonce. An empty list of errors means that its statements may be believed
 * for certificates of that issuer.
 * @param input.issuer who issued the certificate asked about
 * @param input.nonce what was sent; a response without any nonce is then reported as a warning (RFC 9654: responders may leave it out)
 */
export function verifyOcspResponse(input: {
  readonly response: OcspResponse;
  readonly issuer: Certificate;
  readonly at: Date;
  readonly nonce?: Uint8Array;
  readonly signatures?: SignatureBudget;
}): { readonly valid: boolean; readonly responder: Certificate | undefined; readonly problems: Problem[] } {
  const { response, issuer, at, nonce, signatures = new SignatureBudget(limits.pathSignatures) } = input;
  const problems: Problem[] = [];
  const basic = response.basic;
  if (!basic)
    return {
      valid: false,
      responder: undefined,
      problems: [
        problem(
          'error',
          'ocsp-no-answer',
          `the OCSP responder answered "${response.status}"`,
          'RFC 6960 section 4.2.1',
        ),
      ],
    };
  const responder = [issuer, ...basic.certificates].find(
    (candidate) => isNamed(basic, candidate) && signatures.isSignedBy(basic, candidate),
  );
  if (!responder)
    problems.push(
      problem(
        'error',
        'ocsp-bad-signature',
        'no certificate at hand verifies the OCSP response',
        'RFC 6960 section 3.2',
      ),
    );
  else if (responder !== issuer) problems.push(...delegationProblems(responder, issuer, at, signatures));
  for (const id of basic.unknownCritical)
    problems.push(
      problem(
        'error',
        'ocsp-unknown-critical-extension',
        `the OCSP response has the unknown critical extension ${id}`,
        'RFC 6960 section 4.4',
      ),
    );
  if (nonce && !basic.nonce)
    problems.push(
      problem('warning', 'ocsp-no-nonce', 'the OCSP response does not repeat the nonce', 'RFC 9654 section 2.1'),
    );
  if (nonce && basic.nonce && Buffer.compare(nonce, basic.nonce) !== 0)
    problems.push(
      problem('error', 'ocsp-wrong-nonce', 'the OCSP response answers another request', 'RFC 9654 section 2.1'),
    );
  return { valid: !problems.some(({ severity }) => severity === 'error'), responder, problems };
}

/** RFC 6960 4.2.2.2: a delegate is certified by the very issuer and marked for the purpose. */
function delegationProblems(
  responder: Certificate,
  issuer: Certificate,
  at: Date,
  signatures: SignatureBudget,
): Problem[] {
  const clause = 'RFC 6960 section 4.2.2.2';
  if (!isIssuedBy(responder, issuer) || !signatures.isSignedBy(responder, issuer))
    return [
      problem(
        'error',
        'ocsp-foreign-responder',
        'the OCSP responder is not certified by the issuer of the certificate',
        clause,
      ),
    ];
  const problems: Problem[] = [];
  if (!responder.extendedKeyUsage?.includes(oids.ocspSigning))
    problems.push(
      problem(
        'error',
        'ocsp-responder-not-authorised',
        'the OCSP responder lacks the extended key usage for OCSP',
        clause,
      ),
    );
  if (responder.keyUsage && !responder.keyUsage.has('digitalSignature') && !responder.keyUsage.has('nonRepudiation'))
    problems.push(
      problem(
        'error',
        'ocsp-responder-key-usage',
        'the key of the OCSP responder must not sign',
        'RFC 5280 section 4.2.1.3',
      ),
    );
  const unknown = responder.extensions.find(({ id, critical }) => critical && !understood.has(id));
  if (unknown)
    problems.push(
      problem(
        'error',
        'ocsp-responder-unknown-extension',
        `the certificate of the OCSP responder has the critical extension ${unknown.id}, which is not known here`,
        'RFC 5280 section 4.2',
      ),
    );
  if (at < responder.notBefore || at > responder.notAfter)
    problems.push(
      problem(
        'error',
        'ocsp-responder-expired',
        'the certificate of the OCSP responder is not valid at this time',
        clause,
      ),
    );
  return problems;
}

/** Extensions that may be critical in a delegate's certificate and mean nothing more for it. */
const understood: ReadonlySet<string> = new Set([
  oids.basicConstraints,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.subjectAltName,
  oids.certificatePolicies,
  oids.ocspNoCheck,
]);

function isNamed({ responder }: BasicOcspResponse, candidate: Certificate): boolean {
  if ('name' in responder) return namesEqual(responder.name, candidate.subject);
  return Buffer.compare(keyIdentifier(candidate.spki), responder.keyHash) === 0;
}
