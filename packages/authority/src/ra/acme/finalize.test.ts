import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { buildName, buildRequest, localSigner, parseRequest } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../../test/pki-office.ts';
import { prepareCertificate } from '../../ca/prepare.ts';
import { signCertificate } from '../../ca/sign.ts';
import { perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { sweepAcmeOrders } from './finalize.ts';

let office: PkiOffice;
let now = new Date('2026-03-01T12:00:00Z');
beforeAll(async () => {
  office = await pkiOffice({ clock: () => now });
});
afterAll(() => office.close());

const query = async (text: string, values: unknown[]) => (await office.world.database.pool.query(text, values)).rows;

/** An order that was proven and finalised, as kill -9 leaves it: committed, and nobody at work on it. */
async function processing(address: string) {
  const [id, account] = [randomUUID(), randomUUID()];
  const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const subject = buildName([{ type: 'commonName', value: address }]);
  const request = await buildRequest({ subject, signer, emails: [address] });
  const spkiSha256 = createHash('sha256').update(parseRequest(request).spki).digest();
  await query(`INSERT INTO acme_accounts VALUES ($1, $2, '{}', '{}', 'valid', NULL, $3)`, [account, account, now]);
  await query(
    `INSERT INTO acme_orders (id, account_id, state, addresses, created_at, expires_at) VALUES ($1, $2, 'pending', $3, $4, $5)`,
    [id, account, [address], now, new Date(now.getTime() + 86_400_000)],
  );
  await query(
    `INSERT INTO acme_authorizations (id, order_id, address, state, token, sender, message_id, mail, next_try_at, created_at, expires_at, validated_at)
     VALUES ($1, $2, $3, 'valid', '', '', $4, 'sent', $5, $5, $6, $5)`,
    [randomUUID(), id, address, id, now, new Date(now.getTime() + 86_400_000)],
  );
  await query(
    `UPDATE acme_orders SET state = 'processing', request = $2, spki_sha256 = $3, finalized_at = $4 WHERE id = $1`,
    [id, Buffer.from(request), spkiSha256, now],
  );
  const holder = { request, partnerId: account, name: address, addresses: [address] };
  return {
    prepare: () => perform(office.world, prepareCertificate, system, { use: 'partner', usage: 'both', ...holder }),
    order: async () => (await query('SELECT state, serial_number FROM acme_orders WHERE id = $1', [id]))[0],
    certificates: async () =>
      (await query('SELECT serial_number FROM certificates WHERE spki_sha256 = $1', [spkiSha256])).map(
        (row) => row.serial_number,
      ),
  };
}

const later = (minutes: number) => {
  now = new Date(now.getTime() + minutes * 60_000);
};

describe('an order whose process was killed', () => {
  it('between its certificate and the record of it is settled with that certificate, by whoever comes first', async () => {
    const { prepare, order, certificates } = await processing('petra@partner.example');
    const { serialNumber } = await perform(office.world, signCertificate, system, await prepare());
    await sweepAcmeOrders(office.world);
    // Whoever made it may still be at work.
    expect(await order()).toEqual({ state: 'processing', serial_number: null });
    later(3);
    await Promise.all([sweepAcmeOrders(office.world), sweepAcmeOrders(office.world)]);
    expect(await order()).toEqual({ state: 'valid', serial_number: serialNumber });
    expect(await certificates()).toEqual([serialNumber]);
  });

  it('before its certificate was signed gets one, and what was prepared is signed no more', async () => {
    const { prepare, order, certificates } = await processing('paul@partner.example');
    const left = await prepare();
    later(3);
    // Of two nodes the slower one may find its own intent closed: the next minute settles it.
    await Promise.all([sweepAcmeOrders(office.world), sweepAcmeOrders(office.world)]);
    await sweepAcmeOrders(office.world);
    const serials = await certificates();
    expect(serials).toHaveLength(1);
    expect(serials).not.toContain(left.serialNumber);
    expect(await order()).toEqual({ state: 'valid', serial_number: serials[0] });
    // Should it not have been dead but asleep.
    await expect(perform(office.world, signCertificate, system, left)).rejects.toMatchObject({ code: 'wrong-state' });
    expect(await certificates()).toEqual(serials);
  });
});
