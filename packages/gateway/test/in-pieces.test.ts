/** Whatever is changed in a message is the same, octet for octet, of one in memory and of one in files, wherever its pieces end. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { scanMessage, type VerifyReport } from '@chancery/smime';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { randomMessage } from '../../smime/test/random-message.ts';
import { changeMessage } from '../src/change-message.ts';
import { LargeMessage, type Message, openScratch, type Scratch } from '../src/large-message.ts';
import { withBanner } from '../src/presentation/banner.ts';
import { textOnly } from '../src/presentation/text-only.ts';
import { noScratch, wholeOf } from './support/whole.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gateway-pieces-'));
afterAll(() => rmSync(folder, { recursive: true }));

const nothing = { addHeaders: [], removeHeaders: [], removeAttachments: [], disclaimers: [], subjectTags: [] };
const ascii = { text: 'Confidential' };
const notices = [ascii, { text: 'Vertraulich – für Sie\nallein' }, { text: 'x', html: '<b>ü</b>' }];
const unsigned = { verdict: 'unsigned', layers: [], covers: 'none' } as unknown as VerifyReport;

type Work = (message: Message, scratch: Pick<Scratch, 'keep'>) => Promise<Message>;
const works: readonly (readonly [string, Work])[] = [
  ...notices.map((notice, n): [string, Work] => [
    `disclaimer ${n}`,
    (message, scratch) => changeMessage(message, { ...nothing, disclaimers: [notice] }, false, scratch),
  ]),
  [
    'attachments taken out',
    (message, scratch) => changeMessage(message, { ...nothing, removeAttachments: ['*.exe'] }, false, scratch),
  ],
  [
    'all that a rule may change',
    (message, scratch) =>
      changeMessage(
        message,
        {
          ...{ addHeaders: [{ name: 'X-A', value: 'b' }], removeHeaders: ['x-y'], removeAttachments: ['*.exe', 'b.*'] },
          ...{ disclaimers: [...notices, ascii], subjectTags: ['[ü]', '[x]'] },
        },
        false,
        scratch,
      ),
  ],
  ['banner', (message, scratch) => withBanner(message, unsigned, ['The domain <b>looks</b> like ours'], scratch)],
  ['text alone', (message, scratch) => textOnly(message, message, scratch)],
];

/** Boundaries are made at random. */
const said = async (message: Message) =>
  (await wholeOf(message)).toString('latin1').replace(/text-only-[0-9a-f-]{36}|=_[0-9a-f]{36}/g, 'boundary');

async function inFiles(octets: Buffer, piece: number, use: (large: LargeMessage, scratch: Scratch) => Promise<void>) {
  const scratch = openScratch(folder, piece);
  try {
    await use(await scratch.keep(from(octets)), scratch);
  } finally {
    await scratch.clear();
  }
  expect(readdirSync(folder)).toEqual([]);
}

async function* from(octets: Buffer) {
  yield octets;
}

async function agree(octets: Buffer, piece: number): Promise<string[]> {
  const changed: string[] = [];
  await inFiles(octets, piece, async (large, scratch) => {
    for (const [name, work] of works) {
      const expected = await said(await work(octets, noScratch));
      const made = await work(large, scratch);
      expect(made, name).toBeInstanceOf(LargeMessage);
      expect(await said(made), name).toBe(expected);
      if (expected !== octets.toString('latin1')) changed.push(name);
    }
  });
  return changed;
}

const text = fc
  .array(
    fc.constantFrom(
      ...['\r\n', '\n', '\r', '</body>', '</BO', 'DY>', '</html>', '<body x>', '<p>hi', ' ', '\t', 'word'],
      ...['=FC', '=', '=\r\n', 'SGVs', 'bG8=', '\xff\xfe', '\xef\xbb\xbf', '\xe4\xb8', '\xad', '\x81', '\x1b$B', '\0'],
      ...['$3$s', '\x1b(B', '\x82\xa0', '\x84\x31\x95\x33', '--in', '--in--', 'x'.repeat(899), 'x'.repeat(200)],
    ),
    { maxLength: 14 },
  )
  .map((words) => words.join(''));
