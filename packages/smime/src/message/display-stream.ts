/** Legacy Display Elements (RFC 9788 section 5.2.2, 4.5.3) of messages that are read more than once: looked for in one reading, put in or taken out in the next. */
import { limits } from '../limits.ts';
import type { Piece } from '../mime/canonical.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { PieceWriter } from '../mime/stream-canonical.ts';
import { bodyDecoder, type Stage } from '../mime/stream-encoding.ts';
import type { StreamedEntity } from '../mime/stream-entity.ts';
import { MessageScanner } from '../mime/stream-scan.ts';
import { piecesOf, type ReopenableSource, through } from './byte-source.ts';
import { type HeaderConfidentiality, protectHeader } from './header-block.ts';
import { type DisplayLayout, piecesWithDisplay, piecesWithoutDisplay } from './legacy-display.ts';
import type { HeaderProtection } from './protect-headers.ts';

/** What `addLegacyDisplay` makes of the message for this policy. Throws `limit-exceeded` for a text whose beginning says too little. */
export function withDisplay(
  source: ReopenableSource,
  policy: HeaderConfidentiality | 'clear',
  confidential: HeaderProtection['confidential'],
): Promise<ReopenableSource> {
  return rewritten(source, (root, layout) => {
    const fieldOctets = (field: MimeEntity['headers'][number]): Buffer => layout.fieldOctets(field, root);
    const { hidden } = protectHeader(root.headers, fieldOctets, policy, confidential);
    return hidden.length > 0 ? piecesWithDisplay(root, layout, hidden) : undefined;
  });
}

/** What `removeLegacyDisplay` makes of the entity. Throws `limit-exceeded` for a text that is too large to look through. */
export function withoutDisplay(source: ReopenableSource): Promise<ReopenableSource> {
  return rewritten(source, (root, layout) => piecesWithoutDisplay(root, layout));
}

async function rewritten(
  source: ReopenableSource,
  rewrite: (root: StreamedEntity, layout: DisplayLayout) => Piece[] | undefined,
): Promise<ReopenableSource> {
  const texts = new Map<MimeEntity, KeptText>();
  let left: number = limits.displayOctets;
  const scanner = new MessageScanner(
    {
      described: (entity) => {
        const { type } = entity.contentType;
        if (type !== 'text/plain' && type !== 'text/html') return undefined;
        const text = new KeptText(entity.transferEncoding, (length) => {
          const taken = Math.min(length, left);
          left -= taken;
          return taken;
        });
        texts.set(entity, text);
        return (octets) => text.push(octets);
      },
      ended: (entity) => texts.get(entity)?.end(),
    },
    { rawHeaders: true },
  );
  for await (const piece of piecesOf(source)) scanner.push(piece);
  const root = scanner.end();
  const pieces = rewrite(root, {
    fieldOctets: (field, entity) => {
      const { rawHeader, start } = entity as StreamedEntity;
      return rawHeader.subarray(field.start - start, field.end - start);
    },
    headerEnd: (part) => (part as StreamedEntity).rawHeader.at(-1),
    textOf: (part) => texts.get(part)?.kept ?? { octets: Buffer.alloc(0), whole: true },
  });
  if (pieces === undefined) return source;
  const plan = { pieces, sourceLength: root.end };
  return () => through(piecesOf(source), (out) => new PieceWriter(plan, out));
}

/** The text of a part, decoded, as far as the budget goes. */
class KeptText {
  private readonly octets: Buffer[] = [];
  private whole = true;
  private readonly decoder: Stage;

  /** @param take how many of so many octets may be kept */
  constructor(transferEncoding: string, take: (length: number) => number) {
    this.decoder = bodyDecoder(transferEncoding, (octets) => {
      if (!this.whole) return;
      const taken = take(octets.length);
      this.whole = taken === octets.length;
      this.octets.push(Buffer.from(octets.subarray(0, taken)));
    });
  }

  push(octets: Buffer): void {
    if (this.whole) this.decoder.push(octets);
  }

  end(): void {
    this.decoder.end();
  }

  get kept(): { readonly octets: Buffer; readonly whole: boolean } {
    return { octets: Buffer.concat(this.octets), whole: this.whole };
  }
}
