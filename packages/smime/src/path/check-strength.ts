/** Weak algorithms and keys: a policy finding apart from cryptography, an error unless the caller reads `legacy`. */
import { DerReader, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { modulusBits, parseSignatureAlgorithm } from '../keys/algorithms.ts';
import { type Problem, problem } from '../problem.ts';
import type { Certificate } from '../x509/certificate.ts';
import { called } from './describe-certificate.ts';

/** What is weak about the signature on a certificate. */
export function* signatureWeakness(certificate: Certificate, legacy: boolean): Generator<Problem> {
  const algorithm = parseSignatureAlgorithm(certificate.signatureAlgorithm);
  if (!algorithm.weak && algorithm.family !== 'dsa') return;
  const reason = algorithm.weak ? 'which can be forged' : 'which NIST has withdrawn';
  yield problem(
    legacy ? 'warning' : 'error',
    'weak-signature',
    `${called(certificate)} is signed with ${algorithm.label}, ${reason}`,
    'RFC 8550 section 4.3',
  );
}

/** What is weak about the key in a certificate. */
export function* keyWeakness(certificate: Certificate, legacy: boolean): Generator<Problem> {
  const severity = legacy ? 'warning' : 'error';
  const clause = 'RFC 8550 section 4.3';
  if (certificate.keyKind === 'rsa' || certificate.keyKind === 'rsa-pss') {
    const bits = modulusBits(certificate.spki) ?? 0;
    if (bits < 2048)
      yield problem(
        severity,
        'weak-key',
        `${called(certificate)} has an RSA key of only ${bits} bits`,
        'RFC 8550 section 4.3',
      );
  } else if (certificate.keyKind === undefined) {
    const algorithm = new DerReader(certificate.spki).enter().enter();
    const id = algorithm.oid();
    if (id === oids.dsa) yield problem(severity, 'weak-key', `${called(certificate)} has a DSA key`, clause);
    // A curve that the certificate defines itself may be one on which the signer knows every private key (CVE-2020-0601).
    if (id === oids.ecPublicKey && algorithm.peek() !== tag.oid)
      yield problem(
        'error',
        'explicit-curve',
        `${called(certificate)} has a key on a curve of its own making`,
        'RFC 5480 section 2.1.1',
      );
  }
}
