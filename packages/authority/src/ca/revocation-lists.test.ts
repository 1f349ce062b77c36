import { type Crl, parseCertificate, parseCrl, verifyCrlSignature } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { parseAuthorityConfig } from '../config.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { type AuthorityRow, issuingAuthority, listAuthorities } from '../store/authorities.ts';
import { type CrlKind, latestCrl, readCrl } from '../store/crls.ts';
import type { World } from '../world.ts';
import { generateDueCrls } from './due-crls.ts';
import {
  changeAuthorityCertificates,
  changePersonCertificates,
  holdCertificate,
  releaseCertificate,
  revokeCertificate,
} from './revoke.ts';
import { changeAuthority } from './revoke-authority.ts';

let now = new Date('2026-03-01T12:00:00Z');
let office: PkiOffice;
let issuing: AuthorityRow;
let root: AuthorityRow;
/** The office with another configuration: what a restart does. */
let world: World;

const HOUR = 3_600_000;
const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
};
const reconfigure = (toml: string) => {
  world = { ...office.world, config: parseAuthorityConfig(toml, office.home) };
};

beforeAll(async () => {
  office = await pkiOffice({ clock: () => now });
  const [first] = await office.world.database.snapshot(listAuthorities);
  if (first === undefined) throw new Error('a root expected');
  root = first;
  issuing = await office.world.database.snapshot(issuingAuthority);
  world = office.world;
});
afterAll(() => office.close());

async function crl(shard: number | null = null, kind: CrlKind = 'complete', authority = issuing): Promise<Crl> {
  const scope = { authorityId: authority.id, shard };
  const der = await office.world.database.snapshot(async (snapshot) => {
    const row = await latestCrl(snapshot, scope, kind);
    return row && readCrl(snapshot, scope, row);
  });
  if (der === undefined) throw new Error(`There is no ${kind} list of shard ${shard}`);
  const read = parseCrl(der);
  expect(verifyCrlSignature(read, authority.certificate)).toBe(true);
  return read;
}

let people = 0;
async function certificate(personId?: string) {
  people += 1;
  const holder = personId ?? (await office.person(`person${people}@example.com`));
  return parseCertificate((await office.inWorld(world).signing(holder)).certificate);
}
const numberOf = (list: Crl) => Number.parseInt(list.crlNumber ?? '', 16);

describe('a hold', () => {
  it('stands on the list, is released, and may be followed by a revocation that began with it', async () => {
    const { serialNumber } = await certificate();
    const held = new Date(now);
    await perform(world, holdCertificate, system, { serialNumber });
    await expect(perform(world, holdCertificate, system, { serialNumber })).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining('on hold already'),
    });
    later(1000);
    await generateDueCrls(world);
    expect((await crl()).find(serialNumber)).toMatchObject({ reason: 'certificateHold', revokedAt: held });

    await perform(world, releaseCertificate, system, { serialNumber });
    await expect(perform(world, releaseCertificate, system, { serialNumber })).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining('not on hold'),
    });
    await generateDueCrls(world);
    expect((await crl()).find(serialNumber)).toBeUndefined();

    const again = new Date(now);
    await perform(world, holdCertificate, system, { serialNumber });
    later(HOUR);
    await perform(world, revokeCertificate, system, { serialNumber, reason: 'keyCompromise' });
    await generateDueCrls(world);
    expect((await crl()).find(serialNumber)).toMatchObject({ reason: 'keyCompromise', revokedAt: again });
    for (const operation of [releaseCertificate, holdCertificate])
      await expect(perform(world, operation, system, { serialNumber })).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('is all that is ever undone, for SQL by hand as well', async () => {
    const { serialNumber } = await certificate();
    await perform(world, revokeCertificate, system, { serialNumber, reason: 'superseded' });
    const query = (text: string) => office.world.database.pool.query(text, [serialNumber]);
    await expect(
      query('UPDATE certificates SET revoked_at = NULL, revocation_reason = NULL WHERE serial_number = $1'),
    ).rejects.toThrow(/for good/);
    await expect(
      query(`UPDATE certificates SET revocation_reason = 'certificateHold' WHERE serial_number = $1`),
    ).rejects.toThrow(/for good/);
  });

  it('that SQL by hand makes is on the next list too', async () => {
    const { serialNumber } = await certificate();
    await office.world.database.pool.query(
      `UPDATE certificates SET revoked_at = now(), revocation_reason = 'certificateHold' WHERE serial_number = $1`,
      [serialNumber],
    );
    await generateDueCrls(world);
    expect((await crl()).find(serialNumber)?.reason).toBe('certificateHold');
  });
});

