/** All layers of a message that comes as a stream: a layer that has to be opened is read again, as often as there are such layers. */
import { DerReader } from '../asn1/der.ts';
import { readCompression } from '../cms/compressed-data.ts';
import { requireModern } from '../cms/content-encryption.ts';
import { describeRecipient, type OpeningInput, readEnvelopeOf } from '../cms/decrypt-content.ts';
import { Seals } from '../cms/seals.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { sourceChanged } from '../mime/stream-canonical.ts';
import { type Problem, problem } from '../problem.ts';
import { piecesOf, type ReopenableSource, type StreamSource, through } from './byte-source.ts';
import { CiphertextReading } from './encrypted-reading.ts';
import { expanded } from './expand-stream.ts';
import { HandOut } from './hand-out.ts';
import { kindOfContent } from './layer.ts';
import { type Form, LayerStream, type LayerStreamInput, type SealedLayer, type SeenLayers } from './layer-stream.ts';
import { candidateKeys, decideFirst } from './open-ciphertext.ts';
import {
  type CompressedLayer,
  doubtfulRoot,
  type EncryptedLayer,
  noKey,
  type OpenedLayer,
  type OpenedLayers,
  stays,
  tooLarge,
  unauthenticated,
} from './open-layers.ts';

/** What the stream held; `root` is undefined where it was an object. */
export interface OpenedStream extends OpenedLayers {
  readonly root: SeenLayers['root'];
}

/** Yields the content of the innermost signature while it goes by, as long as somebody wants it. Throws what the source throws, and `source-changed`. */
export async function* openStream(
  source: StreamSource,
  form: Form,
  opening: OpeningInput,
  wanted: () => boolean,
): AsyncGenerator<Buffer, OpenedStream, void> {
  const layers: OpenedLayer[] = [];
  const ambiguities: Problem[] = [];
  const problems: Problem[] = [];
  let root: SeenLayers['root'];
  let inflated = 0;
  let at: Place = { source: typeof source === 'function' ? steady(source) : source, form };
  const bare = form.kind === 'object';
  for (let first = true; ; first = false) {
    const hand = new HandOut(!isVouchedFor(layers), wanted);
    const reading = { form: at.form, depth: layers.length, bare };
    const passage = new LayerStream({ ...reading, hand });
    for await (const piece of piecesOf(at.source)) {
      passage.push(piece);
      yield* hand.ready.splice(0);
    }
    passage.end();
    yield* hand.ready.splice(0);
    const seen = passage.seen();
    if (first) root = seen.root;
    layers.push(...seen.layers);
    ambiguities.push(...seen.ambiguities);
    problems.push(...seen.problems);
    const { sealed, payload } = seen;
    if (sealed === undefined) return { layers, payload, ambiguities, problems, root };
    const opened: Opened =
      sealed.kind === 'compressed-data'
        ? await expand(sealed, at.source, reading)
        : await decrypt({ ...sealed, kind: sealed.kind }, at.source, reading, opening);
    layers.push(opened.layer);
    inflated += opened.expanded ?? 0;
    if (inflated > limits.decompressedOctets) problems.push(tooLarge);
    if (opened.inside === undefined || inflated > limits.decompressedOctets)
      return { layers, payload: undefined, ambiguities, problems, root };
    at = opened.inside;
  }
}

/** Whether a signature counts for what lies within these layers: one within the last encryption. */
function isVouchedFor(layers: readonly OpenedLayer[]): boolean {
  const seal = layers.findLastIndex((layer) => 'cipher' in layer);
  return layers.some((layer, index) => index > seal && 'found' in layer);
}

interface Place {
  readonly source: StreamSource;
  readonly form: Form;
}

interface Opened {
  readonly layer: EncryptedLayer | CompressedLayer;
  readonly inside?: Place;
  /** Octets that a compressed layer became. */
  readonly expanded?: number;
}

type Reading = Omit<LayerStreamInput, 'hand' | 'sealed'>;

