/** Changes to a message by its lines, header fields, boundaries and the objects that it carries. */
import type { Dice } from './dice.ts';
import { mutateDer } from './mutate-der.ts';
import { maximumLength, mutateOctets, repeated } from './mutate-octets.ts';

/** @param other a second input, to take lines from */
export function mutateMime(input: Buffer, dice: Dice, other: Buffer): Buffer {
  if (dice.oneIn(3)) return mutateCarried(input, dice, other);
  if (dice.oneIn(6)) return mutateOctets(input, dice, other);
  // Latin-1: one character is one octet, there and back.
  const lines = input.toString('latin1').split('\n').slice(0, 20_000);
  const at = dice.below(lines.length);
  const line = lines[at] ?? '';
  switch (dice.below(16)) {
    case 0:
      lines.splice(at, dice.few(8));
      break;
    case 1:
      return repeated(joined(lines.slice(0, at)), joined([line, '']), joined(lines.slice(at)), dice);
    case 2: {
      const to = dice.below(lines.length);
      lines[at] = lines[to] ?? '';
      lines[to] = line;
      break;
    }
    case 3:
      lines.splice(dice.below(Math.min(lines.length, 20)), 0, `${dice.pick(fields)}\r`);
      break;
    case 4:
      lines[at] = line.replace(/^([^:]*):.*$/s, () => `${dice.pick(fields)}\r`);
      break;
    case 5:
      lines.splice(
        at,
        0,
        dice.pick([
          `--${boundaryOf(lines, dice)}\r`,
          `--${boundaryOf(lines, dice)}--\r`,
          `--${boundaryOf(lines, dice)} \t\r`,
          `--${boundaryOf(lines, dice)}x\r`,
          `--${boundaryOf(lines, dice)}`,
        ]),
      );
      break;
    case 6:
      lines[at] = line.endsWith('\r') ? line.slice(0, -1) : `${line}\r`;
      break;
    case 7:
      lines[at] = `${dice.pick([' ', '\t', '\r', '\0', '\x80', '.', 'From ', '>From '])}${line}`;
      break;
    case 8: {
      const column = dice.below(line.length + 1);
      lines[at] = `${line.slice(0, column)}${dice.pick(tokens)}${line.slice(column)}`;
      break;
    }
    case 9: {
      const column = dice.below(line.length + 1);
      return repeated(
        joined([...lines.slice(0, at), line.slice(0, column)]),
        Buffer.from(dice.pick(tokens), 'latin1'),
        joined([line.slice(column), ...lines.slice(at + 1)]),
        dice,
      );
    }
    case 10:
      return Buffer.from(
        dice.pick([
          input.toString('latin1').replaceAll('\r\n', '\n'),
          input.toString('latin1').replaceAll('\r\n', '\r'),
        ]),
        'latin1',
      );
    case 11:
      return nestedIn(input, dice);
    case 12: {
      const foreign = other.toString('latin1').split('\n');
      const from = dice.below(foreign.length);
      lines.splice(at, 0, ...foreign.slice(from, from + dice.few(64)));
      break;
    }
    case 13:
      lines.length = at;
      break;
    case 14:
      lines.splice(at, 0, '\r');
      break;
    default:
      lines[at] = dice.oneIn(2)
        ? line.toUpperCase()
        : line.replace(/[;=",]/, () => dice.pick([';', '=', '"', ',', '']));
  }
  return joined(lines).subarray(0, maximumLength);
}

const joined = (lines: readonly string[]): Buffer => Buffer.from(lines.join('\n'), 'latin1');

/** A base64 body is decoded, changed as ASN.1 and put back: random changes to base64 seldom get further than its decoder. */
function mutateCarried(input: Buffer, dice: Dice, other: Buffer): Buffer {
  const text = input.toString('latin1');
  const blocks = [...text.matchAll(/(?:^[A-Za-z0-9+/]{8,76}={0,2}\r?\n)+/gm)];
  if (blocks.length === 0) return mutateOctets(input, dice, other);
  const block = dice.pick(blocks);
  const der = Buffer.from(block[0], 'base64');
  const changed = mutateDer(der, dice, der).subarray(0, maximumLength / 2);
  const lines = changed.toString('base64').match(/.{1,64}/g) ?? [];
  const after = text.slice(block.index + block[0].length);
  return Buffer.from(`${text.slice(0, block.index)}${lines.map((line) => `${line}\r\n`).join('')}${after}`, 'latin1');
}

function boundaryOf(lines: readonly string[], dice: Dice): string {
  const found = lines.flatMap((line) => /boundary="?([^";\r]+)/i.exec(line)?.[1] ?? []);
  return found.length > 0 ? dice.pick(found) : 'x';
}

/** The message as a part of a part of a part. */
function nestedIn(input: Buffer, dice: Dice): Buffer {
  const levels = dice.oneIn(10) ? dice.below(2_000) : dice.few(80);
  const same = dice.oneIn(2);
  const forwarded = dice.oneIn(2);
  const head: string[] = [];
  const tail: string[] = [];
  for (let level = 0; level < levels; level++) {
    const boundary = same ? 'x' : `x${level}`;
    head.push(
      forwarded
        ? 'Content-Type: message/rfc822\r\n\r\n'
        : `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n--${boundary}\r\n`,
    );
    if (!forwarded) tail.unshift(`\r\n--${boundary}--\r\n`);
  }
  return Buffer.concat([Buffer.from(head.join(''), 'latin1'), input, Buffer.from(tail.join(''), 'latin1')]).subarray(
    0,
    maximumLength,
  );
}

const fields = [
  'From: Mallory <mallory@example.org>',
  'From: "a@example.org" <b@example.org>, c@example.org',
  'From: =?utf-8?q?Alice?= <alice@example.org>',
  'From : alice@example.org',
  'Sender: <>',
  'To: group: a@example.org, "b \\" c" <b@[127.0.0.1]>;',
  'Subject: =?utf-8?b?w6TDtsO8?= =?iso-8859-1?q?=E4?= =?x?z??=',
  'Content-Type: multipart/mixed; boundary=x',
  'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="x"',
  'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m',
  'Content-Type: application/pkcs7-mime; smime-type=signed-data',
  "Content-Type: text/plain; charset*0*=utf-8''u; charset*1=tf; charset*2*=%2D8",
  'Content-Type: message/rfc822',
  'Content-Type: text/plain; hp="cipher"; boundary="a',
  'Content-Transfer-Encoding: base64',
  'Content-Transfer-Encoding: quoted-printable',
  'Content-Transfer-Encoding: x-unknown',
  'HP-Outer: Subject: [...]',
  'MIME-Version: 1.0 (comment)',
  ' folded',
  '',
];

const tokens = [
  '"',
  '\\',
  '(',
  ')',
  '((',
  '<',
  '>',
  '@',
  ',',
  ';',
  ':',
  '=',
  '=?',
  '?=',
  '=?utf-8?q?',
  '=?utf-8?b?w6Q=?=',
  '=3D',
  '=\r\n',
  "*0*=utf-8''%",
  '*1=',
  '--',
  '\r',
  '\n',
  '\r\n ',
  '\0',
  '\x7f',
  '\x80',
  '\xff',
  '%',
  '[',
  ']',
  ' ',
  'a@b,',
  'xn--',
  'multipart/',
];
