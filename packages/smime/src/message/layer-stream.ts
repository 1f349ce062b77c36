/**
 * The layers of a message that goes by, from the outside in: signatures one within another, as far as the first layer that has to
 * be opened. What `openMessage` finds in octets at hand, in memory that does not grow with them.
 */
import type { Budget } from '../asn1/ber-stream.ts';
import { DerReader } from '../asn1/der.ts';
import { readSignedData } from '../cms/signed-data.ts';
import { CmsReader, type ContentComes, type Skeleton } from '../cms/stream-read.ts';
import { SmimeError } from '../errors.ts';
import { type DigestName, digestOfOid } from '../keys/algorithms.ts';
import { limits } from '../limits.ts';
import { allAmbiguities, headerFields, type MimeEntity } from '../mime/entity.ts';
import { bodyDecoder, type Stage } from '../mime/stream-encoding.ts';
import type { Sink, StreamedEntity } from '../mime/stream-entity.ts';
import { MessageScanner } from '../mime/stream-scan.ts';
import type { Problem } from '../problem.ts';
import { ContentDigests } from './content-digests.ts';
import { type Evidence, readSigned, type SignedLayer } from './evidence.ts';
import { type FoundSignature, signatureOf } from './find-signature.ts';
import type { HandOut } from './hand-out.ts';
import { isObjectType, kindOfContent, type Layer } from './layer.ts';
import { alone, headless, isHeadless, type OpenedLayers, tooManyLayers, unknownObject } from './open-layers.ts';
import { announcesSignature, isSigned, PassingSignature, unreadLayer } from './passing-signature.ts';
import { mayProtect } from './protected-headers.ts';

/** What comes: an entity with its header, or an object. */
export type Form =
  /** `text`: it was encrypted; old software encrypted text without a header. */
  | { readonly kind: 'entity'; readonly text: boolean }
  /** `within`: its content type, where it comes without a ContentInfo around it (RFC 5652 section 5.1, 6.1). */
  | { readonly kind: 'object'; readonly within: string | undefined };

export interface LayerStreamInput {
  readonly form: Form;
  /** Layers around it. */
  readonly depth: number;
  /** The outermost layer is an object and no message: its content may be anything. */
  readonly bare: boolean;
  /** Gets what is signed, where signatures are to be judged. */
  readonly hand?: HandOut;
  /** Asked for the sink of what the first encrypted or compressed layer holds. */
  readonly sealed?: (start: Skeleton) => Sink;
}

/** A layer that has to be opened before anything within it can be read. */
export interface SealedLayer {
  /** Undefined where its structure cannot be read: `failure` says why. */
  readonly complete: Skeleton | undefined;
  readonly failure: SmimeError | undefined;
  readonly kind: Exclude<NonNullable<ReturnType<typeof kindOfContent>>, 'signed-data'>;
  /** The entity whose body it is, where it is one. */
  readonly place: MimeEntity | undefined;
  /** Whether the object has content. */
  readonly carried: boolean;
}

/** What was found. `payload` is undefined where a sealed layer holds it. */
export interface SeenLayers extends OpenedLayers {
  readonly layers: readonly SignedLayer[];
  /** The entity that was delivered; undefined for an object. */
  readonly root: StreamedEntity | undefined;
  readonly sealed: SealedLayer | undefined;
}

export class LayerStream implements Stage {
  private readonly input: LayerStreamInput;
  private readonly outermost: EntityReading | ObjectReading;

  constructor(input: LayerStreamInput) {
    this.input = input;
    const passage = new Passage(input);
    this.outermost =
      input.form.kind === 'entity'
        ? new EntityReading(passage)
        : new ObjectReading(passage, input.form.within, passage.budget);
  }

  push(octets: Buffer): void {
    this.outermost.push(octets);
  }

  end(): void {
    this.outermost.end();
  }

  /** Once it has ended. */
  get sealedLayer(): Skeleton | undefined {
    return this.seen().sealed?.complete;
  }

  /** True as soon as the types of what came show that no header of a message within is protected, as far as that is not closed. */
  get unprotected(): boolean {
    return this.outermost.unprotected;
  }

  seen(): SeenLayers {
    const { form, depth, bare } = this.input;
    const walk = new Walk(depth, bare);
    const found =
      this.outermost instanceof EntityReading
        ? walk.throughEntity(this.outermost, form.kind === 'entity' && form.text)
        : walk.throughObject(this.outermost, undefined);
    return {
      layers: walk.layers,
      ambiguities: walk.ambiguities,
      problems: walk.problems,
      payload: found && 'entity' in found ? found : undefined,
      sealed: found && 'kind' in found ? found : undefined,
      root: this.outermost instanceof EntityReading ? this.outermost.root : undefined,
    };
  }
}

