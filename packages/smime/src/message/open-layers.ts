/**
 * Takes the cryptographic layers off a message, from the outside in: signed, encrypted and compressed, in any order
 * (RFC 8551 section 3.7, RFC 2634 section 1.1). Signatures are not judged here. A ciphertext is opened only where it is the
 * whole of what surrounds it (EFAIL, 2018).
 */
import { asBuffer } from '../asn1/der.ts';
import { readAuthEnvelopedData } from '../cms/auth-enveloped-data.ts';
import { joined } from '../cms/chunks.ts';
import { readCompressedData } from '../cms/compressed-data.ts';
import { wrapContentInfo } from '../cms/content-info.ts';
import { decryptContent, describeRecipient, type OpeningInput } from '../cms/decrypt-content.ts';
import { readEnvelopedData } from '../cms/enveloped-data.ts';
import { readSignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { allAmbiguities, headerFields, type MimeEntity } from '../mime/entity.ts';
import { scanMessage } from '../mime/scan.ts';
import { type Problem, problem } from '../problem.ts';
import { type Evidence, evidenceAtHand, opaqueLayer, readSigned, type SignedLayer } from './evidence.ts';
import { type FoundSignature, signatureOf } from './find-signature.ts';
import { type CmsLayer, kindOfContent, layerOf, layerOfObject } from './layer.ts';

/** A MIME entity, and the octets that its offsets are into. */
interface Place {
  readonly bytes: Buffer;
  readonly entity: MimeEntity;
}

/** One encrypted layer, opened or not. */
export interface EncryptedLayer {
  readonly kind: 'enveloped-data' | 'auth-enveloped-data';
  readonly opened: boolean;
  /** Name of the content cipher; undefined where it is not one that can be read. */
  readonly cipher: string | undefined;
  /** Opened, and nobody altered the ciphertext. Never says who made it. */
  readonly authenticated: boolean;
  /** Everybody it names as a recipient, for a person. */
  readonly recipients: readonly string[];
  readonly problems: readonly Problem[];
}

/** One compressed layer (RFC 3274), expanded or not. */
export interface CompressedLayer {
  readonly kind: 'compressed-data';
  readonly opened: boolean;
  readonly problems: readonly Problem[];
}

export type OpenedLayer = SignedLayer | EncryptedLayer | CompressedLayer;

/** What is shown, and how to look for signatures among its parts. */
export interface Payload {
  readonly entity: MimeEntity;
  readonly evidence: Evidence;
}

export interface OpenedLayers {
  /** Outermost first. */
  readonly layers: readonly OpenedLayer[];
  /** What is shown: the entity within all layers. Undefined where a layer did not open, and for content that is no MIME. */
  readonly payload: Payload | undefined;
  /** Where an entity on the way can be read in more than one way. */
  readonly ambiguities: readonly Problem[];
  readonly problems: readonly Problem[];
}

/** The layers of a message at hand. Never throws. */
export function openMessage(bytes: Buffer, root: MimeEntity, opening: OpeningInput): Promise<OpenedLayers> {
  return openFrom({ bytes, entity: root }, opening);
}

/** The layers of a CMS object that came without a message. @param der BER or DER. Never throws. */
export function openObject(der: Buffer, opening: OpeningInput): Promise<OpenedLayers> {
  return openFrom(der, opening);
}

async function openFrom(start: Place | Buffer, opening: OpeningInput): Promise<OpenedLayers> {
  const layers: OpenedLayer[] = [];
  const ambiguities: Problem[] = [];
  const problems: Problem[] = [];
  const bare = Buffer.isBuffer(start);
  let expanded = 0;
  let at: Place | Buffer | undefined = start;
  while (at !== undefined) {
    const place: Place | undefined = Buffer.isBuffer(at) ? undefined : at;
    const layer = Buffer.isBuffer(at) ? layerOfObject(at) : layerOf(at.bytes, at.entity);
    if (layer.kind === 'none' || layer.kind === 'unknown-cms') {
      if (layer.kind === 'unknown-cms') problems.push(unknownObject(layer.why, layers.length === 0));
      if (!place) break;
      ambiguities.push(...allAmbiguities(place.entity));
      const payload = { entity: place.entity, evidence: evidenceAtHand(place.bytes) };
      return { layers, payload, ambiguities, problems };
    }
    if (place) ambiguities.push(...place.entity.ambiguities);
    if (layers.length >= limits.layers) {
      problems.push(tooManyLayers);
      break;
    }
    const opened: Opened = await openLayer(layer, place, opening, bare);
    layers.push(opened.layer);
    if (opened.layer.kind === 'compressed-data') expanded += sizeOf(opened.inside);
    if (expanded > limits.decompressedOctets) {
      problems.push(tooLarge);
      break;
    }
    // The first part of a multipart/signed comes next; the others are nowhere else.
    if (layer.kind === 'clear-signed') ambiguities.push(...allAmbiguities(...(place?.entity.parts.slice(1) ?? [])));
    at = opened.inside;
  }
  return { layers, payload: undefined, ambiguities, problems };
}

function openLayer(
  layer: CmsLayer | { readonly kind: 'clear-signed' },
  place: Place | undefined,
  opening: OpeningInput,
  bare: boolean,
): Opened | Promise<Opened> {
  if (layer.kind === 'clear-signed') return openClear(place as Place);
  if (layer.kind === 'signed-data') return openOpaque(layer, place, bare);
  if (layer.kind === 'compressed-data') return expand(layer, bare);
  return decrypt(layer, place, opening, bare);
}

const sizeOf = (inside: Place | Buffer | undefined): number =>
  (inside && 'bytes' in inside ? inside.bytes : inside)?.length ?? 0;

/** A layer, and what lies within it: undefined where that is closed, or no MIME. */
interface Opened {
  readonly layer: OpenedLayer;
  readonly inside: Place | Buffer | undefined;
}

function openClear({ bytes, entity }: Place): Opened {
  const [content] = entity.parts;
  return {
    layer: evidenceAtHand(bytes).signedLayer(signatureOf(entity, 'clear-signed')),
    inside: content && { bytes, entity: content },
  };
}

function openOpaque(layer: CmsLayer, place: Place | undefined, bare: boolean): Opened {
  const problems: Problem[] = [];
  const data = readSigned(problems, () => readSignedData(layer.content));
  const found = place ? signatureOf(place.entity, 'signed-data') : alone;
  return {
    layer: opaqueLayer(found, data, problems),
    inside: data?.content && inside(data.contentType, data.content, bare),
  };
}

/** The signature of an object that came without a message. */
export const alone: FoundSignature = {
  form: 'opaque',
  object: undefined,
  content: undefined,
  covers: 'whole',
  embedded: false,
  micalg: undefined,
  problems: [],
};

function expand(layer: CmsLayer, bare: boolean): Opened {
  try {
    const { contentType, content } = readCompressedData(layer.content);
    return {
      layer: { kind: 'compressed-data', opened: true, problems: [] },
      inside: inside(contentType, content, bare),
    };
  } catch (error) {
    return {
      layer: { kind: 'compressed-data', opened: false, problems: [stays(error, 'RFC 3274')] },
      inside: undefined,
    };
  }
}

async function decrypt(
  layer: CmsLayer,
  place: Place | undefined,
  opening: OpeningInput,
  bare: boolean,
): Promise<Opened> {
  const kind = layer.kind === 'auth-enveloped-data' ? layer.kind : 'enveloped-data';
  let cipher: string | undefined;
  let recipients: readonly string[] = [];
  const closed = (...problems: Problem[]): Opened => ({
    layer: { kind, opened: false, cipher, authenticated: false, recipients, problems },
    inside: undefined,
  });
  try {
    const envelope = (kind === 'enveloped-data' ? readEnvelopedData : readAuthEnvelopedData)(layer.content);
    cipher = envelope.content.cipher;
    recipients = envelope.recipients.map(describeRecipient);
  } catch (error) {
    return closed(stays(error, 'RFC 5652 section 6'));
  }
  if (opening.keys.length === 0) return closed(noKey);
  // A root that can be read in two ways may be a ciphertext among other parts to somebody else.
  if (place?.entity.ambiguities.some(({ severity }) => severity === 'error')) return closed(doubtfulRoot);
  try {
    const opened = await decryptContent({ ...opening, der: layer.der });
    const problems = opened.authenticated ? [] : [unauthenticated];
    return {
      layer: { kind, opened: true, cipher, authenticated: opened.authenticated, recipients, problems },
      inside: inside(opened.contentType, asBuffer(opened.content), bare, true),
    };
  } catch (error) {
    return closed(stays(error));
  }
}

/**
 * @param bare the outermost layer is an object and no message: its content may be anything
 * @param text it was encrypted
 */
function inside(contentType: string, content: Buffer, bare: boolean, text = false): Place | Buffer | undefined {
  // RFC 5652 5.1, 6.1: CMS directly within CMS is the inner structure without its ContentInfo.
  if (kindOfContent(contentType)) return joined(wrapContentInfo(contentType, content));
  const entity = scanMessage(content);
  if (bare && headerFields(entity, 'content-type').length === 0) return undefined;
  return { bytes: content, entity: text && isHeadless(entity) ? headless(entity) : entity };
}

/** Old software encrypted text without a header; all of it is body then. */
export const isHeadless = ({ headers, ambiguities }: MimeEntity): boolean =>
  headers.length === 0 && ambiguities.some(({ code }) => code === 'malformed-header-line');
export const headless = (entity: MimeEntity): MimeEntity => ({
  ...entity,
  headerEnd: 0,
  bodyStart: 0,
  ambiguities: [],
});

export function stays(error: unknown, clause?: string): Problem {
  if (!(error instanceof SmimeError)) throw error;
  return problem('error', error.code, `A layer of the message stays closed: ${error.message}.`, clause);
}

/** @param outermost else it is shown as a file, and covered by whatever signature is around it */
export const unknownObject = (why: string, outermost: boolean): Problem =>
  problem(
    outermost ? 'error' : 'warning',
    'unknown-object',
    `What says it is an S/MIME object cannot be read as one: ${why}.`,
    'RFC 8551 section 3.2',
  );
export const tooManyLayers = problem(
  'error',
  'too-many-layers',
  `The message has more than ${limits.layers} layers, one within another; the rest was not opened.`,
);
export const tooLarge = problem(
  'error',
  'limit-exceeded',
  `The compressed layers expand to more than ${limits.decompressedOctets} octets in all; the rest was not opened.`,
  'RFC 3274',
);
export const noKey = problem('info', 'no-key', 'The content is encrypted, and no key to open it was given.');
export const doubtfulRoot = problem(
  'error',
  'ambiguous-ciphertext',
  'The ciphertext stays closed, since what surrounds it can be read in more than one way.',
  'RFC 8551 section 6',
);
export const unauthenticated = problem(
  'info',
  'unauthenticated-cipher',
  'The cipher does not show whether the ciphertext was altered; only a signature inside can.',
  'RFC 8551 section 6',
);
