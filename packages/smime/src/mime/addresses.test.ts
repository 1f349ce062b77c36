import { describe, expect, it } from 'vitest';
import { parseAddressHeader } from './addresses.ts';
import { decodeHeaderText } from './header-text.ts';

const read = (value: string) => {
  const { mailboxes, problems } = parseAddressHeader(value);
  return {
    addresses: mailboxes.map(({ address }) => address),
    names: mailboxes.map(({ name }) => name),
    codes: problems.map(({ code }) => code),
  };
};

describe('address headers', () => {
  it('reads the usual forms without a doubt', () => {
    expect(read('alice@example.org')).toEqual({ addresses: ['alice@example.org'], names: [undefined], codes: [] });
    expect(read('Alice <alice@example.org>, "Bob, the other" <bob@example.org>')).toEqual({
      addresses: ['alice@example.org', 'bob@example.org'],
      names: ['Alice', 'Bob, the other'],
      codes: [],
    });
    expect(read('=?utf-8?q?J=C3=BCrgen?= <j@example.org>').names).toEqual(['Jürgen']);
    expect(read('<alice@example.org>').addresses).toEqual(['alice@example.org']);
    expect(read('"a b"@example.org').addresses).toEqual(['a b@example.org']);
    expect(read('undisclosed-recipients:;')).toEqual({ addresses: [], names: [], codes: [] });
    expect(read('Team: a@example.org, b@example.org;, c@example.org').addresses).toEqual([
      'a@example.org',
      'b@example.org',
      'c@example.org',
    ]);
    expect(read('alice@[192.0.2.1]').addresses).toEqual(['alice@[192.0.2.1]']);
    expect(read(Buffer.from('jürgen@bücher.example').toString('latin1')).addresses).toEqual(['jürgen@bücher.example']);
  });

  it('knows the group a mailbox stands in', () => {
    expect(parseAddressHeader('Team: a@example.org; , b@example.org').mailboxes.map(({ group }) => group)).toEqual([
      'Team',
      undefined,
    ]);
  });

  it('an address in a display name is no doubt where it is the same address', () => {
    expect(read('"alice@example.org" <alice@example.org>').codes).toEqual([]);
    expect(read('"bob@example.org" <alice@example.org>').codes).toEqual(['address-in-display-name']);
  });

  for (const value of [
    'a@b@example.org',
    'a b@example.org',
    '<a@example.org',
    'a@',
    '@example.org',
    'a@example.org b',
    '<a@x.example><b@y.example>',
    '"a@example.org',
  ]) {
    it(`names the doubt in ${value}`, () => {
      expect(parseAddressHeader(value).problems.some(({ severity }) => severity === 'error')).toBe(true);
    });
  }
});

describe('encoded words', () => {
  it('joins neighbours, also where a character is split between them', () => {
    expect(decodeHeaderText('=?utf-8?b?w7w=?= =?utf-8?q?=C3?=\t=?utf-8?q?=BC?= end')).toBe('üü end');
    expect(decodeHeaderText('=?iso-8859-1?q?a_b?= and =?utf-8?q?c?=')).toBe('a b and c');
    expect(decodeHeaderText('=?utf-8*en?q?hello?=')).toBe('hello');
  });

  it('leaves what is no encoded word', () => {
    for (const text of [
      '=?',
      '=?utf-8?q?',
      '=?utf-8?x?abc?=',
      '=?no-such-charset?q?abc?=',
      'a =? b ?= c',
      '=?utf-8?q?a b?=',
    ])
      expect(decodeHeaderText(text)).toBe(text);
  });

  it('reads raw UTF-8, and latin-1 where it is none', () => {
    expect(decodeHeaderText(Buffer.from('Grüße').toString('latin1'))).toBe('Grüße');
    expect(decodeHeaderText('Gr\xfc\xdfe')).toBe('Grüße');
  });

  it('reads a field of a megabyte only as far as its budget goes, and says so', () => {
    const { mailboxes, problems } = parseAddressHeader('@'.repeat(1_000_000));
    expect(mailboxes).toEqual([]);
    expect(problems).toContainEqual(expect.objectContaining({ code: 'address-field-too-long', severity: 'error' }));
  });
});
