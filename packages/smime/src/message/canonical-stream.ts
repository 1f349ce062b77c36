/** A message as it will be protected, while it is read from a source. */
import { SmimeError } from '../errors.ts';
import { scanMessage } from '../mime/scan.ts';
import { CanonicalPlanner, PieceWriter, type Reheader } from '../mime/stream-canonical.ts';
import type { Sink } from '../mime/stream-entity.ts';
import { type ByteStream, piecesOf, type ReopenableSource, through } from './byte-source.ts';
import { withDisplay } from './display-stream.ts';
import { type HeaderConfidentiality, protectHeader } from './header-block.ts';
import { isObjectType } from './layer.ts';
import { isSigned } from './passing-signature.ts';
import { type HeaderProtection, protectedAlready } from './protect-headers.ts';

/** Header protection (RFC 9788). */
export interface HeaderPolicy extends HeaderProtection {
  readonly headerProtection?: 'none' | 'clear' | HeaderConfidentiality;
}

export interface CanonicalStream {
  /** The header fields that stay outside, each ended by CRLF. */
  readonly outerHeaders: Buffer;
  /** The inner entity in canonical form, its Content-* fields first. */
  entity(): AsyncGenerator<Buffer, void, void>;
}

/** Reads the source once, so that `entity` can write whatever form the message needs; once more before, to find the places for hidden fields. */
export async function canonicalTwice(
  given: ReopenableSource,
  policy: HeaderPolicy,
  sink?: Sink,
): Promise<CanonicalStream & { readonly asItStands: boolean }> {
  const { headerProtection = 'none', legacyDisplay, confidential } = policy;
  const shows = headerProtection !== 'none' && legacyDisplay === true;
  const source = shows ? await withDisplay(given, headerProtection, confidential) : given;
  const planner = new CanonicalPlanner(sink, protecting(policy));
  for await (const piece of piecesOf(source)) planner.push(piece);
  const plan = planner.end();
  return {
    outerHeaders: plan.outerHeaders,
    asItStands: plan.asItStands,
    entity: () => through(piecesOf(source), (out) => new PieceWriter(plan, out)),
  };
}

/**
 * The entity as it stands, from a source that is read once. `entity` throws `source-read-once` where the message turns out to
 * need another form, which its header would have had to say.
 */
export async function canonicalOnce(source: ByteStream, policy: HeaderPolicy): Promise<CanonicalStream> {
  const made: Buffer[] = [];
  // What the scanner hands out is its own memory.
  const planner = new CanonicalPlanner((octets) => void made.push(Buffer.from(octets)), protecting(policy));
  const pieces = piecesOf(source);
  while (planner.outerHeaders === undefined) {
    const { value, done } = await pieces.next();
    if (done) break;
    planner.push(value);
  }
  const ended = planner.outerHeaders === undefined ? planner.end() : undefined;
  async function* entity(): AsyncGenerator<Buffer, void, void> {
    if (!ended) {
      for await (const piece of pieces) {
        if (!planner.asItStands) throw needsAnotherForm();
        yield* made.splice(0);
        planner.push(piece);
      }
      planner.end();
    }
    if (!planner.asItStands) throw needsAnotherForm();
    yield* made.splice(0);
  }
  return { outerHeaders: ended?.outerHeaders ?? (planner.outerHeaders as Buffer), entity };
}

/** The header that `splitWithHeaders` writes, since it needs no body. */
function protecting({ headerProtection = 'none', confidential }: HeaderPolicy): Reheader | undefined {
  if (headerProtection === 'none') return undefined;
  return ({ pieces }, root, fieldOctets) => {
    if (isSigned(root) || isObjectType(root)) throw protectedAlready();
    const { outerHeaders, innerHeader } = protectHeader(root.headers, fieldOctets, headerProtection, confidential);
    const firstBody = pieces.findIndex((piece) => !Buffer.isBuffer(piece));
    const leading = Buffer.concat(pieces.slice(0, firstBody).filter((piece) => Buffer.isBuffer(piece)));
    const { headerEnd } = scanMessage(leading);
    const header = innerHeader(leading.subarray(0, headerEnd));
    return { outerHeaders, pieces: [header, leading.subarray(headerEnd), ...pieces.slice(firstBody)] };
  };
}

const needsAnotherForm = (): SmimeError =>
  new SmimeError(
    'source-read-once',
    'the message has lines that would not travel unchanged and must be re-encoded: give a function that opens the source, not the open source',
  );
