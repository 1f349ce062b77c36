import { constants, generateKeyPairSync, publicEncrypt, randomBytes, randomUUID } from 'node:crypto';
import { parseKeyReference } from '@chancery/keystore';
import { buildName, buildRequest, localSigner, parseCertificate } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import type { Principal } from '../principal.ts';
import { renewResponder } from '../status/renew-responder.ts';
import { dueForRenewal } from '../status/responders.ts';
import { issuingAuthority } from '../store/authorities.ts';
import { responderCertificates } from '../store/certificates.ts';
import { issueAdmin, issueScepRa } from './service-certificates.ts';

let office: PkiOffice;
beforeAll(async () => {
  office = await pkiOffice();
});
afterAll(() => office.close());

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const officer = { kind: 'person', id: randomUUID(), name: 'Anna' } as Principal;
const query = async (text: string, values: unknown[] = []) =>
  (await office.world.database.pool.query(text, values)).rows;
const keys = async () => (await office.world.keyStore.list()).length;

describe('the SCEP registration authority', () => {
  it('has a key that the office made, which opens what is encrypted to its certificate', async () => {
    const { certificate, serialNumber } = await issueScepRa(office.world, local, 'rsa-2048');
    const read = parseCertificate(certificate);
    expect([...(read.keyUsage ?? [])].sort()).toEqual(['digitalSignature', 'keyEncipherment']);
    const [row] = await query('SELECT key_reference, use, key_origin FROM certificates WHERE serial_number = $1', [
      serialNumber,
    ]);
    expect(row).toMatchObject({ use: 'scep-ra', key_origin: 'authority' });
    const secret = randomBytes(32);
    const decrypter = await office.world.keyStore.decrypter(parseKeyReference(row.key_reference));
    const pkcs1 = publicEncrypt({ key: read.publicKey, padding: constants.RSA_PKCS1_PADDING }, secret);
    expect(Buffer.from(await decrypter.unwrapRsa(pkcs1, { padding: 'pkcs1' }))).toEqual(secret);
  });

  it('is made by whoever may change authorities, and a key that is refused a certificate is destroyed', async () => {
    const before = await keys();
    await expect(issueScepRa(office.world, officer, 'rsa-2048')).rejects.toMatchObject({ code: 'forbidden' });
    await query(`UPDATE authorities SET retired_at = now() WHERE role = 'issuing'`);
    await expect(issueScepRa(office.world, local, 'rsa-2048')).rejects.toMatchObject({ code: 'not-set-up' });
    await query(`UPDATE authorities SET retired_at = NULL WHERE role = 'issuing'`);
    expect(await keys()).toBe(before);
  });
});

describe('the TLS client certificate of an operator', () => {
  it('has the name, address and identifier of the account, and is for nobody who has left', async () => {
    const operatorId = randomUUID();
    await query(
      `INSERT INTO operators (id, name, address, roles, state, created_at)
       VALUES ($1, 'Ada Ambrose', 'ada@example.com', '{administrator}', 'active', now())`,
      [operatorId],
    );
    const ask = async () => {
      const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
      const subject = buildName([{ type: 'commonName', value: 'Somebody else' }]);
      const csr = Buffer.from(await buildRequest({ subject, signer })).toString('base64');
      return issueAdmin(office.world, local, { operatorId, csr, keyOrigin: 'device' });
    };
    const { certificate, serialNumber } = await ask();
    const read = parseCertificate(certificate);
    expect(read.subjectAltNames.emails).toEqual(['ada@example.com']);
    expect(Buffer.from(read.subject.der).includes(operatorId)).toBe(true);
    expect(await query('SELECT use, profile FROM certificates WHERE serial_number = $1', [serialNumber])).toEqual([
      { use: 'admin', profile: 'admin-tls' },
    ]);
    expect(
      await query(
        `SELECT outcome FROM audit_records WHERE action = 'certificate.prepare' AND subject = $1 ORDER BY sequence`,
        [`operator:${operatorId}`],
      ),
    ).toEqual([{ outcome: 'succeeded' }]);
    await query(`UPDATE operators SET state = 'disabled' WHERE id = $1`, [operatorId]);
    await expect(ask()).rejects.toMatchObject({ code: 'wrong-state' });
  });
});

describe("a responder's certificate", () => {
  it('is renewed when its profile says so', async () => {
    const { database, clock } = office.world;
    const issuing = await database.snapshot(issuingAuthority);
    await renewResponder(office.world, issuing);
    const [row] = await database.snapshot((snapshot) => responderCertificates(snapshot, issuing.id, clock()));
    if (row === undefined) throw new Error('There is no responder');
    // The shipped profile: 14 days, renewed 5 days before they end.
    expect(Math.round((row.notAfter.getTime() - row.renewAt.getTime()) / 86_400_000)).toBe(5);
    const due = async (at: number) =>
      (
        await database.snapshot((snapshot) =>
          dueForRenewal({ config: office.world.config, clock: () => new Date(at) }, snapshot),
        )
      ).map(({ id }) => id);
    expect(await due(row.renewAt.getTime() - 1)).not.toContain(issuing.id);
    expect(await due(row.renewAt.getTime())).toContain(issuing.id);
  });
});
