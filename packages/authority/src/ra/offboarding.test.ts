import { createHash, generateKeyPairSync } from 'node:crypto';
import { buildName, buildRequest, localSigner, parseCertificate, pemBlocks, readPkcs12 } from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { holdCertificate } from '../ca/revoke.ts';
import { claimant, collectKey, openClaim } from '../delivery/claim.ts';
import { presentPeople, withdrawPeople } from '../identity/sources/present.ts';
import { requestRecovery } from '../kra/recovery.ts';
import { perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { insertToken, newToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { newClaimLink } from './claim-link.ts';
import { reportCompromise } from './compromise.ts';
import { describeDeparture } from './departure.ts';
import { issueSigning } from './enrollment.ts';
import { usableCertificates } from './gateways.ts';
import { describeHandover } from './handover.ts';
import { removePerson, returnPerson, suspendPerson } from './offboarding.ts';
import { sendOffers } from './offer-claim.ts';
import { changePerson } from './onboarding.ts';
import { endKeptAccesses } from './operator-access.ts';

let office: EscrowOffice;
let now = new Date('2026-03-01T12:00:00Z');
beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
});
afterAll(() => office.close());
beforeEach(() => {
  now = new Date(now.getTime() + 60_000);
});

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const PASSWORD = 'correct horse battery';
const csr = async () => {
  const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const subject = buildName([{ type: 'commonName', value: 'x' }]);
  return Buffer.from(await buildRequest({ subject, signer })).toString('base64');
};
const collect = async (secret: string) => {
  const by = await claimant(office.world, secret);
  const { data } = await perform(office.world, collectKey, by, { secret, profile: 'modern', password: PASSWORD });
  return (await readPkcs12(data, PASSWORD)).keys;
};
const linkOf = async (id: string) => (await newClaimLink(office.world, local, id)).url.split('#')[1] ?? '';
/** Covered, with a signing key from a browser. */
const covered = async (address: string, aliases: string[] = []) => {
  const id = await office.person(address, { aliases });
  const secret = await linkOf(id);
  await issueSigning(office.world, await claimant(office.world, secret), {
    personId: id,
    csr: await csr(),
    keyOrigin: 'browser',
  });
  // As though they had fetched it: making the file takes longer than everything else here.
  await office.query('UPDATE escrowed_keys SET delivered_at = $2 WHERE person_id = $1', [id, now]);
  now = new Date(now.getTime() + 60_000);
  return { id, secret };
};
/** Of each of their certificates, in the order of issuance. */
const statusOf = async (id: string) =>
  (
    await office.query(
      'SELECT use, revocation_reason AS why FROM certificates WHERE person_id = $1 ORDER BY issued_at, use',
      [id],
    )
  ).map(({ use, why }) => `${use} ${why ?? 'good'}`);
const serialOf = async (id: string, use: string) =>
  String(
    (
      await office.query(
        'SELECT serial_number FROM certificates WHERE person_id = $1 AND use = $2 ORDER BY issued_at DESC LIMIT 1',
        [id, use],
      )
    )[0]?.serial_number,
  );
const usable = (address: string) =>
  office.world.database.snapshot((snapshot) => usableCertificates(snapshot, address, now));
const session = (personId: string) =>
  office.world.database.operations.transaction((tx) =>
    insertToken(tx, {
      secret: newToken(),
      kind: 'person-session',
      personId,
      at: now,
      expiresAt: new Date(now.getTime() + 1e6),
    }),
  );

