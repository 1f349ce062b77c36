import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import type { MessageFacts, RecipientFacts } from './facts.ts';
import { RuleSet } from './rules.ts';

type RuleInput = { name: string; when?: object; do?: object };
const rules = (...rules: RuleInput[]): RuleSet => RuleSet.parse({ rules });

const to = (
  address: string,
  certificate: RecipientFacts['certificate'] = 'good',
  more: Partial<RecipientFacts> = {},
): RecipientFacts => ({ address, certificate, visible: true, ...more });

const message = (recipients: RecipientFacts[], more: Partial<MessageFacts> = {}): MessageFacts => ({
  direction: 'outbound',
  sender: 'anna@example.com',
  headers: [{ name: 'subject', value: 'Quarterly figures [secret]' }],
  subject: 'Quarterly figures [secret]',
  content: { text: 'Hello', attachments: [] },
  size: 1000,
  protection: 'none',
  signer: 'ready',
  recipients,
  ...more,
});

const must = {
  name: 'partners',
  when: { recipientDomain: ['partner.example', '.bank.example'] },
  do: { encrypt: 'must' },
};

describe('decide', () => {
  const table: [string, RuleInput[], MessageFacts, string[] | string][] = [
    ['no rules: sign and encrypt', [], message([to('b@x.example')]), ['signed-encrypted']],
    ['no rules: sign when a recipient has no certificate', [], message([to('b@x.example', 'none')]), ['signed']],
    [
      'encrypts where every recipient has a certificate, or nobody',
      [],
      message([to('b@x.example'), to('c@x.example', 'none')]),
      ['signed', 'signed'],
    ],
    [
      'no key for the sender: encrypts all the same',
      [],
      message([to('b@x.example')], { signer: 'none' }),
      ['encrypted'],
    ],
    ['nothing possible: plain', [], message([to('b@x.example', 'none')], { signer: 'none' }), ['plain']],
    ['a key that is being made: later', [], message([to('b@x.example')], { signer: 'awaited' }), 'later'],
    ['an unknown certificate: later, never in the clear', [], message([to('b@x.example', 'unknown')]), 'later'],
    [
      'signed by the client: encrypted around it',
      [],
      message([to('b@x.example')], { protection: 'signed' }),
      ['signed-encrypted'],
    ],
    [
      'encrypted by the client: untouched',
      [],
      message([to('b@x.example', 'none')], { protection: 'encrypted', signer: 'none' }),
      ['encrypted'],
    ],
    [
      'encrypted by the client satisfies must',
      [must],
      message([to('b@partner.example', 'none')], { protection: 'encrypted' }),
      ['encrypted'],
    ],
    [
      'signed by the client does not satisfy must',
      [must],
      message([to('b@partner.example', 'none')], { protection: 'signed' }),
      'encryption-impossible',
    ],
    ['must, with a certificate', [must], message([to('b@partner.example')]), ['signed-encrypted']],
    ['must, without one', [must], message([to('b@partner.example', 'none')]), 'encryption-impossible'],
    ['must, domain in capitals', [must], message([to('b@PARTNER.Example', 'none')]), 'encryption-impossible'],
    [
      'must, subdomain of a dotted domain',
      [must],
      message([to('b@mail.bank.example', 'none')]),
      'encryption-impossible',
    ],
    [
      'must does not reach subdomains of a plain domain',
      [must],
      message([to('b@sub.partner.example', 'none')]),
      ['signed'],
    ],
    ['must does not reach look-alikes', [must], message([to('b@notpartner.example', 'none')]), ['signed']],
    [
      'must for one, impossible for another: nobody gets it in the clear',
      [must],
      message([to('b@partner.example'), to('c@x.example', 'none')]),
      'split-forbidden',
    ],
    [
      'must for one, impossible for another, where the rule allows it: the first is encrypted, the second signed',
      [{ ...must, do: { encrypt: 'must', split: true } }],
      message([to('b@partner.example'), to('c@x.example', 'none')]),
      ['signed-encrypted', 'signed'],
    ],
    [
      'must for one, never for another: each as the rules say',
      [must, { name: 'colleagues', do: { encrypt: 'never' } }],
      message([to('b@partner.example'), to('c@x.example', 'none')]),
      ['signed-encrypted', 'signed'],
    ],
    [
      'must impossible for one refuses the whole message',
      [must],
      message([to('b@partner.example', 'none'), to('c@x.example')]),
      'encryption-impossible',
    ],
    [
      'refused for good goes before later',
      [must],
      message([to('b@partner.example', 'none'), to('c@x.example', 'unknown')]),
      'encryption-impossible',
    ],
    ['must, unknown certificate: later', [must], message([to('b@partner.example', 'unknown')]), 'later'],
    [
      'first match wins',
      [{ name: 'clear to partner', when: { recipientDomain: ['partner.example'] }, do: { encrypt: 'never' } }, must],
      message([to('b@partner.example', 'none')]),
      ['signed'],
    ],
    [
      'encrypt never does not ask for certificates',
      [{ name: 'n', do: { encrypt: 'never' } }],
      message([to('b@x.example', 'unknown')]),
      ['signed'],
    ],
    ['sign never', [{ name: 'n', do: { sign: 'never' } }], message([to('b@x.example')]), ['encrypted']],
    [
      'sign must without a key',
      [{ name: 's', do: { sign: 'must' } }],
      message([to('b@x.example')], { signer: 'none' }),
      'no-signing-key',
    ],
    [
      'sign must, signed by the client',
      [{ name: 's', do: { sign: 'must', encrypt: 'never' } }],
      message([to('b@x.example')], { signer: 'none', protection: 'signed' }),
      ['signed'],
    ],
    [
      'refuse',
      [{ name: 'no', when: { sender: ['anna@example.com'] }, do: { refuse: 'Not you' } }],
      message([to('b@x.example')]),
      'policy',
    ],
    [
      'sender by domain',
      [{ name: 'no', when: { sender: ['@example.com'] }, do: { refuse: 'No' } }],
      message([to('b@x.example')]),
      'policy',
    ],
    [
      'another sender',
      [{ name: 'no', when: { sender: ['example.org'] }, do: { refuse: 'No' } }],
      message([to('b@x.example')]),
      ['signed-encrypted'],
    ],
    [
      'header text, without regard to case',
      [{ name: 'secret', when: { header: { name: 'Subject', contains: '[SECRET]' } }, do: { encrypt: 'must' } }],
      message([to('b@x.example', 'none')]),
      'encryption-impossible',
    ],
    [
      'header that is not there',
      [{ name: 'secret', when: { header: { name: 'X-Class' } }, do: { encrypt: 'must' } }],
      message([to('b@x.example', 'none')]),
      ['signed'],
    ],
    [
      'rules for the other direction',
      [{ ...must, when: { direction: 'inbound' } }],
      message([to('b@x.example', 'none')]),
      ['signed'],
    ],
  ];

  it.each(table)('%s', (_, list, facts, expected) => {
    const plan = decide(rules(...list), facts);
    if (typeof expected === 'string') {
      expect(plan.refusal?.kind).toBe(expected);
      expect(plan.copies).toEqual([]);
    } else {
      expect(plan.refusal).toBeUndefined();
      expect(plan.decisions.map(({ outcome }) => outcome)).toEqual(expected);
      expect(plan.copies.flatMap(({ recipients }) => recipients).sort()).toEqual(
        facts.recipients.map(({ address }) => address).sort(),
      );
    }
  });

  it('gives each hidden recipient an envelope of their own, and visible ones one together', () => {
    const plan = decide(
      rules(),
      message([
        to('a@x.example'),
        to('b@x.example'),
        to('c@x.example', 'good', { visible: false }),
        to('d@x.example', 'good', { visible: false }),
      ]),
    );
    expect(plan.copies.map(({ recipients }) => recipients)).toEqual([
      ['a@x.example', 'b@x.example'],
      ['c@x.example'],
      ['d@x.example'],
    ]);
  });

  it('keeps hidden recipients together where nothing is encrypted', () => {
    const hidden = { visible: false };
    const plan = decide(
      rules(),
      message([to('a@x.example', 'none'), to('c@x.example', 'none', hidden), to('d@x.example', 'none', hidden)]),
    );
    expect(plan.copies).toHaveLength(1);
  });

  it('names the rule and the reason in every record', () => {
    const plan = decide(rules(must), message([to('b@x.example', 'none', { reason: 'its certificate is revoked' })]));
    expect(plan.decisions).toEqual([
      {
        recipient: 'b@x.example',
        rules: ['default'],
        outcome: 'signed',
        detail: 'not encrypted: no good certificate for b@x.example (its certificate is revoked)',
      },
    ]);
  });
});