/** What all layers of one passage share. */
class Passage {
  readonly hand: HandOut | undefined;
  readonly sealed: LayerStreamInput['sealed'];
  readonly budget: Budget = { left: limits.streamStructureOctets };
  private depth: number;

  constructor({ hand, sealed, depth }: LayerStreamInput) {
    this.hand = hand;
    this.sealed = sealed;
    this.depth = depth;
  }

  /** False where there are too many layers: each costs the digests of all that is within it. */
  enter(): boolean {
    return this.depth++ < limits.layers;
  }
}

/** A MIME entity, and the layers that its own structure makes: multipart/signed one within another. */
class EntityReading {
  root: StreamedEntity | undefined;
  readonly signatures = new Map<StreamedEntity, PassingSignature>();
  readonly objects = new Map<StreamedEntity, ObjectReading>();
  /** Of the parts of what is shown: objects of which only the kind is known. */
  private readonly kinds = new Map<MimeEntity, Layer['kind']>();
  private readonly passage: Passage;
  private readonly scanner: MessageScanner;
  private readonly decoders = new Map<StreamedEntity, Stage>();
  /** The innermost entity that is a layer, or may be one. */
  private tip: StreamedEntity | undefined;
  /** What is shown, as far as is known. */
  private payload: StreamedEntity | undefined;
  /** The first part of it that is signed, or may be. */
  private part: StreamedEntity | undefined;

  constructor(passage: Passage) {
    this.passage = passage;
    this.scanner = new MessageScanner({
      begun: (entity) => this.begun(entity),
      described: (entity) => this.described(entity),
      ended: (entity) => this.ended(entity),
    });
  }

  push(octets: Buffer): void {
    this.scanner.push(octets);
  }

  end(): void {
    this.root = this.scanner.end();
  }

  /** No entity that may turn out to be what is shown has the mark of a protected header, or is a message of its own. */
  get unprotected(): boolean {
    const object = this.tip && this.objects.get(this.tip);
    if (this.payload === undefined && !object?.unprotected) return false;
    for (let at = this.payload ?? this.tip; at !== undefined; at = at.parent) if (mayProtect(at)) return false;
    return true;
  }

  readonly evidence: Evidence = {
    kindOf: (entity) => (isSigned(entity) ? 'clear-signed' : (this.kinds.get(entity) ?? 'none')),
    signedLayer: (found) => {
      const { part } = this;
      const object = part && this.objects.get(part);
      if (part !== undefined && found.form === 'opaque' && found.object === part && object) return object.layer(found);
      const signature = part && this.signatures.get(part);
      const own = found.object === undefined || part?.parts[1] === found.object;
      return signature && found.form === 'clear' && own ? signature.layer(found) : unreadLayer(found);
    },
  };

  private begun(entity: StreamedEntity): Sink | undefined {
    const { parent } = entity;
    const signature = parent?.parts[0] === entity ? this.signatures.get(parent) : undefined;
    if (parent === undefined || signature === undefined) return undefined;
    const { hand } = this.passage;
    if (parent === this.tip) {
      this.tip = entity;
      if (announcesSignature(parent)) hand?.begin(signature);
    } else if (!isForwarded(parent)) hand?.part(signature);
    if (hand === undefined) return undefined;
    return (octets) => {
      signature.update(octets);
      hand.give(signature, octets);
    };
  }

  private described(entity: StreamedEntity): Sink | undefined {
    const { parent } = entity;
    if (parent === undefined) this.tip = entity;
    if (entity === this.tip) return this.describeTip(entity);
    const signature = parent?.parts[1] === entity ? this.signatures.get(parent) : undefined;
    if (signature) return signature.signatureSink(entity);
    const candidate = this.payload !== undefined && this.part === undefined && isWithin(entity, this.payload);
    return candidate && this.passage.hand ? this.describePart(entity) : undefined;
  }

