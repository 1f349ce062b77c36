/** Time stamps (RFC 3161): made with a key of one's own, and verified whoever made them. */
import { DerReader, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { checkSigner, contentAtHand } from '../cms/check-signer.ts';
import { joined } from '../cms/chunks.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { contentToSign, makeSignedData, type SignerInput } from '../cms/make-signature.ts';
import { readSignedData, type SignedData } from '../cms/signed-data.ts';
import { encodeTimeStampInfo, readTimeStampInfo, type TimeStampInfo } from '../cms/time-stamp-info.ts';
import { SmimeError } from '../errors.ts';
import type { HashName } from '../keys/algorithms.ts';
import { digestOf } from '../keys/digest.ts';
import { type PathReport, validatePath } from '../path/validate-path.ts';
import { type Problem, problem } from '../problem.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import type { TrustInput } from './judge-signers.ts';

/** What is stamped, when, and by whom. */
export interface TimeStampInput {
  /** Dotted: by which rules (RFC 3161 section 2.4.2). */
  readonly policy: string;
  readonly hash: HashName;
  /** The digest of what is stamped. */
  readonly hashed: Uint8Array;
  /** Of its own for every stamp; at most 20 octets, big-endian. */
  readonly serialNumber: Uint8Array;
  /** UTC; cut to the second. */
  readonly time: Date;
  /** Of the request, where it had one. */
  readonly nonce?: Uint8Array;
  /** Its certificate has the extended key usage timeStamping, critical and alone (RFC 3161 section 2.3). */
  readonly signer: SignerInput;
}

/** A time-stamp token: a DER ContentInfo. Throws `invalid-argument` for a certificate that is for something else. */
export async function makeTimeStamp(input: TimeStampInput): Promise<Uint8Array> {
  if (!isForTime(input.signer.certificate))
    throw new SmimeError('invalid-argument', 'the certificate is not for time stamps, or not for them alone');
  if (input.serialNumber.length === 0 || input.serialNumber.length > 20)
    throw new SmimeError('invalid-argument', 'the serial number of a time stamp has 1 to 20 octets');
  return joined(
    await makeSignedData(contentToSign(encodeTimeStampInfo(input), false), {
      contentType: oids.timeStampInfo,
      signers: [input.signer],
      signingTime: input.time,
    }),
  );
}

/** A token, what it stamps, and whom to trust. */
export interface VerifyTimeStampInput extends Partial<Omit<TrustInput, 'at'>> {
  /** A ContentInfo, BER or DER. */
  readonly token: Uint8Array;
  /** The octets that are said to be stamped. */
  readonly content: Uint8Array;
  /** That was sent along with the request. */
  readonly nonce?: Uint8Array;
}

/** What `verifyTimeStamp` found. */
export interface TimeStampReport {
  /** These octets were stamped by the key of that certificate, which is for it. Whether to trust it is another matter. */
  readonly valid: boolean;
  /** From the certificate to one of the anchors, at the time of the stamp; undefined where none were given. */
  readonly path: PathReport | undefined;
  readonly info: TimeStampInfo;
  readonly certificate: Certificate | undefined;
  readonly problems: readonly Problem[];
}

/** Verifies a time stamp. Throws `SmimeError` for what is none; what is wrong with one is in the report. */
export function verifyTimeStamp(input: VerifyTimeStampInput): TimeStampReport {
  const envelope = readContentInfo(input.token);
  if (envelope.contentType !== oids.signedData)
    throw new SmimeError('unexpected-structure', 'the time stamp holds no signed data');
  const data = readSignedData(envelope.content);
  if (data.contentType !== oids.timeStampInfo || data.content === undefined)
    throw new SmimeError('unexpected-structure', 'the signed data holds no time stamp');
  const info = readTimeStampInfo(data.content);
  const problems: Problem[] = [];
  const carried = readCertificates(data, problems);
  const pool = [...carried, ...(input.intermediates ?? []), ...(input.anchors ?? [])];
  const [first, ...more] = data.signers;
  const check = first && checkSigner(first, contentAtHand(data.contentType, data.content), pool, input.legacy ?? false);
  const wrong = (code: string, message: string, clause: string): void => {
    problems.push(problem('error', code, message, clause));
  };
  if (check === undefined || more.length > 0)
    wrong('time-stamp-signers', 'A time stamp has one signer.', 'RFC 3161 section 2.4.2');
  problems.push(...(check?.problems ?? []));
  if (check !== undefined && check.signature !== 'valid')
    wrong('time-stamp-signature', 'The signature of the time stamp is not right.', 'RFC 5652 section 5.6');
  const certificate = check?.certificate;
  if (certificate !== undefined && !isForTime(certificate))
    wrong(
      'time-stamp-purpose',
      'The certificate is not for time stamps, or not for them alone.',
      'RFC 3161 section 2.3',
    );
  if (!namesCertificate(data))
    wrong('time-stamp-certificate', 'The signature does not name its certificate.', 'RFC 3161 section 2.4.2');
  if (info.digest === undefined || !same(digestOf(info.digest, input.content), info.hashed))
    wrong('time-stamp-imprint', 'Something else was stamped.', 'RFC 3161 section 2.4.2');
  if (input.nonce !== undefined && (info.nonce === undefined || !same(withoutZeros(input.nonce), info.nonce)))
    wrong('time-stamp-nonce', 'The time stamp answers another request.', 'RFC 3161 section 2.4.2');
  const valid = !problems.some(({ severity }) => severity === 'error');
  return { valid, path: pathOf(certificate, carried, info.time, input), info, certificate, problems };
}

/** At the time of the stamp: what a certificate is worth today says nothing of what it was worth then. */
function pathOf(
  leaf: Certificate | undefined,
  carried: readonly Certificate[],
  at: Date,
  { anchors = [], intermediates = [], crls = [], ocspResponses = [], revocation = 'if-present' }: VerifyTimeStampInput,
): PathReport | undefined {
  if (leaf === undefined || anchors.length === 0) return undefined;
  return validatePath({
    leaf,
    anchors,
    intermediates: [...intermediates, ...carried],
    crls,
    ocspResponses,
    revocation,
    at,
    purpose: 'any',
  });
}

function readCertificates({ certificates }: SignedData, problems: Problem[]): Certificate[] {
  return certificates.flatMap((der) => {
    try {
      return [parseCertificate(der)];
    } catch (error) {
      if (!(error instanceof SmimeError)) throw error;
      problems.push(
        problem('warning', 'certificate-unreadable', `A certificate in it cannot be read: ${error.message}`),
      );
      return [];
    }
  });
}

/** RFC 3161 section 2.3: the one purpose, and critical. */
function isForTime({ extendedKeyUsage, extensions }: Certificate): boolean {
  const critical = extensions.find(({ id }) => id === oids.extendedKeyUsage)?.critical === true;
  return critical && extendedKeyUsage?.length === 1 && extendedKeyUsage[0] === oids.timeStamping;
}

/** RFC 5816 section 2.2.1: one of the two attributes binds the certificate into what is signed. */
function namesCertificate({ signers }: SignedData): boolean {
  return signers.every(({ signedAttributes }) =>
    signedAttributes?.list.some(
      ({ type, values: [value] }) =>
        (type === oids.signingCertificateV2 || type === oids.signingCertificate) &&
        value !== undefined &&
        new DerReader(value).peek() === tag.sequence,
    ),
  );
}

const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

function withoutZeros(octets: Uint8Array): Uint8Array {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start += 1;
  return octets.subarray(start);
}
