/** `chancery certificates bulk`, killed with its office in the middle, and run again. */
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildName, buildRequest, localSigner, parseCertificate, pemToDer } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from './support/mail.ts';
import { OfficeProcess, runChancery } from './support/office-process.ts';
import { type SignedIn, setUpOffice } from './support/operators.ts';

const chancery = fileURLToPath(new URL('../packages/cli/bin/chancery.js', import.meta.url));
const COUNT = 600;
const PEOPLE = 10;

describe('bulk issuance from the command line', { timeout: 300_000 }, () => {
  let office: OfficeProcess;
  let ada: SignedIn;
  beforeAll(async () => {
    office = await OfficeProcess.prepare();
    await office.start();
    ada = await setUpOffice(office.url, await office.setupToken(), { caAlgorithm: 'ecdsa' });
    const people = Array.from({ length: PEOPLE }, (_, index) => `p${index}@example.com,Person ${index},,${index}`);
    await ada.client.importPeople({ body: { csv: ['address,name,aliases,external_id', ...people].join('\n') } });
    mkdirSync(path.join(office.home, 'requests'));
    const lines = ['address,csr'];
    for (let index = 0; index < COUNT; index += 1) {
      const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
      const subject = buildName([{ type: 'commonName', value: 'x' }]);
      writeFileSync(path.join(office.home, `requests/${index}.der`), await buildRequest({ subject, signer }));
      lines.push(`p${index % PEOPLE}@example.com,requests/${index}.der`);
    }
    // The last line but one is for nobody.
    lines.splice(-1, 0, `nobody@example.com,requests/0.der`);
    writeFileSync(path.join(office.home, 'batch.csv'), `${lines.join('\n')}\n`);
  }, 180_000);
  afterAll(() => office?.dispose());

  it('goes on after both were killed, issues each once, and says what is wrong by line', async () => {
    const file = path.join(office.home, 'batch.csv');
    const env = { CHANCERY_HOME: office.home };
    const running = spawn(process.execPath, [chancery, 'certificates', 'bulk', file], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    await eventually('some certificates', async () => {
      const { items } = await ada.client.issuances();
      return (items[0]?.issued ?? 0) > 0 ? true : undefined;
    });
    running.kill('SIGKILL');
    await office.killHard();
    await office.start();
    const out = path.join(office.home, 'out.jsonl');
    const again = runChancery(['certificates', 'bulk', file, '--out', out, '--json'], { env });
    expect(again).toMatchObject({ code: 1, stderr: '' });
    const said = JSON.parse(again.stdout) as {
      issued: number;
      failed: number;
      items: { line: number; error: string }[];
    };
    expect(said).toMatchObject({ issued: COUNT, failed: 1 });
    expect(said.items.filter(({ error }) => error !== null)).toEqual([
      expect.objectContaining({ line: COUNT + 1, error: expect.stringContaining('nobody@example.com') }),
    ]);
    const outcomes = readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { address: string; serialNumber: string | null; certificate: string | null });
    const certificates = outcomes.flatMap(({ address, certificate }) =>
      certificate === null ? [] : [{ address, read: parseCertificate(pemToDer(certificate, 'CERTIFICATE')) }],
    );
    expect(certificates).toHaveLength(COUNT);
    expect(certificates.every(({ address, read }) => read.subjectAltNames.emails[0] === address)).toBe(true);
    expect(new Set(certificates.map(({ read }) => Buffer.from(read.spki).toString('hex'))).size).toBe(COUNT);
    // Nothing more was issued than was asked for.
    const { total } = await ada.client.certificates({ query: { use: 'signing', limit: 1 } });
    expect(total).toBe(COUNT);
    const third = runChancery(['certificates', 'bulk', file], { env });
    expect(third).toMatchObject({ code: 1, stdout: expect.stringContaining(`line ${COUNT + 1}: nobody@example.com`) });
    expect(await ada.client.verifyAudit()).toMatchObject({ intact: true });
  });
});
