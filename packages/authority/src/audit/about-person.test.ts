import { createHash, randomUUID } from 'node:crypto';
import { parseVerifierKey, RECORD_FILE, verifyRecordFile } from '@chancery/trail';
import { canonical as canonicalOctets, PURPOSES, signDocument } from '@chancery/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { liftHold, placeHold } from '../kra/hold.ts';
import { OPENING_GENESIS } from '../kra/opening-log.ts';
import { requestRecovery } from '../kra/recovery.ts';
import { releaseKey } from '../kra/release.ts';
import { reportOpening } from '../kra/report-opening.ts';
import { subjectHash } from '../kra/whom.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { currentVault } from '../store/vaults.ts';
import { recordsAbout } from './about-person.ts';
import { makeCheckpoint } from './checkpoint.ts';

let office: EscrowOffice;
let dora: string;
let eve: string;
let otto: OperatorPrincipal;
let olga: OperatorPrincipal;

beforeAll(async () => {
  office = await escrowOffice();
  dora = await office.person('dora@example.com');
  eve = await office.person('eve@example.com');
  otto = await office.operator('Otto', 'recovery-officer');
  olga = await office.operator('Olga', 'recovery-officer');
  await office.holdCeremony([otto, olga]);
});
afterAll(() => office.close());

const about = (personId: string) =>
  office.world.database.snapshot((snapshot) => recordsAbout(snapshot, personId, { before: undefined, limit: 500 }));

const canonicalText = (document: unknown) => Buffer.from(canonicalOctets(document)).toString('utf8');

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

  it('of a case of several name none of them to the others, and each finds themselves in it', async () => {
    const requester = await office.operator('Ruth', 'registration-officer');
    const id = await perform(office.world, requestRecovery, requester, {
      personIds: [dora, eve],
      reason: 'legal-hold',
      caseNumber: 'C-8',
      explanation: 'a case',
      delivery: { kind: 'pkcs12' },
    });
    for (const officer of [otto, olga]) await office.approve(id, officer);
    await perform(office.world, releaseKey, requester, { id });
    const keys = await office.query('SELECT id, person_id FROM escrowed_keys');
    for (const [own, other] of [
      [dora, eve],
      [eve, dora],
    ] as const) {
      const { items } = await about(own);
      const ofCase = items
        .map(({ canonical }) => JSON.parse(canonical))
        .filter(({ subject, details }) => subject === `recovery:${id}` || details.requestId === id);
      expect(ofCase.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
        'recovery.release succeeded',
        'recovery.release attempted',
        'recovery.decide succeeded',
        'recovery.decide succeeded',
        'recovery.request succeeded',
      ]);
      for (const { details, outcome } of ofCase.filter((one) => one.outcome === 'succeeded'))
        expect({ outcome, ...details }).toMatchObject({
          people: 2,
          subjects: expect.arrayContaining([subjectHash(id, own)]),
        });
      const text = JSON.stringify(items);
      for (const hidden of [other, ...keys.filter(({ person_id }) => person_id === other).map((key) => String(key.id))])
        expect(text).not.toContain(hidden);
    }
  });

  it('tell of an opening without the office, once its log is handed in, and its owner is told', async () => {
    const auditor = await office.operator('Rosa', 'registration-officer');
    const [key] = await office.query('SELECT id FROM escrowed_keys WHERE person_id = $1', [dora]);
    const { id: vaultId } = await office.world.database.snapshot(currentVault);
    const documentId = randomUUID();
    const document = canonicalText({
      ...{ version: 1, kind: 'offline', id: documentId, roundId: 'offline', vaultId, at: '2026-11-25T12:00:00.000Z' },
      records: [{ id: key?.id, person: dora, encapsulation: '', ownership: null }],
      ...{ reason: 'the flood', export: '00'.repeat(32) },
    });
    const lineOf = (
      event: string,
      previous: string | null,
      officers: readonly OperatorPrincipal[],
      change: Record<string, unknown> = {},
    ) => {
      const unsigned = {
        ...{ version: 1, sequence: previous === null ? 1 : 2, event, at: '2026-11-25T12:00:00.000Z', document },
        previous: previous === null ? OPENING_GENESIS : createHash('sha256').update(previous).digest('hex'),
        ...{ keys: [{ id: key?.id, person: 'dora@example.com', file: 'dora.p12' }], detail: 'the flood' },
      };
      const signed = officers.map((officer) => ({
        ...{ id: officer.id, name: officer.name, signingKey: office.shareKey(officer).publicKeys.signing },
        signature: signDocument(office.shareKey(officer), PURPOSES.offline, unsigned),
      }));
      return canonicalText({ ...unsigned, ...change, officers: signed });
    };
    const report = (line: string) => perform(office.world, reportOpening, auditor, { line });
    const attempted = lineOf('attempted', null, [otto, olga]);
    const opened = lineOf('opened', attempted, [otto, olga]);
    const before = (await about(dora)).items.length;
    for (const [line, why] of [
      [lineOf('attempted', null, [otto]), /not signed by a quorum/],
      [lineOf('attempted', null, [otto, otto]), /not signed by a quorum/],
      [lineOf('attempted', null, [otto, olga], { detail: 'a drill' }), /not what Otto signed/],
      [lineOf('attempted', null, [otto, olga], { version: 2 }), /no entry/],
      [` ${attempted}`, /not as it was written/],
      [opened, /before this one is not known/],
    ] as const) {
      await expect(report(line)).rejects.toMatchObject({
        code: 'unusable-input',
        message: expect.stringMatching(why),
      });
    }
    expect(await report(attempted)).toBe(true);
    expect(await report(opened)).toBe(true);
    expect(await report(opened)).toBe(false);
    const told = (await about(dora)).items.slice(0, (await about(dora)).items.length - before);
    const details = told.map(({ canonical }) => JSON.parse(canonical)).filter(({ outcome }) => outcome === 'succeeded');
    expect(details.find((one) => one.details.event === 'opened' && one.details.already === undefined)).toMatchObject({
      action: 'escrow.report-opening',
      subject: `opening:${documentId}`,
      details: { personId: dora, approvedBy: [{ officerName: 'Otto' }, { officerName: 'Olga' }], detail: 'the flood' },
    });
    expect(JSON.stringify(await about(eve))).not.toContain(documentId);
    expect(
      await office.query('SELECT recipient, body FROM notices WHERE about = $1', [`opening:${documentId}`]),
    ).toEqual([{ recipient: 'dora@example.com', body: expect.stringContaining('Officers:   Otto, Olga') }]);
  });
});
