import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseKeyReference } from '@chancery/keystore';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  keyUsage,
  localSigner,
  parseCertificate,
  pemBlocks,
  signatureAlgorithmFor,
  signContent,
  verifyContent,
  verifyTimeStamp,
} from '@chancery/smime';
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from '@chancery/trail';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { LoopbackStamper } from '../../test/loopback-stamper.ts';
import { selfSigned } from '../../test/self-signed.ts';
import { provenRecordsAbout } from '../audit/about-person.ts';
import { openZip } from '../audit/open-zip.ts';
import { type Evidence, signedText, verifyEvidence } from '../audit/verify-evidence.ts';
import { parseAuthorityConfig } from '../config.ts';
import { presentPeople } from '../identity/sources/present.ts';
import { presentGroups } from '../identity/sources/present-groups.ts';
import { zipOf } from '../kra/recovered-files.ts';
import { perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { auditKey } from '../store/audit-tree.ts';
import type { World } from '../world.ts';
import { evidenceAbout } from './evidence.ts';
import { removePerson } from './offboarding.ts';
import { makeTimeStampKey } from './time-stamp.ts';

let office: EscrowOffice;
let now = new Date('2026-03-01T12:00:00Z');
let auditor: OperatorPrincipal;
beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
  auditor = await office.operator('Audrey', 'auditor');
});
afterAll(() => office.close());
beforeEach(() => {
  now = new Date(now.getTime() + 60_000);
});

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const hr = { name: 'hr', kind: 'ldap' } as const;
const under = (toml: string): World => ({ ...office.world, config: parseAuthorityConfig(toml, office.home) });
/** What an auditor has noted of the office. */
const notedKeys = async (): Promise<VerifierKey[]> => {
  const found = await office.world.database.snapshot((snapshot) =>
    provenRecordsAbout(snapshot, '00000000-0000-4000-8000-000000000000', 1),
  );
  return (found?.keys ?? []).map(parseVerifierKey);
};
const bundleOf = async (id: string, world = office.world) => {
  await office.drain();
  now = new Date(now.getTime() + 60_000);
  const { data, ...rest } = await evidenceAbout(world, auditor, id);
  const files = openZip(data) ?? new Map<string, Uint8Array>();
  const part = (name: string) => files.get(name) ?? Buffer.alloc(0);
  return { ...rest, data, files, part, keys: await notedKeys() };
};
const zip = (files: Record<string, Uint8Array>) =>
  zipOf(
    Object.entries(files).map(([name, data]) => ({ name, data })),
    now,
  );
const certificatesIn = (pem: Uint8Array) =>
  pemBlocks(Buffer.from(pem).toString('latin1')).map(({ der }) => parseCertificate(der));
const textOf = async (object: Uint8Array) =>
  Buffer.from((await verifyContent({ der: object, anchors: [] })).content ?? []).toString('utf8');
const stranger = async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const signer = localSigner(privateKey);
  const certificate = parseCertificate(await selfSigned(privateKey, ['digitalSignature']));
  const publicKey = new Uint8Array(Buffer.from(signer.spki).subarray(-32));
  const seal = (text: string) => signContent({ content: Buffer.from(text), signers: [{ signer, certificate }] });
  return { privateKey, publicKey, seal };
};

