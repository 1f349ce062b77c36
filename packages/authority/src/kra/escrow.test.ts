import { createDecipheriv, createHash, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import {
  buildName,
  buildRequest,
  decryptContent,
  localDecrypter,
  localSigner,
  parseCertificate,
  readPkcs12,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { AuthorityError } from '../errors.ts';
import { createGateway } from '../identity/gateways.ts';
import { perform, performAll } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { enrolGateway } from '../ra/enrollment.ts';
import { rotateEncryptionKey } from '../ra/onboarding.ts';
import { openClaims } from '../store/claims.ts';
import { insertEnrollments } from '../store/enrollments.ts';
import { type EscrowedKeyRow, escrowedKeysOfPerson, keysLockedTo, type LockRow, locksOfKeys } from '../store/escrow.ts';
import { currentVault } from '../store/vaults.ts';
import { unsealClaimSecret } from './claim-link.ts';
import { escrowKey } from './escrow.ts';
import { associatedData, generateSealedKey } from './generate.ts';
import { makeClaimLock, openClaimLock } from './locks/claim.ts';
import { openProvisionalLock } from './locks/vault.ts';
import { packClaimed } from './release.ts';

let office: EscrowOffice;
beforeAll(async () => {
  office = await escrowOffice();
});
afterAll(() => office.close());
const read: EscrowOffice['world']['database']['snapshot'] = (run) => office.world.database.snapshot(run);

async function recordOf(personId: string) {
  const [key] = await read((snapshot) => escrowedKeysOfPerson(snapshot, personId));
  if (key === undefined) throw new Error('no key');
  const locks = await read((snapshot) => locksOfKeys(snapshot, [key.id]));
  return {
    key,
    locks,
    lock: (kind: LockRow['kind']) => locks.find((one) => one.kind === kind)?.wrapped ?? Buffer.alloc(0),
  };
}

async function secretOf(personId: string) {
  return read(async (snapshot) => {
    const [claim] = await openClaims(snapshot, [personId]);
    if (claim?.sealed_secret == null) throw new Error('no unseen claim');
    const secret = await unsealClaimSecret(office.world, await currentVault(snapshot), claim.id, claim.sealed_secret);
    return { claim, secret };
  });
}

/** As ESCROW.md has it, opened by hand. */
function unseal(key: EscrowedKeyRow, dek: Uint8Array, aad: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', dek, key.sealed.subarray(0, 12));
  decipher.setAAD(aad);
  decipher.setAuthTag(key.sealed.subarray(-16));
  return Buffer.concat([decipher.update(key.sealed.subarray(12, -16)), decipher.final()]);
}

function spkiOf(pkcs8: Uint8Array): Buffer {
  return createPublicKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' } as never).export({
    format: 'der',
    type: 'spki',
  });
}

describe('an escrowed record', () => {
  it('is sealed to the canonical octets of what it belongs to, and every lock opens the same DEK', async () => {
    const personId = await office.person('ada@example.com');
    const { key, locks, lock } = await recordOf(personId);
    const { claim, secret } = await secretOf(personId);
    expect(locks.map(({ kind, holder }) => [kind, holder])).toEqual([
      ['vault', key.vault_id],
      ['claim', claim.id],
    ]);
    const aad = Buffer.from(
      `{"formatVersion":1,"personId":"${personId}","recordId":"${key.id}","spkiSha256":"${createHash('sha256').update(key.spki).digest('hex')}","vaultId":"${key.vault_id}"}`,
    );
    const vault = await read((snapshot) => currentVault(snapshot));
    const byVault = await openProvisionalLock(office.world, vault, key.id, lock('vault'));
    const byClaim = openClaimLock(key.id, secret, lock('claim'));
    expect(byVault).toEqual(byClaim);
    expect(byVault).toHaveLength(32);
    expect(spkiOf(unseal(key, byVault, aad))).toEqual(key.spki);
    for (const other of ['personId', 'recordId', 'vaultId'] as const) {
      const binding = { recordId: key.id, personId, vaultId: key.vault_id, [other]: randomUUID() };
      expect(() => unseal(key, byVault, associatedData(binding, key.spki_sha256))).toThrow();
    }
    await expect(openProvisionalLock(office.world, vault, randomUUID(), lock('vault'))).rejects.toThrow();
  });

  it('has one certificate, with that very key', async () => {
    const personId = await office.person('one@example.com');
    const { key } = await recordOf(personId);
    const rows = await office.query(
      `SELECT certificate, escrowed_key_id FROM certificates WHERE person_id = $1 AND use = 'encryption'`,
      [personId],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.escrowed_key_id).toBe(key.id);
    expect(Buffer.compare(Buffer.from(parseCertificate(rows[0]?.certificate as Buffer).spki), key.spki)).toBe(0);
  });

  it('keeps its vault lock, whoever writes SQL', async () => {
    await office.person('kept@example.com');
    await expect(office.query(`DELETE FROM escrow_locks WHERE kind = 'vault'`)).rejects.toThrow(/never deleted/);
  });
});

