import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type Plan } from './decide.ts';
import type { MessageFacts } from './facts.ts';
import { Rule, RuleSet } from './rules.ts';

/** Small worlds, so that rules and messages meet. */
const domains = ['a.example', 'b.example', 'c.example'];
const words = ['secret', 'lunch', 'offer'];
const few = <Item>(items: readonly Item[]) => fc.uniqueArray(fc.constantFrom(...items), { minLength: 1, maxLength: 2 });
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined, freq: 3 });
const certainty = fc.constantFrom('never', 'if-possible', 'must');
const label = { name: 'x-classification' };

const simple = fc.record({
  direction: maybe(fc.constantFrom('outbound', 'inbound')),
  sender: maybe(few(['anna@example.com', 'example.com'])),
  senderGroup: maybe(few(['law', 'sales'])),
  recipientDomain: maybe(few(domains)),
  recipientGroup: maybe(few(['law', 'sales'])),
  hasCertificate: maybe(fc.boolean()),
  header: maybe(fc.constant(label)),
  label: maybe(few(['Secret', 'Public'])),
  bodyWords: maybe(few(words)),
  attachmentName: maybe(few(['*.pdf', '*.exe'])),
  largerThan: maybe(fc.integer({ min: 0, max: 3000 })),
  protection: maybe(few(['none', 'signed', 'encrypted'] as const)),
  authentication: maybe(fc.record({ dmarc: few(['pass', 'fail'] as const) })),
});
const conditions = fc.record({
  base: simple,
  anyOf: maybe(fc.array(simple, { minLength: 1, maxLength: 2 })),
  unless: maybe(simple),
});
const actions = fc.record({
  sign: maybe(certainty),
  encrypt: maybe(certainty),
  split: maybe(fc.boolean()),
  refuse: fc.option(fc.constantFrom('no', 'not at all'), { nil: undefined, freq: 8 }),
  hold: fc.option(
    fc.record({
      reason: fc.constantFrom('look', 'wait'),
      hours: fc.integer({ min: 1, max: 99 }),
      invite: fc.boolean(),
    }),
    { nil: undefined, freq: 8 },
  ),
  removeAttachments: fc.option(few(['*.exe', '*.pdf']), { nil: undefined, freq: 6 }),
  route: maybe(fc.constantFrom('one', 'two')),
  subjectTag: maybe(fc.constantFrom('[x]', '[y]')),
});
const written = (value: object): object => JSON.parse(JSON.stringify(value));
const rule = (enabled: fc.Arbitrary<'on' | 'shadow' | 'off'>) =>
  fc
    .record({ name: fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5'), enabled, when: conditions, do: actions })
    .map(({ when: { base, ...more }, ...one }) => Rule.parse(written({ ...one, when: { ...base, ...more } })));
const on = rule(fc.constant('on' as const));
const mode = fc.constantFrom<('first-match' | 'all-match')[]>('first-match', 'all-match');
const ruleSet = (kind: fc.Arbitrary<'on' | 'shadow' | 'off'>, how: fc.Arbitrary<'first-match' | 'all-match'> = mode) =>
  fc.record({ mode: how, rules: fc.array(rule(kind), { maxLength: 5 }) }).map((input) => RuleSet.parse(input));

const recipient = fc.record({
  address: fc
    .tuple(fc.constantFrom('p', 'q', 'r'), fc.constantFrom(...domains))
    .map(([name, domain]) => `${name}@${domain}`),
  groups: maybe(fc.subarray(['law', 'sales'])),
  certificate: fc.constantFrom('good' as const, 'none' as const, 'unknown' as const),
  visible: fc.boolean(),
});
const message = fc.record({
  direction: fc.constantFrom('outbound' as const, 'outbound' as const, 'inbound' as const),
  sender: fc.constantFrom('anna@example.com', 'bob@other.example', ''),
  senderGroups: maybe(fc.subarray(['law', 'sales'])),
  headers: fc.subarray([
    { name: 'x-classification', value: 'Secret' },
    { name: 'sensitivity', value: 'public' },
  ]),
  headersUnseen: maybe(fc.constant('it is gone')),
  subject: fc.constantFrom('', 'lunch'),
  content: fc.record({
    text: fc.constantFrom('', 'a secret offer', 'lunch'),
    attachments: fc.subarray([
      { name: 'a.pdf', type: 'application/pdf' },
      { name: 'b.exe', type: 'application/x-dosexec' },
    ]),
    unseen: maybe(fc.constant('it is encrypted')),
  }),
  size: fc.constantFrom(100, 5000, undefined),
  protection: fc.constantFrom('none' as const, 'signed' as const, 'encrypted' as const),
  signer: fc.constantFrom('ready' as const, 'awaited' as const, 'none' as const),
  authentication: maybe(fc.constant({ spf: 'pass', dkim: 'none', dmarc: 'fail' })),
  recipients: fc.uniqueArray(recipient, { selector: ({ address }) => address, maxLength: 5 }),
}) as fc.Arbitrary<MessageFacts>;

const runs = { numRuns: 150 };
const withoutShadow = ({ decisions, ...plan }: Plan) => ({
  ...plan,
  decisions: decisions.map(({ shadow: _, ...one }) => one),
});
/** What must not depend on the order of rules that all count. */
const strictPart = ({ refusal, copies, held }: Plan) => ({
  refusal: refusal?.kind,
  copies: copies.flatMap(({ recipients, sign, encrypt }) => recipients.map((to) => `${to} ${sign} ${encrypt}`)).sort(),
  held: held.flatMap(({ recipients, hours, invite }) => recipients.map((to) => `${to} ${hours} ${invite}`)).sort(),
});
const must = Rule.parse({ name: 'must', do: { encrypt: 'must' } });

describe('decide, whatever it is asked', () => {
  it('says of every recipient what happens, once: sent in one copy, held, or refused with everybody', () => {
    fc.assert(
      fc.property(ruleSet(fc.constantFrom('on', 'shadow', 'off')), message, fc.boolean(), (set, facts, released) => {
        const plan = decide(set, facts, { released });
        const all = facts.recipients.map(({ address }) => address).sort();
        const placed = [...plan.copies, ...plan.held].flatMap(({ recipients }) => recipients).sort();
        expect(placed).toEqual(plan.refusal === undefined ? all : []);
        expect(plan.decisions.map(({ recipient: to }) => to).sort()).toEqual(all);
        for (const { rules } of plan.decisions) expect(rules.length).toBeGreaterThan(0);
        if (released) expect(plan.held).toEqual([]);
      }),
      runs,
    );
  });

  it('never sends in the clear what a rule that counts says must be encrypted, nor without a good certificate', () => {
    fc.assert(
      fc.property(ruleSet(fc.constant('on')), message, fc.nat(), (set, facts, place) => {
        const at = set.mode === 'first-match' ? 0 : place % (set.rules.length + 1);
        const strict = { ...set, rules: [...set.rules.slice(0, at), must, ...set.rules.slice(at)] };
        for (const { recipients, encrypt } of decide(strict, { ...facts, direction: 'outbound' }).copies) {
          expect(encrypt || facts.protection === 'encrypted').toBe(true);
          for (const to of recipients) {
            const of = facts.recipients.find(({ address }) => address === to);
            expect(facts.protection === 'encrypted' || of?.certificate === 'good').toBe(true);
          }
        }
      }),
      runs,
    );
  });

  it('treats a rule that cannot be judged as one that holds, for what it demands', () => {
    fc.assert(
      fc.property(ruleSet(fc.constant('on')), message, fc.nat(), (set, facts, place) => {
        const doubtful = Rule.parse({
          name: 'd',
          when: { bodyWords: ['nowhere'] },
          do: { encrypt: 'must', refuse: 'no' },
        });
        const at = set.mode === 'first-match' ? 0 : place % (set.rules.length + 1);
        const rules = [...set.rules.slice(0, at), doubtful, ...set.rules.slice(at)];
        const unseen = { ...facts, content: { ...facts.content, unseen: 'it is encrypted' } };
        if (facts.recipients.length > 0) expect(decide({ ...set, rules }, unseen).refusal?.kind).toBe('policy');
      }),
      runs,
    );
  });

  it('changes nothing for a rule in shadow, and says what it would have done', () => {
    fc.assert(
      fc.property(
        ruleSet(fc.constant('on')),
        rule(fc.constant('shadow')),
        message,
        fc.nat(),
        (set, shadow, facts, place) => {
          const at = place % (set.rules.length + 1);
          const before = set.rules.slice(0, at);
          const with_ = (enabled: 'on' | 'shadow') => ({
            ...set,
            rules: [...before, { ...shadow, enabled }, ...set.rules.slice(at)],
          });
          const plan = decide(with_('shadow'), facts);
          expect(withoutShadow(plan)).toEqual(decide(set, facts));
          const would = decide(with_('on'), facts).decisions.map(({ outcome }) => outcome);
          expect(plan.decisions.map(({ outcome, shadow: one }) => one?.outcome ?? outcome)).toEqual(would);
        },
      ),
      runs,
    );
  });

  it('does not depend on the order of rules that all count, as far as protection goes', () => {
    fc.assert(
      fc.property(
        ruleSet(fc.constant('on'), fc.constant('all-match')),
        message,
        fc.infiniteStream(fc.nat()),
        (set, facts, order) => {
          const rules = set.rules.map((one) => ({ one, key: order.next().value })).sort((a, b) => a.key - b.key);
          const plan = decide({ ...set, rules: rules.map(({ one }) => one) }, facts);
          expect(strictPart(plan)).toEqual(strictPart(decide(set, facts)));
        },
      ),
      runs,
    );
  });

  it('does not ask rules behind the one that decided', () => {
    fc.assert(
      fc.property(ruleSet(fc.constant('on'), fc.constant('first-match')), on, message, (set, one, facts) => {
        const first = { ...one, when: {} };
        expect(decide({ ...set, rules: [first, ...set.rules] }, facts)).toEqual(
          decide({ ...set, rules: [first] }, facts),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('the format', () => {
  it.each<[object, RegExp]>([
    [{ version: 2 }, /version/],
    [{ rules: [{ name: '' }] }, /name/],
    [{ rules: [{ name: 'x', when: { sendr: ['a'] } }] }, /sendr/],
    [{ rules: [{ name: 'x', when: { label: [] } }] }, /label/],
    [{ rules: [{ name: 'x', do: { refuse: 'no\r\n250 ok' } }] }, /refuse/],
    [{ rules: [{ name: 'x', do: { addHeaders: [{ name: 'DKIM-Signature', value: 'v=1' }] } }] }, /may write/],
    [{ rules: [{ name: 'x', do: { addHeaders: [{ name: 'X-A', value: 'a\r\nBcc: eve@x.example' }] } }] }, /one line/],
    [{ rules: [{ name: 'x', do: { removeHeaders: ['content-type'] } }] }, /may remove/],
    [{ rules: [{ name: 'x', do: { removeHeaders: ['*'] } }] }, /may remove/],
    [{ rules: [{ name: 'x', do: { hold: { reason: 'r', hours: 0 } } }] }, /hours/],
  ])('refuses %j', (input, says) => {
    const parsed = RuleSet.safeParse(input);
    expect(JSON.stringify(parsed.error?.issues)).toMatch(says);
  });

  it('stays what it is when it is written and read again', () => {
    fc.assert(
      fc.property(ruleSet(fc.constantFrom('on', 'shadow', 'off')), (set) => {
        expect(RuleSet.parse(written(set))).toEqual(set);
      }),
      { numRuns: 60 },
    );
  });
});
