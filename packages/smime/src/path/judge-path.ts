/** Walks one path from its anchor down to the leaf: RFC 5280 6.1.2 to 6.1.5. */
import { hasDerLengths } from '../asn1/ber.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { type Problem, problem } from '../problem.ts';
import type { RevocationReport } from '../revocation/check.ts';
import type { Certificate } from '../x509/certificate.ts';
import { namesEqual } from '../x509/name.ts';
import { allowsEmail, emailProblems, purposeProblems } from './check-purpose.ts';
import { keyWeakness, signatureWeakness } from './check-strength.ts';
import { called } from './describe-certificate.ts';
import { type CompiledConstraints, constraintsOf, violation } from './name-constraints.ts';
import type { PathBudget } from './path-budget.ts';
import { PolicyTracker } from './policy-tree.ts';
import type { PathInput, PathReport } from './validate-path.ts';

/**
 * @param path leaf first, anchor last, its signatures verified
 * @param ask for the status of a certificate
 */
export function judgePath(
  path: readonly Certificate[],
  input: PathInput,
  ask: (certificate: Certificate, issuer: Certificate) => RevocationReport,
  budget: PathBudget,
): PathReport {
  const walk: Walk = { input, ask, budget, problems: [], constraints: [], maxPathLength: Number.POSITIVE_INFINITY };
  const anchor = path.at(-1) as Certificate;
  const leaf = path[0] as Certificate;
  const policies = new PolicyTracker(path.length - 1, input.policy ?? {});
  let revocation: PathReport['revocation'] = 'not-checked';
  try {
    checkValidity(anchor, walk);
    checkCritical(anchor, walk);
    if (path.length > 1) acceptAnchor(anchor, walk);
    for (let index = path.length - 2; index >= 0; index--) {
      const certificate = path[index] as Certificate;
      const last = index === 0;
      const selfIssued = namesEqual(certificate.subject, certificate.issuer);
      checkValidity(certificate, walk);
      checkIssuer(certificate, walk);
      walk.problems.push(...signatureWeakness(certificate, input.legacy === true));
      walk.problems.push(...keyWeakness(certificate, input.legacy === true));
      checkEncoding(certificate, walk);
      if (input.revocation !== 'none')
        revocation = worse(revocation, askRevocation(certificate, path[index + 1] as Certificate, last, walk));
      if (!selfIssued || last) checkNames(certificate, walk);
      if (!policies.next(certificate, selfIssued, last)) {
        walk.problems.push(
          problem(
            'error',
            'policy-not-acceptable',
            `${called(certificate)} is not issued under an acceptable certificate policy`,
            'RFC 5280 section 6.1.3',
          ),
        );
      }
      checkCritical(certificate, walk);
      if (!last) acceptIssuer(certificate, selfIssued, walk);
    }
    walk.problems.push(...purposeProblems(leaf, input.purpose), ...emailProblems(leaf, input.email));
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    walk.problems.push(
      problem('error', 'malformed-extension', `an extension cannot be read: ${error.message}`, 'RFC 5280 section 4.2'),
    );
  }
  const valid = !walk.problems.some(({ severity }) => severity === 'error');
  return { valid, path, revocation, policies: valid ? policies.policies : [], problems: walk.problems };
}

/** State of RFC 5280 6.1.2 while a path is walked. */
interface Walk {
  readonly input: PathInput;
  readonly ask: (certificate: Certificate, issuer: Certificate) => RevocationReport;
  readonly budget: PathBudget;
  readonly problems: Problem[];
  readonly constraints: CompiledConstraints[];
  maxPathLength: number;
}

/** RFC 5937: what an anchor's own certificate says about itself is taken for the caller's wish. */
function acceptAnchor(anchor: Certificate, walk: Walk): void {
  walk.problems.push(...keyWeakness(anchor, walk.input.legacy === true));
  if (anchor.basicConstraints && !anchor.basicConstraints.ca)
    walk.problems.push(
      problem('error', 'not-a-ca', 'the trust anchor says that it is no CA', 'RFC 5280 section 4.2.1.9'),
    );
  acceptConstraints(anchor, walk);
}

/** RFC 5280 6.1.4 (g), (k) to (n): may this certificate issue the next one? */
function acceptIssuer(certificate: Certificate, selfIssued: boolean, walk: Walk): void {
  if (certificate.version !== 3 || certificate.basicConstraints?.ca !== true) {
    walk.problems.push(
      problem('error', 'not-a-ca', `${called(certificate)} is no CA certificate`, 'RFC 5280 section 6.1.4 (k)'),
    );
  }
  // (l): a self-issued certificate does not count.
  if (!selfIssued) {
    if (walk.maxPathLength <= 0)
      walk.problems.push(
        problem(
          'error',
          'path-too-long',
          `a CA above allows no ${called(certificate)} below itself`,
          'RFC 5280 section 6.1.4 (l)',
        ),
      );
    walk.maxPathLength -= 1;
  }
  acceptConstraints(certificate, walk);
}

