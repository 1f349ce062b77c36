/** Verifies a message: mathematics, path, identity, coverage and structure, each reported, one verdict of all (RFC 8551 section 3.5, RFC 8550). */
import { oids } from '../asn1/oids.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { readSignedData, type SignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { toCrlf } from '../mime/canonical.ts';
import { allAmbiguities, headerValue, type MimeEntity } from '../mime/entity.ts';
import { scanMessage } from '../mime/scan.ts';
import { type Problem, problem } from '../problem.ts';
import { type FoundSignature, findSignature } from './find-signature.ts';
import { type Originator, originatorOf } from './identity.ts';
import { isSound, type SignerReport, signerJudge, type TrustInput } from './judge-signers.ts';

/** A message to verify, and whom to trust. */
export interface VerifyInput extends TrustInput {
  /** A whole RFC 5322 message, as it arrived. */
  readonly message: Uint8Array;
  /** The address the signer must have, where it is known otherwise than from the From field. */
  readonly expectFrom?: string;
}

/** One word about a message; only `valid` means that a person may believe the From field. */
export type Verdict = 'valid' | 'invalid' | 'unsigned' | 'ambiguous';

/** What `verifyMessage` found. */
export interface VerifyReport {
  /** `valid` only where every signer is right in every respect, the signature covers the whole message, and it can be read in one way only. */
  readonly verdict: Verdict;
  readonly signers: readonly SignerReport[];
  /** Addresses of the From field. */
  readonly from: readonly string[];
  readonly covers: 'whole' | 'part' | 'none';
  /** The entity that is signed, in the form that was signed: header fields and body. */
  readonly content: Uint8Array | undefined;
  readonly problems: readonly Problem[];
}

/** Never throws for what is wrong with a message or a signature: that is in the report. */
export async function verifyMessage(input: VerifyInput): Promise<VerifyReport> {
  const root = scanMessage(input.message);
  const originator = originatorOf(root);
  const found = findSignature(input.message, root);
  const ambiguities = [...allAmbiguities(root), ...originator.problems];
  const none = { signers: [], from: originator.from, content: undefined };
  if (found === undefined) {
    const doubtful = ambiguities.some(isError);
    return { verdict: doubtful ? 'ambiguous' : 'unsigned', ...none, covers: 'none', problems: ambiguities };
  }
  const problems = [...ambiguities, ...found.problems];
  const ambiguous = ambiguities.some(isError);
  if (found.embedded) return { verdict: ambiguous ? 'ambiguous' : 'unsigned', ...none, covers: 'none', problems };
  const data = readSigned(found, problems);
  if (data === undefined)
    return { verdict: ambiguous ? 'ambiguous' : 'invalid', ...none, covers: found.covers, problems };
  const { signers, content } = judgeSigners(data, found, input, originator, problems);
  if (data.signers.length === 0 && data.content === undefined && found.form === 'opaque') {
    return {
      verdict: ambiguous ? 'ambiguous' : 'unsigned',
      ...none,
      covers: 'none',
      problems: [
        ...problems,
        problem('info', 'certificates-only', 'The message only carries certificates.', 'RFC 8551 section 3.8'),
      ],
    };
  }
  if (data.signers.length === 0)
    problems.push(
      problem(
        'error',
        'no-signers',
        'The signed object has no signer: nobody vouches for the content.',
        'RFC 8551 section 3.5',
      ),
    );
  noteTimes(root, signers, problems);
  const sound =
    signers.length > 0 &&
    found.covers === 'whole' &&
    !problems.some(isError) &&
    signers.every((signer) => isSound(signer) && signer.identity === 'match');
  return {
    verdict: ambiguous ? 'ambiguous' : sound ? 'valid' : 'invalid',
    signers,
    from: originator.from,
    covers: found.covers,
    content,
    problems,
  };
}

const isError = ({ severity }: Problem): boolean => severity === 'error';

function readSigned(found: FoundSignature, problems: Problem[]): SignedData | undefined {
  try {
    const { contentType, content } = readContentInfo(found.der);
    if (contentType === oids.signedData) return readSignedData(content);
    problems.push(
      problem(
        'error',
        'not-signed-data',
        'What stands where the signature should be is another kind of object.',
        'RFC 8551 section 3.5',
      ),
    );
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    problems.push(
      problem(
        'error',
        'malformed-signature',
        `The signature cannot be read: ${error.message}${error.offset === undefined ? '' : ` (octet ${error.offset})`}.`,
        'RFC 5652 section 5',
      ),
    );
  }
  return undefined;
}

function judgeSigners(
  data: SignedData,
  found: FoundSignature,
  input: VerifyInput,
  originator: Originator,
  problems: Problem[],
): { signers: SignerReport[]; content: Uint8Array | undefined } {
  const octets = signedOctets(data, found, problems);
  if (octets === undefined) return { signers: [], content: undefined };
  const addresses = input.expectFrom === undefined ? originator.from : [input.expectFrom];
  const judge = signerJudge(data, input, { addresses, sender: originator.sender, micalg: found.micalg }, problems);
  const signers = judge(octets);
  // Kept in a file on Unix the message has lost its CRs, without which nothing can match (RFC 8551 3.1.1).
  const canonical =
    found.form === 'clear' && signers.some(({ signature }) => signature === 'invalid') ? toCrlf(octets) : octets;
  if (canonical === octets) return { signers, content: octets };
  const again = judge(canonical);
  return again.some(({ signature }) => signature === 'valid')
    ? { signers: again, content: canonical }
    : { signers, content: octets };
}

function signedOctets(data: SignedData, found: FoundSignature, problems: Problem[]): Uint8Array | undefined {
  if (found.form === 'clear') {
    // RFC 5652 5.2, RFC 8551 3.5.3: it would be the content that is verified, while another part is what people see.
    if (data.content !== undefined) {
      problems.push(
        problem(
          'error',
          'detached-signature-with-content',
          'The signature beside the content carries content of its own.',
          'RFC 8551 section 3.5.3.1',
        ),
      );
    }
    return found.content;
  }
  if (data.content === undefined && data.signers.length > 0)
    problems.push(
      problem('error', 'content-missing', 'The signed object does not carry its content.', 'RFC 8551 section 3.5.2'),
    );
  return data.content;
}

/** RFC 8551 2.5.1: the signing time is a claim. One far from Date is a sign of a replayed or delayed signature. */
function noteTimes(root: MimeEntity, signers: readonly SignerReport[], problems: Problem[]): void {
  const date = Date.parse(headerValue(root, 'date')?.replace(/\([^()]*\)/g, '') ?? '');
  if (Number.isNaN(date)) return;
  const far = signers.some(
    ({ signingTime }) => signingTime !== undefined && Math.abs(signingTime.getTime() - date) > hour,
  );
  if (far)
    problems.push(
      problem(
        'warning',
        'signing-time-far-from-date',
        'The signing time is more than an hour from the Date of the message.',
        'RFC 8551 section 2.5.1',
      ),
    );
}

const hour = 3_600_000;