describe('escrowing', () => {
  it('makes one key for one enrolment, however often and at once it is run', async () => {
    const personId = await office.person('again@example.com');
    const [begun] = await office.world.database.operations.transaction((tx) =>
      insertEnrollments(tx, [{ personId, use: 'encryption' }], new Date()),
    );
    const enrollmentId = begun?.id ?? '';
    const receipts = await Promise.all([1, 2, 3].map(() => perform(office.world, escrowKey, system, { enrollmentId })));
    expect(new Set(receipts.map(({ escrowedKeyId }) => escrowedKeyId)).size).toBe(1);
    expect(await read((snapshot) => escrowedKeysOfPerson(snapshot, personId))).toHaveLength(2);
    // The link that nobody has seen yet opens both keys.
    const { claim } = await secretOf(personId);
    const locks = await office.query(`SELECT 1 FROM escrow_locks WHERE kind = 'claim' AND holder = $1`, [claim.id]);
    expect(locks).toHaveLength(2);
  });

  it('goes together: each has its own key and records, and who is refused keeps nobody else from theirs', async () => {
    const people = [await office.person('first@example.com'), await office.person('second@example.com')];
    const done = await office.person('third@example.com');
    const [issued] = await office.query(`SELECT id FROM enrollments WHERE person_id = $1 AND use = 'encryption'`, [
      done,
    ]);
    const begun = await office.world.database.operations.transaction((tx) =>
      insertEnrollments(
        tx,
        people.map((personId) => ({ personId, use: 'encryption' as const })),
        new Date(),
      ),
    );
    const [first = '', second = ''] = people.map((personId) => begun.find((one) => one.personId === personId)?.id);
    const nobody = randomUUID();
    const results = await performAll(
      office.world,
      escrowKey,
      system,
      [first, String(issued?.id), second, nobody, first].map((enrollmentId) => ({ enrollmentId })),
    );
    expect(results.map((one) => (one instanceof AuthorityError ? one.code : one.personId))).toEqual([
      people[0],
      'wrong-state',
      people[1],
      'not-found',
      people[0],
    ]);
    expect(results[4]).toEqual(results[0]);
    for (const personId of people) {
      expect(await read((snapshot) => escrowedKeysOfPerson(snapshot, personId))).toHaveLength(2);
    }
    const records = await office.query(
      `SELECT outcome, details->>'existing' AS existing FROM audit_records WHERE action = 'key.escrow' AND subject = ANY ($1) ORDER BY sequence`,
      [[first, second, nobody].map((id) => `enrollment:${id}`)],
    );
    expect(records).toEqual([
      { outcome: 'succeeded', existing: 'false' },
      { outcome: 'succeeded', existing: 'false' },
      { outcome: 'failed', existing: null },
      { outcome: 'succeeded', existing: 'true' },
    ]);
  });

  it('is refused once the enrolment waits no longer, and leaves no key', async () => {
    const personId = await office.person('done@example.com');
    const [enrollment] = await office.query(`SELECT id FROM enrollments WHERE person_id = $1 AND use = 'encryption'`, [
      personId,
    ]);
    await expect(
      perform(office.world, escrowKey, system, { enrollmentId: String(enrollment?.id) }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
    expect(await read((snapshot) => escrowedKeysOfPerson(snapshot, personId))).toHaveLength(1);
  });

  it('gives a shown link no second key: a fresh key has a fresh link, and the old lock is gone', async () => {
    const personId = await office.person('twice@example.com');
    const before = await secretOf(personId);
    await office.query('UPDATE claims SET sealed_secret = NULL WHERE id = $1', [before.claim.id]);
    await perform(office.world, rotateEncryptionKey, system, { id: personId });
    await office.drain();
    const after = await secretOf(personId);
    expect(after.secret).not.toBe(before.secret);
    const keys = await read((snapshot) => escrowedKeysOfPerson(snapshot, personId));
    expect(keys).toHaveLength(2);
    const locks = await read((snapshot) =>
      locksOfKeys(
        snapshot,
        keys.map(({ id }) => id),
      ),
    );
    expect(locks.filter(({ kind }) => kind === 'claim').map(({ escrowed_key_id }) => escrowed_key_id)).toEqual([
      keys[0]?.id,
    ]);
    expect(locks.filter(({ kind }) => kind === 'vault')).toHaveLength(2);
  });

  it('puts no secret and no key on record or in the log', async () => {
    const personId = await office.person('quiet@example.com');
    const { secret } = await secretOf(personId);
    const { key, lock } = await recordOf(personId);
    const dek = openClaimLock(key.id, secret, lock('claim'));
    const pkcs8 = unseal(
      key,
      dek,
      associatedData({ recordId: key.id, personId, vaultId: key.vault_id }, key.spki_sha256),
    );
    const written = JSON.stringify([await office.query('SELECT canonical FROM audit_records'), office.logged]);
    expect(written).toContain(key.id);
    for (const text of [secret, dek.toString('hex'), dek.toString('base64'), pkcs8.subarray(-40).toString('base64')]) {
      expect(written).not.toContain(text);
    }
  });
});

describe('the claim lock', () => {
  const dek = Buffer.alloc(32, 7);
  it('opens with its secret, for its record, unaltered, and not otherwise', () => {
    const lock = makeClaimLock('record', 'secret', dek);
    expect(openClaimLock('record', 'secret', lock)).toEqual(dek);
    const altered = Buffer.from(lock);
    altered[20] = (altered[20] ?? 0) ^ 1;
    for (const open of [
      () => openClaimLock('record', 'Secret', lock),
      () => openClaimLock('another', 'secret', lock),
      () => openClaimLock('record', 'secret', altered),
      () => openClaimLock('record', 'secret', lock.subarray(0, 40)),
      () => openClaimLock('record', 'secret', Buffer.alloc(0)),
    ]) {
      expect(open).toThrow(/does not open this key/);
    }
  });

  it('gives a PKCS#12 whose key is the one of its certificate', async () => {
    const personId = await office.person('claim@example.com');
    const { claim, secret } = await secretOf(personId);
    const keys = await read((snapshot) => keysLockedTo(snapshot, { kind: 'claim', holder: claim.id, personId }));
    for (const profile of ['modern', 'compat'] as const) {
      const data = await read((snapshot) =>
        packClaimed(snapshot, { secret, keys, password: 'correct horse', profile, friendlyName: 'claim' }),
      );
      const opened = await readPkcs12(data, 'correct horse');
      const certificate = parseCertificate(opened.keys[0]?.certificate ?? Buffer.alloc(0));
      expect(spkiOf(opened.keys[0]?.privateKey ?? Buffer.alloc(0))).toEqual(Buffer.from(certificate.spki));
      expect(certificate.subjectAltNames.emails).toEqual(['claim@example.com']);
      // The issuing and the root authority come along.
      expect(opened.certificates).toHaveLength(2);
    }
    const wrong = read((snapshot) =>
      packClaimed(snapshot, { secret: 'x'.repeat(43), keys, password: 'p', profile: 'modern', friendlyName: 'claim' }),
    );
    await expect(wrong).rejects.toMatchObject({ code: 'wrong-credentials' });
  });
});

describe('the gateway lock', () => {
  it("opens with that gateway's key only, and is made for people who want it only", async () => {
    const { world } = office;
    const { gatewayId } = await gateway('relay');
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const by: Principal = { kind: 'gateway', id: gatewayId, name: 'relay' };
    const csr = await buildRequest({
      subject: buildName([{ type: 'commonName', value: 'relay' }]),
      signer: localSigner(key),
    });
    await enrolGateway(world, by, Buffer.from(csr).toString('base64'));
    const personId = await office.person('open@example.com', { gatewayDecrypts: true });
    const privateId = await office.person('closed@example.com');
    expect((await recordOf(privateId)).locks.map(({ kind }) => kind)).toEqual(['vault', 'claim']);
    const record = await recordOf(personId);
    expect(record.locks.find(({ kind }) => kind === 'gateway')?.holder).toBe(gatewayId);
    const { content: dek, authenticated } = await decryptContent({
      der: record.lock('gateway'),
      keys: [{ decrypter: localDecrypter(key) }],
    });
    expect(authenticated).toBe(true);
    const binding = { recordId: record.key.id, personId, vaultId: record.key.vault_id };
    const pkcs8 = unseal(record.key, dek, associatedData(binding, record.key.spki_sha256));
    expect(spkiOf(pkcs8)).toEqual(record.key.spki);
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    await expect(
      decryptContent({ der: record.lock('gateway'), keys: [{ decrypter: localDecrypter(stranger) }] }),
    ).rejects.toThrow();
  });

  async function gateway(name: string): Promise<{ gatewayId: string }> {
    await perform(office.world, createGateway, { kind: 'local', id: 'local', name: 'here' }, { name });
    const [row] = await office.query('SELECT id FROM gateways WHERE name = $1', [name]);
    return { gatewayId: String(row?.id) };
  }
});

describe('generating', () => {
  it.each([
    ['rsa-2048', 'RSA-2048', 'rsa'],
    ['rsa-3072', 'RSA-3072', 'rsa'],
    ['p256', 'P-256', 'ec'],
    ['p384', 'P-384', 'ec'],
  ] as const)('%s', async (spec, label, type) => {
    const binding = { recordId: 'r', personId: 'p', vaultId: 'v' };
    const key = await generateSealedKey(spec, binding);
    expect(key.algorithm).toBe(label);
    expect(createPublicKey({ key: key.spki, format: 'der', type: 'spki' }).asymmetricKeyType).toBe(type);
    const aad = associatedData(binding, createHash('sha256').update(key.spki).digest());
    expect(spkiOf(unseal({ sealed: key.sealed } as EscrowedKeyRow, key.dek, aad))).toEqual(key.spki);
  });
});
