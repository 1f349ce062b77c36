import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  buildName,
  buildRequest,
  localSigner,
  parseCertificate,
  readPkcs12,
  signContent,
  verifyContent,
} from '@chancery/smime';
import { formatVerifierKey, parseVerifierKey } from '@chancery/trail';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { selfSigned } from '../../test/self-signed.ts';
import { provenRecordsAbout } from '../audit/about-person.ts';
import { verifyEvidence } from '../audit/verify-evidence.ts';
import { holdCertificate } from '../ca/revoke.ts';
import { claimant, collectKey, openClaim } from '../delivery/claim.ts';
import { perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { insertToken, newToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { newClaimLink } from './claim-link.ts';
import { reportCompromise } from './compromise.ts';
import { describeDeparture } from './departure.ts';
import { issueSigning } from './enrollment.ts';
import { evidenceAbout } from './evidence.ts';
import { usableCertificates } from './gateways.ts';
import { removePerson, returnPerson, suspendPerson } from './offboarding.ts';
import { sendOffers } from './offer-claim.ts';
import { changePerson } from './onboarding.ts';

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

describe('evidence', () => {
  it('of somebody who left is checked by whoever noted the key, and is nobody else’s to make or alter', async () => {
    const { id } = await covered('eva@example.com');
    await perform(office.world, removePerson, local, { id, note: 'HR-9' });
    await office.drain();
    now = new Date(now.getTime() + 60_000);
    const auditor = await office.operator('Audrey', 'auditor');
    const { fileName, data, records } = await evidenceAbout(office.world, auditor, id);
    expect(fileName).toMatch(/^evidence-eva@example\.com-2026-/);
    const { keys } = (await office.world.database.snapshot((snapshot) => provenRecordsAbout(snapshot, id, 1))) ?? {
      keys: [],
    };
    const noted = keys.map(parseVerifierKey);
    expect(await verifyEvidence(data, noted)).toMatchObject({
      intact: true,
      person: 'eva@example.com',
      state: 'left',
      records,
      // Signing and encryption, as the authority's own list says.
      listed: 2,
    });
    expect((await verifyEvidence(data)).message).toContain('Compare the key');

    const content = Buffer.from((await verifyContent({ der: data, anchors: [] })).content ?? []).toString('utf8');
    expect(content).toContain('HR-9');
    // One letter.
    const altered = Buffer.from(data);
    altered[altered.indexOf('HR-9') + 3] = 0x38;
    expect(await verifyEvidence(altered, noted)).toMatchObject({ intact: false, finding: 'unsigned' });
    expect(await verifyEvidence(Buffer.from('no bundle'))).toMatchObject({ intact: false, finding: 'unreadable' });
    // The same, signed by somebody else, with another note in it.
    const { privateKey } = generateKeyPairSync('ed25519');
    const signer = localSigner(privateKey);
    const forged = await signContent({
      content: Buffer.from(content.replaceAll('HR-9', 'HR-8')),
      signers: [{ signer, certificate: parseCertificate(await selfSigned(privateKey, ['digitalSignature'])) }],
    });
    expect(await verifyEvidence(forged, noted)).toMatchObject({ intact: false, finding: 'another-key' });
    expect(await verifyEvidence(forged)).toMatchObject({ intact: false, finding: 'another-key' });
    // And with the stranger's key told as the office's: the checkpoint gives it away.
    const own = formatVerifierKey({
      name: noted[0]?.name ?? '',
      use: 'log',
      publicKey: new Uint8Array(Buffer.from(signer.spki).subarray(-32)),
    });
    const told = JSON.parse(content) as { trail: { keys: string[] } };
    told.trail.keys = [own];
    const posed = await signContent({
      content: Buffer.from(JSON.stringify(told)),
      signers: [{ signer, certificate: parseCertificate(await selfSigned(privateKey, ['digitalSignature'])) }],
    });
    expect(await verifyEvidence(posed)).toMatchObject({ intact: false, finding: 'unsigned' });

    const officer = await office.operator('Rita', 'registration-officer');
    await expect(evidenceAbout(office.world, officer, id)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await office.trail(`person:${id}`)).toEqual(
      expect.arrayContaining(['person.export-evidence succeeded', 'person.export-evidence denied']),
    );
  });
});
