/** What people's devices are handed, in the hands of programs that nobody here wrote. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from '@chancery/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrived, eventually, send, sendRaw } from '../e2e/support/mail.ts';
import { freePort, runChancery } from '../e2e/support/office-process.ts';
import { openZip } from '../packages/authority/src/audit/open-zip.ts';
import { AppleConfiguration, readPlist } from '../packages/authority/test/apple-profile.ts';
import { writePkcs12 } from '../packages/console/src/claim/pkcs12.ts';
import { makeSigningKey } from '../packages/console/src/claim/request.ts';
import { assembleKit } from '../packages/console/src/devices/assemble-kit.ts';
import { certificateOf, type ExampleOffice, openExampleOffice, personOf } from './example-office.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';
import { Directory } from './slapd.ts';
import { makeProfile } from './thunderbird/profile.ts';
import { programWith, Thunderbird } from './thunderbird/thunderbird.ts';

const KIM = 'kim@example.com';
/** A colleague whose gateway opens their mail, and who has never written to anybody. */
const BEN = 'ben@example.com';
const PASSWORD = 'k3fx-7dna-vvq2-8hmt-zz4p';

describe.skipIf(missing('slapd') || missing('thunderbird'))('devices', () => {
  let example: ExampleOffice;
  let directory: Directory;
  let thunderbird: Thunderbird | undefined;
  let secret: string;
  const client = () => createClient({ baseUrl: example.office.url });
  const ready = (): Thunderbird => {
    if (thunderbird === undefined) throw new Error('It was not set up');
    return thunderbird;
  };

  beforeAll(async () => {
    const port = await freePort();
    directory = new Directory(mkdtempSync(path.join(tmpdir(), 'chancery-devices-')), port);
    directory.create([BEN, KIM]);
    await directory.start();
    example = await openExampleOffice({
      authorityToml: `${directory.toml}
[devices.mail]
imap = { host = "imap.example.com" }
smtp = { host = "smtp.example.com" }
[devices.directory]
name = "Colleagues"
host = "127.0.0.1"
port = ${port}
tls = false
baseDn = "dc=example,dc=com"
`,
    });
    const { client: ada } = example.ada;
    await ada.addPerson({ body: { address: KIM, name: 'Kim Kit', signingKey: 'device' } });
    await ada.addPerson({ body: { address: BEN, name: 'Ben Carter', signingKey: 'gateway', gatewayDecrypts: true } });
    const { id } = await personOf(example.ada, KIM);
    const { url } = await ada.newClaim({ params: { id } });
    secret = url.slice(url.indexOf('#') + 1);
  });
  afterAll(async () => {
    await thunderbird?.stop();
    await example?.office.dispose();
    await directory?.stop();
    if (example !== undefined) rmSync(example.scratch, { recursive: true, force: true });
    rmSync(directory.folder, { recursive: true, force: true });
  });

  it('an Apple profile: OpenSSL verifies its seal, Python reads it, OpenSSL opens the keys in it', async () => {
    const { url } = await client().claimAppleProfile({ body: { secret, password: PASSWORD } });
    const answer = await fetch(`${example.office.url}${new URL(url).pathname}`);
    expect(answer.headers.get('content-type')).toBe('application/x-apple-aspen-config');
    const file = path.join(example.scratch, 'kim.mobileconfig');
    writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    const plist = `${file}.plist`;
    const verify = ['cms', '-verify', '-inform', 'DER', '-in', file, '-CAfile', example.rootFile, '-purpose', 'any'];
    const verified = run('openssl', [...verify, '-out', plist]);
    expect(verified.text).toMatch(/Verification successful/);
    // Nobody else's seal.
    const other = run('openssl', [...verify.map((one) => (one === example.rootFile ? example.issuingFile : one))]);
    expect(other.code).not.toBe(0);
    const read = run('python3', [
      '-c',
      `import plistlib, sys
top = plistlib.load(open(sys.argv[1], 'rb'))
for n, one in enumerate(p for p in top['PayloadContent'] if p['PayloadType'] == 'com.apple.security.pkcs12'):
    open(f"{sys.argv[1]}.{n}.p12", 'wb').write(one['PayloadContent'])
print(' '.join(p['PayloadType'] for p in top['PayloadContent']))`,
      plist,
    ]);
    expect(read.text.trim().split(' ')).toEqual([
      'com.apple.security.root',
      'com.apple.security.pkcs1',
      'com.apple.security.pkcs12',
      'com.apple.security.scep',
      'com.apple.mail.managed',
    ]);
    AppleConfiguration.parse(readPlist(readFileSync(plist, 'utf8')));
    const open = (password: string) =>
      run('openssl', ['pkcs12', '-legacy', '-in', `${plist}.0.p12`, '-passin', 'stdin', '-nodes'], `${password}\n`);
    expect(open(PASSWORD).text).toContain('BEGIN PRIVATE KEY');
    expect(open('wrong').code).not.toBe(0);
  });

  it('Thunderbird with nothing but an account is set up by our files alone', async () => {
    // What the claim page does in Kim's browser.
    const { keyPair, request } = await makeSigningKey('Kim Kit');
    const csr = Buffer.from(request).toString('base64');
    const issued = await client().claimSigning({ body: { secret, csr, keyOrigin: 'browser' } });
    const certificate = Buffer.from(issued.certificate, 'base64');
    const pkcs12 = await writePkcs12({
      privateKey: new Uint8Array(await crypto.subtle.exportKey('pkcs8', keyPair.privateKey)),
      certificates: [certificate, ...issued.chain.map((der) => Buffer.from(der, 'base64'))],
      friendlyName: 'Kim Kit (signing)',
      password: PASSWORD,
    });
    const { data } = await client().claimEncryption({ body: { secret, password: PASSWORD } });
    const kit = await client().claimKit({ body: { secret, kind: 'thunderbird' } });
    expect(kit.fileName).toBe('kim@example.com.mail-keys.xpi');
    const addOn = path.join(example.scratch, kit.fileName);
    const keys = { encryption: Buffer.from(data, 'base64'), signing: { pkcs12, certificate } };
    writeFileSync(addOn, assembleKit(kit, keys, new Date()));
    await client().finishClaim({ body: { secret } });

    // What the administrator does on Kim's machine.
    const archive = path.join(example.scratch, 'everyone.zip');
    const downloaded = runChancery(['devices', 'kit', 'thunderbird', '--out', archive, '--json'], {
      home: example.office.home,
    });
    expect(downloaded, downloaded.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(downloaded.stdout)).toMatchObject({ file: archive, octets: readFileSync(archive).length });
    expect(runChancery(['devices', 'kit', 'eudora'], { home: example.office.home })).toMatchObject({ code: 2 });
    const files = openZip(readFileSync(archive)) ?? new Map<string, Uint8Array>();
    const program = programWith(path.join(example.scratch, 'thunderbird'), files);
    const profile = path.join(example.scratch, 'profile');
    mkdirSync(profile);
    makeProfile(profile, {
      address: KIM,
      name: 'Kim Kit',
      anchors: [],
      intermediates: [],
      pkcs12: [],
      correspondents: [],
      smtpPort: example.office.outboundPort,
    });
    thunderbird = await Thunderbird.start(profile, program);
    const trusted = await thunderbird.ask<boolean>(
      `const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
       const root = db.constructX509FromBase64(args[0]);
       return db.isCertTrusted(root, Ci.nsIX509Cert.CA_CERT, Ci.nsIX509CertDB.TRUSTED_EMAIL);`,
      Buffer.from(example.root.der).toString('base64'),
    );
    expect(trusted, 'by the policies').toBe(true);

    await thunderbird.addOn(addOn);
    expect(await thunderbird.fillIn('set-up.html', 'wrong')).toMatch(/not the password of this kit/);
    const said = await thunderbird.fillIn('set-up.html', PASSWORD);
    thunderbird.picture('artifacts/interop/thunderbird-kit.png');
    expect(said).toContain(`${KIM} signs what you send, and opens what is sent to you encrypted.`);
    expect(said).toContain('“Colleagues”');
  });

  it('and says signature SUCCESS and encryption SUCCESS of a mail that went through the gateway', async () => {
    const kit = ready();
    await eventually('Kim can be written to encrypted', () =>
      certificateOf(example.ada, KIM, 'encryption').catch(() => undefined),
    );
    await send(example.office.outboundPort, {
      from: 'Anna Becker <anna@example.com>',
      to: KIM,
      subject: 'For Kim',
      text: 'Signed, encrypted, readable.\n',
    });
    const mail = await arrived(example.office.mailbox, (message) => message.includes('Subject: For Kim'));
    expect(mail.toString('latin1')).not.toContain('Signed, encrypted, readable.');
    const verdict = await kit.show(mail);
    kit.picture('artifacts/interop/thunderbird-reads.png');
    expect(verdict).toMatchObject({ signature: 'SUCCESS', encryption: 'SUCCESS', signer: 'Anna Becker' });
    expect(verdict.body).toContain('Signed, encrypted, readable.');
  });

  it('and says that an altered signed mail is altered', async () => {
    const kit = ready();
    await send(example.office.outboundPort, {
      from: 'anna@example.com',
      to: 'outside@partner.example',
      subject: 'Only signed',
      text: 'Pay 100 to Bob.\n',
    });
    const mail = await arrived(example.office.mailbox, (message) => message.includes('Subject: Only signed'));
    expect(await kit.show(mail)).toMatchObject({ signature: 'SUCCESS', encryption: null });
    const altered = mail.toString('latin1').replace('Pay 100', 'Pay 900');
    expect(await kit.show(Buffer.from(altered, 'latin1'))).toMatchObject({ signature: 'VERIFY_DIGEST_MISMATCH' });
  });

  it('and finds a colleague’s certificate in slapd, signs, and writes to him encrypted; our gateway opens it', async () => {
    const kit = ready();
    const ben = await eventually('Ben stands in slapd', async () => {
      const one = await certificateOf(example.ada, BEN, 'encryption').catch(() => undefined);
      const found = one && directory.certificatesOf(BEN).includes(Buffer.from(one.der).toString('base64'));
      return found === true ? one : undefined;
    });
    const isKnown = () =>
      kit.ask<boolean>(
        `const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
         return db.getCerts().some((one) => one.getBase64DERString() == args[0]);`,
        Buffer.from(ben.der).toString('base64'),
      );
    expect(await isKnown()).toBe(false);
    await kit.send({ to: BEN, subject: 'Found in slapd', text: 'For Ben alone, with an ä.\n' });
    const sent = await arrived(example.office.mailbox, (message) => message.includes('Subject: Found in slapd'));
    kit.picture('artifacts/interop/thunderbird-sent.png');
    expect(await isKnown()).toBe(true);
    expect(sent.toString('latin1')).toMatch(/enveloped-data/);
    expect(sent.toString('latin1')).not.toContain('For Ben alone');
    await sendRaw(example.office.inboundPort, KIM, [BEN], sent);
    const opened = await arrived(
      example.office.mailbox,
      (message) => message.includes('Subject: Found in slapd') && message.includes('For Ben alone'),
    );
    expect(opened.toString('latin1')).toMatch(/Authentication-Results:[^\r\n]*(\r\n[ \t][^\r\n]*)*smime=pass/);
    const journal = await eventually('the decision is on record', async () => {
      const { items } = await example.ada.client.journal({ query: {} });
      return items.find((one) => one.direction === 'inbound' && one.outcome === 'decrypted');
    });
    expect(journal.verdict).toBe('valid');
  });
});
