import { parseVerifierKey, RECORD_FILE, verifyRecordFile } from '@chancery/trail';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { liftHold, placeHold } from '../kra/hold.ts';
import { requestRecovery } from '../kra/recovery.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { recordsAbout } from './about-person.ts';
import { makeCheckpoint } from './checkpoint.ts';

let office: EscrowOffice;
let dora: string;
let eve: string;
let otto: OperatorPrincipal;

beforeAll(async () => {
  office = await escrowOffice();
  dora = await office.person('dora@example.com');
  eve = await office.person('eve@example.com');
  otto = await office.operator('Otto', 'recovery-officer');
  await office.holdCeremony([otto, await office.operator('Olga', 'recovery-officer')]);
});
afterAll(() => office.close());

const about = (personId: string) =>
  office.world.database.snapshot((snapshot) => recordsAbout(snapshot, personId, { before: undefined, limit: 500 }));

const actionsAbout = async (personId: string) =>
  (await about(personId)).items.map(({ canonical }) => (JSON.parse(canonical) as { action: string }).action);

describe('the records about a person', () => {
  it('lead into the signed checkpoint, and a file of them holds without the office', async () => {
    expect((await about(dora)).items.every(({ proof }) => proof === null)).toBe(true);
    await perform(office.world, makeCheckpoint, system, {});
    const { items, checkpoint, keys } = await about(dora);
    expect(items.map(({ sequence }) => sequence)).toEqual(
      items.map(({ sequence }) => sequence).toSorted((a, b) => b - a),
    );
    const file = {
      format: RECORD_FILE,
      version: 1,
      person: 'dora@example.com',
      savedAt: new Date().toISOString(),
      checkpoint: checkpoint?.note ?? '',
      keys,
      records: items.map(({ canonical, proof }) => ({ canonical, proof: proof ?? [] })),
    };
    const verdict = verifyRecordFile(JSON.stringify(file), keys.map(parseVerifierKey));
    expect(verdict).toMatchObject({ intact: true, records: items.length });
    expect(items.length).toBeGreaterThan(3);
    expect(JSON.stringify(items)).not.toContain(eve);
  });

  it('come in pages that leave nothing out', async () => {
    const all = (await about(dora)).items.map(({ sequence }) => sequence);
    const paged: number[] = [];
    for (let before: number | undefined; ; ) {
      const at = before;
      const page = await office.world.database.snapshot((snapshot) =>
        recordsAbout(snapshot, dora, { before: at, limit: 2 }),
      );
      paged.push(...page.items.map(({ sequence }) => sequence));
      if (page.next === null) break;
      before = Number(page.next);
    }
    expect(paged).toEqual(all);
  });

  it('show no sign of a legal hold while it stands, and all of it afterwards', async () => {
    const officer = await office.operator('Rita', 'registration-officer');
    const before = (await about(eve)).items.length;
    const { id } = await perform(office.world, placeHold, officer, {
      personId: eve,
      caseNumber: 'C-7',
      reason: 'a case',
    });
    expect((await about(eve)).items).toHaveLength(before);
    await perform(office.world, liftHold, otto, { id, reason: 'closed' });
    expect((await actionsAbout(eve)).slice(0, 2)).toEqual(['hold.lift', 'hold.place']);
  });

  it('show a request for their keys, except while its notice is withheld: then no sign of it', async () => {
    const requester = await office.operator('Rolf', 'registration-officer');
    const ask = (personId: string, withholdNotice: boolean, certificate?: string) =>
      perform(office.world, requestRecovery, requester, {
        personId,
        reason: 'investigation',
        caseNumber: 'C-7',
        explanation: 'a test',
        delivery: certificate === undefined ? { kind: 'pkcs12' } : { kind: 'certificate', certificate },
        withholdNotice,
      });
    await ask(dora, false);
    const before = await actionsAbout(eve);
    await expect(ask(eve, true, 'no certificate')).rejects.toThrow();
    await ask(eve, true);
    expect(await actionsAbout(dora)).toContain('recovery.request');
    expect(await actionsAbout(eve)).toEqual(before);
    await office.query(`UPDATE notices SET state = 'waiting' WHERE person_id = $1 AND state = 'withheld'`, [eve]);
    expect((await actionsAbout(eve))[0]).toBe('recovery.request');
  });
});
