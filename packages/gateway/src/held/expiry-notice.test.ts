import { decodeHeaderText } from '@chancery/smime';
import { expect, it } from 'vitest';
import type { OfficeView, Person } from '../office.ts';
import { expiryNotice } from './expiry-notice.ts';

const text = (language: string) => ({
  subject: `ä ${language}`,
  text: `${language} {name} {organisation}\n{by} {since} {reason}\n{url} {date}\n`,
});
const anna = { name: 'Anna {by}', language: 'fr' } as Person;
const ben = { name: '' } as Person;
const view: Pick<OfficeView, 'organisation' | 'personOf' | 'heldMailEnded'> = {
  organisation: 'Example Corp',
  personOf: (address) => ({ 'anna@example.com': anna, 'ben@example.com': ben })[address],
  heldMailEnded: {
    texts: { en: text('en'), de: text('de'), fr: text('fr'), nb: text('nb') },
    language: 'de',
    url: 'https://pki.example.com',
  },
};

function notice(recipient: string, more: Partial<Parameters<typeof expiryNotice>[0]> = {}) {
  const octets = expiryNotice({
    ...{ gateway: 'gate.example.com', view, sender: 'eve@x.example', recipient, reason: 'Macros' },
    ...{ heldAt: Date.UTC(2026, 10, 24, 9, 30), at: new Date(Date.UTC(2026, 10, 25)), ...more },
  });
  const [header = '', body = ''] = octets.toString('latin1').split('\r\n\r\n');
  const field = (name: string) => new RegExp(`^${name}: (.*(?:\r\n .*)*)$`, 'm').exec(header)?.[1] ?? '';
  return { header, field, words: Buffer.from(body, 'base64').toString('utf8') };
}

it('is in the language of its reader, else that of the office, and fills in what is known, once', () => {
  const french = notice('anna@example.com');
  expect(french.words).toBe(
    'fr Anna {by} Example Corp\r\neve@x.example 2026-11-24 09:30 UTC Macros\r\nhttps://pki.example.com 2026-11-25\r\n',
  );
  expect(decodeHeaderText(french.field('Subject'))).toBe('ä fr');
  expect(french.field('Content-Language')).toBe('fr');
  for (const recipient of ['ben@example.com', 'list@example.com']) {
    expect(notice(recipient).words).toMatch(new RegExp(`^de ${recipient} `));
  }
});

it('is in English where the office has not said, or is older', () => {
  for (const said of [undefined, { ...view, heldMailEnded: null }]) {
    const { words, field } = notice('anna@example.com', { view: said, sender: '' });
    expect(words).toMatch(/^Dear .*\r\n\r\na message to you was held by the mail gateway of/);
    expect(words).toMatch(/From: <>\r\nHeld since: 2026-11-24 09:30 UTC\r\nBecause: Macros\r\n/);
    expect([field('Subject'), field('Content-Language')]).toEqual([
      'A message to you was held, and its time has ended',
      'en',
    ]);
  }
});

it('lets nothing that strangers or rules say become a line of its own', () => {
  const { header, words } = notice('ben@example.com', { sender: 'eve\r\nBcc: x@y.example', reason: 'a\r\nFrom: b' });
  expect(header).not.toContain('Bcc');
  expect(words).toContain('eve  Bcc: x@y.example 2026-11-24 09:30 UTC a  From: b\r\n');
});
