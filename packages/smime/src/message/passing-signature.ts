/** A multipart/signed that goes by: the digests of its first part, and its signature. */
import { readContentInfo } from '../cms/content-info.ts';
import { readSignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import type { DigestName } from '../keys/algorithms.ts';
import { limits } from '../limits.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { bodyDecoder, type Stage } from '../mime/stream-encoding.ts';
import type { Sink } from '../mime/stream-entity.ts';
import { type Problem, problem } from '../problem.ts';
import { ContentDigests } from './content-digests.ts';
import { readSigned, type SignedLayer } from './evidence.ts';
import type { FoundSignature } from './find-signature.ts';
import { isSignatureType, kindOfContent } from './layer.ts';

export class PassingSignature {
  private readonly digests: ContentDigests;
  private readonly signature: Buffer[] = [];
  private signatureLength = 0;
  private decoder: Stage | undefined;

  constructor(entity: MimeEntity) {
    this.digests = new ContentDigests(announced(entity));
  }

  /** The next octets of the first part. */
  update(octets: Buffer): void {
    this.digests.update(octets);
  }

  /** @param entity the second part. Its body goes into the sink. */
  signatureSink(entity: MimeEntity): Sink {
    this.decoder = bodyDecoder(entity.transferEncoding, (octets) => {
      this.signatureLength += octets.length;
      if (this.signatureLength <= limits.streamStructureOctets) this.signature.push(Buffer.from(octets));
    });
    return this.decoder.push;
  }

  /** Both parts have ended. */
  layer(found: FoundSignature): SignedLayer {
    const { digests } = this;
    digests.end();
    const problems: Problem[] = [];
    const data = readSigned(problems, () => {
      this.decoder?.end();
      if (this.signatureLength > limits.streamStructureOctets)
        throw new SmimeError('limit-exceeded', 'the signature is too large');
      const info = readContentInfo(Buffer.concat(this.signature));
      return kindOfContent(info.contentType) === 'signed-data' ? readSignedData(info.content) : undefined;
    });
    return {
      kind: 'clear-signed',
      found,
      data,
      content: data && found.content ? digests.content(data.contentType) : undefined,
      canonical: () => data && digests.canonical(data.contentType),
      problems,
    };
  }
}

/** A signature that went by without being looked at. */
export const unreadLayer = (found: FoundSignature): SignedLayer => ({
  kind: found.form === 'clear' ? 'clear-signed' : 'signed-data',
  found,
  data: undefined,
  content: undefined,
  canonical: () => undefined,
  problems: [notFollowed],
});

/** As soon as the header says so, or once a part of it is a signature. */
export function isSigned(entity: MimeEntity): boolean {
  return (
    entity.contentType.type === 'multipart/signed' &&
    (announcesSignature(entity) || entity.parts.some((part) => isSignatureType(part.contentType.type)))
  );
}

export const announcesSignature = ({ contentType }: MimeEntity): boolean =>
  isSignatureType(contentType.parameters.get('protocol')?.toLowerCase() ?? '');

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
  'A signature went by before it was clear that there is one, and a stream cannot go back to it.',
);
