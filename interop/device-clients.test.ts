/** SCEP and EST with the clients of others: what each is given, and how each is told that it is not. One office for all. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningOffice, runningOffice } from '../packages/authority/test/running-office.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';
import { runBeside } from './status-office.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-devices-'));
const file = (name: string): string => path.join(folder, name);
let office: RunningOffice;
let scep: string;
let est: string;
let alice: string;

beforeAll(async () => {
  run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('tls.key'), '-out', file('tls.crt')],
  ]);
  office = await runningOffice({
    config: `[server]
port = 0
[enrolment.label.old]
legacyCiphers = true
[enrolment.label.decided]
approval = "always"
[enrolment.label.early]
renewalDays = 3660
[enrolment.est]
port = 0
certificate = "${file('tls.crt')}"
key = { file = "${file('tls.key')}" }
`,
  });
  await office.setUp({ caAlgorithm: 'rsa' });
  // Programs in Go of before 2024 read no object identifier whose numbers exceed 63 bits, as those of the shipped arc do.
  for (const id of ['signing', 'scep-ra']) {
    const { versions } = await office.local.profile({ params: { id } });
    const [newest] = versions;
    if (newest === undefined) throw new Error(`There is no profile ${id}`);
    const document = { ...newest.document, policies: [{ id: '1.3.6.1.4.1.32473.1', cps: null }] };
    await office.local.applyProfile({ params: { id }, body: { document, expectedVersion: newest.version } });
  }
  scep = `${office.authority.url}/scep`;
  est = `https://127.0.0.1:${office.authority.estPort}`;
  alice = (await office.local.addPerson({ body: { name: 'Alice', address: 'alice@example.com' } })).id;
});
afterAll(async () => {
  await office?.close();
  rmSync(folder, { recursive: true, force: true });
});

const challenge = async (profile?: string): Promise<string> =>
  (await office.local.makeChallenge({ params: { id: alice }, body: profile === undefined ? {} : { profile } }))
    .challenge;

/** What the newest refusal on the trail says of why. */
const lastRefusal = async () =>
  (await office.local.auditRecords({ query: { action: 'enrolment.request', limit: 1 } })).items[0]?.details;

function newKey(name: string, bits = 2048): string {
  run('openssl', ['genrsa', '-traditional', '-out', file(name), String(bits)]);
  return file(name);
}

function newRequest(name: string, more: readonly string[] = []): string {
  const key = newKey(`${name}.key`);
  run('openssl', ['req', '-new', '-key', key, '-subj', '/CN=a device', '-outform', 'DER', '-out', file(name), ...more]);
  return file(name);
}

/** As OpenSSL reads it: whose it is, and that the office issued it. */
function check(certificate: string): void {
  const { text } = run('openssl', ['x509', '-in', certificate, '-noout', '-subject', '-ext', 'subjectAltName']);
  expect(text).toContain('CN = Alice');
  expect(text).toContain('email:alice@example.com');
  expect(text).not.toContain('bob');
}

