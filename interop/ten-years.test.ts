/**
 * Ten years, ten rotations: what OpenSSL encrypted to each year's certificate opens with the one PKCS#12 that a quorum recovers at the
 * end, in OpenSSL and in Thunderbird, with every certificate and the authority that issued them long expired.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Certificate, derToPem, parseCertificate } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideRecovery, requestRecovery } from '../packages/authority/src/kra/recovery.ts';
import { releaseKey, releasePassword } from '../packages/authority/src/kra/release.ts';
import { perform } from '../packages/authority/src/operation.ts';
import { system } from '../packages/authority/src/principal.ts';
import { removePerson } from '../packages/authority/src/ra/offboarding.ts';
import { rotateEncryptionKey } from '../packages/authority/src/ra/onboarding.ts';
import { escrowOffice } from '../packages/authority/test/escrow-office.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';
import { makeProfile } from './thunderbird/profile.ts';
import { Thunderbird } from './thunderbird/thunderbird.ts';

const JOINED = Date.parse('2015-06-15T09:00:00Z');
const DAY = 86_400_000;
const ROTATIONS = 10;

interface Year {
  readonly text: string;
  readonly certificate: Certificate;
  /** S/MIME, as it would arrive. */
  readonly mail: string;
}

describe.skipIf(missing('openssl'))('ten rotations in ten years', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-years-'));
  const file = (name: string) => path.join(folder, name);
  const years: Year[] = [];
  let root: Certificate;
  let issuing: Certificate;
  let password = '';

  beforeAll(async () => {
    let now = new Date(JOINED);
    const office = await escrowOffice({ clock: () => now });
    try {
      // As mail programs of all these years could decrypt.
      await office.query(`INSERT INTO profiles (id, version, document, created_at)
        SELECT id, 3, jsonb_set(document, '{keys,generate}', '"rsa-2048"'), created_at FROM profiles
        WHERE id = 'encryption' AND version = 2`);
      const ada = await office.operator('Ada', 'administrator');
      const officers = [
        await office.operator('Olga', 'recovery-officer'),
        await office.operator('Otto', 'recovery-officer'),
        await office.operator('Omar', 'recovery-officer'),
      ];
      await office.holdCeremony(officers);
      const authorities = await office.query('SELECT role, certificate FROM authorities');
      const authority = (role: string) =>
        parseCertificate(authorities.find((one) => one.role === role)?.certificate as Buffer);
      [root, issuing] = [authority('root'), authority('issuing')];

      const personId = await office.person('edda@example.com');
      for (let year = 0; year <= ROTATIONS; year++) {
        now = new Date(JOINED + year * 360 * DAY);
        if (year > 0) await perform(office.world, rotateEncryptionKey, system, { id: personId });
        await office.drain();
        years.push(await writeTo(await newestCertificate(personId), year, now));
      }
      now = new Date(JOINED + 3700 * DAY);
      await perform(office.world, removePerson, system, { id: personId });

      const id = await perform(office.world, requestRecovery, ada, {
        personId,
        reason: 'departed-employee',
        explanation: 'Ten years of mail, for her successor.',
        delivery: { kind: 'pkcs12' },
      });
      for (const officer of officers.slice(0, 2))
        await perform(office.world, decideRecovery, officer, {
          id,
          decision: 'approve',
          ...(await office.approval(id, officer)),
        });
      writeFileSync(file('recovered.p12'), (await perform(office.world, releaseKey, ada, { id })).data);
      const [officer] = officers;
      if (officer !== undefined) ({ password } = await perform(office.world, releasePassword, officer, { id }));

      async function newestCertificate(of: string): Promise<Certificate> {
        const [row] = await office.query(
          `SELECT certificate FROM certificates WHERE person_id = $1 AND use = 'encryption' ORDER BY issued_at DESC LIMIT 1`,
          [of],
        );
        return parseCertificate(row?.certificate as Buffer);
      }
    } finally {
      await office.close();
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function writeTo(certificate: Certificate, year: number, at: Date): Promise<Year> {
    const text = `Written in year ${year}, on ${at.toISOString().slice(0, 10)}.`;
    writeFileSync(file(`text-${year}`), `Content-Type: text/plain\r\n\r\n${text}\r\n`);
    writeFileSync(file(`${year}.pem`), derToPem(certificate.der, 'CERTIFICATE'));
    const mail = file(`${year}.eml`);
    const headers = ['-from', 'past@example.org', '-to', 'edda@example.com', '-subject', `Year ${year}`];
    openssl('cms', '-encrypt', '-aes256', ...headers, '-in', file(`text-${year}`), '-out', mail, file(`${year}.pem`));
    return { text, certificate, mail };
  }

  it('recovers every key of every year, each of its own', () => {
    const now = Date.now();
    expect(years).toHaveLength(ROTATIONS + 1);
    expect(years.every(({ certificate }) => certificate.notAfter.getTime() < now)).toBe(true);
    expect(issuing.notAfter.getTime()).toBeLessThan(now);
    expect(new Set(years.map(({ certificate }) => Buffer.from(certificate.spki).toString('hex'))).size).toBe(
      ROTATIONS + 1,
    );
    expect(keysByOpenssl().size).toBe(ROTATIONS + 1);
  });

  it("OpenSSL opens every year's mail with the recovered PKCS#12, and each with that year's key only", () => {
    const keys = keysByOpenssl();
    for (const [year, { text, mail }] of years.entries()) {
      const opening = [...keys].filter(([id, key]) => {
        writeFileSync(file('key.pem'), key, { mode: 0o600 });
        // Without a certificate it tries the key on every recipient, and implicit rejection makes nonsense of the wrong ones.
        const opened = run('openssl', [
          'cms',
          '-decrypt',
          '-in',
          mail,
          '-inkey',
          file('key.pem'),
          '-recip',
          file(`${year}.pem`),
        ]);
        return opened.code === 0 && opened.text.includes(text) && id !== '';
      });
      expect(opening).toHaveLength(1);
    }
  });

  it.skipIf(missing('thunderbird'))("Thunderbird shows every year's mail", async () => {
    const profile = file('profile');
    mkdirSync(profile);
    const last = years.at(-1)?.certificate as Certificate;
    makeProfile(profile, {
      address: 'edda@example.com',
      name: 'Edda Example',
      anchors: [root],
      intermediates: [issuing],
      pkcs12: [{ file: file('recovered.p12'), password }],
      signing: last,
      encryption: last,
      correspondents: [],
      smtpPort: 1,
    });
    const thunderbird = await Thunderbird.start(profile);
    try {
      for (const { text, mail } of years) {
        const verdict = await thunderbird.show(readFileSync(mail), 'encryption');
        expect(verdict).toMatchObject({ encryption: 'SUCCESS' });
        expect(verdict.body).toContain(text);
      }
      thunderbird.picture('artifacts/interop/thunderbird-ten-years.png');
    } finally {
      await thunderbird.stop();
    }
  });

  /** By the identifier that pairs each with its certificate. */
  function keysByOpenssl(): Map<string, string> {
    writeFileSync(file('password'), password, { mode: 0o600 });
    const { text } = openssl(
      'pkcs12',
      '-in',
      file('recovered.p12'),
      '-nodes',
      '-nocerts',
      '-passin',
      `file:${file('password')}`,
    );
    const found = text.matchAll(
      /localKeyID: ([0-9A-F ]+)[\s\S]*?(-----BEGIN PRIVATE KEY-----[\s\S]*?-----END PRIVATE KEY-----)/g,
    );
    return new Map([...found].map(([, id = '', key = '']) => [id.trim(), key]));
  }
});

function openssl(...args: string[]): { code: number | null; text: string } {
  const done = run('openssl', args);
  if (done.code !== 0) throw new Error(`openssl ${args[0]}: ${done.text}`);
  return done;
}