describe('evidence', () => {
  it('of somebody who left is checked by whoever noted the key or the root, and has a time', async () => {
    const id = await office.person('eva@example.com');
    await perform(office.world, removePerson, local, { id, note: 'HR-9' });
    const { fileName, data, records, files, part, keys } = await bundleOf(id);
    expect(fileName).toMatch(/^evidence-eva@example\.com-2026-03-01\.zip$/);
    expect([...files.keys()]).toEqual(['README.txt', 'evidence.p7m', 'evidence.tst', 'office.pem', 'tsa.pem']);
    const roots = certificatesIn(part('office.pem'));
    const stampers = certificatesIn(part('tsa.pem'));
    expect(await verifyEvidence(data, { keys, roots, stampers })).toMatchObject({
      intact: true,
      person: 'eva@example.com',
      state: 'left',
      records,
      // As the authority's own list says.
      listed: 1,
      stampedAt: now.toISOString(),
    });
    expect((await verifyEvidence(data)).message).toContain('Compare the key');
    // The stamp is upon the file as it is, by a certificate that is for nothing else.
    const report = verifyTimeStamp({
      token: part('evidence.tst'),
      content: part('evidence.p7m'),
      anchors: stampers,
    });
    expect(report).toMatchObject({ valid: true, path: { valid: true }, info: { time: now } });
    expect(report.certificate?.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.8']);
    // The object is signed by a key that every program knows, under the root of the office.
    const opened = await verifyContent({ der: part('evidence.p7m'), anchors: roots, at: now });
    expect(opened.signers).toMatchObject([{ signature: 'valid', signatureAlgorithm: expect.stringMatching(/ECDSA/) }]);
    const readMe = Buffer.from(part('README.txt')).toString('utf8');
    expect(readMe).toContain(`-attime ${now.getTime() / 1000}`);
    expect(readMe).toContain('openssl ts -verify -data evidence.p7m -in evidence.tst -token_in -CAfile tsa.pem');
    expect(await office.trail('time-stamp')).toEqual([
      'time-stamp.make-key succeeded',
      'time-stamp.make attempted',
      'time-stamp.make succeeded',
    ]);
    const officer = await office.operator('Rita', 'registration-officer');
    await expect(evidenceAbout(office.world, officer, id)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await office.trail(`person:${id}`)).toEqual(
      expect.arrayContaining(['person.export-evidence succeeded', 'person.export-evidence denied']),
    );
  });

  it('that was altered, or made by others, is found out', async () => {
    const id = await office.person('ivo@example.com');
    await perform(office.world, removePerson, local, { id, note: 'HR-9' });
    const { data, part, keys } = await bundleOf(id);
    const roots = certificatesIn(part('office.pem'));
    const [object, token] = [part('evidence.p7m'), part('evidence.tst')];
    const found = async (file: Uint8Array, noted: Parameters<typeof verifyEvidence>[1] = { keys, roots }) =>
      (await verifyEvidence(file, noted)).finding;
    // One letter.
    const altered = Buffer.from(data);
    altered[altered.indexOf('HR-9') + 3] = 0x38;
    expect(await found(altered)).toBe('unsigned');
    expect(await found(Buffer.from('no bundle'))).toBe('unreadable');
    expect(await found(zip({ 'evidence.tst': token }))).toBe('unreadable');

    // The same, signed by somebody else, with another note in it.
    const eve = await stranger();
    const content = await textOf(object);
    expect(content).toContain('HR-9');
    const forged = await eve.seal(content.replaceAll('HR-9', 'HR-8'));
    expect(await found(forged)).toBe('another-key');
    expect(await found(forged, {})).toBe('another-key');
    // With nothing altered the key of the trail still vouches for it, and the root does not.
    expect(await found(await eve.seal(content), { keys })).toBeNull();
    expect(await found(await eve.seal(content))).toBe('another-root');
    // With the stranger's key told as the office's, which signs it too: the checkpoint gives it away.
    const { signature, ...told } = JSON.parse(content) as Evidence;
    const name = keys[0]?.name ?? '';
    told.trail.keys = [formatVerifierKey({ name, use: 'log', publicKey: eve.publicKey })];
    const value = sign(null, signedText(told), eve.privateKey).toString('base64');
    const posed = await eve.seal(JSON.stringify({ ...told, signature: { ...signature, value } }));
    expect(await found(posed, {})).toBe('unsigned');

    // A stamp upon something else, by another key, or none.
    const other = await bundleOf(await office.person('ole@example.com'));
    expect(await found(zip({ 'evidence.p7m': object, 'evidence.tst': other.part('evidence.tst') }))).toBe('wrong-time');
    await perform(office.world, makeTimeStampKey, system, {});
    const later = await bundleOf(id);
    const { timeStamp } = await import('./time-stamp.ts');
    const again = await timeStamp(office.world, object);
    expect(await found(zip({ 'evidence.p7m': object, 'evidence.tst': again.token }))).toBe('wrong-time');
    expect(await found(later.data)).toBeNull();
    expect(await verifyEvidence(object, { keys })).toMatchObject({
      intact: true,
      stampedAt: null,
      message: expect.stringContaining('No time stamp'),
    });
  });

  it('of before is still good: the key of the trail signed the object itself', async () => {
    const id = await office.person('old@example.com');
    const { part, keys } = await bundleOf(id);
    const { signature: _, timeStamp: __, ...rest } = JSON.parse(await textOf(part('evidence.p7m'))) as Evidence;
    const row = await office.world.database.snapshot(auditKey);
    const signer = await office.world.keyStore.signer(parseKeyReference(row?.key_reference ?? ''));
    const algorithm = signatureAlgorithmFor(signer.kind, 'sha512');
    const subject = buildName([{ type: 'commonName', value: 'trail' }]);
    const tbs = buildTbsCertificate({
      serialNumber: '41',
      signatureAlgorithm: algorithm,
      issuer: subject,
      subject,
      notBefore: new Date('2026-01-01'),
      notAfter: new Date('2030-01-01'),
      spki: signer.spki,
      extensions: [keyUsage(['digitalSignature'])],
    });
    const certificate = parseCertificate(assembleSigned(tbs, algorithm, await signer.sign(tbs, 'sha512')));
    const first = await signContent({
      content: Buffer.from(JSON.stringify({ ...rest, version: 1 })),
      signers: [{ signer, certificate }],
    });
    expect(await verifyEvidence(first, { keys })).toMatchObject({ intact: true, person: 'old@example.com' });
    const roots = certificatesIn(part('office.pem'));
    expect(await verifyEvidence(first, { keys, roots })).toMatchObject({ intact: true });
    // Its form does not let a stranger by: neither whoever noted the key nor whoever noted the root.
    const eve = await stranger();
    const named = formatVerifierKey({ name: keys[0]?.name ?? '', use: 'log', publicKey: eve.publicKey });
    const posed = await eve.seal(JSON.stringify({ ...rest, version: 1, trail: { ...rest.trail, keys: [named] } }));
    expect(await verifyEvidence(posed, { keys })).toMatchObject({ finding: 'another-key' });
    expect(await verifyEvidence(posed, { roots })).toMatchObject({ finding: 'another-root' });
  });

  it('is there of whoever left or was suspended by a source, or with a group of it', async () => {
    const person = (key: string, active = true) => ({ key, active, name: key, address: `${key}@example.com` });
    const idOf = async (key: string) =>
      String(
        (await office.query('SELECT person_id FROM person_addresses WHERE key = $1', [`${key}@example.com`]))[0]
          ?.person_id,
      );
    const world = under('[identity.sources.hr]\ndeactivated = "suspend"\nonlyGroups = ["mail"]');
    const members = ['ann', 'bob', 'cid'].map((key) => ({ key, kind: 'person' as const }));
    await presentPeople(world, hr, [person('ann'), person('bob'), person('cid')]);
    await presentGroups(world, hr, [{ key: 'mail', name: 'mail', members }]);
    await presentPeople(world, hr, [person('ann', false)]);
    await presentPeople(under('[identity.sources.hr]\nonlyGroups = ["mail"]'), hr, [person('bob', false)]);
    await presentGroups(world, hr, [{ key: 'mail', name: 'mail', members: members.slice(0, 2) }]);
    for (const [key, state] of [
      ['ann', 'suspended'],
      ['bob', 'left'],
      ['cid', 'left'],
    ] as const) {
      const { data, keys } = await bundleOf(await idOf(key));
      expect(await verifyEvidence(data, { keys })).toMatchObject({ intact: true, state });
    }
  });
});

describe('a time-stamping authority elsewhere', () => {
  let stamper: LoopbackStamper;
  beforeAll(async () => {
    stamper = await LoopbackStamper.start(() => now);
    writeFileSync(path.join(office.home, 'tsa.pem'), stamper.pem);
  });
  afterAll(() => stamper.stop());
  const asking = (more = '') => under(`[evidence.timeStamp]\nurl = "${stamper.url}"\ntimeoutSeconds = 5\n${more}`);

  it('stamps in place of the office, and is named by the bundle', async () => {
    const id = await office.person('tia@example.com');
    const { data, part, keys } = await bundleOf(id, asking('ca = "tsa.pem"'));
    const stampers = certificatesIn(part('tsa.pem'));
    expect(await verifyEvidence(data, { keys, stampers })).toMatchObject({
      intact: true,
      stampedAt: now.toISOString(),
      message: expect.stringContaining(`as ${stamper.url} says`),
    });
    expect(Buffer.from(part('README.txt')).toString()).toContain('It was stamped by 127.0.0.1');
    expect(await office.trail('time-stamp')).toContain('time-stamp.receive succeeded');
    const own = await bundleOf(id);
    const others = certificatesIn(own.part('tsa.pem'));
    expect(await verifyEvidence(data, { keys, stampers: others })).toMatchObject({ finding: 'wrong-time' });
    // Another trust than configured: nothing is handed out.
    writeFileSync(path.join(office.home, 'others.pem'), Buffer.from(own.part('tsa.pem')));
    await expect(bundleOf(id, asking('ca = "others.pem"'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is not the one of others.pem'),
    });
  });

  it('that refuses, is wrong or is gone stamps nothing, and no file is handed out', async () => {
    const id = await office.person('tom@example.com');
    const said = {
      refused: /refused \(status 2, closed\)/,
      'another nonce': /another request/,
      'another file': /Something else/,
      yesterday: /the clock here does not/,
      'no stamp': /no time stamp/,
      endless: /more than 256 KB/,
      gone: /does not answer/,
    } as const;
    for (const [mishap, message] of Object.entries(said)) {
      stamper.mishap = mishap as keyof typeof said;
      await expect(bundleOf(id, asking())).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(message),
      });
    }
    stamper.mishap = 'none';
    expect((await bundleOf(id, asking())).files.size).toBe(5);
  });
});