describe('a suspension', () => {
  it('is a hold and a return its release, of what it held and of nothing else', async () => {
    const { id, secret } = await covered('sue@example.com');
    await session(id);
    const other = await office.person('other@example.com');
    await perform(office.world, suspendPerson, local, { id, note: 'leave of absence' });
    await office.drain();
    expect(await statusOf(id)).toEqual(['encryption certificateHold', 'signing certificateHold']);
    expect(await usable('sue@example.com')).toEqual([]);
    expect(await office.query('SELECT 1 FROM tokens WHERE person_id = $1', [id])).toEqual([]);
    // Nothing is collected, issued or made meanwhile, and nothing is lost.
    await expect(openClaim(office.world, secret)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(newClaimLink(office.world, local, id)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(
      issueSigning(office.world, local, { personId: id, csr: await csr(), keyOrigin: 'browser' }),
    ).rejects.toThrow(/is suspended/);
    await expect(perform(office.world, suspendPerson, local, { id })).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(perform(office.world, returnPerson, local, { id: other })).rejects.toMatchObject({
      code: 'wrong-state',
    });
    const [list] = await office.query('SELECT count(*)::int AS entries FROM revocations WHERE NOT released');
    expect(list?.entries).toBe(2);

    await perform(office.world, returnPerson, local, { id });
    await office.drain();
    expect(await statusOf(id)).toEqual(['encryption good', 'signing good']);
    expect(await usable('sue@example.com')).toHaveLength(1);
    expect(await collect(secret)).toHaveLength(1);
    expect(await office.trail(`person:${id}`)).toEqual(
      expect.arrayContaining(['person.suspend succeeded', 'person.return succeeded']),
    );
  });

  it('leaves on hold what somebody held before it, and what was revoked meanwhile is replaced', async () => {
    const { id } = await covered('held@example.com');
    await perform(office.world, holdCertificate, local, { serialNumber: await serialOf(id, 'signing') });
    await perform(office.world, suspendPerson, local, { id });
    const key = await serialOf(id, 'encryption');
    expect(await perform(office.world, reportCompromise, local, { personId: id, serialNumber: key })).toEqual({
      revoked: [key],
      replacement: 'none',
    });
    await perform(office.world, returnPerson, local, { id });
    await office.drain();
    expect(await statusOf(id)).toEqual(['encryption keyCompromise', 'signing certificateHold', 'encryption good']);
    // The compromised key is never certified again: this is another.
    const keys = await office.query('SELECT 1 FROM escrowed_keys WHERE person_id = $1', [id]);
    expect(keys).toHaveLength(2);
  });

  it('does not keep a name or an address from changing: they return with what is so then', async () => {
    const { id } = await covered('may@example.com', ['m@example.com']);
    await perform(office.world, suspendPerson, local, { id });
    await perform(office.world, changePerson, local, { id, aliases: ['may2@example.com'] });
    expect(await office.query('SELECT state FROM people WHERE id = $1', [id])).toEqual([{ state: 'suspended' }]);
    // What named the lost address is revoked, for it may be another's tomorrow.
    expect(await statusOf(id)).toEqual(['encryption superseded', 'signing affiliationChanged']);
    await perform(office.world, returnPerson, local, { id });
    await office.drain();
    expect(await statusOf(id)).toEqual(['encryption superseded', 'signing affiliationChanged', 'encryption good']);
    expect(await usable('may2@example.com')).toHaveLength(1);
    const [waiting] = await office.query(`SELECT use FROM enrollments WHERE person_id = $1 AND state = 'waiting'`, [
      id,
    ]);
    expect(waiting?.use).toBe('signing');
  });
});

describe('leaving', () => {
  it('is told before it is done, and revokes, ends and withdraws all of it in one act', async () => {
    const { id } = await covered('leo@example.com');
    await session(id);
    const before = await office.world.database.snapshot((snapshot) => describeDeparture(office.world, snapshot, id));
    expect(before).toMatchObject({
      state: 'active',
      escrowedKeys: 1,
      keptUntil: null,
      legalHolds: [],
      sessions: 1,
      claimLink: true,
    });
    expect(before.certificates.map(({ use }) => use).sort()).toEqual(['encryption', 'signing']);
    await perform(office.world, suspendPerson, local, { id });
    await perform(office.world, removePerson, local, { id, note: 'HR-7' });
    expect(await statusOf(id)).toEqual(['encryption affiliationChanged', 'signing affiliationChanged']);
    const after = await office.world.database.snapshot((snapshot) => describeDeparture(office.world, snapshot, id));
    expect(after).toMatchObject({ certificates: [], escrowedKeys: 1, sessions: 0, passkeys: 0, claimLink: false });
    expect(await office.query('SELECT 1 FROM suspension_holds WHERE person_id = $1', [id])).toEqual([]);
  });

  it('is undone by coming back, with keys of their own time; the old one stays in escrow', async () => {
    const { id } = await covered('zed@example.com');
    await perform(office.world, removePerson, local, { id });
    await perform(office.world, returnPerson, local, { id });
    await office.drain();
    expect(await statusOf(id)).toEqual([
      'encryption affiliationChanged',
      'signing affiliationChanged',
      'encryption good',
    ]);
    expect(await office.query('SELECT 1 FROM escrowed_keys WHERE person_id = $1', [id])).toHaveLength(2);
  });
});

describe('an operator who is a person here', () => {
  const states = async () =>
    Object.fromEntries(
      (await office.query('SELECT name, state FROM operators ORDER BY name')).map(({ name, state }) => [name, state]),
    );
  const invite = async (...names: string[]) => {
    for (const name of names) {
      const { id } = await office.operator(name, 'administrator');
      await office.query(`UPDATE operators SET password_hash = 'x' WHERE id = $1`, [id]);
      await office.world.database.operations.transaction((tx) =>
        insertToken(tx, { secret: newToken(), kind: 'session', operatorId: id, at: now, expiresAt: null }),
      );
    }
  };
  const sessions = async () =>
    (await office.query(`SELECT o.name FROM tokens t JOIN operators o ON o.id = t.operator_id ORDER BY 1`)).map(
      ({ name }) => name,
    );
  const hr = { name: 'hr', kind: 'scim' } as const;

  it('is shut out with the person, for as long as they are away; the last administrator only once there is another', async () => {
    // One by an alias, one whom a source has, one who is nobody's.
    await invite('Opal', 'Otto');
    const opal = await office.person('opal.x@example.com', { aliases: ['OPAL@example.com'] });
    await perform(office.world, suspendPerson, local, { id: opal });
    expect(await states()).toEqual({ Opal: 'disabled', Otto: 'active' });
    expect(await sessions()).toEqual(['Otto']);
    await perform(office.world, returnPerson, local, { id: opal });
    expect(await states()).toEqual({ Opal: 'active', Otto: 'active' });

    const told = await office.world.database.snapshot((snapshot) => describeDeparture(office.world, snapshot, opal));
    expect(told.operator).toEqual({ roles: ['administrator'], last: false });
    await presentPeople(office.world, hr, [{ key: 'otto', active: true, name: 'Otto', address: 'otto@example.com' }]);
    await withdrawPeople(office.world, hr, ['otto']);
    expect(await states()).toEqual({ Opal: 'active', Otto: 'disabled' });
    // Whoever comes back after leaving is let in by an administrator, not by a source.
    await presentPeople(office.world, hr, [{ key: 'otto', active: true, name: 'Otto', address: 'otto@example.com' }]);
    expect(await states()).toEqual({ Opal: 'active', Otto: 'disabled' });

    const last = await office.world.database.snapshot((snapshot) => describeDeparture(office.world, snapshot, opal));
    expect(last.operator).toEqual({ roles: ['administrator'], last: true });
    await perform(office.world, removePerson, local, { id: opal });
    expect(await states()).toMatchObject({ Opal: 'active' });
    await endKeptAccesses(office.world);
    expect(await states()).toMatchObject({ Opal: 'active' });
    const { tellConditions } = await import('../notices/conditions.ts');
    await tellConditions(office.world);
    expect(await office.query(`SELECT key FROM notice_events WHERE key LIKE 'administrator-left %'`)).toEqual([
      { key: expect.stringContaining(opal) },
    ]);
    await invite('Olive');
    await endKeptAccesses(office.world);
    await endKeptAccesses(office.world);
    expect(await states()).toEqual({ Olive: 'active', Opal: 'disabled', Otto: 'disabled' });
    expect(await sessions()).toEqual(['Olive']);

    // All of it is in the evidence about the person, or on the trail.
    const details = await office.query(
      `SELECT action, details->'operators'->0->>'access' AS access, details->>'access' AS ended FROM audit_records
       WHERE details ? 'operators' OR action = 'operator.end-access' ORDER BY sequence`,
    );
    expect(details.map(({ action, access, ended }) => `${action} ${access ?? ended}`)).toEqual([
      'person.suspend ended',
      'person.return restored',
      'source.present-person ended',
      'person.leave kept',
      'operator.end-access ended',
    ]);
    await office.query('DELETE FROM tokens WHERE operator_id IS NOT NULL');
    await office.query('DELETE FROM operators');
  });
});

describe('old mail for a manager', () => {
  const hr = { name: 'hr', kind: 'scim' } as const;
  const handover = (id: string) =>
    office.world.database.snapshot((snapshot) => describeHandover(office.world, snapshot, id));
  const idOf = async (address: string) =>
    String((await office.query('SELECT person_id AS id FROM person_addresses WHERE key = $1', [address]))[0]?.id);

  it('is offered once somebody has left, with what the source said last, and asked of nobody', async () => {
    const boss = await covered('boss@example.com');
    const mia = { key: 'm', active: true, name: 'Mia', address: 'mia@example.com' };
    await presentPeople(office.world, hr, [
      { key: 'b', active: true, name: 'boss Example', address: 'boss@example.com' },
      { ...mia, manager: 'b' },
    ]);
    await office.drain();
    const id = await idOf('mia@example.com');
    expect(await handover(id)).toMatchObject({ manager: { id: boss.id }, problem: expect.stringMatching(/not left/) });
    await withdrawPeople(office.world, hr, ['m']);
    const offered = await handover(id);
    expect(offered).toMatchObject({
      manager: { id: boss.id, name: 'boss Example', address: 'boss@example.com' },
      problem: null,
      keys: 1,
      leftAt: now.toISOString(),
      requestId: null,
    });
    const [block] = pemBlocks(offered.certificate ?? '');
    const certificate = parseCertificate(block?.der ?? Buffer.alloc(0));
    expect(certificate.serialNumber).toBe(await serialOf(boss.id, 'encryption'));
    expect(await office.query('SELECT 1 FROM recovery_requests')).toEqual([]);

    // Sent by an operator, it is a request like any other, which officers decide.
    await office.holdCeremony([
      await office.operator('Olga', 'recovery-officer'),
      await office.operator('Omar', 'recovery-officer'),
    ]);
    const asker = await office.operator('Rolf', 'registration-officer');
    const requestId = await perform(office.world, requestRecovery, asker, {
      personId: id,
      reason: 'departed-employee',
      explanation: 'Takes over their work.',
      delivery: { kind: 'certificate', certificate: offered.certificate ?? '' },
    });
    expect(await office.query('SELECT state FROM recovery_requests')).toEqual([{ state: 'open' }]);
    expect(await handover(id)).toMatchObject({ requestId });
  });

  it('says what keeps it from being offered', async () => {
    const { id } = await covered('lou@example.com');
    await perform(office.world, removePerson, local, { id });
    expect(await handover(id)).toMatchObject({ manager: null, problem: 'No source names a manager who is here.' });
    const other = await office.person('ned@example.com');
    await office.query(`UPDATE people SET attributes = '{"manager": "NED@example.com"}' WHERE id = $1`, [id]);
    // Whose key nobody has collected yet: what is encrypted to it, nobody reads.
    expect(await handover(id)).toMatchObject({
      manager: { id: other },
      certificate: null,
      problem: expect.stringMatching(/no certificate/),
    });
    await perform(office.world, removePerson, local, { id: other });
    expect(await handover(id)).toMatchObject({ manager: null });
  });
});

describe('a compromised key', () => {
  it('is revoked in every certificate, replaced, and its owner is mailed the link to what takes its place', async () => {
    const mails: { to: string; text: string }[] = [];
    const world: World = {
      ...office.world,
      mail: { send: async (mail) => void mails.push(mail) } as NonNullable<World['mail']>,
    };
    const { id } = await covered('kim@example.com');
    // The same key in two certificates.
    await perform(office.world, changePerson, local, { id, aliases: ['k@example.com'] });
    await office.drain();
    const owner: Principal = { kind: 'person', id, name: 'Kim', signedIn: true };
    const outcome = await perform(office.world, reportCompromise, owner, {
      personId: id,
      serialNumber: await serialOf(id, 'encryption'),
      note: 'laptop stolen',
    });
    expect(outcome).toMatchObject({ replacement: 'office' });
    expect(outcome.revoked).toHaveLength(2);
    // Not before the key is there.
    await sendOffers(world);
    expect(await office.query('SELECT 1 FROM claim_offers WHERE person_id = $1', [id])).toHaveLength(1);
    await office.drain();
    expect(await statusOf(id)).toEqual([
      'encryption keyCompromise',
      'signing good',
      'encryption keyCompromise',
      'encryption good',
    ]);
    expect(await usable('kim@example.com')).toEqual([]);
    await sendOffers(world);
    await sendOffers(world);
    const notices = await office.query(
      `SELECT recipient, sealed_body IS NOT NULL AS sealed FROM notices WHERE person_id = $1`,
      [id],
    );
    expect(notices).toEqual([{ recipient: 'kim@example.com', sealed: true }]);
    const { sendDueNotices } = await import('../notices/send.ts');
    await sendDueNotices(world);
    const secret = /claim#([\w-]{43})/.exec(mails.at(-1)?.text ?? '')?.[1] ?? '';
    const [key] = await collect(secret);
    const fresh = parseCertificate(key?.certificate ?? Buffer.alloc(0));
    expect((await usable('kim@example.com')).map((row) => row.serial_number)).toEqual([fresh.serialNumber]);
    expect(createHash('sha256').update(fresh.spki).digest('hex')).not.toBe(
      (
        await office.query(`SELECT encode(spki_sha256, 'hex') AS key FROM certificates WHERE serial_number = $1`, [
          outcome.revoked[0],
        ])
      )[0]?.key,
    );
    await expect(
      perform(office.world, reportCompromise, owner, { personId: id, serialNumber: outcome.revoked[0] ?? '' }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('is reported by its owner and by operators, and by nobody else', async () => {
    const { id, secret } = await covered('pat@example.com');
    const serialNumber = await serialOf(id, 'signing');
    const stranger: Principal = {
      kind: 'person',
      id: await office.person('eve@example.com'),
      name: 'Eve',
      signedIn: true,
    };
    // A claim link proves who holds the link, which is not enough to end what others rely on.
    const byLink = await claimant(office.world, secret);
    for (const by of [stranger, byLink, { kind: 'gateway', id, name: 'g' } as const]) {
      await expect(perform(office.world, reportCompromise, by, { personId: id, serialNumber })).rejects.toMatchObject({
        code: 'forbidden',
      });
    }
    await expect(
      perform(office.world, reportCompromise, stranger, { personId: stranger.id, serialNumber }),
    ).rejects.toMatchObject({ code: 'not-found' });
    expect(await perform(office.world, reportCompromise, system, { personId: id, serialNumber })).toEqual({
      revoked: [serialNumber],
      replacement: 'owner',
    });
    expect(await office.query('SELECT why FROM claim_offers WHERE person_id = $1', [id])).toEqual([
      { why: 'compromise' },
    ]);
  });
});
