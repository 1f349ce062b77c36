import { decodeBody, decodeHeaderText, scanMessage, type VerifyReport, verifyMessage } from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { noScratch, wholeOf } from '../../test/support/whole.ts';
import { textOfHtml } from './html-text.ts';
import { present } from './present.ts';
import { isHarmless, textOnly } from './text-only.ts';

const warning = { code: 'look-alike-domain', severity: 'warning', reason: 'The domain looks like ours <b>&.' } as const;
const verified = (message: Buffer) => verifyMessage({ message, anchors: [] });
const shownOf = async (
  message: Buffer,
  {
    banner = 'warnings',
    tag = {},
    signals = [warning],
    rules = [],
    report,
  }: {
    banner?: 'never' | 'warnings';
    tag?: object;
    signals?: (typeof warning)[];
    rules?: string[];
    report?: VerifyReport;
  } = {},
) =>
  wholeOf(
    await present(
      { message, report: report ?? (await verified(message)), encrypted: false, handling: 'whole' },
      signals,
      { banner, subjectTag: tag },
      ['X-Chancery-Verdict: unsigned'],
      ({ name }) => name === 'x-chancery-verdict',
      noScratch,
      rules,
    ),
  );
const bodies = (message: Buffer): string[] => {
  const root = scanMessage(message);
  return (root.parts.length > 0 ? root.parts : [root]).map((part) => Buffer.from(decodeBody(message, part)).toString());
};
const from = 'From: bob@x.example\r\nSubject: Offer\r\nMIME-Version: 1.0\r\n';