  private describeTip(entity: StreamedEntity): Sink | undefined {
    const { passage } = this;
    if (entity.contentType.type === 'multipart/signed') {
      if (!passage.enter()) return undefined;
      this.signatures.set(entity, new PassingSignature(entity));
      // Perhaps it is signed in another way, and then it is what is shown.
      if (!announcesSignature(entity)) passage.hand?.settle();
      return undefined;
    }
    if (isObjectType(entity)) return this.readObject(entity, new ObjectReading(passage, undefined, passage.budget));
    this.payload = entity;
    passage.hand?.settle();
    return undefined;
  }

  /** Only the first signature on a part is looked at, as where the octets are at hand. */
  private describePart(entity: StreamedEntity): Sink | undefined {
    if (isSigned(entity)) {
      this.part = entity;
      this.signatures.set(entity, new PassingSignature(entity));
      return undefined;
    }
    if (!isObjectType(entity)) return undefined;
    this.part = entity;
    return this.readObject(entity, new ObjectReading(this.passage, undefined, undefined, isForwarded(entity)));
  }

  private readObject(entity: StreamedEntity, object: ObjectReading): Sink {
    this.objects.set(entity, object);
    const decoder = bodyDecoder(entity.transferEncoding, (octets) => object.push(octets));
    this.decoders.set(entity, decoder);
    return decoder.push;
  }

  private ended(entity: StreamedEntity): void {
    const object = this.objects.get(entity);
    if (object === undefined) return;
    this.decoders.get(entity)?.end();
    this.decoders.delete(entity);
    object.end();
    if (entity !== this.part) return;
    const kind = object.kind ?? 'unknown-cms';
    this.kinds.set(entity, kind);
    if (kind === 'signed-data') return;
    this.part = undefined;
    this.objects.delete(entity);
  }
}

/** A CMS object, and what is in its content. */
class ObjectReading {
  /** What its content holds, where that is MIME or a further object. */
  inner: EntityReading | ObjectReading | undefined;
  failure: SmimeError | undefined;
  private readonly reader: CmsReader;
  private readonly passage: Passage;
  private readonly isPart: boolean;
  private readonly forwarded: boolean;
  private digests: ContentDigests | undefined;
  private known = false;

  /** @param budget undefined: an object among the parts of what is shown, within which nothing is followed */
  constructor(passage: Passage, within: string | undefined, budget: Budget | undefined, forwarded = false) {
    this.passage = passage;
    this.forwarded = forwarded;
    this.isPart = budget === undefined;
    this.reader = new CmsReader((start) => this.contentComes(start), within, budget);
  }

  push(octets: Buffer): void {
    this.guarded(() => this.reader.push(octets));
    this.learn();
  }

  end(): void {
    this.guarded(() => this.reader.end());
    this.learn();
    this.inner?.end();
    this.digests?.end();
  }

  /** Undefined for what is no object of S/MIME, or was cut short. */
  get kind() {
    const { contentType } = this.reader;
    // Damaged is not the same as another thing: within a layer it must not pass for a mere file.
    if (contentType === undefined || this.failure?.code === 'malformed-asn1') return undefined;
    return kindOfContent(contentType);
  }

  /** Also for what is encrypted once more: nobody looks into it. */
  get unprotected(): boolean {
    const { kind } = this;
    if (kind === 'signed-data') return this.inner?.unprotected === true;
    return kind === 'enveloped-data' || kind === 'auth-enveloped-data';
  }

  /** For a person: why it is not known. */
  get why(): string {
    return this.failure?.message ?? `its content is of the type ${this.reader.contentType}`;
  }

  get complete(): Skeleton | undefined {
    return this.failure ? undefined : this.reader.complete;
  }

  get carried(): boolean {
    return this.reader.carried;
  }

  layer(found: FoundSignature): SignedLayer {
    const problems: Problem[] = [];
    const { complete, digests, carried } = this;
    const data = readSigned(problems, () => {
      if (complete === undefined) throw this.failure;
      return readSignedData(new DerReader(complete.der));
    });
    const content = data && carried ? digests?.content(data.contentType) : undefined;
    return { kind: 'signed-data', found, data, content, canonical: () => undefined, problems };
  }

  private readonly contentComes: ContentComes = (start) => {
    this.learn();
    const { passage } = this;
    const kind = kindOfContent(start.contentType);
    if (kind !== 'signed-data') return this.isPart ? undefined : passage.sealed?.(start);
    const { names, contentType } = digestsOf(start.der);
    if (this.isPart) {
      if (!this.forwarded) passage.hand?.part(this);
    } else {
      if (!passage.enter()) return undefined;
      passage.hand?.begin(this);
      this.inner = kindOfContent(contentType)
        ? new ObjectReading(passage, contentType, passage.budget)
        : new EntityReading(passage);
    }
    const { hand } = passage;
    if (hand) this.digests = new ContentDigests(names);
    return (octets) => {
      this.digests?.update(octets);
      hand?.give(this, octets);
      this.inner?.push(octets);
    };
  };

