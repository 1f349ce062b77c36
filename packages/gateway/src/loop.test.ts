import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { headerFields } from './header-block.ts';
import { loopGuard, openLoopGuard } from './loop.ts';

const base = 'Message-ID: <1@example.com>\r\nDate: today\r\nFrom: anna@example.com\r\n\r\nx\r\n';
const fieldsOf = (...extra: string[]) => headerFields(Buffer.from([...extra, base].join('\r\n')));

describe('the loop guard', () => {
  const guard = loopGuard(Buffer.alloc(32, 1));
  const mark = guard.field('outbound', fieldsOf());

  it('knows its own mark, for its own direction and message', () => {
    expect(guard.seen('outbound', fieldsOf(mark))).toBe(true);
    expect(guard.seen('inbound', fieldsOf(mark))).toBe(false);
    expect(guard.seen('outbound', fieldsOf())).toBe(false);
    const other = headerFields(Buffer.from(`${mark}\r\n${base.replace('<1@', '<2@')}`));
    expect(guard.seen('outbound', other)).toBe(false);
  });

  it('is not fooled by a mark of another key, or stopped by a forged one beside the true one', () => {
    const forged = loopGuard(Buffer.alloc(32, 2)).field('outbound', fieldsOf());
    expect(guard.seen('outbound', fieldsOf(forged))).toBe(false);
    expect(guard.seen('outbound', fieldsOf(forged, mark))).toBe(true);
  });

  it('keeps its key across restarts', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'loop-'));
    const field = (await openLoopGuard(folder)).field('inbound', fieldsOf());
    expect((await openLoopGuard(folder)).seen('inbound', fieldsOf(field))).toBe(true);
  });
});