describe.skipIf(missing('strongswan'))('strongSwan', () => {
  const anchors: string[] = [];
  const pkiScep = async (args: readonly string[], out: string) => {
    const ra = file('ra.pem');
    const { code, text } = await runBeside('sh', [
      '-c',
      'out=$1; shift; exec "$@" > "$out"',
      'sh',
      file(out),
      ...['pki', '--scep', '--outform', 'pem', '--cacert-enc', ra, '--cacert-sig', ra, ...anchors, ...args],
    ]);
    return { code, text };
  };

  it('finds the authorities by SCEP, and the registration authority under them', async () => {
    const { code, text } = await runBeside('pki', [
      ...['--scepca', '--url', scep, '--outform', 'pem'],
      ...['--caout', file('ca.pem'), '--raout', file('ra.pem')],
    ]);
    expect(text).toContain('RA cert is trusted');
    expect(code).toBe(0);
    anchors.push('--cacert', file('ca.pem'), '--cacert', file('ca-1.pem'));
  });

  it('enrols by SCEP, and renews with what it got', async () => {
    const password = await challenge();
    const own = newKey('ss.key');
    const request = ['--url', scep, '--dn', 'CN=somebody', '--password', password];
    const first = await pkiScep([...request, '--in', own, '--san', 'alice@example.com'], 'ss.crt');
    expect(first.code, first.text).toBe(0);
    check(file('ss.crt'));
    const spent = await pkiScep([...request, '--in', newKey('other.key')], 'none.crt');
    expect(spent.code).not.toBe(0);
    expect(spent.text).toContain('badRequest');
    const renewal = ['--dn', 'CN=somebody', '--in', newKey('ss2.key'), '--cert', file('ss.crt'), '--key', own];
    expect((await pkiScep(['--url', scep, ...renewal], 'none.crt')).text).toContain('badRequest');
    expect(await lastRefusal()).toMatchObject({ reason: expect.stringContaining('not to be renewed before') });
    const renewed = await pkiScep(['--url', `${scep}/early`, ...renewal], 'ss2.crt');
    expect(renewed.code, renewed.text).toBe(0);
    check(file('ss2.crt'));
    expect((await pkiScep(['--url', `${scep}/early`, ...renewal], 'none.crt')).text).toContain('badRequest');
    expect(await lastRefusal()).toMatchObject({ reason: expect.stringContaining('renewed already') });
  });

  it('is refused the wrong challenge, another’s address, a weak key, and a key that was seen before', async () => {
    const ask = async (own: string, password: string, ...more: string[]) => {
      const { code, text } = await pkiScep(
        ['--url', scep, '--dn', 'CN=x', '--in', own, '--password', password, ...more],
        'none.crt',
      );
      expect(code).not.toBe(0);
      return text;
    };
    expect(await ask(newKey('w.key'), 'A'.repeat(32))).toContain('badRequest');
    const good = await challenge();
    expect(await ask(file('w.key'), good, '--san', 'bob@example.com')).toContain('badRequest');
    expect(await ask(newKey('weak.key', 1024), good)).toContain('badRequest');
    expect(await ask(file('ss.key'), good)).toContain('badRequest');
    const reasons = (await office.local.auditRecords({ query: { action: 'enrolment.request', limit: 50 } })).items.map(
      ({ details }) => details.code,
    );
    expect(reasons.slice(0, 4)).toEqual(['conflict', 'unusable-input', 'forbidden', 'wrong-credentials']);
  });

  it('polls until an operator has decided', async () => {
    const password = await challenge();
    const asking = pkiScep(
      [
        ...['--url', `${scep}/decided`, '--dn', 'CN=x', '--in', newKey('p.key'), '--password', password],
        ...['--interval', '1', '--maxpolltime', '60'],
      ],
      'p.crt',
    );
    let waiting: string | undefined;
    while (waiting === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      waiting = (await office.local.enrolments({ query: { state: 'waiting' } })).items[0]?.id;
    }
    const body = { decision: 'approve', reason: 'She is here.' } as const;
    await office.local.decideEnrolment({ params: { id: waiting }, body });
    const { code, text } = await asking;
    expect(code, text).toBe(0);
    check(file('p.crt'));
  });

  it('enrols and renews by EST', async () => {
    const pkiEst = (label: string, args: readonly string[], out: string) =>
      runBeside('sh', [
        '-c',
        'out=$1; shift; exec "$@" > "$out"',
        'sh',
        file(out),
        ...[
          'pki',
          '--est',
          '--url',
          `${est}${label}`,
          '--outform',
          'pem',
          '--cacert',
          file('tls.crt'),
          ...anchors,
          ...args,
        ],
      ]);
    const password = await challenge();
    const first = await pkiEst('', ['--in', newRequest('e1'), '--userpass', `alice:${password}`], 'e1.crt');
    expect(first.code, first.text).toBe(0);
    check(file('e1.crt'));
    const again = await pkiEst('', ['--in', newRequest('e2'), '--userpass', `alice:${password}`], 'none.crt');
    expect(again.code).not.toBe(0);
    expect(again.text).toMatch(/403/);
    const renewal = ['--in', file('e2'), '--cert', file('e1.crt'), '--key', file('e1.key')];
    expect((await pkiEst('', renewal, 'none.crt')).text).toMatch(/403/);
    const renewed = await pkiEst('/early', renewal, 'e2.crt');
    expect(renewed.code, renewed.text).toBe(0);
    check(file('e2.crt'));
  });
});