describe('mail that comes in', () => {
  const inbound = (more: Partial<MessageFacts> = {}) =>
    message([to('anna@example.com', 'unknown')], { direction: 'inbound', signer: 'none', ...more });
  const strip = rules({
    name: 'strip',
    do: { removeAttachments: ['*.exe'], subjectTag: '[x]', disclaimer: { text: 'd' } },
  });
  const withFile = { text: '', attachments: [{ name: 'a.exe', type: 'application/octet-stream' }] };

  it('is quarantined by what holds it, for a person whatever the rule says, and goes on once released', () => {
    const held = rules({ name: 'look', do: { hold: { reason: 'Look', hours: 4, invite: true } } });
    const plan = decide(held, inbound());
    expect(plan.decisions[0]).toMatchObject({ outcome: 'quarantined', detail: 'Look' });
    expect(plan.held).toEqual([{ recipients: ['anna@example.com'], reason: 'Look', hours: 4, invite: false }]);
    expect(decide(held, inbound(), { released: true })).toMatchObject({ held: [], decisions: [{ outcome: 'passed' }] });
  });

  it('is changed, without a disclaimer of ours; what cannot be stripped waits instead of being refused', () => {
    const [copy] = decide(strip, inbound({ content: withFile })).copies;
    expect(copy?.changes).toEqual({
      ...{ addHeaders: [], removeHeaders: [], removeAttachments: ['*.exe'], disclaimers: [], subjectTags: ['[x]'] },
    });
    const outcome = (more: Partial<MessageFacts>, how = {}) => decide(strip, inbound(more), how).decisions[0]?.outcome;
    expect(outcome({ content: withFile, protection: 'signed' })).toBe('quarantined');
    expect(outcome({ content: withFile, protection: 'signed' }, { released: true })).toBe('passed');
    expect(outcome({ content: { text: '', attachments: [], unseen: 'it is ambiguous' } })).toBe('quarantined');
    // Whoever opens it asks again.
    expect(
      outcome({ content: { text: '', attachments: [], unseen: 'it is encrypted' }, protection: 'encrypted' }),
    ).toBe('passed');
  });

  it('has the strictest word about banner and rest, each reader their own', () => {
    const both = RuleSet.parse({
      mode: 'all-match',
      rules: [
        { name: 'a', do: { banner: 'never', reencrypt: 'opened' } },
        { name: 'b', when: { recipient: ['anna@example.com'] }, do: { banner: 'warnings', reencrypt: 'all' } },
      ],
    });
    const facts = inbound({ recipients: [to('anna@example.com', 'unknown'), to('ben@example.com', 'unknown')] });
    expect(decide(both, facts).copies).toMatchObject([
      { recipients: ['anna@example.com'], banner: 'warnings', reencrypt: 'all' },
      { recipients: ['ben@example.com'], banner: 'never', reencrypt: 'opened' },
    ]);
    expect(decide(both, { ...facts, direction: 'outbound', signer: 'none' }).copies[0]?.banner).toBeUndefined();
  });
});
