import type { Client } from '@chancery/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, type RunningOffice, runningOffice } from '../../../test/running-office.ts';

let office: RunningOffice;
let ada: Account;
let rex: Account;
let gateway: Client;

beforeAll(async () => {
  office = await runningOffice();
  ada = await office.setUp();
  rex = await office.invite(ada.client, 'Rex', ['registration-officer']);
  const { token } = await office.local.createGateway({ body: { name: 'edge' } });
  gateway = office.client(token);
});
afterAll(() => office.close());

const rule = (name: string, domain: string, encrypt = 'must') => ({
  name,
  when: { recipientDomain: [domain] },
  do: { encrypt },
});
const propose = (by: Account, rules: object[], basedOn: number | null, note = '') =>
  by.client.proposeMailRules({ body: { document: { rules: rules as never }, basedOn, note } });
const activate = (by: Account, version: number, expectedLive: number | null) =>
  by.client.activateMailRules({ params: { version }, body: { expectedLive } });
const inForce = async () => (await gateway.gatewayConfiguration()).rules;
const details = async (action: string) =>
  (await ada.client.auditRecords({ query: { action } })).items.map((one) => one.details);

describe('the rules of mail flow', () => {
  it('are proposed, put in force, replaced and brought back: each a version that stays, with who did it and what changed', async () => {
    expect(await inForce()).toBeNull();
    const first = await propose(rex, [rule('partners', 'partner.example')], null, 'the bank asked');
    expect(first).toMatchObject({ version: 1, state: 'draft', author: 'Rex', note: 'the bank asked', rules: 1 });
    // As they are checked: with what nothing was said of.
    expect(first.document).toEqual({
      version: 1,
      mode: 'first-match',
      rules: [{ ...rule('partners', 'partner.example'), enabled: 'on' }],
    });
    expect(await inForce()).toBeNull();
    await expect(activate(rex, 1, null)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await activate(ada, 1, null)).toMatchObject({ state: 'live', activated: { by: 'Ada Ambrose' } });
    expect(await inForce()).toEqual({ version: 1, document: first.document });

    await propose(ada, [rule('partners', 'partner.example', 'if-possible')], 1);
    await propose(ada, [rule('bank', '.bank.example'), rule('partners', 'partner.example')], 1);
    await activate(ada, 3, 1);
    const { live, versions } = await ada.client.mailRules();
    expect(live).toBe(3);
    expect(versions.map(({ version, state }) => [version, state])).toEqual([
      [3, 'live'],
      [2, 'set-aside'],
      [1, 'replaced'],
    ]);
    expect(versions[2]?.replacedAt).not.toBeNull();

    const back = await ada.client.restoreMailRules({
      params: { version: 1 },
      body: { expectedLive: 3, note: 'the bank has moved' },
    });
    expect(back).toMatchObject({ version: 4, state: 'live', restoredFrom: 1, basedOn: 3, document: first.document });
    expect((await inForce())?.version).toBe(4);
    expect(await details('mail-rules.restore')).toMatchObject([
      { version: 4, before: 3, restoredFrom: 1, note: 'the bank has moved', changes: ['“bank” is gone'] },
    ]);
    expect((await details('mail-rules.propose'))[1]).toMatchObject({
      version: 2,
      changes: ['“partners”: encrypt must → if-possible'],
    });
  });

  it('are nobody’s to overwrite: what was not looked at is not replaced, and what is wrong is not kept', async () => {
    await expect(activate(ada, 3, 3)).rejects.toMatchObject({ code: 'conflict' });
    await expect(activate(ada, 3, 4)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(activate(ada, 4, 4)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(activate(ada, 9, 4)).rejects.toMatchObject({ code: 'not-found' });
    await expect(propose(ada, [rule('partners', 'partner.example')], 4)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(
      propose(ada, [rule('a', 'x.example'), rule('A', 'y.example'), { name: 'b', do: { encrypt: 'perhaps' } }], 4),
    ).rejects.toMatchObject({ code: 'unusable-input', fields: [{ path: 'rules.2.do.encrypt' }] });
    await expect(propose(ada, [rule('a', 'x.example'), rule('A', 'y.example')], 4)).rejects.toMatchObject({
      code: 'unusable-input',
      fields: [{ path: 'rules.1.name', message: 'is the name of rule 1 too' }],
    });
  });

  it('are applied by gateways, which say so', async () => {
    const applied = { version: 4, source: 'both', ownRules: 2, problem: null } as const;
    await gateway.appliedMailRules({ body: applied });
    const { gateways } = await ada.client.mailRules();
    expect(gateways).toMatchObject([{ name: 'edge', applies: applied }]);
    await expect(gateway.appliedMailRules({ body: { ...applied, version: 77 } })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(ada.client.appliedMailRules({ body: applied })).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('explain one message that is handed in: read here, and kept nowhere', async () => {
    const text =
      'From: anna@example.com\r\nTo: bob@bank.example\r\nSubject: Offer\r\n\r\nTop secret, and nobody else’s.\r\n';
    const explain = (document: object, more: object = {}) =>
      rex.client.explainMailRules({
        body: {
          ...{ document: document as never, message: Buffer.from(text).toString('base64'), direction: 'outbound' },
          ...more,
        },
      });
    const words = { rules: [{ name: 'secret', when: { bodyWords: ['top secret'] }, do: { encrypt: 'must' } }] };
    const { message, recipients } = await explain(words);
    expect(message).toMatchObject({ sender: 'anna@example.com', subject: 'Offer', protection: 'none', unseen: null });
    expect(recipients).toMatchObject([
      {
        ...{ recipient: 'bob@bank.example', rules: ['secret'], outcome: 'refused' },
        explained: [{ result: 'decides', conditions: [{ condition: 'bodyWords', holds: 'yes' }] }],
      },
    ]);
    expect(recipients[0]?.sentence).toMatch(/the office knows of none|no good certificate/);
    const inbound = { rules: [{ name: 'd', when: { authentication: { dmarc: ['fail'] } }, do: { refuse: 'No' } }] };
    const way = { direction: 'inbound', recipients: ['anna@example.com'] };
    expect((await explain(inbound, way)).recipients[0]?.outcome).toBe('passed');
    expect((await explain(inbound, { ...way, authentication: 'fail' })).recipients[0]?.outcome).toBe('refused');
    await expect(explain(words, { message: Buffer.from('\r\nno header').toString('base64') })).rejects.toMatchObject({
      code: 'unusable-input',
    });
  });
});

describe('the journal as a file', () => {
  it('is exported with its filter, on record, and no cell is a formula', async () => {
    const entry = {
      at: office.now().toISOString(),
      direction: 'inbound' as const,
      messageId: null,
      recipient: 'ada@example.com',
      rule: 'partners',
      outcome: 'verified' as const,
      verdict: 'valid' as const,
      detail: '=1+1',
    };
    await gateway.writeJournal({
      body: {
        entries: [
          { ...entry, id: crypto.randomUUID(), sender: 'bob@partner.example' },
          { ...entry, id: crypto.randomUUID(), sender: 'eve@other.example' },
        ],
      },
    });
    const get = (query: string) =>
      fetch(`${office.authority.url}/api/v1/journal-export?${query}`, {
        headers: { authorization: `Bearer ${ada.token}` },
      });
    const csv = await (await get('domain=partner.example')).text();
    const [head, line, ...rest] = csv.trim().split('\r\n');
    expect(head).toContain('sender,recipient,rule_set,rule,outcome');
    expect(line).toContain(`bob@partner.example,ada@example.com,,partners,verified,valid,"'=1+1"`);
    expect(rest).toEqual([]);
    expect((await (await get('format=jsonl')).text()).trim().split('\n')).toHaveLength(2);
    expect((await get('outcome=lost')).status).toBe(400);
    expect(await details('journal.export')).toMatchObject([
      { format: 'jsonl', filter: {} },
      { format: 'csv', filter: { domain: 'partner.example' } },
    ]);
    expect((await ada.client.ruleCounts({ query: { days: 1 } })).items).toEqual([
      { rule: 'partners', direction: 'inbound', outcome: 'verified', shadow: false, count: 2 },
    ]);
  });
});
