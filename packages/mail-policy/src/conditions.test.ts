import { describe, expect, it } from 'vitest';
import { judge } from './conditions.ts';
import type { MessageFacts, RecipientFacts } from './facts.ts';
import { isNamed } from './patterns.ts';
import { Conditions } from './rules.ts';

const label = '0d3f1a2b-aaaa-bbbb-cccc-1234567890ab';
const facts: MessageFacts = {
  direction: 'outbound',
  sender: 'anna@sub.example.com',
  senderGroups: ['Legal'],
  headers: [
    { name: 'x-class', value: 'Top Secret' },
    {
      name: 'msip_labels',
      value: `MSIP_Label_${label}_Enabled=true; MSIP_Label_${label}_Name=Confidential; MSIP_Label_ff_Enabled=false; MSIP_Label_ff_Name=Public`,
    },
    { name: 'x-protective-marking', value: 'VER=2018.4, NS=gov.au, SEC=PROTECTED, ORIGIN=a@b' },
    { name: 'sensitivity', value: 'Company-Confidential' },
  ],
  subject: 'Das Straßenbauprojekt: Ｏｆｆｅｒ',
  content: {
    text: 'We con\u00adfirm the  salary\nreview of Łódź.',
    attachments: [{ name: 'Offer.PDF', type: 'application/pdf' }],
  },
  size: 2000,
  protection: 'signed',
  signer: 'ready',
  authentication: { spf: 'pass', dkim: 'pass', dmarc: 'fail' },
  recipients: [],
};
const bob: RecipientFacts = {
  address: 'Bob@Mail.Bücher.example',
  certificate: 'none',
  reason: 'it has expired',
  visible: true,
};
const hidden = { ...facts, content: { ...facts.content, unseen: 'it is encrypted' }, headersUnseen: 'it is gone' };
const holds = (when: object, of: MessageFacts = facts, to = bob) => judge(Conditions.parse(when), of, to);

describe('conditions', () => {
  it.each<[object, string]>([
    [{}, 'yes'],
    [{ direction: 'outbound' }, 'yes'],
    [{ direction: 'inbound' }, 'no'],
    [{ sender: ['ANNA@sub.example.com'] }, 'yes'],
    [{ sender: ['@sub.example.com'] }, 'yes'],
    [{ sender: ['example.com'] }, 'no'],
    [{ sender: ['.example.com'] }, 'yes'],
    [{ sender: ['.ample.com'] }, 'no'],
    [{ senderGroup: ['sales', 'legal'] }, 'yes'],
    [{ recipientGroup: ['legal'] }, 'unknown'],
    [{ recipient: ['bob@mail.bücher.example'] }, 'yes'],
    [{ recipientDomain: ['.xn--bcher-kva.example'] }, 'yes'],
    [{ recipientDomain: ['bücher.example'] }, 'no'],
    [{ hasCertificate: false }, 'yes'],
    [{ hasCertificate: true }, 'no'],
    [{ header: { name: 'X-CLASS' } }, 'yes'],
    [{ header: { name: 'x-class', contains: 'secret' } }, 'yes'],
    [{ header: { name: 'x-class', contains: 'public' } }, 'no'],
    [{ label: ['confidential'] }, 'yes'],
    [{ label: [label.toUpperCase()] }, 'yes'],
    [{ label: ['public'] }, 'no'],
    [{ label: ['protected'] }, 'yes'],
    [{ label: ['company-confidential'] }, 'yes'],
    [{ subjectWords: ['offer'] }, 'yes'],
    [{ subjectWords: ['straße'] }, 'no'],
    [{ subjectWords: ['straße*'] }, 'yes'],
    [{ bodyWords: ['confirm'] }, 'yes'],
    [{ bodyWords: ['salary review'] }, 'yes'],
    [{ bodyWords: ['łódź'] }, 'yes'],
    [{ bodyWords: ['firm', 'sal', ' '] }, 'no'],
    [{ attachmentName: ['*.pdf'] }, 'yes'],
    [{ attachmentName: ['*.exe'] }, 'no'],
    [{ attachmentType: ['application/*'] }, 'yes'],
    [{ largerThan: 2000 }, 'no'],
    [{ largerThan: 1999 }, 'yes'],
    [{ smallerThan: 2001 }, 'yes'],
    [{ protection: ['none', 'signed'] }, 'yes'],
    [{ authentication: { dmarc: ['fail'], spf: ['pass'] } }, 'yes'],
    [{ authentication: { dmarc: ['fail'], spf: ['fail'] } }, 'no'],
    [{ anyOf: [{ direction: 'inbound' }, { largerThan: 1 }] }, 'yes'],
    [{ anyOf: [{ direction: 'inbound' }, { recipientGroup: ['x'] }] }, 'unknown'],
    [{ anyOf: [{ direction: 'inbound' }] }, 'no'],
    [{ unless: { largerThan: 1 } }, 'no'],
    [{ unless: { largerThan: 1, direction: 'inbound' } }, 'yes'],
    [{ unless: { recipientGroup: ['x'] } }, 'unknown'],
    [{ direction: 'inbound', recipientGroup: ['x'] }, 'no'],
  ])('%j: %s', (when, expected) => {
    const { holds: found, conditions } = holds(when);
    expect(found).toBe(expected);
    for (const { sentence } of conditions) expect(sentence).toMatch(/^[A-ZŁ].*\.$|@.*\.$/s);
  });

  it.each<[object, string]>([
    [{ bodyWords: ['salary'] }, 'yes'],
    [{ bodyWords: ['nowhere'] }, 'unknown'],
    [{ attachmentName: ['*.exe'] }, 'unknown'],
    [{ attachmentType: ['image/*'] }, 'unknown'],
    [{ subjectWords: ['nowhere'] }, 'unknown'],
    [{ header: { name: 'x-none' } }, 'unknown'],
    [{ label: ['none'] }, 'unknown'],
    [{ unless: { bodyWords: ['nowhere'] } }, 'unknown'],
  ])('where not all is seen, %j: %s', (when, expected) => {
    expect(holds(when, hidden).holds).toBe(expected);
  });

  it('says why, in words', () => {
    expect(holds({ hasCertificate: true, senderGroup: ['Sales'], unless: { largerThan: 5 } }).conditions).toEqual([
      { condition: 'senderGroup', holds: 'no', sentence: 'anna@sub.example.com is in none of the groups “Sales”.' },
      {
        condition: 'hasCertificate',
        holds: 'no',
        sentence: 'Bob@Mail.Bücher.example has no good certificate (it has expired).',
      },
      { condition: 'unless.largerThan', holds: 'yes', sentence: 'It has 2000 octets, more than 5.' },
    ]);
  });

  it('looks for words once, however many recipients there are', () => {
    let reads = 0;
    const content = {
      attachments: [],
      get text() {
        reads++;
        return 'secret';
      },
    };
    const message = { ...facts, content };
    const when = Conditions.parse({ bodyWords: ['secret'] });
    reads = 0;
    for (let index = 0; index < 100; index++) judge(when, message, { ...bob, address: `b${index}@x.example` });
    expect(reads).toBe(1);
  });

  it('matches patterns without going back and forth', () => {
    expect(isNamed('*.tar.??', 'a.tar.gz')).toBe(true);
    expect(isNamed('*a*b', 'xaxxb')).toBe(true);
    expect(isNamed('a', 'ab')).toBe(false);
    expect(isNamed(`${'*a'.repeat(60)}b`, 'a'.repeat(20_000))).toBe(false);
  });
});
