/** The three flows of ARCHITECTURE.md over real sockets, in the order in which an office lives through them. */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ApiError, createClient } from '@chancery/api';
import { decryptMessage, localDecrypter, parseCertificate, readPkcs12, verifyMessage } from '@chancery/smime';
import type { ShareKey } from '@chancery/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClaimedKeys, claimKeys } from '../packages/cli/src/demo/claim-keys.ts';
import { decideAs } from '../packages/cli/src/vault/take-part.ts';
import { arrived, eventually, send, sendRaw } from './support/mail.ts';
import { OfficeProcess, runChancery } from './support/office-process.ts';
import { holdCeremony, invite, inviteAndSignIn, nextCode, type SignedIn, setUpOffice } from './support/operators.ts';

const CSV = `address,name,aliases,external_id,signing_key,gateway_decrypts
anna@example.com,Anna Becker,anna.becker@example.com,E1,gateway,true
ben@example.com,Ben Carter,,E2,gateway,true
dora@example.com,Dora Device,,E3,device,false
`;

const RULES = `
[[rule]]
name = "lawyers: always encrypted"
when = { direction = "outbound", recipientDomain = ["law.example"] }
do = { sign = "must", encrypt = "must" }
`;

let office: OfficeProcess;
let ada: SignedIn;
let otto: SignedIn;
let olga: SignedIn;
let shareKeys: Map<SignedIn, ShareKey>;
let doraKeys: ClaimedKeys;
const scratch = mkdtempSync(path.join(tmpdir(), 'chancery-e2e-scratch-'));

