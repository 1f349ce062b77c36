import { describe, expect, it } from 'vitest';
import { adviceOn } from './advice.ts';
import { explain } from './explain.ts';
import type { MessageFacts } from './facts.ts';
import type { JournalFacts } from './journal-facts.ts';
import { samplesOf } from './journal-sample.ts';
import { RuleSet } from './rules.ts';
import { compare, simulate } from './simulate.ts';

const set = (rules: object[], mode = 'first-match') => RuleSet.parse({ mode, rules });
const mail = (more: Partial<MessageFacts> = {}): MessageFacts => ({
  direction: 'outbound',
  sender: 'anna@example.com',
  headers: [],
  subject: 'Lunch',
  content: { text: 'Noon?', attachments: [] },
  size: 500,
  protection: 'none',
  signer: 'ready',
  recipients: [{ address: 'bob@x.example', certificate: 'none', visible: true }],
  ...more,
});
const words = { name: 'words', when: { bodyWords: ['secret'] }, do: { encrypt: 'must' } };
const shadow = { name: 'later', enabled: 'shadow', do: { refuse: 'Not yet' } };

describe('explain', () => {
  it('says of every rule what became of it and why, and what happens in the end', () => {
    const rules = [
      words,
      shadow,
      { name: 'off', enabled: 'off' },
      { name: 'all', do: { sign: 'must' } },
      { name: 'after' },
    ];
    const [bob] = explain(set(rules), mail()).recipients;
    expect(bob?.sentence).toBe(
      'By all: bob@x.example gets it signed (not encrypted: no good certificate for bob@x.example).',
    );
    expect(bob?.shadow).toEqual({ rules: ['later'], outcome: 'refused', detail: 'Not yet' });
    expect(bob?.explained.map(({ rule, result, sentence }) => [rule, result, sentence])).toEqual([
      ['words', 'no', 'It does not hold. The text has none of “secret”.'],
      [
        'later',
        'shadow',
        'It is in shadow and changes nothing. It has no conditions, so it always holds. It would count: the message is refused (“Not yet”).',
      ],
      ['off', 'off', 'It is switched off. It has no conditions, so it always holds.'],
      ['all', 'decides', 'It has no conditions, so it always holds. It counts: it must be signed.'],
      ['after', 'late', '“all” stands before it and has decided. It has no conditions, so it always holds.'],
    ]);
  });

  it('says what is in doubt and what counts of it', () => {
    const content = { text: '', attachments: [], unseen: 'it is encrypted' };
    const [bob] = explain(
      set([words, { ...words, name: 'soft', do: { subjectTag: '[x]' } }]),
      mail({ content }),
    ).recipients;
    expect(bob?.outcome).toBe('refused');
    expect(bob?.explained.map(({ result, sentence }) => [result, sentence])).toEqual([
      [
        'demands',
        'Whether it holds cannot be judged. Whether the text has “secret” cannot be seen: it is encrypted. To be safe, what it demands counts: it must be encrypted.',
      ],
      [
        'no',
        'Whether it holds cannot be judged. Whether the text has “secret” cannot be seen: it is encrypted. It demands nothing, so it does not count.',
      ],
    ]);
  });

  it('names an exception, and alternatives that do not hold', () => {
    const rules = [
      { name: 'unless', when: { unless: { largerThan: 5 } } },
      { name: 'any', when: { anyOf: [{ direction: 'inbound' }, { smallerThan: 5 }] } },
    ];
    const [bob] = explain(set(rules), mail()).recipients;
    expect(bob?.explained.map(({ sentence }) => sentence)).toEqual([
      'It does not hold. Its exception holds: It has 500 octets, more than 5.',
      'It does not hold. None of its alternatives holds: The message is going out, not coming in. It has 500 octets, not less than 5.',
    ]);
    expect(bob?.sentence).toMatch(
      /^No rule holds, so what the gateway does by itself counts: bob@x.example gets it signed/,
    );
  });
});

