/** Judges one signed layer: which octets are signed, and whether each of its signers is right. */
import type { SignedData } from '../cms/signed-data.ts';
import { type Problem, problem } from '../problem.ts';
import type { SignedLayer } from './evidence.ts';
import { type Expectation, type SignerReport, signerJudge, type TrustInput } from './judge-signers.ts';

export interface JudgedLayer {
  readonly signers: readonly SignerReport[];
  /** The octets that are signed, where they are at hand. */
  readonly content: Uint8Array | undefined;
  /** It carries certificates, and there is nothing to sign. */
  readonly certificatesOnly: boolean;
  readonly problems: readonly Problem[];
}

export function judgeLayer(
  { found, content, canonical }: SignedLayer,
  data: SignedData,
  trust: TrustInput,
  expectation: Omit<Expectation, 'micalg'>,
): JudgedLayer {
  if (data.signers.length === 0 && content === undefined && found.form === 'opaque')
    return { signers: [], content: undefined, certificatesOnly: true, problems: [certificatesOnly] };
  const problems: Problem[] = [];
  // RFC 5652 5.2, RFC 8551 3.5.3: it would be the content that is verified, while another part is what people see.
  if (found.form === 'clear' && data.content !== undefined) problems.push(contentBeside);
  if (found.form === 'opaque' && content === undefined) problems.push(contentMissing);
  if (data.signers.length === 0) problems.push(noSigners);
  if (content === undefined) return { signers: [], content, certificatesOnly: false, problems };
  const judge = signerJudge(data, trust, { ...expectation, micalg: found.micalg }, problems);
  const signers = judge(content);
  // Kept in a file on Unix the message has lost its CRs, without which nothing can match (RFC 8551 3.1.1).
  const withCrlf = signers.some(({ signature }) => signature === 'invalid') ? canonical() : undefined;
  const again = withCrlf && judge(withCrlf);
  return withCrlf && again?.some(({ signature }) => signature === 'valid')
    ? { signers: again, content: withCrlf.octets, certificatesOnly: false, problems }
    : { signers, content: content.octets, certificatesOnly: false, problems };
}

const certificatesOnly = problem(
  'info',
  'certificates-only',
  'The message only carries certificates.',
  'RFC 8551 section 3.8',
);
const noSigners = problem(
  'error',
  'no-signers',
  'The signed object has no signer: nobody vouches for the content.',
  'RFC 8551 section 3.5',
);
const contentBeside = problem(
  'error',
  'detached-signature-with-content',
  'The signature beside the content carries content of its own.',
  'RFC 8551 section 3.5.3.1',
);
const contentMissing = problem(
  'error',
  'content-missing',
  'The signed object does not carry its content.',
  'RFC 8551 section 3.5.2',
);
