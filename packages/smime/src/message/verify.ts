/** Verifies a message: mathematics, path, identity, coverage and structure, each reported, one verdict of all (RFC 8551 section 3.5, RFC 8550). */
import { asBuffer } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { contentAtHand, type SignedContent } from '../cms/check-signer.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { readSignedData, type SignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { toCrlf } from '../mime/canonical.ts';
import { allAmbiguities, decodeBody, headerValue, type MimeEntity } from '../mime/entity.ts';
import { scanMessage } from '../mime/scan.ts';
import { type Problem, problem } from '../problem.ts';
import { type FoundSignature, findSignature, type KindOf } from './find-signature.ts';
import { type Originator, originatorOf } from './identity.ts';
import { isSound, type SignerReport, signerJudge, type TrustInput } from './judge-signers.ts';
import { type Layer, layerOf } from './layer.ts';

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

/** Verifies a message as it arrived. Never throws for what is wrong with it or its signature: that is in the report. */
export async function verifyMessage(input: VerifyInput): Promise<VerifyReport> {
  return judgeMessage(scanMessage(input.message), messageAtHand(input.message), input);
}

/** What verification asks of a message: of one at hand, or of one that went by as a stream. */
interface Evidence {
  readonly kindOf: KindOf;
  /** The body of an entity as SignedData; undefined for another kind of object. Throws `SmimeError` for what cannot be read. */
  signedData(object: MimeEntity | undefined): SignedData | undefined;
  /** What the signature covers, as it stands in the message; undefined where it is missing. */
  content(found: FoundSignature, data: SignedData): SignedContent | undefined;
  /** The same with lines that end at CRLF; undefined where that changes nothing. */
  canonical(found: FoundSignature, data: SignedData): SignedContent | undefined;
}

/** @param root the structure of the message */
function judgeMessage(root: MimeEntity, evidence: Evidence, input: Omit<VerifyInput, 'message'>): VerifyReport {
  const originator = originatorOf(root);
  const found = findSignature(root, evidence.kindOf);
  const ambiguities = [...allAmbiguities(root), ...originator.problems];
  const none = { signers: [], from: originator.from, content: undefined };
  if (found === undefined) {
    const doubtful = ambiguities.some(isError);
    return { verdict: doubtful ? 'ambiguous' : 'unsigned', ...none, covers: 'none', problems: ambiguities };
  }
  const problems = [...ambiguities, ...found.problems];
  const ambiguous = ambiguities.some(isError);
  if (found.embedded) return { verdict: ambiguous ? 'ambiguous' : 'unsigned', ...none, covers: 'none', problems };
  const data = readSigned(found, evidence, problems);
  if (data === undefined)
    return { verdict: ambiguous ? 'ambiguous' : 'invalid', ...none, covers: found.covers, problems };
  const { signers, content } = judgeSigners(data, found, evidence, input, originator, problems);
  if (data.signers.length === 0 && content === undefined && found.form === 'opaque') {
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
    content: content?.octets,
    problems,
  };
}

function messageAtHand(message: Uint8Array): Evidence {
  const bytes = asBuffer(message);
  const layers = new Map<MimeEntity, Layer>();
  const octetsOf = (content: MimeEntity): Buffer => bytes.subarray(content.start, content.end);
  return {
    kindOf: (entity) => {
      const layer = layerOf(bytes, entity);
      layers.set(entity, layer);
      return layer.kind;
    },
    signedData: (object) => {
      const layer = object && layers.get(object);
      const der = layer && 'der' in layer ? layer.der : object ? decodeBody(bytes, object) : Buffer.alloc(0);
      const { contentType, content } = readContentInfo(der);
      return contentType === oids.signedData ? readSignedData(content) : undefined;
    },
    content: (found, data) => {
      const octets = found.form === 'opaque' ? data.content : found.content && octetsOf(found.content);
      return octets && contentAtHand(data.contentType, octets);
    },
    canonical: (found, data) => {
      if (found.content === undefined) return undefined;
      const octets = octetsOf(found.content);
      const canonical = toCrlf(octets);
      return canonical === octets ? undefined : contentAtHand(data.contentType, canonical);
    },
  };
}

const isError = ({ severity }: Problem): boolean => severity === 'error';

function readSigned(found: FoundSignature, evidence: Evidence, problems: Problem[]): SignedData | undefined {
  try {
    const data = evidence.signedData(found.object);
    if (data !== undefined) return data;
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
  evidence: Evidence,
  input: Omit<VerifyInput, 'message'>,
  originator: Originator,
  problems: Problem[],
): { signers: SignerReport[]; content: SignedContent | undefined } {
  const content = evidence.content(found, data);
  // RFC 5652 5.2, RFC 8551 3.5.3: it would be the content that is verified, while another part is what people see.
  if (found.form === 'clear' && data.content !== undefined)
    problems.push(
      problem(
        'error',
        'detached-signature-with-content',
        'The signature beside the content carries content of its own.',
        'RFC 8551 section 3.5.3.1',
      ),
    );
  if (found.form === 'opaque' && content === undefined && data.signers.length > 0)
    problems.push(
      problem('error', 'content-missing', 'The signed object does not carry its content.', 'RFC 8551 section 3.5.2'),
    );
  if (content === undefined) return { signers: [], content };
  const addresses = input.expectFrom === undefined ? originator.from : [input.expectFrom];
  const judge = signerJudge(data, input, { addresses, sender: originator.sender, micalg: found.micalg }, problems);
  const signers = judge(content);
  // Kept in a file on Unix the message has lost its CRs, without which nothing can match (RFC 8551 3.1.1).
  const canonical =
    found.form === 'clear' && signers.some(({ signature }) => signature === 'invalid')
      ? evidence.canonical(found, data)
      : undefined;
  if (canonical === undefined) return { signers, content };
  const again = judge(canonical);
  return again.some(({ signature }) => signature === 'valid')
    ? { signers: again, content: canonical }
    : { signers, content };
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
