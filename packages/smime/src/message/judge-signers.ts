/** Judges the signers of one SignedData: mathematics, path and identity, each apart. */
import { type CounterSignatures, checkCounterSignatures } from '../cms/check-counter-signatures.ts';
import { checkSigner, type SignedContent, type SignerCheck } from '../cms/check-signer.ts';
import { names } from '../cms/identifier.ts';
import type { SignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { type PathReport, type RevocationDemand, validatePath } from '../path/validate-path.ts';
import { type Problem, problem } from '../problem.ts';
import type { OcspResponse } from '../revocation/ocsp.ts';
import { type Certificate, certificateEmails, isIssuedBy, parseCertificate } from '../x509/certificate.ts';
import { type Crl, parseCrl } from '../x509/crl.ts';
import { inheritParameters, lacksParameters } from '../x509/inherited-parameters.ts';
import { mailboxKey } from '../x509/mailbox.ts';
import type { SmimeCapability } from '../x509/read-extensions.ts';
import { judgeIdentity } from './identity.ts';

/** Whom to trust, at what time, and what is known of revocation. */
export interface TrustInput {
  readonly anchors: readonly Certificate[];
  /** CA certificates beside those in the message. */
  readonly intermediates?: readonly Certificate[];
  /** UTC; default: now. The signing time that the message claims never takes its place. */
  readonly at?: Date;
  readonly crls?: readonly Crl[];
  readonly ocspResponses?: readonly OcspResponse[];
  /** Default `if-present`. */
  readonly revocation?: RevocationDemand;
  /** Weak algorithms (SHA-1, MD5, DSA, RSA below 2048 bits) are warnings, and no errors; default false. */
  readonly legacy?: boolean;
}

/** What is known of one signer: mathematics, path, revocation and identity, each apart. */
export interface SignerReport {
  /** The mathematics alone; `unverifiable` where the certificate or the algorithm is missing. */
  readonly signature: 'valid' | 'invalid' | 'unverifiable';
  readonly certificate?: Certificate;
  /** What the signer claims. */
  readonly signingTime?: Date;
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: string;
  readonly path: PathReport;
  readonly identity: 'match' | 'mismatch' | 'unknown';
  /** Addresses of the certificate. */
  readonly emails: readonly string[];
  readonly capabilities?: readonly SmimeCapability[];
  /** The certificate that the signer asks to be encrypted to, where it came along. */
  readonly encryptionCertificate?: Certificate;
  /** Signatures upon this one (RFC 5652 section 11.4). Anybody can add or remove them: nothing follows from them. */
  readonly counterSignatures?: readonly CounterSignatureReport[];
  readonly problems: readonly Problem[];
}

/** What is known of one who signed a signature. */
export type CounterSignatureReport = Omit<
  SignerReport,
  'identity' | 'emails' | 'capabilities' | 'encryptionCertificate'
>;

/** Who the signers should be, as far as the message says. */
export interface Expectation {
  readonly addresses: readonly string[];
  readonly sender: string | undefined;
  /** The digests that multipart/signed announces. */
  readonly micalg: readonly string[] | undefined;
}

/** A function that judges all signers over the content given, so that two forms of it can be tried. */
export function signerJudge(
  data: SignedData,
  trust: TrustInput,
  expectation: Expectation,
  problems: Problem[],
): (content: SignedContent) => SignerReport[] {
  const inherit = inheritingFrom(trust.anchors);
  const carried = readEach(data.certificates, parseCertificate, 'certificate', problems).map(inherit);
  const complete: TrustInput = {
    ...trust,
    intermediates: [...(trust.intermediates ?? []), ...carried],
    crls: [...(trust.crls ?? []), ...readEach(data.crls, parseCrl, 'CRL', problems)],
  };
  const pool = [...carried, ...(trust.intermediates ?? []).map(inherit), ...trust.anchors];
  const legacy = trust.legacy ?? false;
  return (content) =>
    data.signers.map((info) => {
      const report = judgeSigner(checkSigner(info, content, pool, legacy), complete, carried, expectation);
      return { ...report, ...judgeCounterSignatures(checkCounterSignatures(info, pool, legacy), report, complete) };
    });
}

/**
 * DSA keys may leave their parameters to their issuer's. They are taken from a trust anchor only: with parameters of his own
 * choice anybody signs for anybody, as with curves (CVE-2020-0601).
 */
function inheritingFrom(anchors: readonly Certificate[]): (certificate: Certificate) => Certificate {
  return (certificate) => {
    if (!lacksParameters(certificate)) return certificate;
    const issuer = anchors.find((anchor) => isIssuedBy(certificate, anchor));
    return issuer ? inheritParameters(certificate, issuer) : certificate;
  };
}

/** Right in every respect. */
export function isSound(signer: SignerReport): boolean {
  return (
    signer.signature === 'valid' &&
    signer.path.valid &&
    signer.identity !== 'mismatch' &&
    !signer.problems.some(({ severity }) => severity === 'error')
  );
}

function judgeSigner(
  check: SignerCheck,
  trust: TrustInput,
  carried: readonly Certificate[],
  { addresses, sender, micalg }: Expectation,
): SignerReport {
  const { certificate, capabilities, encryptionKeyPreference: preference } = check;
  const emails = certificate ? certificateEmails(certificate) : [];
  const { identity, problems } = certificate
    ? judgeIdentity(emails, addresses, sender)
    : { identity: 'unknown' as const, problems: [] };
  const preferred = preference && carried.find((candidate) => names(preference, candidate));
  const encryptionCertificate = preferred && sharesAddress(preferred, emails) ? preferred : undefined;
  if (preferred && !encryptionCertificate) problems.push(preferenceOfAnother);
  const announced = check.digest === undefined || micalg === undefined || micalg.includes(micalgName(check.digest));
  if (!announced)
    problems.push(
      problem(
        // A digest that exists and was not used; a name that nobody knows must be borne.
        micalg.some((name) => digestNames.has(name)) ? 'error' : 'warning',
        'micalg-mismatch',
        `The micalg parameter does not name ${check.digestAlgorithm}, which the signer used.`,
        'RFC 8551 section 3.5.3.2',
      ),
    );
  return {
    ...describeCheck(check, trust),
    identity,
    emails,
    // What a signature does not hold together says nothing of how to write back.
    ...(check.signature === 'valid' && {
      ...(capabilities && { capabilities }),
      ...(encryptionCertificate && { encryptionCertificate }),
    }),
    problems: [...check.problems, ...problems],
  };
}

/** What changes about a report where there are counter-signatures. */
function judgeCounterSignatures(
  { counterSignatures, problems }: CounterSignatures,
  report: Pick<SignerReport, 'problems'>,
  trust: TrustInput,
): Partial<Pick<SignerReport, 'counterSignatures' | 'problems'>> {
  if (counterSignatures.length === 0 && problems.length === 0) return {};
  return {
    problems: [...report.problems, ...problems],
    ...(counterSignatures.length > 0 && {
      counterSignatures: counterSignatures.map(({ check, ...upon }) => {
        const own = describeCheck(check, trust);
        return { ...own, ...judgeCounterSignatures(upon, own, trust) };
      }),
    }),
  };
}

/** What is reported alike of those who sign and of those who countersign. */
function describeCheck(check: SignerCheck, trust: TrustInput): CounterSignatureReport {
  const { certificate, signingTime } = check;
  return {
    signature: check.signature,
    ...(certificate && { certificate }),
    ...(signingTime && { signingTime }),
    digestAlgorithm: check.digestAlgorithm,
    signatureAlgorithm: check.signatureAlgorithm,
    path: certificate ? judgePath(certificate, trust) : noCertificate,
    problems: check.problems,
  };
}

/** Else a signer could have his correspondents encrypt to whomever he likes. */
function sharesAddress(certificate: Certificate, emails: readonly string[]): boolean {
  const own = new Set(emails.map(mailboxKey));
  return certificateEmails(certificate).some((address) => own.has(mailboxKey(address)));
}

const preferenceOfAnother = problem(
  'warning',
  'encryption-certificate-of-another',
  'The certificate that the signer asks to be encrypted to names none of his addresses.',
  'RFC 8551 section 2.5.3',
);

const noCertificate: PathReport = { valid: false, path: [], revocation: 'not-checked', policies: [], problems: [] };

function judgePath(leaf: Certificate, trust: TrustInput): PathReport {
  return validatePath({
    leaf,
    anchors: trust.anchors,
    intermediates: trust.intermediates ?? [],
    at: trust.at ?? new Date(),
    purpose: 'email-signing',
    ...(trust.crls && { crls: trust.crls }),
    ...(trust.ocspResponses && { ocspResponses: trust.ocspResponses }),
    revocation: trust.revocation ?? 'if-present',
    legacy: trust.legacy ?? false,
  });
}

/** What cannot be read among things that came along is left out: it can only be missed. */
function readEach<T>(
  encoded: readonly Buffer[],
  parse: (der: Uint8Array) => T,
  what: string,
  problems: Problem[],
): T[] {
  const read: T[] = [];
  for (const der of encoded) {
    try {
      read.push(parse(der));
    } catch (error) {
      if (!(error instanceof SmimeError)) throw error;
      problems.push(
        problem('warning', 'carried-object-unreadable', `A ${what} that came along cannot be read: ${error.message}.`),
      );
    }
  }
  return read;
}

const digestNames: ReadonlySet<string> = new Set(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512']);

/** SHA-1 is written `sha1` or `sha-1`, the others with their hyphen or, by older software, without. */
function micalgName(digest: string): string {
  return digest.replace('-', '');
}