function acceptConstraints(certificate: Certificate, walk: Walk): void {
  const { pathLength } = certificate.basicConstraints ?? {};
  if (pathLength !== undefined && pathLength < walk.maxPathLength) walk.maxPathLength = pathLength;
  if (certificate.keyUsage && !certificate.keyUsage.has('keyCertSign')) {
    walk.problems.push(
      problem(
        'error',
        'ca-key-usage',
        `${called(certificate)} must not sign certificates`,
        'RFC 5280 section 6.1.4 (n)',
      ),
    );
  }
  const constraints = constraintsOf(certificate);
  if (constraints) walk.constraints.push(constraints);
  // Not in RFC 5280, but every mail client and browser does it: a CA's extended key usage limits what it may issue for.
  if (walk.input.purpose !== 'any' && !allowsEmail(certificate)) {
    walk.problems.push(
      problem(
        'error',
        'ca-extended-key-usage',
        `${called(certificate)} must not issue certificates for e-mail`,
        'RFC 8550 section 4.4.4',
      ),
    );
  }
}

function checkValidity(certificate: Certificate, { input: { at }, problems }: Walk): void {
  if (at < certificate.notBefore)
    problems.push(
      problem(
        'error',
        'not-yet-valid',
        `${called(certificate)} is valid only from ${certificate.notBefore.toISOString()}`,
        'RFC 5280 section 6.1.3 (a)',
      ),
    );
  if (at > certificate.notAfter)
    problems.push(
      problem(
        'error',
        'expired',
        `${called(certificate)} expired at ${certificate.notAfter.toISOString()}`,
        'RFC 5280 section 6.1.3 (a)',
      ),
    );
}

/** Two CAs without a name would be one and the same. */
function checkIssuer(certificate: Certificate, { problems }: Walk): void {
  if (certificate.issuer.attributes.length > 0) return;
  problems.push(
    problem('error', 'no-issuer', `${called(certificate)} does not name its issuer`, 'RFC 5280 section 4.1.2.4'),
  );
}

/** X.690 10.1. Harmless to the signature, which covers the octets as they are; worth a word, as no CA of today does it. */
function checkEncoding(certificate: Certificate, { problems }: Walk): void {
  if (hasDerLengths(certificate.der)) return;
  problems.push(problem('warning', 'not-der', `${called(certificate)} is not encoded in DER`, 'RFC 5280 section 4.1'));
}

function checkNames(certificate: Certificate, walk: Walk): void {
  const found = violation(certificate, walk.constraints, walk.budget);
  if (found)
    walk.problems.push(
      problem('error', 'name-constraints', `a CA above does not allow a name: ${found}`, 'RFC 5280 section 4.2.1.10'),
    );
}

/** Extensions that the code of this folder processes. */
const processed: ReadonlySet<string> = new Set([
  oids.basicConstraints,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.subjectAltName,
  oids.issuerAltName,
  oids.nameConstraints,
  oids.certificatePolicies,
  oids.policyMappings,
  oids.policyConstraints,
  oids.inhibitAnyPolicy,
  oids.crlDistributionPoints,
  oids.subjectKeyIdentifier,
  oids.authorityKeyIdentifier,
  oids.authorityInfoAccess,
  oids.smimeCapabilities,
  oids.ocspNoCheck,
]);

function checkCritical(certificate: Certificate, { problems }: Walk): void {
  for (const { id, critical } of certificate.extensions) {
    if (critical && !processed.has(id))
      problems.push(
        problem(
          'error',
          'unknown-critical-extension',
          `${called(certificate)} has the critical extension ${id}, which is not known here`,
          'RFC 5280 section 6.1.4 (o)',
        ),
      );
    if (critical && id === oids.certificatePolicies)
      for (const { policy, unknownQualifiers } of certificate.certificatePolicies)
        if (unknownQualifiers)
          problems.push(
            problem(
              'error',
              'unknown-policy-qualifier',
              `${called(certificate)} qualifies the policy ${policy} critically, in a way that is not known here`,
              'RFC 5280 section 4.2.1.4',
            ),
          );
  }
}

function askRevocation(
  certificate: Certificate,
  issuer: Certificate,
  last: boolean,
  walk: Walk,
): 'good' | 'revoked' | 'unknown' {
  const { input, problems } = walk;
  // RFC 6960 4.2.2.2.1: only a responder's certificate may go unchecked.
  const responder = certificate.extendedKeyUsage?.includes(oids.ocspSigning) === true;
  if (responder && certificate.extensions.some(({ id }) => id === oids.ocspNoCheck)) return 'good';
  const report = walk.ask(certificate, issuer);
  if (report.status === 'revoked') {
    const when = report.revokedAt?.toISOString() ?? 'an unknown time';
    problems.push(
      problem(
        'error',
        'revoked',
        `${called(certificate)} was revoked at ${when}${report.reason ? ` (${report.reason})` : ''}`,
        'RFC 5280 section 6.3',
      ),
    );
  }
  if (report.status === 'unknown') {
    const needed = input.revocation === 'required' || (last && input.revocation === 'leaf-required');
    problems.push(...report.problems);
    problems.push(
      problem(
        needed ? 'error' : 'info',
        'revocation-unknown',
        `whether ${called(certificate)} was revoked is not known`,
        'RFC 5280 section 6.3',
      ),
    );
  }
  return report.status;
}

const severity = { 'not-checked': 0, good: 1, unknown: 2, revoked: 3 } as const;

function worse(a: PathReport['revocation'], b: PathReport['revocation']): PathReport['revocation'] {
  return severity[a] >= severity[b] ? a : b;
}
