/** Verifies a message: mathematics, path, identity, coverage and structure, each reported, one verdict of all (RFC 8551 section 3.5, RFC 8550). */
import { asBuffer } from '../asn1/der.ts';
import type { OpeningInput } from '../cms/decrypt-content.ts';
import type { OpeningKey } from '../cms/match-recipients.ts';
import { parseAddressHeader } from '../mime/addresses.ts';
import { headerValue, type MimeEntity } from '../mime/entity.ts';
import { scanMessage } from '../mime/scan.ts';
import { type Problem, problem } from '../problem.ts';
import { certificateEmails } from '../x509/certificate.ts';
import { mailboxKey } from '../x509/mailbox.ts';
import type { SignedLayer } from './evidence.ts';
import { findPartialSignature } from './find-signature.ts';
import { type Originator, originatorOf } from './identity.ts';
import { judgeLayer } from './judge-layer.ts';
import { type Expectation, isSound, type SignerReport, type TrustInput } from './judge-signers.ts';
import {
  type CompressedLayer,
  type EncryptedLayer,
  type OpenedLayer,
  type OpenedLayers,
  openMessage,
  openObject,
  type Payload,
} from './open-layers.ts';
import { type HeaderReading, type ProtectedHeaders, protectionOf, readProtectedHeaders } from './protected-headers.ts';

/** A message to verify, whom to trust, and what to open it with. */
export interface VerifyInput extends TrustInput {
  /** A whole RFC 5322 message, as it arrived. */
  readonly message: Uint8Array;
  /** Open the encrypted layers they fit, so that what is within can be judged. */
  readonly keys?: readonly OpeningKey[];
  /** The address the signer must have, where it is known otherwise than from the From field. */
  readonly expectFrom?: string;
  /**
   * Addresses at which an opened message was received, one of which a protected To or Cc must name: else whoever could read
   * it may have encrypted it again for others. Default: those of the keys' certificates. Give none for a mailing list.
   */
  readonly expectRecipients?: readonly string[];
}

/** One word about a message; only `valid` means that a person may believe the From field. */
export type Verdict = 'valid' | 'invalid' | 'unsigned' | 'ambiguous';

/** One signed layer, judged by itself. Outside of encryption it vouches for the ciphertext, and not for who wrote what is in it. */
export interface SignedLayerReport {
  readonly kind: 'clear-signed' | 'signed-data';
  readonly verdict: 'valid' | 'invalid' | 'unsigned';
  readonly covers: 'whole' | 'part';
  readonly signers: readonly SignerReport[];
  readonly problems: readonly Problem[];
}

/** One cryptographic layer of a message. */
export type LayerReport = SignedLayerReport | EncryptedLayer | CompressedLayer;

/** What `verifyMessage` and `verifyObject` found. */
export interface VerifyReport {
  /** `valid` only where every signer is right in every respect, the signature covers all that is shown, and it can be read in one way only. */
  readonly verdict: Verdict;
  /** Outermost first. */
  readonly layers: readonly LayerReport[];
  /** Of the signature that vouches for what is shown: the innermost. */
  readonly signers: readonly SignerReport[];
  /** Addresses of the From field: the protected one where a valid signature binds it to its signer, else the one that was delivered. */
  readonly from: readonly string[];
  readonly covers: 'whole' | 'part' | 'none';
  /** Absent where the header is not protected. */
  readonly protectedHeaders?: ProtectedHeaders;
  /** The entity that is signed, in the form that was signed: header fields and body. */
  readonly content: Uint8Array | undefined;
  /** Those of the message, and of its layers; each signer has its own. */
  readonly problems: readonly Problem[];
}

/** Never throws for what is wrong with a message or a signature: that is in the report. */
export async function verifyMessage(input: VerifyInput): Promise<VerifyReport> {
  const bytes = asBuffer(input.message);
  return verifyScanned(bytes, scanMessage(bytes), input);
}

/** The same where the structure is known already. @param root of the octets */
export async function verifyScanned(bytes: Buffer, root: MimeEntity, input: Judgement): Promise<VerifyReport> {
  return judgeMessage(await openMessage(bytes, root, openingOf(input)), input, root);
}