beforeAll(async () => {
  office = await OfficeProcess.prepare({ gatewayToml: RULES, fromNothing: true });
});
afterAll(async () => {
  await office.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

describe('the house', () => {
  it('starts from an empty folder and prints a set-up link', async () => {
    await office.start();
    expect(await office.setupToken()).toMatch(/^[\w-]{20,}$/);
    expect(await createClient({ baseUrl: office.url }).office()).toMatchObject({ setUp: false });
    expect((await fetch(office.url)).headers.get('content-type')).toMatch(/text\/html/);
  });

  it('refuses a second start on the same folder, and says so', () => {
    const second = runChancery(['start'], { home: office.home });
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/already|in use/i);
  });

  it('is set up by the link, once', async () => {
    const token = await office.setupToken();
    ada = await setUpOffice(office.url, token);
    await expect(setUpOffice(office.url, token)).rejects.toBeInstanceOf(ApiError);
    otto = await inviteAndSignIn(office.url, ada.client, {
      name: 'Otto Okafor',
      address: 'otto@example.com',
      roles: ['recovery-officer'],
    });
    olga = await inviteAndSignIn(office.url, ada.client, {
      name: 'Olga Ortiz',
      address: 'olga@example.com',
      roles: ['recovery-officer'],
    });
  });

  it('imports people: a dry run changes nothing, a wrong line stops everything, a second import changes only what changed', async () => {
    const file = path.join(scratch, 'people.csv');
    writeFileSync(file, CSV);
    const people = (...args: string[]) => runChancery(['people', ...args, '--json'], { home: office.home });

    expect(JSON.parse(people('import', file, '--dry-run').stdout)).toMatchObject({ dryRun: true, created: 3 });
    expect(JSON.parse(people('list').stdout).total).toBe(0);

    const wrong = path.join(scratch, 'wrong.csv');
    writeFileSync(wrong, `${CSV}not-an-address,Eve,,,,\nben@example.com,Ben Again,,,,\n`);
    const refused = people('import', wrong);
    expect(refused.code).toBe(2);
    const { error } = JSON.parse(refused.stderr);
    expect(error.code).toBe('invalid-import');
    expect(error.details.join('\n')).toMatch(/5[\s\S]*6/);
    expect(JSON.parse(people('list').stdout).total).toBe(0);

    expect(JSON.parse(people('import', file).stdout)).toMatchObject({ created: 3, changed: 0 });
    writeFileSync(file, CSV.replace('Ben Carter', 'Benjamin Carter'));
    expect(JSON.parse(people('import', file).stdout)).toMatchObject({ created: 0, changed: 1, unchanged: 2 });

    await expect(
      ada.client.addPerson({ body: { address: 'ANNA@example.com', name: 'Another Anna' } }),
    ).rejects.toMatchObject({ code: 'conflict' });
  });

  it('gives everyone an encryption certificate with an escrowed key, and those it signs for a signing certificate', async () => {
    // Ben was renamed by the second import: his key is certified again, perhaps before another's first, and no second key is made.
    const certificates = await eventually('everyone has their certificates', async () => {
      const { items } = await ada.client.certificates({ query: { limit: 100 } });
      const people = items.filter((one) => one.personId !== null);
      const encrypted = new Set(people.filter((one) => one.use === 'encryption').map((one) => one.personId));
      const signing = people.filter((one) => one.use === 'signing').length;
      return encrypted.size === 3 && signing === 2 ? people : undefined;
    });
    expect(certificates.filter((one) => one.use === 'signing' && one.keyOrigin === 'gateway')).toHaveLength(2);
    const { escrow } = await ada.client.overview();
    expect(escrow.keys).toBe(3);
    expect(escrow.covered).toBe(escrow.encryptionCertificates);
  });

  it('hands a person their keys through a claim link, which then is spent', async () => {
    const dora = await personOf('dora@example.com');
    const link = await ada.client.newClaim({ params: { id: dora.id } });
    const secret = link.url.slice(link.url.indexOf('#') + 1);
    const anybody = createClient({ baseUrl: office.url });
    const keys = await claimKeys(anybody, secret);
    doraKeys = keys;
    for (const file of keys.files) writeFileSync(path.join(scratch, file.name), file.bytes);
    expect(keys.files.map((file) => file.name)).toEqual([
      'dora@example.com.signing.p12',
      'dora@example.com.encryption.p12',
    ]);
    for (const file of keys.files) {
      const { keys: found } = await readPkcs12(file.bytes, keys.password);
      expect(found).toHaveLength(1);
    }
    await expect(anybody.claimEncryption({ body: { secret, password: 'another password' } })).rejects.toBeInstanceOf(
      ApiError,
    );
  });

  it('does the same by hand: chancery smime signs, encrypts, decrypts, verifies and inspects with those keys', async () => {
    const at = (name: string) => path.join(scratch, name);
    const dora = await personOf('dora@example.com');
    const { certificates } = await ada.client.person({ params: { id: dora.id } });
    const encryption = certificates.find((one) => one.use === 'encryption');
    const { items: authorities } = await ada.client.authorities();
    const root = authorities.find((one) => one.role === 'root');
    writeFileSync(at('root.der'), Buffer.from(root?.certificate ?? '', 'base64'));
    writeFileSync(
      at('letter.eml'),
      'From: dora@example.com\r\nTo: dora@example.com\r\nSubject: By hand\r\n\r\nHello.\r\n',
    );
    expect(
      runChancery(['certificates', 'show', encryption?.serialNumber ?? '', '--pem', at('dora.pem')], {
        home: office.home,
      }).code,
    ).toBe(0);

    process.env.CHANCERY_P12_PASSWORD = doraKeys.password;
    const smime = (...args: string[]) => runChancery(['smime', ...args]);
    expect(
      smime('sign', at('letter.eml'), '--p12', at('dora@example.com.signing.p12'), '--out', at('signed.eml')),
    ).toMatchObject({ code: 0 });
    expect(smime('verify', at('signed.eml'), '--trust', at('root.der'))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('verdict: valid'),
    });
    expect(smime('encrypt', at('signed.eml'), '--to', at('dora.pem'), '--out', at('sealed.eml'))).toMatchObject({
      code: 0,
    });
    expect(smime('decrypt', at('sealed.eml'), '--p12', at('dora@example.com.signing.p12'))).toMatchObject({ code: 1 });
    expect(
      smime('decrypt', at('sealed.eml'), '--p12', at('dora@example.com.encryption.p12'), '--out', at('opened.eml')),
    ).toMatchObject({ code: 0 });
    expect(smime('verify', at('opened.eml'), '--trust', at('root.der')).code).toBe(0);
    writeFileSync(at('altered.eml'), readFileSync(at('opened.eml'), 'latin1').replace('Hello.', 'Hellx.'), 'latin1');
    const altered = smime('verify', at('altered.eml'), '--trust', at('root.der'), '--json');
    expect(altered.code).toBe(1);
    expect(JSON.parse(altered.stdout)).toMatchObject({ verdict: 'invalid' });
    expect(
      smime('inspect', at('sealed.eml'), '--p12', at('dora@example.com.encryption.p12'), '--trust', at('root.der'))
        .stdout,
    ).toMatch(/valid/);
    delete process.env.CHANCERY_P12_PASSWORD;
  });

  it('sends a mail signed and encrypted', async () => {
    await send(office.outboundPort, {
      from: 'Anna <anna@example.com>',
      to: 'ben@example.com',
      subject: 'Minutes',
      text: 'The minutes of Tuesday.\n',
    });
    const mail = await arrived(office.mailbox, (message) => message.includes('Subject: Minutes'));
    expect(mail.toString('latin1')).toMatch(/smime-type="?enveloped-data/);
    expect(mail.toString('latin1')).not.toContain('Tuesday');
  });

  it('decrypts and verifies that mail on its way in', async () => {
    const mail = await arrived(office.mailbox, (message) => message.includes('Subject: Minutes'));
    await sendRaw(office.inboundPort, 'anna@example.com', ['ben@example.com'], mail);
    const opened = await arrived(office.mailbox, (message) => /smime=pass/.test(message));
    expect(opened.toString('latin1')).toContain('The minutes of Tuesday.');
    const report = await verifyMessage({ message: opened, anchors: await trustAnchors() });
    expect(report).toMatchObject({ verdict: 'valid', covers: 'whole' });
    expect(report.signers[0]?.emails).toContain('anna@example.com');
  });

  it('refuses with 550 5.7.10 what must be encrypted and cannot be', async () => {
    await expect(
      send(office.outboundPort, {
        from: 'anna@example.com',
        to: 'counsel@law.example',
        subject: 'Draft settlement',
        text: 'Secret.\n',
      }),
    ).rejects.toMatchObject({ responseCode: 550, response: expect.stringContaining('5.7.10') });
  });

  it('refuses a mail of 60 MB, and says how large it may be', async () => {
    await expect(
      send(office.outboundPort, {
        from: 'anna@example.com',
        to: 'ben@example.com',
        subject: 'Too large',
        text: `${'x'.repeat(998)}\n`.repeat(60_500),
      }),
    ).rejects.toMatchObject({ responseCode: 552 });
  });

  it('founds the vault with two officers, and moves there what was escrowed before', async () => {
    shareKeys = await holdCeremony(ada.client, [otto, olga]);
    await eventually('every key has moved', async () => {
      const { state, keys } = await ada.client.vault();
      return state === 'live' && keys.elsewhere === 0 && keys.inVault > 0 ? keys : undefined;
    });
  });

  it('recovers a lost key with two officers, never with one, never with the requester', async () => {
    const dora = await personOf('dora@example.com');
    const request = await ada.client.requestRecovery({
      body: {
        personId: dora.id,
        reason: 'lost-device',
        explanation: 'Phone at the bottom of the lake',
        delivery: { kind: 'pkcs12' },
      },
    });
    const params = { id: request.id };
    const decide = (officer: SignedIn) =>
      decideAs(officer.client, shareKeys.get(officer) as ShareKey, request.id, 'approve');

    await expect(ada.client.releaseKey({ params })).rejects.toMatchObject({ code: 'quorum-refused' });
    await expect(
      ada.client.decideRecovery({ params, body: { decision: 'approve', digest: request.digest, signature: '' } }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/forbidden|quorum-refused/) });
    expect((await decide(otto)).state).toBe('open');
    await expect(ada.client.releaseKey({ params })).rejects.toMatchObject({ code: 'quorum-refused' });
    expect((await decide(olga)).state).toBe('approved');

    const release = await ada.client.releaseKey({ params });
    await expect(ada.client.releaseKey({ params })).rejects.toBeInstanceOf(ApiError);
    await expect(ada.client.releasePassword({ params })).rejects.toBeInstanceOf(ApiError);
    const { password } = await otto.client.releasePassword({ params });

    const { keys } = await readPkcs12(Buffer.from(release.data, 'base64'), password);
    expect(keys).toHaveLength(1);
    await opensMailTo('dora@example.com', keys[0]?.privateKey ?? new Uint8Array());
  });

  it('keeps keys under a hold, says which end, and takes in one that a device made, from the command line', async () => {
    const escrow = (who: SignedIn, ...args: string[]) => {
      const env = { CHANCERY_TOKEN: who.token };
      const { code, stdout, stderr } = runChancery(['escrow', ...args, '--json'], { home: office.home, env });
      return { code, stderr, said: code === 0 ? JSON.parse(stdout) : undefined };
    };
    const placing = ['hold', 'place', '--address', 'dora@example.com', '--case', 'C-1', '--reason', 'The court asks'];
    expect(escrow(ada, ...placing)).toMatchObject({ code: 1, stderr: expect.stringContaining('hold:place') });
    const { id } = escrow(otto, ...placing).said;
    expect(escrow(otto, 'hold', 'lift', id, '--reason', 'Over').stderr).toContain('Whoever placed a hold');
    expect(escrow(ada, 'hold', 'list', '--address', 'dora@example.com').said).toMatchObject([{ id, lifted: null }]);
    expect(escrow(olga, 'hold', 'lift', id, '--reason', 'Over').said).toMatchObject({
      lifted: { by: { id: olga.id } },
    });
    expect(escrow(ada, 'hold', 'list').said).toEqual([]);
    expect(escrow(ada, 'retention').said).toEqual({ warnDays: 30, operators: 0, items: [] });

    const { document, version } = await ada.client.profile({ params: { id: 'encryption' } });
    await ada.client.applyProfile({
      params: { id: 'encryption' },
      body: { document: { ...document, keyOrigins: ['kra', 'device'] }, expectedVersion: version },
    });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const [key, out] = [path.join(scratch, 'device.key'), path.join(scratch, 'device.pem')];
    writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const archive = () => escrow(ada, 'archive', '--address', 'dora@example.com', '--key', key, '--out', out);
    const archived = archive();
    expect(archived).toMatchObject({ code: 0 });
    const { serialNumber } = archived.said;
    expect(new X509Certificate(readFileSync(out)).checkPrivateKey(privateKey)).toBe(true);
    expect(archive()).toMatchObject({ code: 1, stderr: expect.stringContaining('in escrow already') });
    const { escrowedKeys } = await ada.client.person({ params: { id: (await personOf('dora@example.com')).id } });
    expect(escrowedKeys.find((one) => one.serialNumber === serialNumber)).toMatchObject({
      origin: 'device',
      keptUntil: null,
      destroyedAt: null,
      locks: [{ kind: 'vault' }],
    });
  });

  it('revokes: at once in the list, and in the CRL', async () => {
    const { items } = await ada.client.certificates({ query: { search: 'dora@example.com', use: 'signing' } });
    const serialNumber = items[0]?.serialNumber ?? '';
    const revoked = await ada.client.revokeCertificate({ params: { serialNumber }, body: { reason: 'keyCompromise' } });
    expect(revoked.state).toBe('revoked');
    await eventually('the CRL names it', async () => {
      const { items: authorities } = await ada.client.authorities();
      const issuing = authorities.find((one) => one.role === 'issuing');
      return issuing?.crl !== null && (issuing?.crl.entries ?? 0) > 0 ? true : undefined;
    });
  });

  it('has an audit trail that holds, online and exported, and shows tampering', () => {
    const audit = (...args: string[]) => runChancery(['audit', ...args, '--json'], { home: office.home });
    expect(JSON.parse(audit('verify').stdout)).toMatchObject({ intact: true });
    const file = path.join(scratch, 'trail.jsonl');
    expect(audit('export', file).code).toBe(0);
    expect(audit('verify', file).code).toBe(0);
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('key.release', 'key.relaese').replace('recovery.release', 'recovery.relaese'),
    );
    const tampered = audit('verify', file);
    expect(tampered.code).toBe(1);
    expect(JSON.parse(tampered.stdout)).toMatchObject({ intact: false });
  });

  it('lets an operator sign in at the command line, under their own name', async () => {
    const audrey = await invite(office.url, ada.client, {
      name: 'Audrey Lin',
      address: 'audrey@example.com',
      roles: ['auditor'],
    });
    const signIn = (CHANCERY_PASSWORD: string) =>
      runChancery(['sign-in', audrey.address], {
        home: office.home,
        env: { CHANCERY_PASSWORD, CHANCERY_CODE: nextCode(audrey) },
      });
    expect(signIn('not her password')).toMatchObject({ code: 1, stdout: '' });
    const { code, stdout } = signIn(audrey.password);
    expect(code).toBe(0);
    const asAudrey = (...args: string[]) =>
      runChancery(args, { home: office.home, env: { CHANCERY_TOKEN: stdout.trim() } });
    expect(asAudrey('audit', 'verify').code).toBe(0);
    expect(asAudrey('people', 'add', '--address', 'new@example.com', '--name', 'New')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('person:write'),
    });
  });

  it('signs an administrator in by a link, once, and goes on as nobody else where that failed', async () => {
    const { url } = await createClient({ baseUrl: office.url, token: office.localToken }).signInLink({
      body: { address: ada.address },
    });
    const env = { CHANCERY_SIGN_IN_LINK: url };
    const { code, stdout } = runChancery(['sign-in'], { home: office.home, env });
    expect(code).toBe(0);
    const token = stdout.trim();
    expect(await createClient({ baseUrl: office.url, token }).me()).toMatchObject({ address: ada.address });
    // What is behind the link is no session, and what it gave is no link.
    expect(runChancery(['sign-in'], { home: office.home, env })).toMatchObject({ code: 1, stdout: '' });
    expect(runChancery(['people', 'list'], { home: office.home, env: { CHANCERY_TOKEN: '' } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nobody was signed in'),
    });
  });

  it('ends cleanly on Ctrl-C, and starts again where it stood', async () => {
    expect(await office.stop()).toBe(0);
    await office.start();
    expect((await ada.client.overview()).people.active).toBe(3);
  });
});

async function personOf(address: string) {
  const { items } = await ada.client.people({ query: { search: address } });
  const person = items.find((one) => one.address === address);
  if (person === undefined) throw new Error(`${address} is not there`);
  return person;
}

async function trustAnchors() {
  const { items } = await ada.client.authorities();
  return items
    .filter((one) => one.role === 'root')
    .map((one) => parseCertificate(Buffer.from(one.certificate, 'base64')));
}

/** The proof of a recovery: a mail to that person, sent before or after, opens with the key. */
async function opensMailTo(address: string, pkcs8: Uint8Array): Promise<void> {
  const subject = `Proof ${crypto.randomUUID()}`;
  await send(office.outboundPort, { from: 'anna@example.com', to: address, subject, text: 'Readable again.\n' });
  const message = await arrived(office.mailbox, (one) => one.includes(`Subject: ${subject}`));
  const decrypter = localDecrypter(createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }));
  const opened = await decryptMessage({ message, keys: [{ decrypter }] });
  expect(Buffer.from(opened.message).toString('latin1')).toContain('Readable again.');
}
