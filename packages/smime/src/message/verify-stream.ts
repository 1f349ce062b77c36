/** Verifies a message of any size while it goes by: one signed layer, and the structure of what is in it (RFC 8551 section 3.5). */
import { DerReader } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { describeRecipient, readEnvelopeOf } from '../cms/decrypt-content.ts';
import { readSignedData, type SignedData } from '../cms/signed-data.ts';
import { CmsReader } from '../cms/stream-read.ts';
import { SmimeError } from '../errors.ts';
import { type DigestName, digestOfOid } from '../keys/algorithms.ts';
import { limits } from '../limits.ts';
import { allAmbiguities, type MimeEntity } from '../mime/entity.ts';
import { bodyDecoder, type Stage } from '../mime/stream-encoding.ts';
import type { Sink, StreamedEntity } from '../mime/stream-entity.ts';
import { MessageScanner } from '../mime/stream-scan.ts';
import { type Problem, problem } from '../problem.ts';
import { piecesOf, type StreamSource } from './byte-source.ts';
import { ContentDigests } from './content-digests.ts';
import { type Evidence, readSigned, type SignedLayer } from './evidence.ts';
import { signatureOf } from './find-signature.ts';
import { isObjectType, isSignatureType, kindOfContent } from './layer.ts';
import { noKey, type OpenedLayer, type OpenedLayers, unknownObject } from './open-layers.ts';
import { judgeMessage, type VerifyInput, type VerifyReport } from './verify.ts';

/** A message to verify, where to read it from, and whom to trust. */
export interface VerifyStreamInput extends Omit<VerifyInput, 'message' | 'keys' | 'expectRecipients'> {
  /** A whole RFC 5322 message, as it arrived. It is read once. */
  readonly source: StreamSource;
}

/** A message on its way through `verifyStream`. */
export interface VerifyingStream {
  /** The signed entity, as it stands in the message, while it goes by: nobody vouches for it before the verdict. */
  readonly unverified: AsyncIterable<Uint8Array>;
  /** Reads what was not read yet, and judges. `content` is undefined: it went by. */
  report(): Promise<VerifyReport>;
}

/**
 * Judges a message as `verifyMessage` does, in memory that does not grow with it, where one layer is signed. A further layer within it is
 * not followed, nor a signature on a part: that is an error in the report, so that the verdict is never `valid` for it. Throws only
 * what the source throws.
 */
export function verifyStream(input: VerifyStreamInput): VerifyingStream {
  const passing = new Passing();
  let report: VerifyReport | undefined;
  async function* read(): AsyncGenerator<Uint8Array, void, void> {
    for await (const piece of piecesOf(input.source)) {
      passing.push(piece);
      yield* passing.handed.splice(0);
    }
    const root = passing.end();
    yield* passing.handed.splice(0);
    report = { ...judgeMessage(passing.opened(root), input, root), content: undefined };
  }
  const reading = read();
  // Without `return`: whoever leaves the loop early can still ask for the report.
  const unverified = { [Symbol.asyncIterator]: () => ({ next: () => reading.next() }) };
  return {
    unverified,
    report: async () => {
      for await (const _ of unverified);
      if (report === undefined) throw new SmimeError('invalid-argument', 'the source ended in an error before');
      return report;
    },
  };
}

/** What is kept of a message that goes by. */
class Passing {
  /** Signed octets that were not handed on yet. */
  readonly handed: Buffer[] = [];
  private readonly scanner: MessageScanner;
  private digests: ContentDigests | undefined;
  /** Of a multipart/signed: the body of the second part. */
  private signature: Buffer[] = [];
  private signatureLength = 0;
  /** Of a CMS object: its reader, what is in its content, and why it cannot be read. */
  private object: CmsReader | undefined;
  private inner: MessageScanner | undefined;
  private failure: SmimeError | undefined;
  private decoder: Stage | undefined;

