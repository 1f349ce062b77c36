import { beforeAll, describe, expect, it } from 'vitest';
import { type Holder, issue, now } from '../../test/office.ts';
import {
  encryptMessage,
  forward,
  type HeaderConfidentiality,
  headerValue,
  type NamedField,
  type ProtectedHeaders,
  type Respond,
  replyTo,
  respondTo,
  scanMessage,
  signMessage,
  verifyMessage,
  withoutLegacyDisplay,
} from '../index.ts';

let root: Holder;
let alice: Holder;
let bob: Holder;
beforeAll(async () => {
  root = await issue({ ca: true });
  [alice, bob] = await Promise.all([
    issue({ email: 'alice@example.net' }, root),
    issue({ email: 'bob@example.net' }, root),
  ]);
});

const letter = (fields: readonly NamedField[], body: string): Buffer =>
  Buffer.from(
    `${fields.map(({ name, value }) => `${name}: ${value}\r\n`).join('')}Content-Type: text/plain; charset="us-ascii"\r\nMIME-Version: 1.0\r\n\r\n${body}`,
  );
const seal = async (
  message: Uint8Array,
  from: Holder,
  to: Holder,
  headerProtection: HeaderConfidentiality,
  more: Partial<Parameters<typeof signMessage>[0]> = {},
): Promise<Uint8Array> =>
  encryptMessage({
    message: await signMessage({
      message,
      signers: [from],
      signingTime: now,
      headerProtection,
      legacyDisplay: true,
      ...more,
    }),
    recipients: [to.certificate],
  });
const verify = (message: Uint8Array, keys: readonly Holder[]) =>
  verifyMessage({ message, anchors: [root.certificate], at: now, keys: keys.map(({ key }) => key) });
const outer = (message: Uint8Array, name: string): string | undefined => headerValue(scanMessage(message), name);

/** RFC 9788 appendix D.1. */
const original: NamedField[] = [
  { name: 'Date', value: 'Wed, 11 Jan 2023 16:08:43 -0500' },
  { name: 'From', value: 'Bob <bob@example.net>' },
  { name: 'To', value: 'Alice <alice@example.net>' },
  { name: 'Subject', value: 'Handling the Jones contract' },
  { name: 'Message-ID', value: '<20230111T210843Z.1234@lhp.example>' },
];
const own = 'Alice <alice@example.net>';

describe('RFC 9788 appendix D', () => {
  const received = async () => {
    const message = await seal(letter(original, "Please review, it's critical!\r\n"), bob, alice, 'baseline');
    return { message, report: await verify(message, [alice]) };
  };
  const answer = (fields: readonly NamedField[]): Buffer =>
    letter(
      [
        { name: 'Date', value: 'Wed, 11 Jan 2023 16:48:22 -0500' },
        ...fields.slice(0, 3),
        { name: 'Message-ID', value: '<20230111T214822Z.5678@lhp.example>' },
        ...fields.slice(3),
      ],
      "I'll get right on it, Bob!\r\n",
    );

  it('D.1: what a new message hides', async () => {
    const { message, report } = await received();
    expect(outer(message, 'subject')).toBe('[...]');
    expect(report.verdict).toBe('valid');
    expect(report.protectedHeaders?.outer).toEqual(
      original.map(({ name, value }) => ({ name: name.toLowerCase(), value: name === 'Subject' ? '[...]' : value })),
    );
    // What is quoted in an answer has no Legacy Display Element.
    expect(Buffer.from(report.content ?? []).toString()).toContain(
      '\r\n\r\nSubject: Handling the Jones contract\r\n\r\n',
    );
    expect(Buffer.from(withoutLegacyDisplay(report.content ?? Buffer.alloc(0))).toString()).toContain(
      "\r\n\r\nPlease review, it's critical!\r\n",
    );
  });

  it('D.2: the answer hides what was hidden, though its own policy hides nothing', async () => {
    const { protectedHeaders } = (await received()).report;
    const { fields, confidential } = respondTo({ protectedHeaders, delivered: [] }, replyTo({ from: own }));
    expect(fields).toEqual([
      { name: 'From', value: 'Alice <alice@example.net>' },
      { name: 'To', value: 'Bob <bob@example.net>' },
      { name: 'Subject', value: 'Re: Handling the Jones contract' },
      { name: 'In-Reply-To', value: '<20230111T210843Z.1234@lhp.example>' },
      { name: 'References', value: '<20230111T210843Z.1234@lhp.example>' },
    ]);
    expect(confidential).toEqual([{ name: 'Subject', value: 'Re: Handling the Jones contract', outside: 'Re: [...]' }]);

    const reply = await seal(answer(fields), alice, bob, 'no-confidentiality', { confidential });
    expect(outer(reply, 'subject')).toBe('Re: [...]');
    const report = await verify(reply, [bob]);
    expect(report).toMatchObject({ verdict: 'valid', protectedHeaders: { differing: [] } });
    expect(report.protectedHeaders?.outer).toEqual(
      [
        ['date', 'Wed, 11 Jan 2023 16:48:22 -0500'],
        ['from', 'Alice <alice@example.net>'],
        ['to', 'Bob <bob@example.net>'],
        ['subject', 'Re: [...]'],
        ['message-id', '<20230111T214822Z.5678@lhp.example>'],
        ['in-reply-to', '<20230111T210843Z.1234@lhp.example>'],
        ['references', '<20230111T210843Z.1234@lhp.example>'],
      ].map(([name, value]) => ({ name, value })),
    );
    expect(Buffer.from(report.content ?? []).toString()).toContain(
      "\r\n\r\nSubject: Re: Handling the Jones contract\r\n\r\nI'll get",
    );
  });

  it('the composer’s own policy comes first, and what he edited is his', async () => {
    const { protectedHeaders } = (await received()).report;
    const { fields, confidential } = respondTo({ protectedHeaders, delivered: [] }, replyTo({ from: own }));
    expect(outer(await seal(answer(fields), alice, bob, 'baseline', { confidential }), 'subject')).toBe('[...]');
    const edited = fields.map((field) =>
      field.name === 'Subject' ? { ...field, value: `${field.value} ASAP` } : field,
    );
    const reply = await seal(answer(edited), alice, bob, 'no-confidentiality', { confidential });
    expect(outer(reply, 'subject')).toBe('Re: Handling the Jones contract ASAP');
  });

  it('an answer that is not encrypted is refused while it repeats what was', async () => {
    const { protectedHeaders } = (await received()).report;
    const { fields, confidential } = respondTo({ protectedHeaders, delivered: [] }, replyTo({ from: own }));
    const sign = (message: Uint8Array) =>
      signMessage({ message, signers: [alice], headerProtection: 'clear', confidential });
    await expect(sign(answer(fields))).rejects.toMatchObject({ code: 'invalid-argument' });
    const edited = fields.map((field) => (field.name === 'Subject' ? { ...field, value: 'Something else' } : field));
    await expect(sign(answer(edited))).resolves.toBeDefined();
  });
});