async function decrypt(
  sealed: SealedLayer & { readonly kind: EncryptedLayer['kind'] },
  source: StreamSource,
  reading: Reading,
  opening: OpeningInput,
): Promise<Opened> {
  const { kind, complete, failure, place } = sealed;
  let cipher: string | undefined;
  let recipients: readonly string[] = [];
  const closed = (...problems: Problem[]): Opened => ({
    layer: { kind, opened: false, cipher, authenticated: false, recipients, problems },
  });
  try {
    if (complete === undefined) throw failure;
    const envelope = readEnvelopeOf(complete.contentType, new DerReader(complete.der));
    cipher = envelope.content.cipher;
    recipients = envelope.recipients.map(describeRecipient);
  } catch (error) {
    return closed(stays(error, 'RFC 5652 section 6'));
  }
  if (opening.keys.length === 0) return closed(noKey);
  // A root that can be read in two ways may be a ciphertext among other parts to somebody else.
  if (place?.ambiguities.some(({ severity }) => severity === 'error')) return closed(doubtfulRoot);
  if (typeof source !== 'function') return closed(readOnce);
  const read = () => new CiphertextReading(source, (sink) => new Ciphertext({ ...reading, sealed: sink }));
  try {
    const ciphertext = read();
    const envelope = await ciphertext.start();
    try {
      requireModern(envelope.content, opening.legacy ?? false);
      const candidates = await candidateKeys(envelope, opening, true);
      const text = await decideFirst(ciphertext, candidates, read);
      const authenticated = kind === 'auth-enveloped-data';
      const problems = authenticated ? [] : [unauthenticated];
      return {
        layer: { kind, opened: true, cipher, authenticated, recipients, problems },
        inside: { source: text, form: formOf(envelope.content.contentType, true) },
      };
    } finally {
      await ciphertext.close();
    }
  } catch (error) {
    if (error instanceof SmimeError && error.code === 'source-changed') throw error;
    return closed(stays(error));
  }
}

class Ciphertext extends LayerStream {
  override end() {
    super.end();
    return this.sealedLayer;
  }
}

async function expand(sealed: SealedLayer, source: StreamSource, reading: Reading): Promise<Opened> {
  const closed = (why: Problem): Opened => ({ layer: { kind: 'compressed-data', opened: false, problems: [why] } });
  if (typeof source !== 'function') return closed(readOnce);
  const open: ReopenableSource = () =>
    expanded(through(piecesOf(source), (out) => new LayerStream({ ...reading, sealed: () => out })));
  try {
    if (sealed.complete === undefined) throw sealed.failure;
    const { contentType } = readCompression(new DerReader(sealed.complete.der));
    if (!sealed.carried) throw new SmimeError('unexpected-structure', 'there is no compressed content');
    let length = 0;
    for await (const octets of open()) length += octets.length;
    return {
      layer: { kind: 'compressed-data', opened: true, problems: [] },
      inside: { source: open, form: formOf(contentType, false) },
      expanded: length,
    };
  } catch (error) {
    if (error instanceof SmimeError && error.code === 'source-changed') throw error;
    return closed(stays(error, 'RFC 3274'));
  }
}

/** RFC 5652 5.1, 6.1: CMS directly within CMS is the inner structure without its ContentInfo. */
const formOf = (contentType: string, text: boolean): Form =>
  kindOfContent(contentType) ? { kind: 'object', within: contentType } : { kind: 'entity', text };

/**
 * The same octets at each reading: what was judged in one is shown by the next. The first is to be read to its end; the
 * others throw `source-changed` before anything else is handed on.
 */
function steady(source: ReopenableSource): ReopenableSource {
  const seals = new Seals();
  let marked = false;
  async function* mark(): AsyncGenerator<Buffer, void, void> {
    for await (const piece of piecesOf(source)) {
      seals.mark(piece);
      yield piece;
    }
    seals.markEnd();
    marked = true;
  }
  async function* check(): AsyncGenerator<Buffer, void, void> {
    seals.restart();
    for await (const piece of piecesOf(source)) yield* unchanged(seals.check(piece));
    yield* unchanged(seals.checkEnd());
  }
  return () => (marked ? check() : mark());
}

function unchanged(pieces: readonly Buffer[] | undefined): readonly Buffer[] {
  if (pieces === undefined) throw sourceChanged();
  return pieces;
}

const readOnce = problem(
  'error',
  'source-read-once',
  'An encrypted or compressed layer stays closed: to look into it the message must be read again, and its source can be read only once.',
);
