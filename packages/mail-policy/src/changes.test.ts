import { describe, expect, it } from 'vitest';
import { ruleChanges } from './changes.ts';
import { checkRules } from './check.ts';
import { decide } from './decide.ts';
import { describeRule } from './describe.ts';
import type { MessageFacts } from './facts.ts';
import { journalFacts, sampleOfRecords } from './journal-facts.ts';
import { Rule, RuleSet, type RuleSetInput } from './rules.ts';

const set = (...rules: NonNullable<RuleSetInput['rules']>) => RuleSet.parse({ rules });
const domain = (name: string, at: string, encrypt: 'must' | 'never' = 'must') => ({
  name,
  when: { recipientDomain: [at] },
  do: { encrypt },
});
const a = domain('a', 'a.example');
const b = domain('b', 'b.example');
const c = domain('c', 'c.example');
const d = domain('d', 'd.example');

describe('what differs between two rule sets', () => {
  const said = (before: RuleSet | undefined, after: RuleSet) =>
    ruleChanges(before, after).map(({ kind, sentence }) => `${kind}: ${sentence}`);
  it.each([
    ['nothing', set(a, b), set(a, b), []],
    ['a first set', undefined, set(a), ['added: “a” is new: recipientDomain a.example; encrypt must']],
    [
      'one more at the front, and nothing has moved',
      set(a, b),
      set(c, a, b),
      ['added: “c” is new: recipientDomain c.example; encrypt must'],
    ],
    ['one less', set(a, b, c), set(a, c), ['removed: “b” is gone']],
    [
      'one put elsewhere is the only one that moved',
      set(a, b, c, d),
      set(d, a, b, c),
      ['moved: “d” stands at 1, and stood at 4'],
    ],
    ['another name for the same', set(a, b), set(a, { ...b, name: 'x' }), ['renamed: “b” is called “x”']],
    [
      'parts of one',
      set({ ...a, when: { recipientDomain: ['a.example', 'z.example'] } }),
      set({
        ...a,
        enabled: 'shadow',
        when: { recipientDomain: ['a.example', 'y.example'], unless: { sender: ['q'] } },
        do: {},
      }),
      [
        'changed: “a”: is on → shadow; recipientDomain gains y.example and loses z.example; no longer encrypt must; unless.sender q',
      ],
    ],
    [
      'how they decide',
      set(a),
      RuleSet.parse({ mode: 'all-match', rules: [a] }),
      ['mode: All rules that hold decide together, no longer the first alone'],
    ],
  ])('%s', (_, before, after, expected) => {
    expect(said(before, after)).toEqual(expected);
  });
});

describe('a rule set that cannot be put in force', () => {
  it.each([
    ['two rules of one name', [a, { ...b, name: ' A' }], 'rules.1.name'],
    ['the name of what no rule decides', [{ name: 'Default' }], 'rules.0.name'],
    [
      'sizes that no message has',
      [{ name: 'x', when: { largerThan: 10, smallerThan: 11 } }],
      'rules.0.when.smallerThan',
    ],
    [
      'copies in the clear of nothing encrypted',
      [{ name: 'x', do: { encrypt: 'never', split: true } }],
      'rules.0.do.split',
    ],
    ['what the schema does not know', [{ name: 'x', when: { moon: 'full' } }], 'rules.0.when'],
  ])('%s', (_, rules, path) => {
    expect(checkRules({ rules }).problems.map((one) => one.path)).toEqual([path]);
  });
});