describe('answers', () => {
  const headers = (fields: NamedField[], outside: NamedField[] | undefined): ProtectedHeaders => ({
    scheme: 'rfc9788',
    intent: outside ? 'cipher' : 'clear',
    fields: fields.map((field) => ({ ...field, protection: 'signed-and-encrypted' })),
    ...(outside && { outer: outside }),
    differing: [],
  });
  const composed: NamedField[] = [
    { name: 'from', value: '"B. Builder" <bob@example.net>' },
    { name: 'to', value: 'Alice <alice@example.net>, Carol <carol@example.net>' },
    { name: 'cc', value: 'dave@example.net, alice@EXAMPLE.net' },
    { name: 'subject', value: '=?utf-8?q?Gr=C3=BC=C3=9Fe?=' },
    { name: 'message-id', value: '<2@example.net>' },
    { name: 'references', value: '<0@example.net> <1@example.net>' },
    { name: 'reply-to', value: 'desk@example.net' },
  ];

  it('to all: every reader once, never the one who answers', () => {
    const delivered = composed;
    expect(respondTo({ delivered }, replyTo({ from: own, all: true })).fields).toEqual([
      { name: 'From', value: own },
      { name: 'To', value: 'desk@example.net' },
      { name: 'Cc', value: 'Carol <carol@example.net>, dave@example.net' },
      { name: 'Subject', value: 'Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=' },
      { name: 'In-Reply-To', value: '<2@example.net>' },
      { name: 'References', value: '<0@example.net> <1@example.net> <2@example.net>' },
    ]);
  });

  it('forwarded', () => {
    expect(respondTo({ delivered: composed }, forward({ from: own })).fields).toEqual([
      { name: 'From', value: own },
      { name: 'Subject', value: 'Fwd: =?utf-8?q?Gr=C3=BC=C3=9Fe?=' },
      { name: 'References', value: '<0@example.net> <1@example.net> <2@example.net>' },
    ]);
  });

  it('a field that was left out outside, or written otherwise there, is so in the answer', () => {
    const outside = composed
      .filter(({ name }) => name !== 'references' && name !== 'cc')
      .map((field) => (field.name === 'reply-to' ? { ...field, value: 'gate@example.net' } : field));
    const protectedHeaders = headers(composed, outside);
    const { confidential } = respondTo({ protectedHeaders, delivered: [] }, replyTo({ from: own, all: true }));
    expect(confidential).toEqual([
      { name: 'To', value: 'desk@example.net', outside: 'gate@example.net' },
      { name: 'Cc', value: 'Carol <carol@example.net>, dave@example.net', outside: 'Carol <carol@example.net>' },
      {
        name: 'References',
        value: '<0@example.net> <1@example.net> <2@example.net>',
        outside: '<2@example.net>',
      },
    ]);
    const none = { name: 'keywords', value: 'x' };
    const keeping: Respond = (header) => header.filter(({ name }) => name === 'keywords');
    expect(
      respondTo({ protectedHeaders: headers([...composed, none], outside), delivered: [] }, keeping).confidential,
    ).toEqual([{ ...none, outside: undefined }]);
  });

  it('RFC 9788 6.2: whoever stands in the delivered header alone gets no answer', () => {
    const delivered = [...composed, { name: 'cc', value: 'mallory@example.net' }];
    for (const outside of [composed, undefined]) {
      const { fields, confidential } = respondTo(
        { protectedHeaders: headers(composed, outside), delivered },
        replyTo({ from: own, all: true }),
      );
      expect(JSON.stringify(fields)).not.toContain('mallory');
      expect(confidential).toEqual([]);
    }
  });
});