describe('the simulator', () => {
  const strict = set([{ name: 'x', when: { recipientDomain: ['x.example'] }, do: { encrypt: 'must' } }]);

  it('counts outcomes and rules, and shows what would change, and which way', () => {
    const samples = [
      { id: 'one', facts: mail() },
      { id: 'two', facts: mail({ recipients: [{ address: 'c@y.example', certificate: 'good', visible: true }] }) },
    ];
    const { before, after, changes } = compare(set([]), strict, samples);
    expect(before.outcomes).toEqual({ signed: 1, 'signed-encrypted': 1 });
    expect(after.outcomes).toEqual({ refused: 1, 'signed-encrypted': 1 });
    expect(after.rules.map(({ rule, counted }) => [rule, counted])).toEqual([
      ['x', 1],
      ['default', 1],
    ]);
    expect(changes.map(({ id, kind, after: { outcome } }) => [id, kind, outcome])).toEqual([
      ['one', 'stronger', 'refused'],
    ]);
    expect(compare(strict, set([]), samples).changes.map(({ kind }) => kind)).toEqual(['weaker']);
    expect(compare(strict, strict, samples).changes).toEqual([]);
  });

  it('counts shadows and doubts', () => {
    const facts = mail({ content: { text: '', attachments: [], unseen: 'it is encrypted' } });
    expect(simulate(set([{ ...words, do: {} }, shadow]), [{ id: 'one', facts }]).rules).toEqual([
      { rule: 'words', counted: 0, shadow: 0, doubtful: 1 },
      { rule: 'later', counted: 0, shadow: 1, doubtful: 0 },
      { rule: 'default', counted: 1, shadow: 0, doubtful: 0 },
    ]);
  });

  it('makes messages of a journal, each of what its records say it was decided from', () => {
    const facts = (certificate: 'good' | 'none' | 'unknown', more: Partial<JournalFacts> = {}): JournalFacts => ({
      ...{ headers: [], protection: 'none', signer: 'ready', certificate, visible: true },
      ...more,
    });
    const record = (recipient: string, arrival: string | null, of: JournalFacts | null, messageId = '<1@x>') => ({
      ...{ at: '2026-11-26T10:00:00Z', direction: 'outbound' as const, messageId, sender: 'Anna@example.com' },
      ...{ recipient, arrival, facts: of },
    });
    const samples = samplesOf([
      record('a@x.example', 'one', facts('good')),
      record('b@x.example', 'one', facts('none')),
      // The same message once more is another arrival, and one of nothing is known is none.
      record('a@x.example', 'two', facts('good')),
      record('d@x.example', null, facts('unknown', { protection: 'encrypted' }), '<2@x>'),
      record('e@x.example', null, null),
    ]);
    expect(
      samples.map(({ id, facts: { protection, recipients } }) => [
        id,
        protection,
        recipients.map((one) => one.certificate),
      ]),
    ).toEqual([
      ['<1@x>', 'none', ['good', 'none']],
      ['<1@x>', 'none', ['good']],
      ['<2@x>', 'encrypted', ['unknown']],
    ]);
    expect(simulate(strict, samples).outcomes).toEqual({ refused: 2, 'signed-encrypted': 1, encrypted: 1 });
    expect(simulate(set([words]), samples).rules[0]).toMatchObject({ counted: 4, doubtful: 4 });
  });
});

describe('advice', () => {
  it('finds what is likely to be a mistake', () => {
    const rules = [
      { name: 'in', when: { direction: 'inbound', hasCertificate: true }, do: { encrypt: 'must' } },
      { name: 'out', when: { direction: 'outbound', authentication: { spf: ['fail'] } }, do: { route: 'b' } },
      { name: 'doubt', when: { anyOf: [{ bodyWords: ['x'] }] }, do: { refuse: 'no' } },
      { name: 'invite', do: { encrypt: 'never', hold: { reason: 'r', hours: 1, invite: true } } },
      { name: 'in' },
      { name: 'strip', when: { direction: 'inbound' }, do: { removeAttachments: ['*.exe'] } },
      { name: 'banner', when: { direction: 'outbound' }, do: { banner: 'signals' } },
    ];
    expect(adviceOn(set(rules), ['a']).map(({ rule, code }) => `${rule} ${code}`)).toEqual([
      'in outbound-only',
      'in never-judged',
      'out never-judged',
      'out unknown-route',
      'doubt doubtful-inbound',
      'invite invites-nobody',
      'in same-name',
      'in never-reached',
      'strip holds-encrypted',
      'strip never-reached',
      'banner inbound-only',
      'banner never-reached',
    ]);
    expect(adviceOn(set([{ name: 'a', when: { direction: 'outbound' } }, { name: 'b' }]))).toEqual([]);
  });
});