describe.skipIf(missing('scepclient'))('scepclient of micromdm', () => {
  const scepclient = async (label: string, name: string, password: string) =>
    runBeside('scepclient', [
      ...['-server-url', `${scep}${label}`, '-challenge', password, '-cn', 'alice@example.com'],
      ...['-private-key', file(`${name}.key`), '-certificate', file(`${name}.crt`)],
    ]);

  it('enrols where old ciphers are taken, and is told badAlg where they are not', async () => {
    const { code, text } = await scepclient('/old', 'sc', await challenge());
    expect(code, text).toBe(0);
    check(file('sc.crt'));
    const refused = await scepclient('', 'sc-refused', await challenge());
    expect(refused.code).not.toBe(0);
    expect(refused.text).toMatch(/FAILURE|failure|badAlg/);
  });
});

describe.skipIf(missing('curl') || missing('gnutls'))('curl', () => {
  const curl = (operation: string, ...args: string[]) =>
    runBeside('curl', [
      ...['-s', '--cacert', file('tls.crt'), '-w', '\n%{http_code}', '-o', file('answer')],
      ...args,
      `${est}/.well-known/est/${operation}`,
    ]).then(({ text }) => ({ status: text.trim().split('\n').at(-1), body: readFileSync(file('answer'), 'latin1') }));
  const post = (name: string) => ['-H', 'Content-Type: application/pkcs10', '--data-binary', `@${file(name)}`];
  const certificatesIn = (base64: string, name: string) => {
    writeFileSync(file(`${name}.p7`), Buffer.from(base64, 'base64'));
    const { text } = run('openssl', ['pkcs7', '-inform', 'DER', '-in', file(`${name}.p7`), '-print_certs']);
    writeFileSync(file(name), text);
    return file(name);
  };

  it('is given the authorities, and a certificate that GnuTLS checks', async () => {
    const authorities = await curl('cacerts');
    certificatesIn(authorities.body, 'chain.pem');
    const password = await challenge();
    newRequest('c1');
    writeFileSync(file('c1.b64'), readFileSync(file('c1')).toString('base64'));
    expect((await curl('simpleenroll', ...post('c1.b64'))).status).toBe('401');
    expect((await curl('simpleenroll', '--user', `:${'A'.repeat(32)}`, ...post('c1.b64'))).status).toBe('401');
    const issued = await curl('simpleenroll', '--user', `:${password}`, ...post('c1.b64'));
    expect(issued.status).toBe('200');
    check(certificatesIn(issued.body, 'c1.crt'));
    const chain = `${readFileSync(file('c1.crt'), 'utf8')}${readFileSync(file('chain.pem'), 'utf8')}`;
    writeFileSync(file('c1-chain.pem'), chain);
    const verified = run('certtool', [
      '--verify',
      '--load-ca-certificate',
      file('chain.pem'),
      '--infile',
      file('c1.crt'),
    ]);
    expect(verified.text).toContain('Chain verification output: Verified');
    expect((await curl('simpleenroll', '--user', `:${password}`, ...post('c1.b64'))).status).toBe('403');
  });

  it('is delivered an encryption key that is in escrow', async () => {
    const password = await challenge('encryption');
    const delivered = await curl('serverkeygen', '--user', `:${password}`, ...post('c1.b64'));
    expect(delivered.status).toBe('200');
    const [, key = '', certificate = ''] = delivered.body.split(/^--est-.*$/m);
    const contentOf = (part: string) => part.split('\r\n\r\n')[1] ?? '';
    writeFileSync(file('enc.key'), Buffer.from(contentOf(key), 'base64'));
    const crt = certificatesIn(contentOf(certificate), 'enc.crt');
    check(crt);
    // What is encrypted to the one opens with the other.
    writeFileSync(file('plain'), 'a secret');
    run('openssl', ['cms', '-encrypt', '-in', file('plain'), '-outform', 'DER', '-out', file('sealed'), crt]);
    const opened = run('openssl', [
      ...['cms', '-decrypt', '-inform', 'DER', '-in', file('sealed')],
      ...['-keyform', 'DER', '-inkey', file('enc.key'), '-recip', crt],
    ]);
    expect(opened.text).toContain('a secret');
    const { escrowedKeys } = await office.local.person({ params: { id: alice } });
    expect(escrowedKeys).toHaveLength(1);
    expect(escrowedKeys[0]?.deliveredAt).not.toBeNull();
  });
});

