import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { parseCertificate, parseCrl, verifyCrlSignature } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { generateDueCrls } from '../ca/due-crls.ts';
import { revokeCertificate } from '../ca/revoke.ts';
import { parseAuthorityConfig } from '../config.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { type AuthorityRow, issuingAuthority } from '../store/authorities.ts';
import { documentPublications } from '../store/document-publications.ts';
import type { World } from '../world.ts';
import { publishDocuments } from './publish-documents.ts';

let now = new Date('2026-03-01T12:00:00Z');
let office: PkiOffice;
let world: World;
let issuing: AuthorityRow;
let dead: Server;
let folder: string;

beforeAll(async () => {
  dead = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await new Promise((resolve) => dead.once('listening', resolve));
  const { port } = dead.address() as { port: number };
  office = await pkiOffice({ clock: () => now, handlers: { 'publish-documents': async () => {} } });
  process.env.DOCUMENTS_TEST_PASSWORD = 'a password that no record may hold';
  const toml = `[crl]
shards = 2
deltaHours = 4
[publication.folder.www]
path = "www"
[publication.ldap.dead]
url = "ldap://127.0.0.1:${port}"
bindDn = "cn=chancery"
password = { env = "DOCUMENTS_TEST_PASSWORD" }
baseDn = "dc=example,dc=com"
authorityDn = "cn={name},dc=example,dc=com"
timeoutSeconds = 2
`;
  world = { ...office.world, config: parseAuthorityConfig(toml, office.home) };
  folder = path.join(office.home, 'www');
  issuing = await office.world.database.snapshot(issuingAuthority);
});
afterAll(async () => {
  await office.close();
  dead.close();
});

const file = (name: string) => readFileSync(path.join(folder, name));
const rows = async (target: string) =>
  (await office.world.database.snapshot((snapshot) => documentPublications(snapshot, issuing.id))).filter(
    (row) => row.target === target,
  );

describe('the documents of an authority', () => {
  it('stand in the folder, whole, while the directory is dead', async () => {
    await generateDueCrls(world);
    await expect(publishDocuments(world, issuing.id)).rejects.toThrow(/^ldap:\/\/127\.0\.0\.1:\d+: cn=issuing/);
    const list = parseCrl(file('crl/issuing.crl'));
    expect(verifyCrlSignature(list, issuing.certificate)).toBe(true);
    expect(parseCertificate(file('ca/issuing.cer')).serialNumber).toBe(issuing.certificate.serialNumber);
    expect(readdirSync(path.join(folder, 'crl/issuing')).sort()).toEqual([
      '0-delta.crl',
      '0.crl',
      '1-delta.crl',
      '1.crl',
      'delta.crl',
    ]);
    expect((await rows('folder:www')).map(({ document, error }) => [document, error])).toEqual([
      ['ca/issuing.cer', null],
      ['ca/issuing.p7c', null],
      ['crl/issuing.crl', null],
      ['crl/issuing/0-delta.crl', null],
      ['crl/issuing/0.crl', null],
      ['crl/issuing/1-delta.crl', null],
      ['crl/issuing/1.crl', null],
      ['crl/issuing/delta.crl', null],
    ]);
    // The first that fails is enough to know.
    const failed = await rows('ldap:dead');
    expect(failed).toMatchObject([{ sha256: null, publishedAt: null, attempts: 1 }]);
    expect(failed[0]?.error).toMatch(/^ldap:/);
  });

  it('are replaced when there are new ones, and left alone when not', async () => {
    const { serialNumber } = await office.signing(await office.person('ada@example.com'));
    await perform(world, revokeCertificate, system, { serialNumber, reason: 'superseded' });
    now = new Date(now.getTime() + 60_000);
    await generateDueCrls(world);
    // What a process left that was killed while it wrote.
    writeFileSync(path.join(folder, 'crl/issuing.crl.abc.new'), 'half a li');
    const before = await rows('folder:www');
    await expect(publishDocuments(world, issuing.id)).rejects.toThrow(/ldap/);
    expect(parseCrl(file('crl/issuing.crl')).find(serialNumber)?.reason).toBe('superseded');
    expect(readdirSync(path.join(folder, 'crl')).sort()).toEqual(['issuing', 'issuing.crl']);
    const after = await rows('folder:www');
    const changed = after.filter((row, index) => row.updatedAt.getTime() !== before[index]?.updatedAt.getTime());
    expect(changed.map(({ document }) => document)).toEqual(['crl/issuing.crl', 'crl/issuing/delta.crl']);
    expect(JSON.stringify(await office.world.database.pool.query('SELECT canonical FROM audit_records'))).not.toContain(
      'a password that no record may hold',
    );
  });

  it('that cannot be written are tried again, and the last ones stay', async () => {
    now = new Date(now.getTime() + 25 * 3_600_000);
    await generateDueCrls(world);
    const last = file('crl/issuing.crl');
    // A folder in the way of the temporary file's rename.
    const blocked = {
      ...world,
      config: parseAuthorityConfig('[publication.folder.www]\npath = "blocked/www"\n', office.home),
    };
    mkdirSync(path.join(office.home, 'blocked'));
    writeFileSync(path.join(office.home, 'blocked/www'), 'a file where a folder should be');
    await expect(publishDocuments(blocked, issuing.id)).rejects.toThrow(/cannot be written/);
    expect(file('crl/issuing.crl').equals(last)).toBe(true);
    const [row] = (await rows('folder:www')).filter(({ error }) => error !== null);
    expect(row).toMatchObject({ attempts: 1, error: expect.stringContaining('cannot be written') });
    await expect(publishDocuments(world, issuing.id)).rejects.toThrow(/ldap/);
    expect((await rows('folder:www')).every(({ error }) => error === null)).toBe(true);
    expect(file('crl/issuing.crl').equals(last)).toBe(false);
  });
});