/** A CMS object to verify, whom to trust, and what to open it with. */
export interface VerifyObjectInput extends Omit<VerifyInput, 'message'> {
  /** A CMS ContentInfo, BER or DER. */
  readonly der: Uint8Array;
}

/**
 * Judges a CMS object that came without a message around it. Nobody says whom it is from, so that its signers' identity is
 * `unknown` unless `expectFrom` or a protected header names an address. Never throws.
 */
export async function verifyObject(input: VerifyObjectInput): Promise<VerifyReport> {
  return judgeMessage(await openObject(asBuffer(input.der), openingOf(input)), input, undefined);
}

type Judgement = Omit<VerifyInput, 'message'>;

const openingOf = ({ keys = [], legacy = false }: Judgement): OpeningInput => ({ keys, legacy });

/** @param root the message whose header was delivered; undefined for an object without one */
export function judgeMessage(opened: OpenedLayers, input: Judgement, root: MimeEntity | undefined): VerifyReport {
  const { payload } = opened;
  const seal = opened.layers.findLastIndex((layer) => !isSignedLayer(layer) && layer.kind !== 'compressed-data');
  const enveloped = seal >= 0 || opened.layers.some(isSignedLayer);
  const reading = payload && enveloped ? readProtectedHeaders(payload, root, seal >= 0) : undefined;
  const delivered = root && originatorOf(root);
  const expectation = expectedSigner(input, reading?.originator ?? delivered);
  const doubts = [...opened.ambiguities, ...(delivered?.problems ?? []), ...(reading?.problems ?? [])];
  const problems = [...doubts, ...opened.problems];

  // Within the last encryption a signature vouches for what is shown; outside of it, for a ciphertext whose text its signer may not know.
  const author = opened.layers.findLastIndex((layer, index) => index > seal && isSignedLayer(layer));
  const judged = opened.layers.map((layer, index) =>
    isSignedLayer(layer) ? judgeSigned(layer, input, index === author ? expectation : nobody) : { report: layer },
  );
  const part = author < 0 && payload ? judgePart(payload, input, expectation) : undefined;
  if (part?.judged) judged.push(part.judged);
  const layers = judged.map(({ report }) => report);
  problems.push(...layers.flatMap((layer) => layer.problems), ...(part?.problems ?? []));

  const counting = author < 0 ? part?.judged : (judged[author] as Judged);
  const signature = counting?.report.verdict === 'unsigned' ? undefined : counting;
  if (signature) noteTimes(reading, root, signature.report.signers, problems);
  if (signature && seal >= 0) problems.push(...judgeRecipients(reading, input));
  if (
    !signature &&
    layers.some((layer, index) => index < seal && isSignedReport(layer) && layer.verdict !== 'unsigned')
  )
    problems.push(signedOutside);

  const sound =
    signature !== undefined &&
    layers.every((layer) => !isSignedReport(layer) || layer.verdict === 'valid') &&
    !problems.some(isError);
  const named = signature?.report.signers.every(({ identity }) => identity === 'match') === true;
  const broken = layers.findLast((layer) => isSignedReport(layer) && layer.verdict === 'invalid');
  const spoilt =
    layers.some((layer) => layer.problems.some(({ code }) => code === 'decryption-failed')) ||
    opened.problems.some(isError);
  const bound = sound && named;
  return {
    verdict: doubts.some(isError)
      ? 'ambiguous'
      : broken || spoilt
        ? 'invalid'
        : signature === undefined
          ? 'unsigned'
          : sound && (named || root === undefined)
            ? 'valid'
            : 'invalid',
    layers,
    signers: signature?.report.signers ?? (broken && isSignedReport(broken) ? broken.signers : []),
    from: (bound ? reading?.originator?.from : undefined) ?? delivered?.from ?? [],
    covers: signature?.report.covers ?? 'none',
    ...(reading && { protectedHeaders: protectionOf(reading, seal >= 0, sound) }),
    content: signature?.content,
    problems,
  };
}

interface Judged {
  readonly report: SignedLayerReport;
  readonly content: Uint8Array | undefined;
}

