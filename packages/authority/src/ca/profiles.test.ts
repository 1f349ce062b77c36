import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { ProfileDocument } from '@chancery/api';
import { type Name, oids, parseCertificate } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ecKey, type PkiOffice, pkiOffice, requestFor } from '../../test/pki-office.ts';
import { perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { certificateBySerial, certificateState } from '../store/certificates.ts';
import { latestProfile, profileForUse, profileVersions } from '../store/profiles.ts';
import { applyProfile, chooseProfile, restoreProfile, shipProfiles } from './change-profile.ts';
import { prepareCertificate } from './prepare.ts';
import { type PreviewKey, previewCertificate } from './preview.ts';
import { shippedProfiles } from './profile.ts';
import { compareProfile, profileDetail } from './show-profile.ts';
import { signCertificate } from './sign.ts';

let office: PkiOffice;
let now = new Date('2026-10-01T12:00:00Z');
const read: PkiOffice['world']['database']['snapshot'] = (run) => office.world.database.snapshot(run);
const query = async (text: string, values: unknown[] = []) =>
  (await office.world.database.pool.query(text, values)).rows;
const admin: Principal = { kind: 'local', id: 'local', name: 'Ada' };
const shipped = (id: string): ProfileDocument => {
  const document = shippedProfiles[id];
  if (document === undefined) throw new Error(id);
  return document;
};
const versionOf = async (id: string) => (await read((snapshot) => latestProfile(snapshot, id)))?.version ?? 0;
const apply = async (id: string, document: ProfileDocument, expectedVersion?: number) =>
  perform(office.world, applyProfile, admin, {
    id,
    document,
    expectedVersion: expectedVersion ?? (await versionOf(id)),
    note: 'a test',
  });
const lastAudit = async (action: string) =>
  (
    await query('SELECT outcome, details FROM audit_records WHERE action = $1 ORDER BY sequence DESC LIMIT 1', [action])
  )[0];

const nameValues = ({ attributes }: Name, wanted: string): string[] =>
  attributes.flat().flatMap(({ type, value }) => (type === wanted ? [value] : []));

beforeAll(async () => {
  office = await pkiOffice({ clock: () => now });
  await query(`UPDATE office SET domains = '{example.com}'`);
});
afterAll(() => office.close());

describe('the shipped profiles', () => {
  const kinds = Object.entries(shippedProfiles).flatMap(([id, { keys }]) =>
    keys.algorithms.map((key) => [id, key] as const),
  );
  it.each(kinds)('%s with a %s key makes a certificate that its lints let pass', async (id, key: PreviewKey) => {
    const document = shipped(id);
    const { certificate, refusal, findings } = await read((snapshot) =>
      previewCertificate(office.world, snapshot, document, { key }),
    );
    expect(refusal).toBeNull();
    expect(findings.filter(({ verdict }) => verdict !== 'excepted')).toEqual([]);
    const parsed = parseCertificate(Buffer.from(certificate ?? '', 'base64'));
    expect(parsed.certificatePolicies.map(({ policy }) => policy)).toEqual(document.policies.map((one) => one.id));
  });

  it('for mail except only from lints that they would break, each with its reason', async () => {
    for (const id of ['signing', 'encryption', 'signing-multipurpose', 'encryption-multipurpose']) {
      const person = await office.person(`${id}@example.com`);
      const { findings } = await read((snapshot) =>
        previewCertificate(office.world, snapshot, shipped(id), { personId: person }),
      );
      const excepted = findings.filter(({ verdict }) => verdict === 'excepted').map(({ lint }) => lint);
      expect(excepted.sort()).toEqual(
        shipped(id)
          .lints.exceptions.map(({ lint }) => lint)
          .sort(),
      );
    }
  });

  it('are issued by: an operator for TLS, the SCEP authority', async () => {
    const operatorId = '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11';
    await query(
      `INSERT INTO operators (id, name, address, roles, state, created_at) VALUES ($1, 'Otto', 'otto@example.com', '{auditor}', 'active', now())`,
      [operatorId],
    );
    const ask = async (by: Principal) =>
      perform(office.world, prepareCertificate, by, {
        use: 'admin',
        request: await requestFor(ecKey()),
        operatorId,
        keyOrigin: 'device',
      });
    const { certificate } = await perform(office.world, signCertificate, admin, await ask(admin));
    const parsed = parseCertificate(certificate);
    expect(parsed.extendedKeyUsage).toEqual([oids.clientAuth]);
    expect(nameValues(parsed.subject, oids.serialNumber)).toEqual([operatorId]);
    await expect(ask({ kind: 'person', id: operatorId, name: 'x' })).rejects.toMatchObject({ code: 'forbidden' });

    const keyReference = await office.world.keyStore.generate('rsa-2048', 'scep');
    const intent = await perform(office.world, prepareCertificate, system, { use: 'scep-ra', keyReference });
    const ra = parseCertificate((await perform(office.world, signCertificate, system, intent)).certificate);
    expect([...(ra.keyUsage ?? [])].sort()).toEqual(['digitalSignature', 'keyEncipherment']);
    expect(ra.extendedKeyUsage).toBeUndefined();
  });

  it('are added to an office that lacks them, once, and nothing it has is altered', async () => {
    await perform(office.world, shipProfiles, system, {});
    expect(await lastAudit('profile.ship')).toMatchObject({ details: { added: [], chosen: {} } });
    expect(await versionOf('signing')).toBe(1);
  });
});

describe('a change', () => {
  it('is the next version, for new certificates alone, with its words on the record', async () => {
    const id = await office.person('before@example.com');
    const old = await office.signing(id);
    await apply('signing', { ...shipped('signing'), validityDays: 398, renewalDays: 60 });
    const fresh = await office.signing(await office.person('after@example.com'));

    const rowOf = (serial: string) => read((snapshot) => certificateBySerial(snapshot, serial));
    const [before, after] = [await rowOf(old.serialNumber), await rowOf(fresh.serialNumber)];
    expect([before?.profile, before?.profile_version, after?.profile_version]).toEqual(['signing', 1, 2]);
    expect(after?.not_after.toISOString()).toBe('2027-11-03T11:54:59.000Z');
    expect(after?.renew_at.toISOString()).toBe('2027-09-04T11:54:59.000Z');
    if (after === undefined) throw new Error('expected');
    expect(certificateState(after, new Date('2027-09-04T11:54:58Z'))).toBe('valid');
    expect(certificateState(after, new Date('2027-09-04T11:54:59Z'))).toBe('expiring');
    expect(await rowOf(old.serialNumber)).toMatchObject({ not_after: parseCertificate(old.certificate).notAfter });
    expect(await lastAudit('profile.apply')).toMatchObject({
      outcome: 'succeeded',
      details: {
        version: 2,
        note: 'a test',
        changes: ['Valid for: 730 days → 398 days', 'Renewed from: 30 days before the end → 60 days before the end'],
      },
    });
    expect((await lastAudit('certificate.sign'))?.details).toMatchObject({ profile: 'signing/2' });
  });

  it('is refused where somebody was faster, naming them', async () => {
    const document = { ...shipped('signing'), validityDays: 365 };
    await expect(apply('signing', document, 1)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(
        /^Ada applied version 2 of signing .* while you worked on version 1\. Nothing was changed/,
      ),
    });
    await expect(apply('signing', document, 0)).rejects.toMatchObject({ code: 'conflict' });
    await expect(apply('no-such', document, 3)).rejects.toMatchObject({ code: 'not-found' });
    const both = await Promise.allSettled([
      apply('signing', document, 2),
      apply('signing', { ...document, validityDays: 300 }, 2),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await versionOf('signing')).toBe(3);
  });

  it('is refused with a sentence for each rule that it breaks', async () => {
    await expect(
      apply('encryption', { ...shipped('encryption'), escrow: 'never', validityDays: 900 }),
    ).rejects.toMatchObject({
      code: 'unusable-input',
      message: expect.stringMatching(/always escrowed.*more than the 825.*Nothing was changed/),
      fields: [{ path: 'escrow' }, { path: 'validityDays' }],
    });
    await expect(apply('signing', { ...shipped('encryption') })).rejects.toMatchObject({ code: 'unusable-input' });
    const except = (lint: string) =>
      apply('signing', {
        ...shipped('signing'),
        lints: { ...shipped('signing').lints, exceptions: [{ lint, reason: 'because we like it so' }] },
      });
    await expect(except('no-such-lint')).rejects.toMatchObject({
      message: expect.stringMatching(/no lint no-such-lint/),
    });
    await expect(except('key-usage')).rejects.toMatchObject({
      message: expect.stringMatching(/excepted from key-usage/),
    });
    expect(await lastAudit('profile.apply')).toMatchObject({ outcome: 'failed' });
  });

  it('is refused where lints would let nobody have a certificate, naming lint, clause and value', async () => {
    const { exceptions: _, ...rest } = shipped('signing').lints;
    await expect(apply('signing', { ...shipped('signing'), lints: { ...rest, exceptions: [] } })).rejects.toMatchObject(
      {
        code: 'lint-failed',
        message: expect.stringMatching(
          /subject-organization: the subject has no organizationIdentifier \(S\/MIME BR 7\.1\.4\.2\.4/,
        ),
      },
    );
    const wide = shipped('signing-multipurpose');
    await expect(
      apply('signing-multipurpose', {
        ...wide,
        extendedKeyUsage: [...wide.extendedKeyUsage, '1.3.6.1.4.1.311.10.3.4'],
      }),
    ).rejects.toMatchObject({
      code: 'lint-failed',
      message: expect.stringMatching(/extended-key-usage-of-issuer: extKeyUsage has 1\.3\.6\.1\.4\.1\.311\.10\.3\.4/),
    });
  });

  it('that says nothing new is none', async () => {
    const present = await read((snapshot) => latestProfile(snapshot, 'gateway'));
    if (present === undefined) throw new Error('expected');
    await expect(apply('gateway', present.document)).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('can be taken back: the old version comes again as a new one', async () => {
    await perform(office.world, restoreProfile, admin, { id: 'signing', version: 1, expectedVersion: 3, note: 'back' });
    const [newest, ...older] = await read((snapshot) => profileVersions(snapshot, 'signing'));
    expect(newest).toMatchObject({ version: 4, restoredFrom: 1, author: 'Ada', note: 'back' });
    expect(newest?.document).toEqual(shipped('signing'));
    expect(older.map(({ version }) => version)).toEqual([3, 2, 1]);
    await expect(
      perform(office.world, restoreProfile, admin, { id: 'signing', version: 9, expectedVersion: 4 }),
    ).rejects.toMatchObject({ code: 'not-found' });
  });

  it('shows beforehand what it would alter: words, certificates, and who follows at their renewal', async () => {
    const personId = await office.person('compared@example.com', { name: 'Compared Person' });
    await office.signing(personId);
    const comparison = await read((snapshot) =>
      compareProfile(office.world, snapshot, {
        id: 'signing',
        document: {
          ...shipped('signing'),
          alternativeNames: { ...shipped('signing').alternativeNames, emails: 'primary' },
          validityDays: 100,
        },
        personId,
      }),
    );
    expect(comparison.version).toBe(4);
    expect(comparison.changes.map(({ path }) => path)).toEqual(['validityDays', 'alternativeNames.emails']);
    expect(comparison.problems).toEqual([]);
    const [before, after] = [comparison.before, comparison.after].map((one) =>
      parseCertificate(Buffer.from(one?.certificate ?? '', 'base64')),
    );
    expect(before && after && before.notAfter > after.notAfter).toBe(true);
    expect(comparison.after.holder).toBe('Compared Person <compared@example.com>');
    expect(comparison.affected.certificates).toBeGreaterThanOrEqual(3);
    expect(comparison.affected.people).toBe(comparison.affected.certificates);
    const renewals = comparison.affected.next.map(({ renewFrom }) => renewFrom);
    expect(renewals).toEqual([...renewals].sort());
    // Nothing of that was kept.
    expect(await versionOf('signing')).toBe(4);
    const detail = await read((snapshot) => profileDetail(office.world, snapshot, 'signing'));
    expect(detail.versions.map(({ version, certificates }) => [version, certificates])).toEqual([
      [4, 1],
      [3, 0],
      [2, 1],
      [1, 1],
    ]);
  });
});

describe('a choice', () => {
  it('of another profile holds for certificates of its use from then on', async () => {
    const choose = (id: string, expected: string) => perform(office.world, chooseProfile, admin, { id, expected });
    await choose('signing-multipurpose', 'signing');
    const { serialNumber, certificate } = await office.signing(await office.person('chosen@example.com'));
    expect(parseCertificate(certificate).extendedKeyUsage).toEqual([oids.emailProtection, oids.clientAuth]);
    expect((await read((snapshot) => certificateBySerial(snapshot, serialNumber)))?.profile).toBe(
      'signing-multipurpose',
    );
    await expect(choose('signing-multipurpose', 'signing')).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(choose('signing', 'signing')).rejects.toMatchObject({ code: 'conflict' });
    await expect(choose('nothing', 'signing')).rejects.toMatchObject({ code: 'not-found' });
    await choose('signing', 'signing-multipurpose');
    expect((await read((snapshot) => profileForUse(snapshot, 'signing'))).id).toBe('signing');
  });
});

describe('templates', () => {
  const withSubject = async (subject: ProfileDocument['subject'], change: Partial<ProfileDocument> = {}) =>
    apply('signing', { ...shipped('signing'), subject: [...shipped('signing').subject, ...subject], ...change });

  it('say what the directory has, and refuse with the name of what it lacks', async () => {
    await withSubject([{ attribute: 'organizationalUnitName', value: '{department} / {employeeId}', optional: false }]);
    const personId = await office.person('t@example.com', { name: 'Tess Template' });
    await expect(office.signing(personId)).rejects.toMatchObject({
      code: 'unusable-input',
      message:
        'Tess Template has no department and no employee number, which the profile "S/MIME signing, strict" puts into organizationalUnitName. Nothing was issued. Add it, or make it optional in the profile.',
      fields: [{ path: 'department' }, { path: 'employeeId' }],
    });
    await query(
      `UPDATE people SET attributes = '{"department":"Research","employeeId":"E7","givenName":"Tess"}' WHERE id = $1`,
      [personId],
    );
    const { subject } = parseCertificate((await office.signing(personId)).certificate);
    expect(nameValues(subject, oids.organizationalUnitName)).toEqual(['Research / E7']);
    expect(nameValues(subject, oids.givenName)).toEqual(['Tess']);
    expect(nameValues(subject, oids.surname)).toEqual([]);
  });

  it('name international addresses, or refuse whoever has one', async () => {
    await withSubject([], { alternativeNames: { emails: 'all', international: false, userPrincipalName: null } });
    const personId = await office.person('ädä@example.com');
    await expect(office.signing(personId)).rejects.toMatchObject({
      message: expect.stringMatching(/^ädä@example.com has letters beyond ASCII/),
    });
    await withSubject([], { alternativeNames: { emails: 'primary', international: true, userPrincipalName: null } });
    const names = parseCertificate((await office.signing(personId)).certificate).subjectAltNames;
    expect(names.emails).toEqual(['ädä@example.com']);
  });

  it('write a user principal name beside the addresses in the multipurpose generation', async () => {
    const document = shipped('signing-multipurpose');
    await apply('signing-multipurpose', {
      ...document,
      alternativeNames: { ...document.alternativeNames, userPrincipalName: '{email}' },
      policies: [{ id: '2.25.7.1', cps: 'https://example.com/cps' }],
    });
    const { certificate } = await read(async (snapshot) =>
      previewCertificate(
        office.world,
        snapshot,
        (await latestProfile(snapshot, 'signing-multipurpose'))?.document ?? document,
      ),
    );
    const parsed = parseCertificate(Buffer.from(certificate ?? '', 'base64'));
    expect(parsed.subjectAltNames.userPrincipalNames).toEqual(['sam.sample@example.com']);
    expect(parsed.certificatePolicies).toEqual([{ policy: '2.25.7.1', cps: ['https://example.com/cps'] }]);
  });
});

describe('what a profile accepts', () => {
  it('is the kinds, sizes and origins of keys that it names', async () => {
    await apply('signing', {
      ...shipped('signing'),
      keys: { algorithms: ['rsa', 'p384'], rsaBits: { minimum: 3072, maximum: 4096 }, generate: null },
      keyOrigins: ['browser'],
    });
    const personId = await office.person('keys@example.com');
    const ask = async (key: ReturnType<typeof ecKey>, keyOrigin: 'browser' | 'device') =>
      perform(office.world, prepareCertificate, system, {
        use: 'signing',
        request: await requestFor(key),
        personId,
        keyOrigin,
      });
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    await expect(ask(p384, 'device')).rejects.toMatchObject({
      message: expect.stringMatching(/takes keys from browser.*from device/),
    });
    await expect(ask(ecKey(), 'browser')).rejects.toMatchObject({
      message: expect.stringMatching(/accepts rsa, p384, and this is p256/),
    });
    const short = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    expect(createPublicKey(short).asymmetricKeyDetails?.modulusLength).toBe(2048);
    await expect(ask(short, 'browser')).rejects.toMatchObject({
      message: expect.stringMatching(/3072 to 4096 bits, and this has 2048/),
    });
    expect((await ask(p384, 'browser')).serialNumber).toMatch(/^[0-9a-f]+$/);
  });

  it('is blocked by warnings too where it says so, and the record has what was excepted', async () => {
    const { details } = await lastAudit('certificate.prepare');
    expect(details.lints).toBe('1.0.15');
    expect(details.exceptions).toHaveLength(2);
    expect(details.exceptions[0]).toMatch(/^subject-[a-z]+: .* \(S\/MIME BR .*\), excepted: /);
    const silent: ProfileDocument = {
      ...shipped('encryption'),
      smimeCapabilities: [],
      lints: { ...shipped('encryption').lints, block: 'warning' },
    };
    await expect(apply('encryption', silent)).rejects.toMatchObject({
      code: 'lint-failed',
      message: expect.stringMatching(/smime-capabilities: /),
    });
    await apply('encryption', { ...silent, lints: { ...silent.lints, block: 'error' } });
    now = new Date(now.getTime() + 1000);
    const personId = await office.person('warned@example.com');
    const key = await office.escrowed(personId);
    await perform(office.world, prepareCertificate, system, { use: 'encryption', key, personId });
    expect((await lastAudit('certificate.prepare'))?.details.warnings).toEqual([
      expect.stringMatching(/^smime-capabilities: without S\/MIME capabilities/),
    ]);
  });
});
