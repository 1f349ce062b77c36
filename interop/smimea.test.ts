/** SMIMEA in a zone that BIND signs, found by unbound, which believes only what is signed: published, found, mended, withdrawn. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../e2e/support/office-process.ts';
import { revokeCertificate } from '../packages/authority/src/ca/revoke.ts';
import { parseAuthorityConfig } from '../packages/authority/src/config.ts';
import { perform } from '../packages/authority/src/operation.ts';
import { system } from '../packages/authority/src/principal.ts';
import { publishPerson } from '../packages/authority/src/publication/publish.ts';
import { beginReconciliation, reconcile } from '../packages/authority/src/publication/reconcile.ts';
import type { World } from '../packages/authority/src/world.ts';
import { type EscrowOffice, escrowOffice } from '../packages/authority/test/escrow-office.ts';
import { SignedZone } from './bind.ts';
import { missing } from './peers.ts';

describe.skipIf([missing('bind'), missing('unbound')].includes(true))('SMIMEA', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-zone-'));
  let zone: SignedZone;
  let office: EscrowOffice;
  let world: World;
  let person: string;
  let serialNumber: string;
  let der: Buffer;

  beforeAll(async () => {
    zone = new SignedZone(path.join(folder, 'zone'), await freePort(), await freePort());
    await zone.start();
    office = await escrowOffice({ handlers: { 'publish-person': async () => {}, reconcile: async () => {} } });
    world = { ...office.world, config: parseAuthorityConfig(zone.toml(), office.home) };
    person = await office.person('Anna@example.com', { aliases: ['a.b@elsewhere.example'] });
    await office.query('UPDATE escrowed_keys SET delivered_at = now()');
    const [row] = await office.query("SELECT serial_number, certificate FROM certificates WHERE use = 'encryption'");
    [serialNumber, der] = [String(row?.serial_number), row?.certificate as Buffer];
  });
  afterAll(async () => {
    await zone?.stop();
    await office?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** RFC 8162 section 3, said again by hand. */
  const owner = (local: string) =>
    `${createHash('sha256').update(local).digest('hex').slice(0, 56)}._smimecert.example.com`;
  /** What is found under the name: each record's numbers and data, in hex. */
  const found = (local: string) => {
    const { records, validated, status } = zone.resolve(owner(local), 'SMIMEA');
    const data = records.map((line) => {
      const [, numbers = '', hex = ''] = /SMIMEA\s+(\d+ \d+ \d+)\s+([0-9A-F ]+)$/i.exec(line) ?? [];
      return `${numbers} ${hex.replaceAll(' ', '').toLowerCase()}`;
    });
    return { data: data.toSorted(), validated, status };
  };
  const whole = () => `3 0 0 ${der.toString('hex')}`;
  const OTHERS = `3 0 1 ${'ab'.repeat(32)}`;
  const compare = async (of: World) => {
    await perform(of, beginReconciliation, system, { target: 'zone' });
    await reconcile(of, 'zone');
    const [run] = await office.query('SELECT * FROM reconciliations ORDER BY begun_at DESC LIMIT 1');
    return run;
  };

  it('is found by a resolver that validates, under the address as it is written and as people type it', async () => {
    await publishPerson(world, person);
    for (const local of ['Anna', 'anna'])
      expect(found(local)).toEqual({ data: [whole()], validated: true, status: 'NOERROR' });
  });

  it('is put back where somebody takes it away, beside what others put there', async () => {
    zone.update(`update delete ${owner('anna')} SMIMEA\nupdate add ${owner('anna')} 60 SMIMEA ${OTHERS}`);
    expect(found('anna').data).toEqual([OTHERS]);
    expect(await compare(world)).toMatchObject({ missing: 1, mended: 1, others: 1 });
    expect(found('anna')).toMatchObject({ data: [whole(), OTHERS].toSorted(), validated: true });
  });

  it('becomes a digest where the configuration says so', async () => {
    const config = parseAuthorityConfig(zone.toml('association = "sha256"\n'), office.home);
    expect(await compare({ ...world, config })).toMatchObject({ missing: 2, extra: 2, mended: 4 });
    const digest = createHash('sha256').update(der).digest('hex');
    expect(found('anna').data).toEqual([`3 0 1 ${digest}`, OTHERS].toSorted());
    expect(await compare(world)).toMatchObject({ missing: 2, extra: 2, mended: 4 });
  });

  it('is withdrawn with the certificate: its absence is signed, too', async () => {
    await perform(world, revokeCertificate, system, { serialNumber, reason: 'keyCompromise' });
    await publishPerson(world, person);
    expect(found('Anna')).toEqual({ data: [], validated: true, status: 'NXDOMAIN' });
    expect(found('anna')).toMatchObject({ data: [OTHERS], validated: true });
  });

  it('is not let in with another key, and says so; nor where nobody answers', async () => {
    const file = path.join(folder, 'another');
    writeFileSync(file, Buffer.from('another secret').toString('base64'));
    const toml = zone.toml().replace(/file = "[^"]+"/, `file = "${file}"`);
    const refused: World = { ...world, config: parseAuthorityConfig(toml, office.home) };
    await perform(refused, beginReconciliation, system, { target: 'zone' });
    await expect(reconcile(refused, 'zone')).rejects.toThrow(
      /does not let us in with the key office\.: the key is not right/,
    );
    await zone.stop();
    await expect(reconcile({ ...world }, 'zone')).rejects.toThrow(/127\.0\.0\.1 does not answer/);
  });
});