describe('many at once', () => {
  it('are those of one person, and only those for which it is a change', async () => {
    const personId = await office.person('many@example.com');
    const [one, two] = [await certificate(personId), await certificate(personId)];
    const other = await certificate();
    await perform(world, revokeCertificate, system, { serialNumber: one.serialNumber, reason: 'superseded' });
    const change = (act: 'hold' | 'release') =>
      perform(world, changePersonCertificates, system, { personId, change: { act } });
    expect([await change('hold'), await change('hold')]).toEqual([1, 0]);
    await generateDueCrls(world);
    const list = await crl();
    expect(list.find(one.serialNumber)?.reason).toBe('superseded');
    expect(list.find(two.serialNumber)?.reason).toBe('certificateHold');
    expect(list.find(other.serialNumber)).toBeUndefined();
    expect(await change('release')).toBe(1);
    await expect(
      perform(world, changePersonCertificates, system, { personId: issuing.id, change: { act: 'hold' } }),
    ).rejects.toMatchObject({ code: 'not-found' });
  });

  it('are all of an authority, with every reason that RFC 5280 has', async () => {
    const reasons = [
      'unspecified',
      'keyCompromise',
      'cACompromise',
      'affiliationChanged',
      'superseded',
      'cessationOfOperation',
      'privilegeWithdrawn',
      'aACompromise',
    ] as const;
    const expected = new Map<string, string | undefined>();
    for (const reason of reasons) {
      const { serialNumber } = await certificate();
      await perform(world, revokeCertificate, system, { serialNumber, reason });
      expected.set(serialNumber, reason === 'unspecified' ? undefined : reason);
    }
    const rest = await certificate();
    const changed = await perform(world, changeAuthorityCertificates, system, {
      authorityId: issuing.id,
      change: { act: 'revoke', reason: 'cACompromise' },
      note: 'a test',
    });
    expect(changed).toBeGreaterThan(1);
    await generateDueCrls(world);
    const list = await crl();
    for (const [serial, reason] of expected) expect(list.find(serial)?.reason).toBe(reason);
    expect(list.find(rest.serialNumber)?.reason).toBe('cACompromise');
    expect(
      await perform(world, changeAuthorityCertificates, system, {
        authorityId: issuing.id,
        change: { act: 'release' },
      }),
    ).toBe(0);
  });
});

describe('shards', () => {
  const four = '[crl]\nshards = 4\n';

  it('are there before the first certificate names one, and each certificate stands on its own', async () => {
    reconfigure(four);
    expect((await certificate()).crlDistributionPoints).toEqual(['http://127.0.0.1:8080/crl/issuing.crl']);
    await generateDueCrls(world);
    const found = new Map<number, string>();
    while (found.size < 4) {
      const { serialNumber, crlDistributionPoints } = await certificate();
      const shard = Number(/issuing\/(\d)\.crl$/.exec(crlDistributionPoints[0] ?? '')?.[1]);
      expect(shard).toBe(Number.parseInt(serialNumber.slice(-6), 16) % 4);
      if (found.has(shard)) continue;
      await perform(world, revokeCertificate, system, { serialNumber, reason: 'superseded' });
      found.set(shard, serialNumber);
    }
    await generateDueCrls(world);
    const complete = await crl();
    expect(complete.issuingDistributionPoint).toBeUndefined();
    for (const [shard, serialNumber] of found) {
      expect(complete.find(serialNumber)?.reason).toBe('superseded');
      for (const other of [0, 1, 2, 3]) {
        const list = await crl(other);
        expect(list.find(serialNumber) !== undefined).toBe(other === shard);
        expect(list.issuingDistributionPoint?.fullName?.uris).toEqual([
          `http://127.0.0.1:8080/crl/issuing/${other}.crl`,
        ]);
        expect(list.extensions.find(({ id }) => id === '2.5.29.28')?.critical).toBe(true);
      }
    }
  });

  it('are made anew only where something changed', async () => {
    const numbers = async () => Promise.all([0, 1, 2, 3].map(async (shard) => numberOf(await crl(shard))));
    const before = await numbers();
    const { serialNumber } = await certificate();
    await perform(world, revokeCertificate, system, { serialNumber, reason: 'superseded' });
    await generateDueCrls(world);
    const shard = Number.parseInt(serialNumber.slice(-6), 16) % 4;
    expect(await numbers()).toEqual(before.map((number, index) => (index === shard ? number + 1 : number)));
  });

  it('grow, and what an older certificate names goes on', async () => {
    const old = await certificate();
    reconfigure('[crl]\nshards = 1\n[crl.authority.issuing]\nshards = 6\n');
    await generateDueCrls(world);
    await perform(world, revokeCertificate, system, { serialNumber: old.serialNumber, reason: 'superseded' });
    later(25 * HOUR);
    await generateDueCrls(world);
    const shard = Number.parseInt(old.serialNumber.slice(-6), 16) % 4;
    expect((await crl(shard)).find(old.serialNumber)?.reason).toBe('superseded');
    expect((await crl(5)).thisUpdate).toEqual(now);
    // Fewer again: the old lists are still made.
    reconfigure(four);
    later(25 * HOUR);
    await generateDueCrls(world);
    expect((await crl(5)).thisUpdate).toEqual(now);
    await expect(crl(0, 'complete', root)).rejects.toThrow(/no complete list/);
  });

  it('move to another address with both names', async () => {
    reconfigure('[server]\npublicUrl = "https://pki.example.com"\n[crl]\nshards = 4\n');
    await generateDueCrls(world);
    const { serialNumber, crlDistributionPoints } = await certificate();
    const shard = Number.parseInt(serialNumber.slice(-6), 16) % 4;
    expect(crlDistributionPoints).toEqual([`http://pki.example.com/crl/issuing/${shard}.crl`]);
    expect((await crl(shard)).issuingDistributionPoint?.fullName?.uris).toEqual([
      `http://pki.example.com/crl/issuing/${shard}.crl`,
      `http://127.0.0.1:8080/crl/issuing/${shard}.crl`,
    ]);
    reconfigure('');
  });
});