describe.skipIf(missing('certmonger'))('certmonger', () => {
  it('enrols, renews in time with the same key and with a new one, and gets nothing too early or for a wrong challenge', async () => {
    writeFileSync(file('challenge'), await challenge());
    writeFileSync(file('wrong'), 'A'.repeat(32));
    writeFileSync(file('certmonger.sh'), CERTMONGER);
    // A session bus of its own, with a daemon that keeps its files in our folder and ends with the script.
    mkdirSync(file('.config/certmonger'), { recursive: true });
    const { text } = await runBeside('env', [
      `HOME=${folder}`,
      ...['dbus-run-session', '--', 'bash', file('certmonger.sh'), folder, scep],
    ]);
    const shown = [...text.matchAll(/^(first|early|renewed|rekeyed) serial=(\w+) (\w{64})/gm)];
    expect(
      shown.map(([, name]) => name),
      text,
    ).toEqual(['first', 'early', 'renewed', 'rekeyed']);
    const [first, early, renewed, rekeyed] = shown.map(([, , serial, key]) => ({ serial, key }));
    expect(early).toEqual(first);
    expect(new Set([first?.serial, renewed?.serial, rekeyed?.serial]).size).toBe(3);
    expect(renewed?.key).toBe(first?.key);
    expect(rekeyed?.key).not.toBe(first?.key);
    check(file('cm.crt'));
    expect(existsSync(file('cm-wrong.crt'))).toBe(false);
    // It does not read a reply without content, as RFC 8894 3.3.2 has a failure: it says that, and not why.
    expect(text, text).toMatch(/ca-error/);
    const refusals = (await office.local.auditRecords({ query: { action: 'enrolment.request', limit: 20 } })).items
      .filter(({ outcome }) => outcome !== 'succeeded')
      .map(({ details }) => String(details.reason));
    expect(refusals[0]).toContain('not one that this office gave out');
    expect(refusals.some((reason) => reason.includes('not to be renewed before'))).toBe(true);
    const devices = (await office.local.person({ params: { id: alice } })).enrolledDevices;
    expect(devices.find(({ subject }) => subject === 'CN=certmonger')).toMatchObject({ protocol: 'scep', renewals: 2 });
  });
});

/** Folder, and the address of the office. Each line that it prints says which certificate there is then, and its key. */
const CERTMONGER = `cd "$1"; last=
/usr/lib/certmonger/certmonger-session -n >/dev/null 2>&1 & daemon=$!
trap 'kill $daemon; wait $daemon' EXIT
bus="--session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.NameHasOwner"
for i in $(seq 100); do
  dbus-send $bus string:org.fedorahosted.certmonger | grep -q true && break; sleep 0.1
done
certificate() { openssl x509 -in cm.crt -noout -serial 2>/dev/null; }
say() { echo "$1 $last $(openssl x509 -in cm.crt -noout -pubkey | openssl sha256 -r)"; }
next() {
  for i in $(seq 100); do
    serial=$(certificate); [ -n "$serial" ] && [ "$serial" != "$last" ] && break; sleep 0.1
  done
  last=$serial; say "$1"
}
refused() { for i in $(seq 60); do getcert list -s -f "$1" | grep -q ca-error && break; sleep 0.1; done; }
getcert add-scep-ca -s -c office -u "$2"
getcert add-scep-ca -s -c early -u "$2/early"
getcert request -s -c office -k "$1/cm.key" -f "$1/cm.crt" -l "$1/challenge" -N CN=certmonger; next first
getcert resubmit -s -f "$1/cm.crt"; refused "$1/cm.crt"; say early
getcert resubmit -s -f "$1/cm.crt" -c early; next renewed
getcert rekey -s -f "$1/cm.crt" -c early; next rekeyed
getcert request -s -c office -k "$1/cm-wrong.key" -f "$1/cm-wrong.crt" -l "$1/wrong" -N CN=certmonger
refused "$1/cm-wrong.crt"
getcert list -s | grep -E 'status|ca-error'
`;
