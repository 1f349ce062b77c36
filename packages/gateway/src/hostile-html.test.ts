import { decodeBody, scanMessage } from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { hostileQuotation } from './hostile-html.ts';

const looked = (message: Buffer) => hostileQuotation((entity) => decodeBody(message, entity), scanMessage(message));

const answer = (html: string, header = 'In-Reply-To: <1@x.example>\r\n') =>
  looked(Buffer.from(`From: anna@example.com\r\n${header}Content-Type: text/html\r\n\r\n${html}\r\n`));

describe('what an answer quotes', () => {
  it.each([
    [
      'a style for some readers',
      '<style>@media screen{.a{display:none}}</style>Yes.<blockquote>Shall I pay?</blockquote>',
    ],
    ['a style that asks what a program can do', '<style>@supports (display:grid){.a{display:none}}</style>Yes.'],
    ['a style from elsewhere', '<style>@import url(http://x.example/)</style>Yes.'],
    ['a style in an escape', '<style>@m\\65 dia screen{}</style>Yes.'],
    ['a style between two strings', '<style>a{content:"/*"} @media print{} b{content:"*/"}</style>Yes.'],
    ['a style behind an address', "<style>a{background:url(')} @media print{}</style>Yes."],
    ['a comment in a property', '<blockquote>Hello <div style="display/**/:/*x*/none">Pay 10000.</div></blockquote>'],
    ['hidden text', 'Yes.<blockquote>Hello <div style="display: none">Pay 10000.</div></blockquote>'],
    ['text of no size', 'Yes.<blockquote cite="x"><span style="font-size:0px">Pay.</span></blockquote>'],
  ])('is hostile with %s', (_, html) => {
    expect(answer(html)).toMatch(/hidden text|other readers/);
  });

  it.each([
    [
      'what Outlook writes',
      '<style><!-- @font-face{font-family:Calibri} @page WordSection1{size:612pt} --></style>Yes.',
    ],
    ['plain quotations', 'Yes.<blockquote style="color:#555">Shall I <b>pay</b>?</blockquote>'],
    ['nothing hidden in a quotation', '<div style="display:none"></div><blockquote>Hello</blockquote>'],
    ['half of what is seen', '<blockquote><span style="opacity:0.5">Hello</span></blockquote>'],
  ])('is not with %s', (_, html) => {
    expect(answer(html)).toBeUndefined();
  });

  it.each([
    ['comments without an end', `<style>${'/*x'.repeat(300_000)}</style>Yes.`, undefined],
    ['a comment without an end in each of many', '<p style="/*x">'.repeat(900), undefined],
    ['strings without an end', `<style>${'"\\"'.repeat(300_000)}</style>Yes.`, undefined],
    ['elements without end', '<b>'.repeat(300_000), 'it is nested deeper than can be looked through'],
    ['more text than is looked through', 'x'.repeat(5_000_001), 'it holds more text than can be looked through'],
  ])('is looked through in a moment, or not at all: %s', (_, html, said) => {
    const { user, system } = process.cpuUsage();
    expect(answer(html)).toBe(said);
    const after = process.cpuUsage();
    expect(after.user + after.system - user - system).toBeLessThan(2_000_000);
  });

  it('is not believed where there is more than is looked through', () => {
    const part = (html: string) => `--b\r\nContent-Type: text/html\r\n\r\n${html}\r\n`;
    const many = [...Array<string>(100).fill('Yes.'), '<style>@media print{}</style>'].map(part).join('');
    const header = 'From: anna@example.com\r\nIn-Reply-To: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n';
    expect(looked(Buffer.from(`${header}${many}--b--\r\n`))).toBe('it has more parts than can be looked through');
    const files = many.replaceAll('text/html', 'image/png');
    expect(looked(Buffer.from(`${header}${files}--b--\r\n`))).toBeUndefined();
  });

  it('is its author’s own where nobody is answered', () => {
    expect(answer('<style>@media print{p{margin:0}}</style>Our newsletter', '')).toBeUndefined();
  });
});