describe('a banner', () => {
  it('stands above plain text and HTML alike, whatever their encoding', async () => {
    const message = Buffer.from(
      `${from}Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><BODY class="x"><p>Hello</p></body></html>\r\n--b--\r\n`,
    );
    const [text, html] = bodies(await shownOf(message));
    expect(text).toBe('* The domain looks like ours <b>&.\r\n\r\nGrüße');
    expect(html).toMatch(
      /^<html><BODY class="x"><div [^>]*>The domain looks like ours &#60;b&#62;&#38;\.<\/div><p>Hello/,
    );
  });

  it.each([
    ['in a comment', '<!-- <body> --><p>x', /^<div/],
    ['in a style', '<html><style><body></style><p>x', /^<div/],
    ['in a title', '<!DOCTYPE html><title><body></title>x', /^<!DOCTYPE html><div/],
    ['in a value', '<html title="<body>"><p>x', /^<div/],
    ['in a script', '<script>"<body>"</script><p>x', /^<div/],
    ['in an element', '<div style="display:none"><body></div>x', /^<div style="display:block /],
    ['behind a comment that ends soon', '<!--><textarea><body></textarea>-->x', /^<div/],
    ['where Outlook writes it', '<html><head><style><!-- p{} --></style></head><body lang=DE>x', /<body lang=DE><div/],
  ])('is not hidden by a body element that is none: %s', async (_, html, place) => {
    const message = Buffer.from(`${from}Content-Type: text/html\r\n\r\n${html}\r\n`);
    expect(bodies(await shownOf(message))[0]).toMatch(place);
  });

  it.each([
    ['behind a picture', 'mixed', ['image/png', 'text/html'], [1]],
    ['behind a file', 'mixed', ['text/plain; name=a\r\nContent-Disposition: attachment', 'text/html'], [1]],
    ['in whichever part is the first', 'related; start="<2>"', ['text/html', 'text/html'], [0, 1]],
    ['in the first of two', 'mixed', ['text/plain', 'text/html'], [0]],
  ] as const)('stands where the text is: %s', async (_, type, parts, places) => {
    const written = parts.map((part) => `--b\r\nContent-Type: ${part}\r\n\r\nx\r\n`).join('');
    const message = Buffer.from(`${from}Content-Type: multipart/${type}; boundary=b\r\n\r\n${written}--b--\r\n`);
    const shown = bodies(await shownOf(message)).map((body) => body.includes('looks like ours'));
    expect(shown.flatMap((has, index) => (has ? [index] : []))).toEqual(places);
  });

  it('stands in a part that had a header and nothing else', async () => {
    const body = '--b\r\nContent-Type: text/plain\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n';
    const message = Buffer.from(`${from}Content-Type: multipart/mixed; boundary=b\r\n\r\n${body}`);
    expect(bodies(await shownOf(message))[0]).toMatch(/looks like ours/);
  });

  it('touches nothing that is signed, encrypted, doubtful, or not to have one', async () => {
    const plain = Buffer.from(`${from}\r\nHello\r\n`);
    const untouched = [
      Buffer.from(
        `${from}Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n`,
      ),
      Buffer.from(`${from}Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`),
      Buffer.from(`${from}Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nHello\r\n`),
      Buffer.from(`${from}Content-Type: text/plain; charset=utf-16\r\n\r\nH\r\n`),
      Buffer.from(`${from}Content-Type: application/pdf\r\n\r\nHello\r\n`),
    ];
    for (const message of untouched) expect((await shownOf(message)).subarray(-message.length)).toEqual(message);
    expect((await shownOf(plain, { banner: 'never' })).subarray(-plain.length)).toEqual(plain);
    expect((await shownOf(plain, { signals: [] })).subarray(-plain.length)).toEqual(plain);
    const signed = { ...(await verified(plain)), verdict: 'invalid' as const };
    expect((await shownOf(plain, { report: signed })).subarray(-plain.length)).toEqual(plain);
  });
});

describe('a tag in the Subject', () => {
  const subject = (message: Buffer) => /^Subject: (.*(?:\r\n .*)*)/m.exec(message.toString())?.[1];
  const tag = { warning: '[CAUTION]', valid: '[SIGNED]' };

  it('is put where it is earned, and once', async () => {
    const message = Buffer.from(`${from}\r\nHello\r\n`);
    expect(subject(await shownOf(message, { tag }))).toBe('[CAUTION] Offer');
    const again = Buffer.from(message.toString().replace('Offer', '[CAUTION] Offer'));
    expect(subject(await shownOf(again, { tag }))).toBe('[CAUTION] Offer');
    const good = { ...(await verified(message)), verdict: 'valid' as const };
    expect(subject(await shownOf(message, { tag, signals: [], report: good }))).toBe('[SIGNED] Offer');
    expect(subject(await shownOf(message, { tag, signals: [] }))).toBe('Offer');
  });

  it('is taken from whoever put it there themselves, encoded or not', async () => {
    for (const forged of [
      ...['[SIGNED] Offer', '=?utf-8?q?=5BSIGNED=5D?= Offer', 'Re: [SIGNED] Offer', '[SIG[SIGNED]NED] Offer'],
      ...['[Signed] Offer', '=?utf-8?q?=5BSIG=E2=80=8BNED=5D?= Offer', '=?utf-8?q?=5B=D0=85IGNED=5D?= Offer'],
    ]) {
      const message = Buffer.from(`${from}\r\nHello\r\n`.replace('Offer', forged));
      const shown = subject(await shownOf(message, { tag, signals: [] })) ?? '';
      expect(decodeHeaderText(shown.replace(/\r\n /g, ' '))).toMatch(/^(Re:\s+)?Offer$/);
    }
  });

  it('is not left in a word that others may read', async () => {
    for (const forged of ['=?utf-8?q?=5BSIGNED=5D x?=', '=?utf-7?q?+AFs-SIGNED+AF0-?=', '=?x?b?W1NJR05FRF0=?=']) {
      const message = Buffer.from(`${from}\r\nHello\r\n`.replace('Offer', forged));
      const shown = (await shownOf(message, { tag, signals: [] })).toString();
      expect(subject(Buffer.from(shown))?.startsWith('=?utf-8?B?')).toBe(true);
      expect(decodeHeaderText(subject(Buffer.from(shown))?.replace(/\r\n /g, ' ') ?? '')).toBe(forged);
    }
  });

  it('is taken from each Subject, and put before each, where there are several', async () => {
    const message = Buffer.from(`${from}Subject: [SIGNED] Other\r\n\r\nHello\r\n`);
    expect((await shownOf(message, { tag })).toString().match(/^Subject: .*$/gm)).toEqual([
      'Subject: [CAUTION] Offer',
      'Subject: [CAUTION] Other',
    ]);
  });

  it('of a rule is missing where its sender has written it out of sight', async () => {
    const text = `Offer${' '.repeat(70)}[EXTERNAL]`;
    const message = Buffer.from(`${from}\r\nHello\r\n`.replace('Offer', text));
    expect(subject(await shownOf(message, { rules: ['[EXTERNAL]'], signals: [] }))).toBe(`[EXTERNAL] ${text}`);
    const answer = Buffer.from(`${from}\r\nHello\r\n`.replace('Offer', 'Re: [EXTERNAL] Offer'));
    expect(subject(await shownOf(answer, { rules: ['[EXTERNAL]'], signals: [] }))).toBe('Re: [EXTERNAL] Offer');
  });

  it('leaves a Subject alone that a signature protects, if it holds', async () => {
    const message = Buffer.from(`${from}\r\nHello\r\n`);
    const protectedHeaders = { scheme: 'rfc9788', intent: 'clear', fields: [], differing: [] } as const;
    const report = { ...(await verified(message)), protectedHeaders };
    expect(subject(await shownOf(message, { tag, report: { ...report, verdict: 'valid' } }))).toBe('Offer');
    const forged = Buffer.from(`${from}\r\nHello\r\n`.replace('Offer', '[SIGNED] Offer'));
    for (const verdict of ['invalid', 'unsigned', 'ambiguous'] as const)
      expect(subject(await shownOf(forged, { tag, report: { ...report, verdict } }))).toBe('[CAUTION] Offer');
  });
});

describe('text only', () => {
  it('has the words of a message, the names of what is left out, and the message as it came', async () => {
    const opened = Buffer.from(
      `${from}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Gr\xfc\xdfe &amp; <img src="http://e.example/"></p><script>x</script>\r\n--b\r\nContent-Type: application/pdf; name="a.pdf"\r\n\r\nPDF\r\n--b--\r\n`,
      'latin1',
    );
    const original = Buffer.from('the ciphertext');
    const shown = await wholeOf(await textOnly(opened, original, noScratch));
    const [text, attached] = bodies(shown);
    expect(text).toMatch(/Not shown: a\.pdf\]\r\n\r\nGrüße &\r\n$/);
    expect(attached).toBe('the ciphertext');
    expect(shown.toString()).toMatch(/^From: bob@x\.example\r\nSubject: Offer\r\nMIME-Version: 1\.0\r\n/);
    expect(await isHarmless(shown)).toBe(false);
  });

  it('leaves a message alone that is plain text', async () => {
    expect(await isHarmless(Buffer.from(`${from}\r\nHello\r\n`))).toBe(true);
    expect(await isHarmless(Buffer.from(`${from}Content-Type: text/html\r\n\r\nHello\r\n`))).toBe(false);
    expect(
      await isHarmless(Buffer.from(`${from}Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nHello\r\n`)),
    ).toBe(false);
  });

  it('is bounded', () => {
    expect(textOfHtml('<p>word</p>'.repeat(1_000_000), 1_000).length).toBeLessThanOrEqual(1_000);
    expect(textOfHtml(`${'<div>'.repeat(200_000)}x`, 1_000)).toBe('');
    const { user, system } = process.cpuUsage();
    expect(textOfHtml(`seen${'<b>'.repeat(1_000_000)}not`, 200_000)).toBe('seen');
    const after = process.cpuUsage();
    expect(after.user + after.system - user - system).toBeLessThan(2_000_000);
  });
});