  constructor() {
    this.scanner = new MessageScanner({
      begun: (entity) => {
        const [content] = entity.parent?.parts ?? [];
        return entity.parent?.parent === undefined &&
          entity === content &&
          entity.parent !== undefined &&
          isSigned(entity.parent)
          ? (octets) => this.pass(octets)
          : undefined;
      },
      described: (entity) => this.described(entity),
      ended: (entity) => {
        if (entity.parent === undefined && this.object) this.guarded(() => this.decoder?.end());
      },
    });
  }

  push(octets: Buffer): void {
    this.scanner.push(octets);
  }

  end(): StreamedEntity {
    const root = this.scanner.end();
    if (this.object) this.guarded(() => this.object?.end());
    this.digests?.end();
    return root;
  }

  private described(entity: StreamedEntity): Sink | undefined {
    if (entity.parent === undefined) {
      if (isSigned(entity)) this.digests = new ContentDigests(announced(entity));
      if (!isObjectType(entity)) return undefined;
      this.object = this.reader();
      this.decoder = bodyDecoder(entity.transferEncoding, (octets) => this.object?.push(octets));
      return (octets) => this.guarded(() => this.decoder?.push(octets));
    }
    if (entity.parent.parent === undefined && isSigned(entity.parent) && entity.parent.parts[1] === entity) {
      const decoder = bodyDecoder(entity.transferEncoding, (octets) => this.keepSignature(octets));
      this.decoder = decoder;
      return decoder.push;
    }
    return undefined;
  }

  private reader(): CmsReader {
    return new CmsReader(({ contentType, der }) => {
      if (kindOfContent(contentType) !== 'signed-data') return undefined;
      const data = new DerReader(der).enter();
      data.smallInteger();
      const names: DigestName[] = [];
      for (const set = data.enter(0x31); !set.atEnd && names.length < limits.signers; ) {
        const name = digestOfOid(set.enter().oid());
        if (name) names.push(name);
      }
      this.digests = new ContentDigests(names);
      this.inner = new MessageScanner();
      return (octets) => {
        this.pass(octets);
        this.inner?.push(octets);
      };
    });
  }

  private pass(octets: Buffer): void {
    this.digests?.update(octets);
    this.handed.push(Buffer.from(octets));
  }

