import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pieceSizes, randomMessage } from '../../test/random-message.ts';
import { collect, sourceOf } from '../../test/streams.ts';
import { decodeBody, decodeBodyStream, type MimeEntity, scanMessage } from '../index.ts';

describe('the body of a part', () => {
  it('is the same in pieces as at once, whatever its encoding', async () => {
    await fc.assert(
      fc.asyncProperty(randomMessage, pieceSizes, async (text, sizes) => {
        const message = Buffer.from(text, 'latin1');
        for (const entity of entitiesIn(scanMessage(message))) {
          const body = message.subarray(entity.bodyStart, entity.end);
          const streamed = await collect(decodeBodyStream(sourceOf(body, sizes), entity.transferEncoding));
          expect(streamed.toString('latin1')).toBe(Buffer.from(decodeBody(message, entity)).toString('latin1'));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is refused where a line of quoted-printable text has no end but white space', async () => {
    const source = sourceOf(Buffer.alloc(200_000, ' '));
    await expect(collect(decodeBodyStream(source, 'quoted-printable'))).rejects.toMatchObject({
      code: 'limit-exceeded',
    });
  });
});

function* entitiesIn(entity: MimeEntity): Generator<MimeEntity> {
  yield entity;
  for (const part of entity.parts) yield* entitiesIn(part);
}