describe('a rule in plain English', () => {
  const english = (rule: object) => {
    const { applies, does } = describeRule(Rule.parse({ name: 'x', ...rule }));
    return [applies, ...does].join(' ');
  };
  it.each([
    [{}, 'Applies to all mail, both ways. Signed, and encrypted where every recipient has a certificate.'],
    [
      {
        when: { direction: 'outbound', recipientDomain: ['a.example', '.b.example'] },
        do: { encrypt: 'must', sign: 'must' },
      },
      'Applies to mail that goes out to anybody at a.example or b.example and below. It must be signed; it must be encrypted.',
    ],
    [
      {
        enabled: 'shadow',
        when: { largerThan: 5_242_880, unless: { senderGroup: ['Board'] } },
        do: { refuse: 'Too large' },
      },
      'Applies to all mail, both ways larger than 5 MB, unless it is from people of “Board”. It is in shadow: it changes nothing, and records say what it would have done: The message is refused (“Too large”).',
    ],
    [
      {
        when: { anyOf: [{ label: ['Secret'] }, { subjectWords: ['secret'] }] },
        do: { hold: { reason: 'Look', hours: 48 } },
      },
      'Applies to all mail, both ways that is labelled “Secret”, or with “secret” in the subject. It waits to be released, for at most 48 hours (“Look”).',
    ],
  ])('%j', (rule, expected) => {
    expect(english(rule)).toBe(expected);
  });

  it('speaks of every condition and action of the schema', () => {
    const conditions = Object.keys(Rule.shape.when.unwrap().shape);
    const actions = Object.keys(Rule.shape.do.unwrap().shape);
    const samples: Record<string, unknown> = {
      ...{
        direction: 'inbound',
        hasCertificate: false,
        header: { name: 'X-A', contains: 'b' },
        largerThan: 1,
        smallerThan: 9,
      },
      ...{
        protection: ['signed'],
        authentication: { dmarc: ['fail'] },
        attachmentType: ['image/png'],
        anyOf: [{ sender: ['q'] }],
      },
      ...{
        unless: { sender: ['q'] },
        sign: 'never',
        encrypt: 'never',
        form: 'opaque',
        cipher: 'aes-256-gcm',
        oaep: 'must',
      },
      ...{ header2: 'shy', split: true, refuse: 'no', hold: { reason: 'r', hours: 1 }, disclaimer: { text: 'd' } },
      ...{
        addHeaders: [{ name: 'X-A', value: 'b' }],
        removeHeaders: ['X-B'],
        removeAttachments: ['*.exe'],
        subjectTag: '[t]',
        route: 'r',
        banner: 'warnings',
        reencrypt: 'opened',
      },
    };
    const plain = english({});
    for (const name of conditions) expect(english({ when: { [name]: samples[name] ?? ['q'] } }), name).not.toBe(plain);
    for (const name of actions) {
      const value = name === 'header' ? 'shy' : samples[name];
      expect(english({ do: { [name]: value } }), name).not.toBe(plain);
    }
  });
});

describe('what the journal keeps of a decision', () => {
  const rules = set(
    { name: 'words', when: { subjectWords: ['merger'] }, do: { encrypt: 'must' } },
    { name: 'tagged', when: { header: { name: 'X-Tag', contains: 'secret' } }, do: { encrypt: 'never' } },
  );
  const message: MessageFacts = {
    direction: 'outbound',
    sender: 'anna@example.com',
    headers: [
      { name: 'subject', value: 'the merger' },
      { name: 'x-tag', value: 'secret' },
      { name: 'x-other', value: 'z' },
    ],
    subject: 'the merger',
    content: { text: 'hush', attachments: [{ name: 'plan.pdf', type: 'application/pdf' }] },
    size: 10,
    protection: 'none',
    signer: 'ready',
    recipients: [{ address: 'b@x.example', certificate: 'good', visible: true }],
  };
  const [recipient] = message.recipients;
  if (recipient === undefined) throw new Error('nobody');

  it('is what rules ask for, and neither subject, text nor names of files', () => {
    const kept = journalFacts(rules, message, recipient);
    expect(kept.headers).toEqual([{ name: 'x-tag', value: 'secret' }]);
    expect(JSON.stringify(kept)).not.toMatch(/merger|hush|plan/);
  });

  it('decides again as it did, with what it does not know in doubt: then only demands count', () => {
    const { direction, sender } = message;
    const facts = journalFacts(rules, message, recipient);
    const again = sampleOfRecords('1', [{ direction, sender, recipient: recipient.address, facts }]);
    if (again === undefined) throw new Error('nothing');
    const strict = set(domain('x', 'x.example'));
    expect(decide(strict, again.facts).decisions).toEqual(decide(strict, message).decisions);
    expect(decide(rules, again.facts).decisions[0]).toMatchObject({
      rules: ['words', 'tagged'],
      outcome: 'signed-encrypted',
    });
    expect(sampleOfRecords('2', [])).toBeUndefined();
  });
});
