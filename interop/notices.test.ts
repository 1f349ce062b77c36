/** A notice signed by our own gateway, verified by OpenSSL; figures and alert rules, checked by Prometheus's own tool. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { derToPem } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrived, eventually } from '../e2e/support/mail.ts';
import { freePort, OfficeProcess } from '../e2e/support/office-process.ts';
import { type SignedIn, setUpOffice } from '../e2e/support/operators.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';

const CSV = `address,name,signing_key,language
pki@example.com,Certificate office,gateway,
heidi@example.com,Heidi Huber,device,de-CH
`;

describe('an office that writes', () => {
  let office: OfficeProcess;
  let ada: SignedIn;
  let metricsPort: number;
  const scratch = mkdtempSync(path.join(tmpdir(), 'chancery-notices-'));

  beforeAll(async () => {
    office = await OfficeProcess.prepare();
    metricsPort = await freePort();
    appendFileSync(
      path.join(office.home, 'authority.toml'),
      `[mail]
host = "127.0.0.1"
port = ${office.outboundPort}
tls = "never"
from = "Certificate office of Example Corp <pki@example.com>"
[metrics]
port = ${metricsPort}
`,
    );
    await office.start();
    ada = await setUpOffice(office.url, await office.setupToken());
    await ada.client.importPeople({ body: { csv: CSV } });
  });
  afterAll(async () => {
    await office?.dispose();
    rmSync(scratch, { recursive: true, force: true });
  });

  it.skipIf(missing('openssl'))('sends a notice through its own gateway, which signs it', async () => {
    const certificates = await eventually(
      'the office has its signing certificate, Heidi her encryption one',
      async () => {
        const { items } = await ada.client.certificates({ query: { limit: 100 } });
        const heidi = items.find((one) => one.use === 'encryption' && one.address === 'heidi@example.com');
        return heidi !== undefined && items.some((one) => one.use === 'signing' && one.address === 'pki@example.com')
          ? { heidi }
          : undefined;
      },
    );
    const { serialNumber } = certificates.heidi;
    await ada.client.revokeCertificate({ params: { serialNumber }, body: { reason: 'superseded' } });
    const mail = await arrived(office.mailbox, (message) => /^To: .*heidi@example\.com/m.test(message));
    const text = mail.toString('latin1');
    expect(text).toMatch(/^Content-Type: multipart\/signed/m);
    expect(text).toMatch(/^Auto-Submitted: auto-generated/m);
    const { items } = await ada.client.authorities();
    const pem = (role: string) => {
      const file = path.join(scratch, `${role}.pem`);
      const der = Buffer.from(items.find((one) => one.role === role)?.certificate ?? '', 'base64');
      writeFileSync(file, derToPem(der, 'CERTIFICATE'));
      return file;
    };
    const file = path.join(scratch, 'notice.eml');
    writeFileSync(file, mail);
    const verify = (message: string) =>
      run('openssl', [
        'cms',
        '-verify',
        '-in',
        message,
        '-CAfile',
        pem('root'),
        '-certfile',
        pem('issuing'),
        '-purpose',
        'smimesign',
        '-signer',
        path.join(scratch, 'signer.pem'),
        '-out',
        path.join(scratch, 'text'),
      ]);
    expect(verify(file)).toMatchObject({ code: 0 });
    expect(run('openssl', ['x509', '-in', path.join(scratch, 'signer.pem'), '-noout', '-email']).text).toContain(
      'pki@example.com',
    );
    const altered = path.join(scratch, 'altered.eml');
    const changed = text.replaceAll('gesperrt', 'erneuert');
    expect(changed).not.toBe(text);
    writeFileSync(altered, changed, 'latin1');
    expect(verify(altered).code).not.toBe(0);
  });

  it.skipIf(missing('prometheus'))('is scraped: promtool finds nothing wrong with figures and rules', async () => {
    const figures = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: figures, encoding: 'utf8' });
    // Node's own figures have names that its linter would have otherwise; of ours it says nothing.
    const said = `${checked.stdout}${checked.stderr}`.split('\n').filter((line) => line.startsWith('chancery_'));
    expect(said.filter((line) => !/^chancery_(nodejs|process)_/.test(line))).toEqual([]);
    expect(checked.stderr).not.toContain('error while linting');
    const rules = fileURLToPath(new URL('../docs/operations/alerts.yml', import.meta.url));
    expect(run('promtool', ['check', 'rules', rules])).toMatchObject({ code: 0 });
  });
});
