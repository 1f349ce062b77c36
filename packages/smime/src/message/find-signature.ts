/** Where in a message the signature is, and what it covers: only the root covers the whole (RFC 8551 section 3.5). */
import type { MimeEntity } from '../mime/entity.ts';
import { type Problem, problem } from '../problem.ts';
import { isSignatureType, type Layer } from './layer.ts';

export interface FoundSignature {
  readonly form: 'clear' | 'opaque';
  /** The entity whose body is the CMS object; undefined where it is missing. */
  readonly object: MimeEntity | undefined;
  /** The signed part, header fields included; undefined for the opaque form. */
  readonly content: MimeEntity | undefined;
  /** `part`: other parts stand beside it, for which nobody vouches. */
  readonly covers: 'whole' | 'part';
  /** Inside a forwarded message: no claim about this one. */
  readonly embedded: boolean;
  /** The digests that multipart/signed announces, without hyphens, in lower case. */
  readonly micalg: readonly string[] | undefined;
  readonly problems: readonly Problem[];
}

/** Says which S/MIME layer an entity is: from the octets at hand, or from what was seen when they went by. */
export type KindOf = (entity: MimeEntity) => Layer['kind'];

/** The signature of an entity that is a signed layer itself; it covers the whole of what is within. */
export function signatureOf(entity: MimeEntity, kind: SignatureKind): FoundSignature {
  return describe(entity, kind, 'whole', false);
}

/** The first signature among the parts of an entity that is no signed layer. */
export function findPartialSignature(entity: MimeEntity, kindOf: KindOf, embedded = false): FoundSignature | undefined {
  for (const part of entity.parts) {
    const inForwarded = embedded || !entity.contentType.type.startsWith('multipart/');
    const kind = kindOf(part);
    if (kind === 'clear-signed' || kind === 'signed-data') return describe(part, kind, 'part', inForwarded);
    const found = findPartialSignature(part, kindOf, inForwarded);
    if (found) return found;
  }
  return undefined;
}

type SignatureKind = 'clear-signed' | 'signed-data';

function describe(
  entity: MimeEntity,
  kind: SignatureKind,
  covers: 'whole' | 'part',
  embedded: boolean,
): FoundSignature {
  const beside: Problem[] = [];
  if (embedded)
    beside.push(
      problem(
        'info',
        'signed-message-embedded',
        'A signed message is attached; its signature says nothing about this message.',
      ),
    );
  else if (covers === 'part')
    beside.push(
      problem(
        'error',
        'partial-signature',
        'Only a part of the message is signed; nobody vouches for what stands beside it.',
        'RFC 8551 section 3.5',
      ),
    );
  if (kind === 'signed-data') {
    return {
      form: 'opaque',
      object: entity,
      content: undefined,
      covers,
      embedded,
      micalg: undefined,
      problems: [...beside, ...opaqueProblems(entity)],
    };
  }
  const [content, signature] = entity.parts;
  if (content === undefined || signature === undefined) {
    return {
      form: 'clear',
      object: undefined,
      content: undefined,
      covers,
      embedded,
      micalg: undefined,
      problems: [
        ...beside,
        problem('error', 'signed-parts-missing', 'A multipart/signed must have two parts.', 'RFC 1847 section 2.1'),
      ],
    };
  }
  return {
    form: 'clear',
    object: signature,
    content,
    covers,
    embedded,
    micalg: announcedDigests(entity),
    problems: [...beside, ...clearProblems(entity, signature)],
  };
}

function clearProblems(entity: MimeEntity, signature: MimeEntity): Problem[] {
  const problems: Problem[] = [];
  const protocol = entity.contentType.parameters.get('protocol')?.toLowerCase() ?? '';
  if (entity.parts.length > 2)
    problems.push(
      problem(
        'error',
        'signed-third-part',
        'A multipart/signed has more than two parts; nobody vouches for the others.',
        'RFC 1847 section 2.1',
      ),
    );
  if (hasTextOutside(entity))
    problems.push(
      problem(
        'warning',
        'text-outside-parts',
        'Text stands before the first or after the last part of the multipart/signed; nobody vouches for it, and nobody should show it.',
        'RFC 2046 section 5.1.1',
      ),
    );
  if (!isSignatureType(protocol))
    problems.push(
      problem(
        'error',
        'wrong-protocol',
        `The protocol of the multipart/signed is not S/MIME but "${protocol.slice(0, 60)}".`,
        'RFC 8551 section 3.5.3.1',
      ),
    );
  if (!isSignatureType(signature.contentType.type))
    problems.push(
      problem(
        'error',
        'wrong-signature-type',
        'The second part of the multipart/signed is no S/MIME signature.',
        'RFC 1847 section 2.1',
      ),
    );
  if (!entity.closed)
    problems.push(
      problem(
        'error',
        'signed-not-closed',
        'The multipart/signed does not end: something may be missing.',
        'RFC 2046 section 5.1.1',
      ),
    );
  if (entity.contentType.parameters.get('micalg') === undefined)
    problems.push(
      problem(
        'warning',
        'micalg-missing',
        'The multipart/signed does not name its digest.',
        'RFC 8551 section 3.5.3.2',
      ),
    );
  return problems;
}

/**
 * By offsets alone, since of a stream there is nothing else. Nearly every program writes a sentence before the first part, for
 * those that do not know MIME: that much says nothing.
 */
function hasTextOutside({ bodyStart, end, parts, contentType, closed }: MimeEntity): boolean {
  const [first, last] = [parts[0], parts.at(-1)];
  if (first === undefined || last === undefined) return false;
  const line = (contentType.parameters.get('boundary') ?? '').length + '--\r\n'.length;
  const before = first.start - bodyStart - line;
  const after = end - last.end - line - '\r\n--'.length;
  return before > usualPreamble || (closed && after > '\r\n'.length);
}

/** "This is a cryptographically signed message in MIME format." and the line breaks around it take 62 octets. */
const usualPreamble = 100;

function opaqueProblems(entity: MimeEntity): Problem[] {
  const stated = entity.contentType.parameters.get('smime-type')?.toLowerCase();
  if (stated === undefined || stated === 'signed-data' || stated === 'certs-only' || stated === 'signed-receipt')
    return [];
  return [
    problem(
      'error',
      'smime-type-mismatch',
      `The message says it is "${stated.slice(0, 40)}", and holds signed data.`,
      'RFC 8551 section 3.2.2',
    ),
  ];
}

function announcedDigests(entity: MimeEntity): string[] | undefined {
  return entity.contentType.parameters
    .get('micalg')
    ?.toLowerCase()
    .split(',')
    .map((name) => name.trim().replace('-', ''));
}
