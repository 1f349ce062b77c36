import { buildOcspRequest, type Certificate, parseCertificate, parseOcspResponse, type Signer } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { holdCertificate, releaseCertificate, revokeCertificate } from '../ca/revoke.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { issuingAuthority } from '../store/authorities.ts';
import type { StatusWorld } from '../world.ts';
import { OcspResponder } from './ocsp-responder.ts';
import { renewResponder } from './renew-responder.ts';

let now = new Date('2026-03-01T12:00:00Z');
let office: PkiOffice;
let issuer: Certificate;
/** Waits before it signs, where a test asks for it. */
let beforeSigning: (() => Promise<void>) | undefined;
let signatures = 0;
let reads = 0;
let down = false;

/** As another process on the same database, which counts what it does. */
const world = (): StatusWorld => ({
  ...office.world,
  database: {
    snapshot: (run) => office.world.database.snapshot(run),
    glance: async (run) => {
      reads += 1;
      if (down) throw new Error('connection refused');
      return office.world.database.glance(run);
    },
  },
  keyStore: {
    async signer(reference): Promise<Signer> {
      const signer = await office.world.keyStore.signer(reference);
      return {
        ...signer,
        spki: signer.spki,
        kind: signer.kind,
        async sign(...parameters) {
          signatures += 1;
          await beforeSigning?.();
          return signer.sign(...parameters);
        },
      };
    },
  },
});

let responder: OcspResponder;

beforeAll(async () => {
  office = await pkiOffice({ clock: () => now });
  const authority = await office.world.database.snapshot(issuingAuthority);
  issuer = authority.certificate;
  await renewResponder(office.world, authority);
  responder = new OcspResponder(world());
});
afterAll(() => office.close());

let people = 0;
async function certify(): Promise<Certificate> {
  people += 1;
  return parseCertificate((await office.signing(await office.person(`kept${people}@example.com`))).certificate);
}

async function ask(cert: Pick<Certificate, 'serialNumber'>, more: { hash?: 'sha256'; nonce?: Buffer } = {}) {
  const { der, cacheable } = await responder.answer(Buffer.from(buildOcspRequest({ cert, issuer, ...more })));
  return { status: parseOcspResponse(der).basic?.responses[0]?.status, cacheable };
}

describe('an answer that is kept', () => {
  it('is signed once, for as long as half its time', async () => {
    const cert = await certify();
    const before = signatures;
    for (let n = 0; n < 5; n++) expect((await ask(cert)).status).toBe('good');
    expect(signatures - before).toBe(1);
    now = new Date(now.getTime() + 4 * 3_600_000);
    const { cacheable } = await ask(cert);
    expect(signatures - before).toBe(2);
    expect(cacheable?.thisUpdate).toEqual(now);
  });

  it('goes when the revocation commits, for every form of the question, and no other goes with it', async () => {
    const [cert, other] = [await certify(), await certify()];
    for (const one of [cert, other]) {
      await ask(one);
      await ask(one, { hash: 'sha256' });
    }
    await perform(office.world, holdCertificate, system, { serialNumber: cert.serialNumber });
    const before = signatures;
    const held = { revokedAt: now, reason: 'certificateHold' };
    expect([(await ask(cert)).status, (await ask(cert, { hash: 'sha256' })).status]).toEqual([held, held]);
    expect((await ask(other)).status).toBe('good');
    expect(signatures - before).toBe(2);
    await perform(office.world, releaseCertificate, system, { serialNumber: cert.serialNumber });
    expect((await ask(cert)).status).toBe('good');
  });

  it('is never one that was signed while the revocation committed', async () => {
    const cert = await certify();
    let release = () => {};
    beforeSigning = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const early = ask(cert);
    while (signatures === 0 || release.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    beforeSigning = undefined;
    await perform(office.world, revokeCertificate, system, {
      serialNumber: cert.serialNumber,
      reason: 'keyCompromise',
    });
    // Somebody else asks, and learns of the revocation while the first answer is still being signed.
    await ask({ serialNumber: '7f00000000000001' });
    release();
    expect((await early).status).toBe('good');
    expect((await ask(cert)).status).toEqual({ revokedAt: now, reason: 'keyCompromise' });
  });

  it('is none to a nonce, and none that says unknown', async () => {
    const cert = await certify();
    const before = signatures;
    for (let n = 0; n < 2; n++) {
      expect((await ask(cert, { nonce: Buffer.from('abc') })).cacheable).toBeUndefined();
      expect((await ask({ serialNumber: '7f00000000000002' })).cacheable).toBeUndefined();
    }
    expect(signatures - before).toBe(4);
  });

  it('is none to a nonce, but the status is known until it changes', async () => {
    const cert = await certify();
    const nonce = Buffer.alloc(16, 7);
    expect((await ask(cert, { nonce })).status).toBe('good');
    const before = reads;
    expect((await ask(cert, { nonce })).status).toBe('good');
    // The one that asks what has been revoked.
    expect(reads - before).toBe(1);
    await perform(office.world, revokeCertificate, system, { serialNumber: cert.serialNumber, reason: 'superseded' });
    expect((await ask(cert, { nonce })).status).toMatchObject({ reason: 'superseded' });
  });

  it('is not given out when nobody can say whether it still holds', async () => {
    const cert = await certify();
    await ask(cert);
    down = true;
    const { der } = await responder.answer(Buffer.from(buildOcspRequest({ cert, issuer })));
    expect(parseOcspResponse(der).status).toBe('tryLater');
    down = false;
    expect((await ask(cert)).status).toBe('good');
  });

  it('is not signed by a responder that was revoked itself', async () => {
    const cert = await certify();
    await ask(cert);
    const { rows } = await office.world.database.pool.query(
      `UPDATE certificates SET revoked_at = now(), revocation_reason = 'superseded' WHERE use = 'ocsp' RETURNING serial_number`,
    );
    expect(rows.length).toBe(1);
    const refused = await responder.answer(Buffer.from(buildOcspRequest({ cert: await certify(), issuer })));
    expect(parseOcspResponse(refused.der).status).toBe('unauthorized');
    await renewResponder(office.world, await office.world.database.snapshot(issuingAuthority));
    now = new Date(now.getTime() + 10_000);
    expect((await ask(await certify())).status).toBe('good');
  });

  it('costs a hundred who ask together the reads of two', async () => {
    const cert = await certify();
    await ask(cert);
    const before = reads;
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(cert)));
    expect(answers.every(({ status }) => status === 'good')).toBe(true);
    expect(reads - before).toBe(2);
  });
});