const option = (...values: string[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
const leaf = fc
  .record({
    type: fc.constantFrom(
      ...['text/plain', 'text/plain', 'text/html', 'text/html', 'text/plain; format=flowed'],
      ...['application/x-dosexec; name=a.exe', 'application/pdf; name=b.pdf'],
    ),
    charset: option(
      ...[
        'utf-8',
        'iso-8859-1',
        'windows-1252',
        'utf-16le',
        'iso-2022-jp',
        'shift_jis',
        'gb18030',
        'us-ascii',
        'x-none',
      ],
    ),
    encoding: option('7bit', '8bit', 'base64', 'quoted-printable', 'x-own'),
    field: fc.constantFrom('', '', 'Content-Disposition: attachment; filename=c.exe\r\n', 'MIME-Version: 1.0\r\n'),
    text,
  })
  .map(
    (part) =>
      `Content-Type: ${part.type}${part.charset === undefined ? '' : `; charset=${part.charset}`}\r\n${part.encoding === undefined ? '' : `Content-Transfer-Encoding: ${part.encoding}\r\n`}${part.field}\r\n${part.text}`,
  );
const multipart = fc
  .tuple(fc.constantFrom('mixed', 'alternative', 'related', 'report'), fc.array(leaf, { maxLength: 3 }), fc.boolean())
  .map(
    ([type, parts, closed]) =>
      `Content-Type: multipart/${type}; boundary=in\r\n\r\n${parts.map((part) => `--in\r\n${part}\r\n`).join('')}${closed ? '--in--\r\n' : ''}`,
  );
const nested = fc
  .tuple(multipart, leaf)
  .map(
    ([inner, last]) =>
      `Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n${inner}\r\n--out\r\nContent-Type: message/rfc822\r\n\r\nSubject: within\r\n${last}\r\n--out--`,
  );
const anyMessage = fc
  .tuple(
    fc.constantFrom('', 'Subject: hi\r\nX-Y: z\r\n', 'Subject: =?utf-8?q?=C3=BC?=\r\n'),
    fc.oneof(leaf, multipart, nested, randomMessage),
  )
  .map(([fields, rest]) => Buffer.from(fields + rest, 'latin1'));

describe('a message in files', () => {
  it('is changed as one in memory, whatever it is and wherever its pieces end', async () => {
    const changed = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anyMessage, fc.constantFrom(1, 2, 3, 7, 61, 65_536), async (octets, piece) => {
        for (const name of await agree(octets, piece)) changed.add(name);
      }),
      { numRuns: 60 },
    );
    // Each of them had something to do.
    expect(changed.size).toBe(works.length);
  });

  const part = 'Content-Type: text/html\r\n\r\n<body>Hello</body>\r\n';
  const files = 'Content-Type: application/x-dosexec; name=a.exe\r\nContent-Transfer-Encoding: base64\r\n\r\nTVo=\r\n';
  it.each([
    ['without a boundary', `Content-Type: multipart/mixed\r\n\r\n--b\r\n${part}--b\r\n${files}--b--\r\n`],
    ['that never ends', `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${part}--b\r\n${files}`],
    [
      'that ends twice',
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${part}--b--\r\n--b\r\n${files}--b--\r\n`,
    ],
    [
      'with a boundary at the start of another',
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${part}--bb\r\n${files}--b--\r\n`,
    ],
    [
      'of lone CRs',
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r${part.replaceAll('\r\n', '\r')}\r--b\r\n${files}\r--b--\r\n`,
    ],
    [
      'of lines that end in LF',
      `Subject: hi\nContent-Type: multipart/mixed; boundary=b\n\n--b\n${`${part}--b\n${files}`.replaceAll('\r', '')}--b--\n`,
    ],
    ['in its header alone', 'Subject: hi\r\nContent-Type: text/plain'],
    ['of nothing', ''],
    [
      'deeper than anybody looks',
      Array.from({ length: 80 }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`).join(
        '',
      ) + part,
    ],
    ['of 60 parts', `Content-Type: multipart/mixed; boundary=b\r\n\r\n${`--b\r\n${files}`.repeat(60)}--b--\r\n`],
  ])('is changed as one in memory, %s', async (_, message) => {
    for (const piece of [5, 64]) await agree(Buffer.from(message, 'latin1'), piece);
  });

  it('is changed as one in memory where it is more than is read at once', async () => {
    const words = Array.from({ length: 9_000 }, (_, n) => `${n} word${'.'.repeat(n % 60)}`).join('\r\n');
    const umlauts = Buffer.from(words.replaceAll('word', 'wört'));
    const texts = [
      `text/plain\r\n\r\n${words}`,
      `text/plain; charset=utf-8\r\n\r\n${umlauts.toString('latin1')}`,
      `text/plain\r\n\r\n${umlauts.toString('latin1')}`,
      `text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<body>${words.replaceAll('word', 'w=F6rt=\r\n')}</body>`,
      `text/html; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(words, 'utf16le')
        .toString('base64')
        .replace(/.{76}/g, '$&\r\n')}`,
    ];
    const file = files.replace('TVo=', words);
    for (const one of texts) {
      const parts = `--b\r\nContent-Type: ${one}\r\n--b\r\n${file}--b\r\n${part}--b--\r\n`;
      const octets = Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts}`, 'latin1');
      expect(octets.length).toBeGreaterThan(4 * 65_536);
      expect(await agree(octets, 65_536)).toHaveLength(works.length);
    }
  });

  it('whose text is white space without end keeps it, and what is to be said is said elsewhere', async () => {
    const head = 'Subject: hi\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n';
    const octets = Buffer.from(`${head}Hello\r\n${' '.repeat(200_000)}x\r\n`);
    await inFiles(octets, 65_536, async (large, scratch) => {
      expect((await wholeOf(await withBanner(large, unsigned, ['Look'], scratch))).equals(octets)).toBe(true);
      const noted = await wholeOf(await changeMessage(large, { ...nothing, disclaimers: [ascii] }, false, scratch));
      expect(scanMessage(noted).parts.map(({ transferEncoding }) => transferEncoding)).toEqual([
        'quoted-printable',
        'base64',
      ]);
      const shown = scanMessage(await wholeOf(await textOnly(large, large, scratch)));
      expect(shown.parts).toHaveLength(2);
    });
  });

  it('whose header has no end is not taken', async () => {
    const scratch = openScratch(folder);
    const endless = Buffer.from('X-A: b\r\n'.repeat(300_000));
    await expect(scratch.keep(from(endless))).rejects.toMatchObject({ code: 'unreadable' });
    await scratch.clear();
  });
});