describe('a delta', () => {
  it('continues a list that is old enough, and says what was revoked, held and released since', async () => {
    reconfigure('[crl]\ndeltaHours = 2\n');
    const [before, held, after] = [await certificate(), await certificate(), await certificate()];
    await perform(world, revokeCertificate, system, { serialNumber: before.serialNumber, reason: 'superseded' });
    await perform(world, holdCertificate, system, { serialNumber: held.serialNumber });
    await generateDueCrls(world);
    const base = await crl();
    expect(base.extensions.some(({ id }) => id === '2.5.29.46')).toBe(true);
    later(25 * HOUR);
    await generateDueCrls(world);
    const fresh = numberOf(await crl());
    await perform(world, revokeCertificate, system, { serialNumber: after.serialNumber, reason: 'keyCompromise' });
    await perform(world, releaseCertificate, system, { serialNumber: held.serialNumber });
    later(1000);
    await generateDueCrls(world);
    const [complete, delta] = [await crl(), await crl(null, 'delta')];
    expect(numberOf(complete)).toBe(fresh + 1);
    expect([delta.crlNumber, delta.thisUpdate]).toEqual([complete.crlNumber, complete.thisUpdate]);
    expect(delta.baseCrlNumber).toBe(base.crlNumber);
    expect(delta.extensions.find(({ id }) => id === '2.5.29.27')?.critical).toBe(true);
    expect(delta.find(before.serialNumber)).toBeUndefined();
    expect(delta.find(held.serialNumber)?.reason).toBe('removeFromCRL');
    expect(delta.find(after.serialNumber)?.reason).toBe('keyCompromise');
    expect([complete.find(before.serialNumber)?.reason, complete.find(held.serialNumber)]).toEqual([
      'superseded',
      undefined,
    ]);
    expect(delta.nextUpdate).toEqual(new Date(delta.thisUpdate.getTime() + 4 * HOUR));
  });

  it('is made more often than the list, under a number of its own', async () => {
    const [complete, delta] = [await crl(), await crl(null, 'delta')];
    later(2 * HOUR);
    await generateDueCrls(world);
    expect((await crl()).crlNumber).toBe(complete.crlNumber);
    const next = await crl(null, 'delta');
    expect(numberOf(next)).toBe(numberOf(delta) + 1);
    expect(next.thisUpdate).toEqual(now);
  });
});

describe("an authority's own certificate", () => {
  it('is held, released and revoked by its issuer, and signs nothing meanwhile', async () => {
    const change = (act: 'hold' | 'release') =>
      perform(world, changeAuthority, system, { authorityId: issuing.id, change: { act } });
    await change('hold');
    await generateDueCrls(world);
    const { serialNumber } = issuing.certificate;
    expect((await crl(null, 'complete', root)).find(serialNumber)?.reason).toBe('certificateHold');
    await expect(certificate()).rejects.toMatchObject({ code: 'not-set-up' });
    await expect(change('hold')).rejects.toMatchObject({ code: 'wrong-state' });
    await change('release');
    await generateDueCrls(world);
    expect((await crl(null, 'complete', root)).find(serialNumber)).toBeUndefined();
    await certificate();
    await perform(world, changeAuthority, system, {
      authorityId: issuing.id,
      change: { act: 'revoke', reason: 'cACompromise' },
    });
    await generateDueCrls(world);
    expect((await crl(null, 'complete', root)).find(serialNumber)?.reason).toBe('cACompromise');
    await expect(change('release')).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('of a root is nobody’s to revoke', async () => {
    await expect(
      perform(world, changeAuthority, system, { authorityId: root.id, change: { act: 'hold' } }),
    ).rejects.toMatchObject({ code: 'wrong-state', message: expect.stringContaining('Nobody stands above') });
  });
});