  /** Says what the object is to whoever waits for it. */
  private learn(): void {
    const { contentType } = this.reader;
    if (this.known || this.isPart || (contentType === undefined && this.failure === undefined)) return;
    this.known = true;
    if (contentType !== undefined && kindOfContent(contentType)) this.passage.hand?.withdraw();
    else this.passage.hand?.settle();
  }

  /** What is wrong with an object is a finding, not an exception. */
  private guarded(read: () => void): void {
    if (this.failure) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof SmimeError)) throw error;
      this.failure = error;
    }
  }
}

/** @param der of a SignedData, as far as its content */
function digestsOf(der: Buffer): { names: DigestName[]; contentType: string } {
  const data = new DerReader(der).enter();
  data.smallInteger();
  const names: DigestName[] = [];
  const set = data.enter(0x31);
  while (!set.atEnd && names.length < limits.signers) {
    const name = digestOfOid(set.enter().oid());
    if (name) names.push(name);
  }
  return { names, contentType: data.enter().oid() };
}

type Payload = NonNullable<OpenedLayers['payload']>;

/** Through all that was read, outermost first, in the order of `openMessage`. */
class Walk {
  readonly layers: SignedLayer[] = [];
  readonly ambiguities: Problem[] = [];
  readonly problems: Problem[] = [];
  private readonly depth: number;
  private readonly bare: boolean;

  constructor(depth: number, bare: boolean) {
    this.depth = depth;
    this.bare = bare;
  }

  throughEntity(reading: EntityReading, text: boolean): Payload | SealedLayer | undefined {
    const { evidence } = reading;
    let entity = reading.root as StreamedEntity;
    if (this.bare && headerFields(entity, 'content-type').length === 0) return undefined;
    if (text && isHeadless(entity)) return { entity: headless(entity), evidence };
    for (;;) {
      const object = isObjectType(entity) ? reading.objects.get(entity) : undefined;
      if (object?.kind !== undefined) {
        this.ambiguities.push(...entity.ambiguities);
        return this.throughObject(object, entity);
      }
      if (!isSigned(entity)) {
        if (object) this.problems.push(unknownObject(object.why, this.isOutermost));
        this.ambiguities.push(...allAmbiguities(entity));
        return { entity, evidence };
      }
      this.ambiguities.push(...entity.ambiguities);
      if (this.tooMany()) return undefined;
      const found = signatureOf(entity, 'clear-signed');
      this.layers.push(reading.signatures.get(entity)?.layer(found) ?? unreadLayer(found));
      const [content, ...others] = entity.parts;
      this.ambiguities.push(...allAmbiguities(...others));
      if (content === undefined) return undefined;
      entity = content;
    }
  }

  throughObject(object: ObjectReading, place: StreamedEntity | undefined): Payload | SealedLayer | undefined {
    const { kind, carried, inner, complete } = object;
    if (kind === undefined) {
      this.problems.push(unknownObject(object.why, this.isOutermost));
      return undefined;
    }
    if (this.tooMany()) return undefined;
    if (kind !== 'signed-data') {
      return { kind, complete, failure: object.failure, carried, place };
    }
    const layer = object.layer(place ? signatureOf(place, 'signed-data') : alone);
    this.layers.push(layer);
    if (layer.data === undefined || inner === undefined) return undefined;
    return inner instanceof ObjectReading ? this.throughObject(inner, undefined) : this.throughEntity(inner, false);
  }

  private get isOutermost(): boolean {
    return this.depth + this.layers.length === 0;
  }

  private tooMany(): boolean {
    const many = this.depth + this.layers.length >= limits.layers;
    if (many) this.problems.push(tooManyLayers);
    return many;
  }
}

/** Within a message that is attached: its signature is none of this message. */
function isForwarded(entity: StreamedEntity): boolean {
  for (let at = entity.parent; at !== undefined; at = at.parent)
    if (!at.contentType.type.startsWith('multipart/')) return true;
  return false;
}

function isWithin(entity: StreamedEntity, around: StreamedEntity): boolean {
  for (let at = entity.parent; at !== undefined; at = at.parent) if (at === around) return true;
  return false;
}
