import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { answerBatch, type BatchCase } from './batch.ts';

async function run(input: readonly (string | Uint8Array)[], answer: (input: BatchCase) => object | Promise<object>) {
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  await answerBatch(answer, { input: Readable.from(input.map((chunk) => Buffer.from(chunk))), output });
  const text = Buffer.concat(chunks).toString();
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const echo = (input: BatchCase) => ({ said: input.requiredText('say') });

describe('a batch', () => {
  it('answers every line in order, however the input is cut, and however long each takes', async () => {
    const lines = Array.from({ length: 50 }, (_, id) => JSON.stringify({ id, say: `ü${id}` })).join('\n');
    const bytes = Buffer.from(lines);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(i * 7, i * 7 + 7));
    const answers = await run(pieces, async (input) => {
      const said = input.requiredText('say');
      await new Promise((resolve) => setTimeout(resolve, said.length % 3));
      return { said };
    });
    expect(answers).toEqual(Array.from({ length: 50 }, (_, id) => ({ id, said: `ü${id}` })));
  });

  it('gives a bad line a problem and goes on', async () => {
    const answers = await run(
      [
        '{"id":1,"say":"a"}\n\n   \r\n{"id":2\nnull\n[1]\n"x"\n',
        Buffer.of(0x7b, 0xff, 0x7d, 0x0a),
        '{"id":3}\n{"id":4,"say":5}\n{"id":{"x":1},"say":"b"}\n{"say":"c"}\n{"__proto__":{"say":"d"},"id":5}\n{"id":"6","say":"e"}',
      ],
      echo,
    );
    expect(answers).toEqual([
      { id: 1, said: 'a' },
      { id: null, problem: expect.stringContaining('not JSON') },
      { id: null, problem: 'The line is not a JSON object.' },
      { id: null, problem: 'The line is not a JSON object.' },
      { id: null, problem: 'The line is not a JSON object.' },
      { id: null, problem: 'The line is not UTF-8.' },
      { id: 3, problem: '"say" must be given.' },
      { id: 4, problem: '"say" must be a string.' },
      { id: null, problem: '"id" must be a string or a number.' },
      { id: null, said: 'c' },
      { id: 5, problem: '"say" must be given.' },
      { id: '6', said: 'e' },
    ]);
  });

  it('does not fail for what an answer throws', async () => {
    const answers = await run(['{"id":1}\n{"id":2}\n'], (): object => {
      throw new TypeError('a defect');
    });
    expect(answers).toEqual([
      { id: 1, problem: 'a defect' },
      { id: 2, problem: 'a defect' },
    ]);
  });

  it('skips a line that is too long, and reads the next', async () => {
    const piece = Buffer.alloc(8 * 1024 * 1024, 0x20);
    const answers = await run([...Array.from({ length: 9 }, () => piece), '\n{"id":1,"say":"a"}\n'], echo);
    expect(answers).toEqual([
      { id: null, problem: expect.stringContaining('longer than') },
      { id: 1, said: 'a' },
    ]);
  });

  it('waits for whoever reads, and stops when they have gone', async () => {
    let asked = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        setTimeout(done, 2);
      },
    });
    let most = 0;
    const lines = Array.from({ length: 20 }, (_, id) => `{"id":${id}}\n`);
    await answerBatch(
      () => {
        most = Math.max(most, slow.writableLength);
        return { asked: asked++ };
      },
      { input: Readable.from(lines.map((line) => Buffer.from(line))), output: slow },
    );
    expect({ asked, most }).toEqual({ asked: 20, most: 0 });

    asked = 0;
    const gone = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    await answerBatch(() => ({ asked: asked++ }), {
      input: Readable.from(lines.map((line) => Buffer.from(line))),
      output: gone,
    });
    expect(asked).toBe(1);
  });
});

describe('the fields of a case', () => {
  it('are read by their types', async () => {
    const line = {
      id: 1,
      at: '2026-06-15T12:00:00Z',
      list: ['a', 'b'],
      legacy: true,
      purpose: 'email',
      keys: [{ path: 'x' }],
      nothing: null,
    };
    const [answer] = await run([`${JSON.stringify(line)}\n`], (input) => ({
      at: input.instant('at'),
      list: input.texts('list'),
      none: input.texts('nothing'),
      legacy: input.flag('legacy'),
      absent: input.flag('nothing'),
      purpose: input.oneOf('purpose', ['any', 'email'], 'any'),
      byDefault: input.oneOf('nothing', ['any', 'email'], 'any'),
      keys: input.cases('keys').map((key) => key.requiredText('path')),
    }));
    expect(answer).toEqual({
      id: 1,
      at: '2026-06-15T12:00:00.000Z',
      list: ['a', 'b'],
      none: [],
      legacy: true,
      absent: false,
      purpose: 'email',
      byDefault: 'any',
      keys: ['x'],
    });
  });

  it.each([
    ['at', { at: 'yesterday' }, (input: BatchCase) => ({ x: input.instant('at') })],
    ['list', { list: 'a' }, (input: BatchCase) => ({ x: input.texts('list') })],
    ['list', { list: [1] }, (input: BatchCase) => ({ x: input.texts('list') })],
    ['legacy', { legacy: 'yes' }, (input: BatchCase) => ({ x: input.flag('legacy') })],
    ['purpose', { purpose: 'tls' }, (input: BatchCase) => ({ x: input.oneOf('purpose', ['any'], 'any') })],
    ['keys', { keys: ['x'] }, (input: BatchCase) => ({ x: input.cases('keys') })],
    ['keys[0].path', { keys: [{}] }, (input: BatchCase) => ({ x: input.cases('keys')[0]?.requiredText('path') })],
  ])('%s is refused where it is something else', async (name, fields, answer) => {
    const [one] = await run([JSON.stringify({ id: 'c', ...fields })], answer);
    expect(one).toEqual({ id: 'c', problem: expect.stringMatching(`^"${name.replace(/[[\]]/g, '\\$&')}" must be`) });
  });
});