function judgeSigned(layer: SignedLayer, input: TrustInput, expectation: Expected): Judged {
  const { kind, found, data } = layer;
  const judged = data && judgeLayer(layer, data, input, expectation);
  const problems = [...found.problems, ...layer.problems, ...(judged?.problems ?? [])];
  const signers = judged?.signers ?? [];
  const right = judged !== undefined && !problems.some(isError) && signers.every(isSound);
  const verdict = right ? (judged.certificatesOnly ? 'unsigned' : 'valid') : 'invalid';
  return { report: { kind, verdict, covers: found.covers, signers, problems }, content: judged?.content };
}

/** A signature among the parts of what is shown, which says nothing of the others; in a forwarded message, nothing of this one. */
function judgePart(
  { entity, evidence }: Payload,
  input: TrustInput,
  expectation: Expected,
): { judged?: Judged; problems: readonly Problem[] } | undefined {
  const found = findPartialSignature(entity, evidence.kindOf);
  if (found === undefined) return undefined;
  if (found.embedded) return { problems: found.problems };
  return { judged: judgeSigned(evidence.signedLayer(found), input, expectation), problems: [] };
}

type Expected = Omit<Expectation, 'micalg'>;

const nobody: Expected = { addresses: [], sender: undefined };

function expectedSigner({ expectFrom }: Judgement, originator: Originator | undefined): Expected {
  return {
    addresses: expectFrom === undefined ? (originator?.from ?? []) : [expectFrom],
    sender: originator?.sender,
  };
}

/** Whoever opens a signed message can encrypt it again to somebody else, who then takes it for his own (Davis, 2001). */
function judgeRecipients(reading: HeaderReading | undefined, { keys, expectRecipients }: Judgement): Problem[] {
  if (reading === undefined) return [recipientsUnsigned];
  const own =
    expectRecipients ??
    (keys ?? []).flatMap((key) => ('certificate' in key && key.certificate ? certificateEmails(key.certificate) : []));
  const named = reading.fields
    .filter(({ name }) => name === 'to' || name === 'cc' || name === 'bcc' || name === 'from')
    .flatMap(({ value }) => parseAddressHeader(value).mailboxes.map(({ address }) => mailboxKey(address)));
  if (own.length === 0 || own.some((address) => named.includes(mailboxKey(address)))) return [];
  return [
    problem(
      'error',
      'recipient-not-named',
      `The signed header does not name ${own.join(', ')} among its recipients: somebody may have passed the message on as if it were meant for you.`,
      'RFC 9788 section 4.8.1',
    ),
  ];
}

/** RFC 8551 2.5.1: the signing time is a claim. One far from Date is a sign of a replayed or delayed signature. */
function noteTimes(
  reading: HeaderReading | undefined,
  root: MimeEntity | undefined,
  signers: readonly SignerReport[],
  problems: Problem[],
): void {
  const field = reading?.fields.find(({ name }) => name === 'date')?.value ?? (root && headerValue(root, 'date'));
  const date = Date.parse(field?.replace(/\([^()]*\)/g, '') ?? '');
  if (Number.isNaN(date)) return;
  const far = signers.some(
    ({ signingTime }) => signingTime !== undefined && Math.abs(signingTime.getTime() - date) > hour,
  );
  if (far) problems.push(signedAtAnotherTime);
}

const hour = 3_600_000;

const isError = ({ severity }: Problem): boolean => severity === 'error';
const isSignedLayer = (layer: OpenedLayer): layer is SignedLayer => 'found' in layer;
const isSignedReport = (layer: LayerReport): layer is SignedLayerReport => 'signers' in layer;

const signedOutside = problem(
  'error',
  'signature-outside-encryption',
  'Only the ciphertext is signed. Who signed it need not have written, nor know, what is in it.',
  'RFC 8551 section 3.7',
);
const recipientsUnsigned = problem(
  'info',
  'recipients-not-signed',
  'The signature does not say for whom the message was: any of its readers may have encrypted it again.',
  'RFC 9788 section 1',
);
const signedAtAnotherTime = problem(
  'warning',
  'signing-time-far-from-date',
  'The signing time is more than an hour from the Date of the message.',
  'RFC 8551 section 2.5.1',
);