  private keepSignature(octets: Buffer): void {
    this.signatureLength += octets.length;
    if (this.signatureLength <= limits.streamStructureOctets) this.signature.push(Buffer.from(octets));
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

  opened(root: StreamedEntity): OpenedLayers {
    if (isSigned(root)) return this.openedClear(root);
    if (this.object) return this.openedObject(root, this.object);
    return { layers: [], payload: { entity: root, evidence }, ambiguities: allAmbiguities(root), problems: [] };
  }

  private openedClear(root: StreamedEntity): OpenedLayers {
    const problems: Problem[] = [];
    const found = signatureOf(root, 'clear-signed');
    const data = readSigned(problems, () => {
      this.decoder?.end();
      if (this.signatureLength > limits.streamStructureOctets)
        throw new SmimeError('limit-exceeded', 'the signature is too large');
      const info = readContentInfo(Buffer.concat(this.signature));
      return kindOfContent(info.contentType) === 'signed-data' ? readSignedData(info.content) : undefined;
    });
    const layer = this.layer('clear-signed', found, data, problems);
    const [content, ...others] = root.parts;
    const ambiguities = [...root.ambiguities, ...others.flatMap(allAmbiguities)];
    return content
      ? inside(layer, content, ambiguities)
      : { layers: [layer], payload: undefined, ambiguities, problems: [] };
  }

  private openedObject(root: StreamedEntity, object: CmsReader): OpenedLayers {
    const { complete } = object;
    const kind = complete && !this.failure ? kindOfContent(complete.contentType) : undefined;
    const { ambiguities } = root;
    if (complete === undefined || kind === undefined) {
      const why = this.failure?.message ?? `its content is of the type ${object.contentType}`;
      return {
        layers: [],
        payload: { entity: root, evidence },
        ambiguities: allAmbiguities(root),
        problems: [unknownObject(why, true)],
      };
    }
    if (kind !== 'signed-data')
      return { layers: closed(kind, complete.der), payload: undefined, ambiguities, problems: [] };
    const problems: Problem[] = [];
    const data = readSigned(problems, () => readSignedData(new DerReader(complete.der)));
    const layer = this.layer('signed-data', signatureOf(root, 'signed-data'), data, problems, object.carried);
    const content = this.inner?.end();
    if (data && kindOfContent(data.contentType))
      return { layers: [layer], payload: undefined, ambiguities, problems: [notFollowed] };
    return content
      ? inside(layer, content, ambiguities)
      : { layers: [layer], payload: undefined, ambiguities, problems: [] };
  }

  private layer(
    kind: SignedLayer['kind'],
    found: SignedLayer['found'],
    data: SignedData | undefined,
    problems: Problem[],
    carried = true,
  ): SignedLayer {
    const { digests } = this;
    const clear = kind === 'clear-signed';
    return {
      kind,
      found,
      data,
      content: data && carried && (!clear || found.content) ? digests?.content(data.contentType) : undefined,
      canonical: () => (data && clear ? digests?.canonical(data.contentType) : undefined),
      problems,
    };
  }
}

/** A payload, or a further layer that is not followed. */
function inside(layer: SignedLayer, content: StreamedEntity, around: readonly Problem[]): OpenedLayers {
  const ambiguities = [...around, ...allAmbiguities(content)];
  const further = isSigned(content) || isObjectType(content);
  return {
    layers: [layer],
    payload: { entity: content, evidence },
    ambiguities,
    problems: further ? [notFollowed] : [],
  };
}

/** An encrypted or compressed message stays closed here: `decryptStream` opens the one. */
function closed(
  kind: Exclude<ReturnType<typeof kindOfContent>, undefined | 'signed-data'>,
  der: Buffer,
): OpenedLayer[] {
  if (kind === 'compressed-data') return [{ kind, opened: false, problems: [notFollowed] }];
  const layer = { kind, opened: false, cipher: undefined, authenticated: false, recipients: [], problems: [noKey] };
  try {
    const envelope = readEnvelopeOf(
      kind === 'enveloped-data' ? oids.envelopedData : oids.authEnvelopedData,
      new DerReader(der),
    );
    return [{ ...layer, cipher: envelope.content.cipher, recipients: envelope.recipients.map(describeRecipient) }];
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    return [
      { ...layer, problems: [problem('error', error.code, `A layer of the message stays closed: ${error.message}.`)] },
    ];
  }
}

/** Signatures on parts went by unread. */
const evidence: Evidence = {
  kindOf: (entity) => (isSigned(entity) ? 'clear-signed' : 'none'),
  signedLayer: (found) => ({
    kind: 'clear-signed',
    found,
    data: undefined,
    content: undefined,
    canonical: () => undefined,
    problems: [notFollowed],
  }),
};

function isSigned(entity: MimeEntity): boolean {
  if (entity.contentType.type !== 'multipart/signed') return false;
  const protocol = entity.contentType.parameters.get('protocol')?.toLowerCase() ?? '';
  return isSignatureType(protocol) || entity.parts.some((part) => isSignatureType(part.contentType.type));
}

/** The digests that multipart/signed announces; all that are in use where it does not. */
function announced(entity: MimeEntity): DigestName[] {
  const names = (entity.contentType.parameters.get('micalg') ?? '').toLowerCase().split(',');
  const known = names.map((name) => digestNames.get(name.trim().replace('-', '')));
  return known.every((name) => name !== undefined) ? known : [...digestNames.values()];
}

const digestNames = new Map<string, DigestName>(
  (['sha256', 'sha384', 'sha512', 'sha1', 'sha224', 'md5', 'shake256'] as const).map((name) => [name, name]),
);

const notFollowed = problem(
  'error',
  'layer-not-followed',
  'A further signed, encrypted or compressed layer stands within; a message that goes by as a stream is judged by one layer alone.',
);
