/** Another office, made with OpenSSL: its certificates and keys come in, and the mail of its days is read as before. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrived, eventually, sendRaw } from '../e2e/support/mail.ts';
import { OfficeProcess, runChancery } from '../e2e/support/office-process.ts';
import { holdCeremony, inviteAndSignIn, type SignedIn, setUpOffice } from '../e2e/support/operators.ts';
import { decideAs } from '../packages/cli/src/vault/take-part.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';

const PEOPLE = 50;
/** Who has what, by number. */
const isSigningOnly = (n: number) => n >= 40 && n < 45;
const hasWrongPassword = (n: number) => n === 45 || n === 46;
const isExpired = (n: number) => n >= 47;
const isRsa = (n: number) => n % 3 !== 0;
const letsGatewayRead = (n: number) => n < 5;
const addressOf = (n: number) => `p${n}@example.com`;

/** As OpenSSL has written them over the years. */
const FORMS: readonly (readonly string[])[] = [
  [],
  ['-legacy'],
  ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
  ['-keypbe', 'AES-256-CBC', '-certpbe', 'AES-256-CBC', '-iter', '300000'],
];

describe.skipIf(missing('openssl'))('the certificates and keys of another office', () => {
  let office: OfficeProcess;
  let ada: SignedIn;
  let otto: SignedIn;
  let olga: SignedIn;
  const scratch = mkdtempSync(path.join(tmpdir(), 'chancery-import-'));
  const at = (...names: string[]) => path.join(scratch, ...names);
  const openssl = (...args: string[]) => {
    const { code, text } = run('openssl', args);
    if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${text}`);
  };
  const chancery = (...args: string[]) => runChancery(['import', ...args], { home: office.home });
  const summaryOf = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}').summary;
  const personOf = async (n: number) => {
    const { items } = await ada.client.people({ query: { search: addressOf(n), limit: 10 } });
    const found = items.find(({ address }) => address === addressOf(n));
    if (found === undefined) throw new Error(`nobody is ${addressOf(n)}`);
    return ada.client.person({ params: { id: found.id } });
  };

  beforeAll(async () => {
    for (const folder of ['p12', 'p12/deep', 'pem', 'certificates']) mkdirSync(at(folder));
    makeOldOffice();
    office = await OfficeProcess.prepare();
    await office.start();
    ada = await setUpOffice(office.url, await office.setupToken());
    const officer = (name: string) =>
      inviteAndSignIn(office.url, ada.client, {
        name,
        address: `${name.toLowerCase()}@example.com`,
        roles: ['recovery-officer'],
      });
    otto = await officer('Otto');
    olga = await officer('Olga');
    const rows = Array.from({ length: PEOPLE }, (_, n) => `${addressOf(n)},Person ${n},device,${letsGatewayRead(n)}`);
    await ada.client.importPeople({ body: { csv: `address,name,signing_key,gateway_decrypts\n${rows.join('\n')}\n` } });
    await eventually('the gateway may open the mail of who lets it', async () => {
      const { escrowedKeys } = await personOf(0);
      return escrowedKeys.some(({ locks }) => locks.some(({ kind }) => kind === 'gateway')) ? true : undefined;
    });
  }, 300_000);
  afterAll(async () => {
    await office?.dispose();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('come in as certificates, from DER, PEM, PKCS#7 and the exports of AD CS and EJBCA', () => {
    const rehearsed = chancery('certificates', at('certificates'), '--dry-run', '--json');
    const first = chancery(
      'certificates',
      at('certificates'),
      '--json',
      '--crl',
      at('old.crl'),
      '--issuer',
      at('ca.crt'),
    );
    expect(first.stderr).toBe('');
    // The authority's own certificate is left out by design; a stranger's is a failure.
    expect(summaryOf(first.stdout)).toMatchObject({ imported: PEOPLE, known: 0, nobody: 1, refused: 1, unreadable: 0 });
    expect(summaryOf(first.stdout).reasons).toEqual({ nobody: 1, authority: 1 });
    expect(summaryOf(rehearsed.stdout)).toMatchObject({ dryRun: true, imported: PEOPLE, nobody: 1 });
    expect(first.code).toBe(1);
    const second = chancery('certificates', at('certificates'));
    expect(second.stdout).toMatch(/^Imported 0 certificates from \d+ files; 50 were here already\./);
    expect(second.stderr).toContain('stranger.crt: Nobody here has the address stranger@elsewhere.example.');
  });

  it('say of each who issued it and how it stands', async () => {
    const expired = await personOf(47);
    expect(expired.importedCertificates[0]).toMatchObject({
      issuer: 'CN=Old Office CA',
      state: 'expired',
      authorityId: null,
    });
    const revoked = await personOf(6);
    expect(revoked.importedCertificates[0]).toMatchObject({ state: 'revoked', revocationReason: 'keyCompromise' });
    expect(chancery('list', '--search', addressOf(6)).stdout).toMatch(/p6@example\.com +encryption.*revoked/);
  });

  it('come in as keys, from PKCS#12 of every age and from PEM, each file by itself', () => {
    symlinkSync('/etc/passwd', at('p12', 'link.p12'));
    spawnSync('mkfifo', [at('p12', 'pipe.p12')]);
    writeFileSync(at('p12', 'huge.p12'), Buffer.from('3082', 'hex'));
    truncateSync(at('p12', 'huge.p12'), 1_000_000_000);
    writeFileSync(at('p12', 'damaged.p12'), readFileSync(at('p12', 'p0.p12')).subarray(0, 900));
    writeFileSync(at('p12', 'notes.txt'), 'nothing to see here');
    const before = chancery('keys', at('p12'), at('pem'), '--passwords', at('passwords.csv'), '--dry-run', '--json');
    const first = chancery('keys', at('p12'), at('pem'), '--passwords', at('passwords.csv'), '--json');
    const lines = first.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const signing = lines.filter(({ code }) => code === 'signing-key');
    expect(signing.map(({ addresses }) => addresses[0]).sort()).toEqual([40, 41, 42, 43, 44].map(addressOf));
    const unreadable = lines.filter(({ outcome }) => outcome === 'unreadable');
    const wrong = unreadable.filter(({ reason }) => reason === 'the password does not open it');
    expect(wrong.map(({ file }) => file).sort()).toEqual(['p12/deep/p45.p12', 'p12/p46.p12']);
    expect(unreadable.map(({ file }) => file).sort()).toEqual(
      ['p12/damaged.p12', 'p12/deep/p45.p12', 'p12/huge.p12', 'p12/p46.p12'].sort(),
    );
    expect(
      lines
        .filter(({ outcome, file }) => outcome === 'skipped' && !file.startsWith('pem/'))
        .map(({ file }) => file)
        .sort(),
    ).toEqual(['p12/link.p12', 'p12/notes.txt', 'p12/pipe.p12']);
    expect(summaryOf(first.stdout)).toMatchObject({ imported: 43, refused: 5, unreadable: 4, nobody: 0 });
    expect(summaryOf(before.stdout)).toMatchObject({ dryRun: true, imported: 43, refused: 5, unreadable: 4 });
    expect(first.code).toBe(1);
    const again = chancery('keys', at('p12'), at('pem'), '--passwords', at('passwords.csv'), '--json');
    expect(summaryOf(again.stdout)).toMatchObject({ imported: 0, known: 43 });
    // Nothing of it is on the command line, in what was said, or in the office's log.
    for (const text of [first.stdout, first.stderr, office.printed])
      for (let n = 0; n < PEOPLE; n++) expect(text).not.toContain(passwordOf(n));
  }, 120_000);

  it('read old mail: recovered by a quorum, the key opens what OpenSSL encrypted to it', async () => {
    // The commands above ran for so long that the office has closed our idle connections.
    await eventually('the office answers again', () => ada.client.me().catch(() => undefined));
    const shareKeys = await holdCeremony(ada.client, [otto, olga]);
    await eventually('what was imported is in the vault', async () => {
      const { state, keys } = await ada.client.vault();
      return state === 'live' && keys.elsewhere === 0 ? keys : undefined;
    });
    for (const n of [7, 9, 48]) {
      writeFileSync(at('old.txt'), `Subject: to ${n}\r\n\r\nof the old days, to ${n}\r\n`);
      openssl('cms', '-encrypt', '-aes-256-cbc', '-in', at('old.txt'), '-out', at('old.eml'), at(`p${n}.crt`));
      const person = await personOf(n);
      const imported = person.escrowedKeys.filter(({ origin }) => origin === 'imported');
      expect(imported).toHaveLength(1);
      const request = await ada.client.requestRecovery({
        body: {
          personId: person.id,
          escrowedKeyIds: imported.map(({ id }) => id),
          reason: 'lost-device',
          explanation: 'a test',
          delivery: { kind: 'pkcs12' },
        },
      });
      for (const [officer, key] of shareKeys) await decideAs(officer.client, key, request.id, 'approve');
      const { data } = await ada.client.releaseKey({ params: { id: request.id } });
      const { password } = await otto.client.releasePassword({ params: { id: request.id } });
      writeFileSync(at('recovered.p12'), Buffer.from(data, 'base64'));
      openssl(
        'pkcs12',
        '-in',
        at('recovered.p12'),
        '-passin',
        `pass:${password}`,
        '-nodes',
        '-out',
        at('recovered.pem'),
      );
      openssl(
        'cms',
        '-decrypt',
        '-in',
        at('old.eml'),
        '-inkey',
        at('recovered.pem'),
        '-recip',
        at(`p${n}.crt`),
        '-out',
        at('read.txt'),
      );
      expect(readFileSync(at('read.txt'), 'latin1')).toContain(`of the old days, to ${n}`);
    }
  }, 120_000);

  it('read old mail: the gateway opens it for whoever lets it', async () => {
    for (const n of [0, 1]) {
      const { escrowedKeys } = await personOf(n);
      const imported = escrowedKeys.find(({ origin }) => origin === 'imported');
      expect(imported?.locks.map(({ kind }) => kind).sort()).toEqual(['gateway', 'vault']);
      writeFileSync(at('old.txt'), `Content-Type: text/plain\r\n\r\nopened at the gate for ${n}\r\n`);
      openssl('cms', '-encrypt', '-aes-256-cbc', '-in', at('old.txt'), '-out', at('old.eml'), at(`p${n}.crt`));
      const mail = readFileSync(at('old.eml'), 'latin1').replace(/\r?\n/g, '\r\n');
      await sendRaw(
        office.inboundPort,
        'old@friend.example',
        [addressOf(n)],
        `From: old@friend.example\r\nTo: ${addressOf(n)}\r\nSubject: old mail ${n}\r\n${mail}`,
      );
      const opened = await arrived(office.mailbox, (message) => message.includes(`Subject: old mail ${n}`));
      expect(opened.toString('latin1')).toContain(`opened at the gate for ${n}`);
    }
  }, 120_000);

  it('leave a trail that is whole, and says of every key whose it became', async () => {
    const { intact } = await ada.client.verifyAudit();
    expect(intact).toBe(true);
    const person = await personOf(7);
    const { items } = await ada.client.auditRecords({ query: { limit: 100, subject: `person:${person.id}` } });
    const record = items.find(({ action }) => action === 'key.import');
    expect(record?.details).toMatchObject({
      source: 'p12/p7.p12',
      addresses: [addressOf(7)],
      issuer: 'CN=Old Office CA',
    });
  });

  function passwordOf(n: number): string {
    return `pass, "${n}" wörd-${n}-of-the-old-office`;
  }

  /** An authority and its people, with every file that the tests read. */
  function makeOldOffice(): void {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.crt'),
      '-days',
      '3650',
      '-subj',
      '/CN=Old Office CA',
    );
    writeFileSync(at('index.txt'), '');
    writeFileSync(at('crlnumber'), '01\n');
    writeFileSync(
      at('ca.cnf'),
      `[ca]\ndefault_ca = old\n[old]\ndatabase = ${at('index.txt')}\ncrlnumber = ${at('crlnumber')}\ndefault_md = sha256\ndefault_crl_days = 30\n`,
    );
    const table: string[] = ['file,password'];
    for (let n = 0; n < PEOPLE; n++) {
      issue(`p${n}`, addressOf(n), { rsa: isRsa(n), signing: isSigningOnly(n), expired: isExpired(n), n });
      const password = passwordOf(n);
      table.push(`p${n}.p12,"${(hasWrongPassword(n) ? 'not this' : password).replaceAll('"', '""')}"`);
      if (n === 8) {
        // A key in PEM with its certificate beside it; another with it in the same file.
        openssl('pkey', '-in', at('p8.key'), '-out', at('pem', 'p8.key'));
        openssl('x509', '-in', at('p8.crt'), '-outform', 'DER', '-out', at('pem', 'p8.cer'));
      } else if (n === 10) {
        writeFileSync(at('pem', 'p10.pem'), readFileSync(at('p10.crt'), 'utf8') + readFileSync(at('p10.key'), 'utf8'));
      } else {
        writeFileSync(at('secret'), `${password}\n`);
        const file = n === 45 ? at('p12', 'deep', `p${n}.p12`) : at('p12', `p${n}.p12`);
        openssl(
          'pkcs12',
          '-export',
          '-inkey',
          at(`p${n}.key`),
          '-in',
          at(`p${n}.crt`),
          '-certfile',
          at('ca.crt'),
          '-passout',
          `file:${at('secret')}`,
          '-out',
          file,
          ...(FORMS[n % FORMS.length] ?? []),
        );
      }
    }
    writeFileSync(at('passwords.csv'), `${table.join('\r\n')}\r\n`);
    issue('stranger', 'stranger@elsewhere.example', { rsa: false, signing: false, expired: false, n: 99 });
    openssl(
      'ca',
      '-config',
      at('ca.cnf'),
      '-keyfile',
      at('ca.key'),
      '-cert',
      at('ca.crt'),
      '-revoke',
      at('p6.crt'),
      '-crl_reason',
      'keyCompromise',
    );
    openssl(
      'ca',
      '-config',
      at('ca.cnf'),
      '-keyfile',
      at('ca.key'),
      '-cert',
      at('ca.crt'),
      '-gencrl',
      '-out',
      at('old.crl'),
    );
    writeCertificates();
  }

  function issue(
    name: string,
    address: string,
    { rsa, signing, expired, n }: { rsa: boolean; signing: boolean; expired: boolean; n: number },
  ): void {
    const usage = signing
      ? 'digitalSignature,nonRepudiation'
      : rsa
        ? n % 2 === 0
          ? 'digitalSignature,keyEncipherment'
          : 'keyEncipherment'
        : 'keyAgreement';
    writeFileSync(
      at('ext.cnf'),
      `keyUsage=critical,${usage}\nextendedKeyUsage=emailProtection\nsubjectAltName=email:${address}\n`,
    );
    if (rsa) openssl('genrsa', '-out', at(`${name}.key`), '2048');
    else openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', at(`${name}.key`));
    openssl('req', '-new', '-key', at(`${name}.key`), '-subj', `/CN=${name} of the old office`, '-out', at('one.csr'));
    const serial = ['-set_serial', String(1000 + n)];
    const ca = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), ...serial, '-extfile', at('ext.cnf')];
    // `x509 -req` of OpenSSL 3.0 dates from now: one that ended is made of a day that is over.
    openssl('x509', '-req', '-in', at('one.csr'), ...ca, '-days', expired ? '-1' : '700', '-out', at(`${name}.crt`));
  }

  /** Each certificate in one of the forms that other offices export. */
  function writeCertificates(): void {
    const pem = (n: number) => readFileSync(at(`p${n}.crt`), 'utf8');
    const base64 = (n: number) => pem(n).replace(/-----[^-]+-----|\s/g, '');
    for (let n = 0; n < 10; n++)
      openssl('x509', '-in', at(`p${n}.crt`), '-outform', 'DER', '-out', at('certificates', `p${n}.cer`));
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
    writeFileSync(at('certificates', 'bundle.pem'), range(10, 20).map(pem).join('\n'));
    openssl(
      'crl2pkcs7',
      '-nocrl',
      ...range(20, 25).flatMap((n) => ['-certfile', at(`p${n}.crt`)]),
      '-outform',
      'DER',
      '-out',
      at('certificates', 'some.p7b'),
    );
    openssl(
      'crl2pkcs7',
      '-nocrl',
      ...range(25, 30).flatMap((n) => ['-certfile', at(`p${n}.crt`)]),
      '-out',
      at('certificates', 'more.p7b'),
    );
    const adcs = range(30, 40).map((n) => `"${n}","EXAMPLE\\p${n}","${pem(n).replaceAll('\n', '\r\n')}"`);
    // As PowerShell redirects the output of a program: UTF-16 with a byte order mark.
    writeFileSync(
      at('certificates', 'adcs.csv'),
      `\ufeff"Request ID","Requester Name","Binary Certificate"\r\n${adcs.join('\r\n')}\r\n`,
      'utf16le',
    );
    const search = {
      certificates: range(40, 45).map((n) => ({ certificate: base64(n), serial_number: 'X', response_format: 'DER' })),
      more_results: false,
    };
    writeFileSync(at('certificates', 'ejbca.json'), JSON.stringify(search));
    const double = {
      certificates: range(45, 50).map((n) => ({ certificate: Buffer.from(base64(n)).toString('base64') })),
    };
    writeFileSync(at('certificates', 'ejbca-double.json'), JSON.stringify(double));
    writeFileSync(at('certificates', 'stranger.crt'), readFileSync(at('stranger.crt')));
    writeFileSync(at('certificates', 'ca.crt'), readFileSync(at('ca.crt')));
    writeFileSync(at('certificates', 'readme.txt'), 'exported on a Sunday');
  }
});
