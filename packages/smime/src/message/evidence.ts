/** What verification asks of a message: of octets at hand, or of those that went by as a stream. */
import { contentAtHand, type SignedContent } from '../cms/check-signer.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { readSignedData, type SignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { toCrlf } from '../mime/canonical.ts';
import { decodeBody, type MimeEntity } from '../mime/entity.ts';
import { type Problem, problem } from '../problem.ts';
import type { FoundSignature, KindOf } from './find-signature.ts';
import { kindOfContent, layerOf } from './layer.ts';

export interface Evidence {
  readonly kindOf: KindOf;
  /** Reads what was found. Never throws: what cannot be read is among the layer's problems. */
  signedLayer(found: FoundSignature): SignedLayer;
}

/** One signature and what it covers, before anybody judged it. */
export interface SignedLayer {
  readonly kind: 'clear-signed' | 'signed-data';
  readonly found: FoundSignature;
  /** Undefined where it cannot be read: `problems` says why. */
  readonly data: SignedData | undefined;
  /** As it stands in the message; undefined where it is missing. */
  readonly content: SignedContent | undefined;
  /** The same with lines that end at CRLF; undefined where that changes nothing. */
  canonical(): SignedContent | undefined;
  readonly problems: readonly Problem[];
}

/** @param bytes those that the entities' offsets are into */
export function evidenceAtHand(bytes: Buffer): Evidence {
  const octetsOf = (content: MimeEntity): Buffer => bytes.subarray(content.start, content.end);
  return {
    kindOf: (entity) => layerOf(bytes, entity).kind,
    signedLayer: (found) => {
      const problems: Problem[] = [];
      const data = readSigned(problems, () => {
        const info = readContentInfo(found.object ? decodeBody(bytes, found.object) : Buffer.alloc(0));
        return kindOfContent(info.contentType) === 'signed-data' ? readSignedData(info.content) : undefined;
      });
      if (found.form === 'opaque') return opaqueLayer(found, data, problems);
      const octets = found.content && octetsOf(found.content);
      return {
        kind: 'clear-signed',
        found,
        data,
        content: data && octets && contentAtHand(data.contentType, octets),
        canonical: () => {
          const canonical = octets && toCrlf(octets);
          return data && canonical && canonical !== octets ? contentAtHand(data.contentType, canonical) : undefined;
        },
        problems,
      };
    },
  };
}

/** A layer whose object carries its content. */
export function opaqueLayer(
  found: FoundSignature,
  data: SignedData | undefined,
  problems: readonly Problem[],
): SignedLayer {
  const content = data?.content && contentAtHand(data.contentType, data.content);
  return { kind: 'signed-data', found, data, content, canonical: () => undefined, problems };
}

/** @param read undefined: another kind of object. What it throws as `SmimeError` becomes a problem. */
export function readSigned(problems: Problem[], read: () => SignedData | undefined): SignedData | undefined {
  try {
    const data = read();
    if (data === undefined) problems.push(notSignedData);
    return data;
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
    return undefined;
  }
}

const notSignedData = problem(
  'error',
  'not-signed-data',
  'What stands where the signature should be is another kind of object.',
  'RFC 8551 section 3.5',
);
