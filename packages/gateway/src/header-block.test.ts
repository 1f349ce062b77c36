import { describe, expect, it } from 'vitest';
import { bodyStart, headerFields, onlyValue, withHeaders } from './header-block.ts';

const message = Buffer.from(
  'Received: from a\r\n\tby b\r\nSubject: one\r\n two\r\nX-Evil : yes\r\nX-Evil: again\r\n\r\nX-Evil: body\r\n\r\nmore\r\n',
);

describe('headerFields', () => {
  it('unfolds values and forgives a blank before the colon', () => {
    expect(headerFields(message).map(({ name, value }) => [name, value])).toEqual([
      ['received', 'from a\tby b'],
      ['subject', 'one two'],
      ['x-evil', 'yes'],
      ['x-evil', 'again'],
    ]);
  });

  it.each([
    ['no body', 'A: 1\r\nB: 2\r\n', ['a', 'b']],
    ['no header', '\r\nA: 1\r\n', []],
    ['nothing', '', []],
    ['a line that is no field', 'A: 1\r\nnonsense\r\nB: 2\r\n\r\n', ['a', 'b']],
    ['no last line end', 'A: 1', ['a']],
    ['lines that end in LF', 'A: 1\nB: 2\n\nC: 3\r\n\r\n', ['a', 'b']],
    ['lines that end in LF, and then in CRLF', 'A: 1\nB: 2\n\r\nC: 3\n\n', ['a', 'b']],
    ['an empty line of LF and nothing else', '\nA: 1\r\n\r\n', []],
  ])('reads a message with %s', (_, text, names) => {
    expect(headerFields(Buffer.from(text)).map(({ name }) => name)).toEqual(names);
  });

  it('gives the value of a field that stands once, and of no other', () => {
    const fields = headerFields(message);
    expect(onlyValue(fields, 'subject')).toBe('one two');
    expect(onlyValue(fields, 'x-evil')).toBeUndefined();
    expect(onlyValue(fields, 'date')).toBeUndefined();
  });
});

describe('the body', () => {
  it.each(['A: 1\r\n\r\nbody', 'A: 1\n\nbody', 'A: 1\n\r\nbody', '\r\nbody', '\nbody'])('begins behind %j', (text) => {
    expect(text.slice(bodyStart(Buffer.from(text)))).toBe('body');
  });

  it.each(['', 'A: 1', 'A: 1\r\n', '\r\n'])('is empty in %j', (text) => {
    expect(bodyStart(Buffer.from(text))).toBe(text.length);
  });
});

describe('withHeaders', () => {
  it('removes whole fields, puts others first, and leaves every other octet', () => {
    const changed = withHeaders(message, ({ name }) => name === 'x-evil', ['X-New: 1', 'X-Long: a\r\n b']);
    expect(changed.toString()).toBe(
      'X-New: 1\r\nX-Long: a\r\n b\r\nReceived: from a\r\n\tby b\r\nSubject: one\r\n two\r\n\r\nX-Evil: body\r\n\r\nmore\r\n',
    );
  });

  it.each([' ; forged=yes\r\nA: 1\r\n\r\n', 'From anna Mon Jan  5\r\nA: 1\r\n\r\n', 'text without a header\r\n'])(
    'puts nothing of a stranger into a field of ours: %j',
    (text) => {
      const [ours, ...rest] = headerFields(withHeaders(Buffer.from(text), () => false, ['X-New: 1']));
      expect(ours).toMatchObject({ name: 'x-new', value: '1' });
      expect(rest[0]?.name).toBe('x-chancery-first-line');
      const changed = withHeaders(Buffer.from(text), () => false, ['X-New: 1']);
      expect(changed.subarray(-text.length).toString()).toBe(text);
    },
  );

  it('changes nothing when there is nothing to change', () => {
    expect(withHeaders(message, () => false, []).equals(message)).toBe(true);
  });
});
