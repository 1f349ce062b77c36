/** Mail that is too large to be held in memory goes through files, and comes out as any other. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import {
  decodeBody,
  decryptMessage,
  encryptContent,
  encryptMessage,
  localDecrypter,
  scanMessage,
  signMessage,
  verifyMessage,
} from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { orderHeld } from '../src/index.ts';
import { until } from './support/next-server.ts';
import { makeCa, makeKeys, type TestCa } from './support/test-ca.ts';
import { startTestGateway, type TestGateway } from './support/test-gateway.ts';

/** Octets, instead of megabytes: the same is done, and sooner. */
const largeFrom = 500_000;
let office: TestGateway;
let strangers: TestCa;
const anna = 'anna@example.com';
const dkim = generateKeyPairSync('ed25519');

beforeAll(async () => {
  const never = { sign: 'never', encrypt: 'never' } as const;
  strangers = await makeCa('Strangers');
  office = await startTestGateway(
    [
      {
        name: 'looked at',
        when: { direction: 'inbound', header: { name: 'X-Test', contains: 'hold' } },
        do: { hold: { reason: 'Looked at first', hours: 24 } },
      },
      {
        name: 'outside',
        when: { direction: 'inbound', recipient: [anna] },
        do: { banner: 'signals', removeAttachments: ['*.exe'] },
      },
      {
        name: 'at rest',
        when: { direction: 'inbound', recipient: ['cleo@example.com'] },
        do: { reencrypt: 'opened' },
      },
      { name: 'plain', when: { direction: 'outbound', recipientDomain: ['plain.example'] }, do: never },
      {
        name: 'noted',
        when: { direction: 'outbound', recipientDomain: ['noted.example'] },
        do: { ...never, disclaimer: { text: 'Ours alone.' } },
      },
      {
        name: 'opaque',
        when: { direction: 'outbound', recipientDomain: ['opaque.example'] },
        do: { sign: 'must', encrypt: 'never', form: 'opaque' },
      },
      {
        name: 'secret',
        when: { direction: 'outbound', recipientDomain: ['example.com'] },
        do: { sign: 'must', encrypt: 'must' },
      },
    ],
    { largeFrom },
    { held: { everySeconds: 0.05 } },
  );
  await office.authority.addPerson({ address: anna, encryption: 'p256' });
  await office.authority.addPerson({ address: 'ben@example.com', encryption: 'rsa' });
  await office.authority.addPerson({ address: 'cleo@example.com', encryption: 'p256', decrypts: true });
  await until(() => office.gateway().health().signers.ready === 3);
  await office.ready();
});
afterAll(() => office.stop());
beforeEach(() => {
  office.inside.delivered.length = 0;
  office.outside.delivered.length = 0;
});

/** Every line another one, and longer together than what is held in memory. */
const lines = Array.from({ length: Math.ceil(largeFrom / 70) }, (_, n) => `${n} ${'x'.repeat(70)}\r\n`).join('');
const letter = (from: string, to: string, body = lines) =>
  Buffer.from(
    `From: ${from}\r\nTo: ${to}\r\nSubject: large\r\nDate: ${new Date().toUTCString()}\r\nMessage-ID: <${Math.random()}@x.example>\r\n\r\n${body}`,
  );
const sha256 = (octets: Uint8Array) => createHash('sha256').update(octets).digest('hex');
const textHash = sha256(Buffer.from(lines));

async function sent(to: string): Promise<Buffer> {
  const mail = { sender: anna, recipients: [to], message: letter(anna, to) };
  expect(await office.send('outbound', mail)).toMatchObject({ code: 250 });
  return arrived(office.outside);
}

async function arrived(server: TestGateway['outside']): Promise<Buffer> {
  await until(() => server.delivered.length > 0);
  // Nothing of it is left behind.
  const spool = path.join(office.folder, 'spool');
  await until(() => readdirSync(spool).length === 0);
  return server.delivered[0]?.message ?? Buffer.alloc(0);
}

/** As no client would send it: octet for octet. @returns the last reply */
function rawSubmit(port: number, message: Buffer): Promise<string> {
  const steps = [
    'EHLO x.example\r\n',
    `MAIL FROM:<${anna}>\r\n`,
    'RCPT TO:<rob@plain.example>\r\n',
    'DATA\r\n',
    Buffer.concat([message, Buffer.from('\r\n.\r\n')]),
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      // The last line of a reply has a blank behind its code.
      const last = /^\d{3} .*\r\n$/m.exec(`${chunk}`)?.[0];
      if (last === undefined) return;
      const step = steps.shift();
      if (step !== undefined) return void socket.write(step);
      socket.end('QUIT\r\n');
      resolve(last);
    });
  });
}

const trust = () => ({ anchors: [office.authority.ca.root], intermediates: [office.authority.ca.issuing] });
const bodyOf = (message: Buffer) => message.subarray(message.indexOf('\r\n\r\n') + 4);

describe('large mail on its way out', () => {
  it('passes through, octet for octet', async () => {
    let inFile = false;
    office.outside.onMessage = () => {
      inFile = readdirSync(path.join(office.folder, 'spool')).some((name) => name.startsWith('work-'));
      return undefined;
    };
    const message = await sent('rob@plain.example');
    expect(inFile).toBe(true);
    expect(sha256(bodyOf(message))).toBe(textHash);
    expect(message.toString('latin1', 0, 2000)).toMatch(/^Received: [\s\S]*X-Chancery-Gateway: /);
  });

  it('is signed, in the clear and opaque', async () => {
    for (const to of ['rob@x.example', 'rob@opaque.example']) {
      const report = await verifyMessage({ message: await sent(to), ...trust() });
      expect(report).toMatchObject({ verdict: 'valid', covers: 'whole', from: [anna] });
      expect(Buffer.from(report.content ?? []).includes(lines.slice(-5000))).toBe(true);
      office.outside.delivered.length = 0;
    }
  });

  it('is signed and encrypted', async () => {
    const message = await sent('ben@example.com');
    expect(message.includes(lines.slice(0, 75))).toBe(false);
    const { keys, certificate } = office.authority.encryptionKeyOf('ben@example.com');
    const opened = await decryptMessage({
      message,
      keys: [{ decrypter: localDecrypter(keys.privateKey), certificate }],
    });
    const report = await verifyMessage({ message: opened.message, ...trust() });
    expect(report).toMatchObject({ verdict: 'valid', covers: 'whole' });
    expect(Buffer.from(report.content ?? []).includes(lines.slice(-5000))).toBe(true);
  });

  it('is changed as a rule says', async () => {
    const message = await sent('rob@noted.example');
    expect(message.toString('latin1').endsWith('Ours alone.\r\n')).toBe(true);
  });

  it('is signed by DKIM, and waits in the spool while the next server does not want it', async () => {
    const file = path.join(office.folder, 'dkim.pem');
    await writeFile(file, dkim.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const signing = await startTestGateway([], { largeFrom }, {
      dkim: [{ domain: 'example.com', selector: 's', key: { file } }],
    } as never);
    try {
      await signing.authority.addPerson({ address: anna });
      await until(() => signing.gateway().health().signers.ready === 1);
      let refused = 0;
      signing.outside.onMessage = () => (refused++ < 2 ? '451 4.3.0 not now' : undefined);
      const message = letter(anna, 'rob@x.example', `${lines}\r\n\r\n`);
      expect(await signing.send('outbound', { sender: anna, recipients: ['rob@x.example'], message })).toMatchObject({
        code: 250,
      });
      await until(() => signing.outside.delivered.length === 1);
      expect(refused).toBe(3);
      const { dkimVerify } = await import('mailauth/lib/dkim/verify.js');
      const record = `v=DKIM1; k=ed25519; p=${dkim.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')}`;
      const { results } = await dkimVerify(signing.outside.delivered[0]?.message ?? Buffer.alloc(0), {
        resolver: async () => [[record]],
      });
      expect(results.map(({ status }) => status.result)).toEqual(['pass']);
    } finally {
      await signing.stop();
    }
  });

  it('is refused where its lines end as no line may, wherever in it that is', async () => {
    for (const [at, odd] of [
      [lines.length - 75, '\n.\n'],
      [lines.length, '\r'],
      [largeFrom + 10, '\0'],
    ] as const) {
      const body = `${lines.slice(0, at)}${odd}${lines.slice(at)}`;
      const reply = await rawSubmit(office.gateway().outboundPort, letter(anna, 'rob@plain.example', body));
      expect(reply, JSON.stringify(odd)).toMatch(/^5\d\d /);
    }
    expect(office.outside.delivered).toEqual([]);
    expect(readdirSync(path.join(office.folder, 'spool'))).toEqual([]);
  });
});

describe('large mail on its way in', () => {
  it('is verified, opened where it came encrypted, and labelled', async () => {
    const { ca } = office.authority;
    const keys = makeKeys();
    const certificate = await ca.issue({ spki: keys.spki, emails: ['bob@partner.example'], use: 'signing' });
    const signer = { signer: keys.signer, certificate, chain: [ca.issuing] };
    const message = letter('bob@partner.example', 'ben@example.com');
    const signed = Buffer.from(await signMessage({ message, signers: [signer] }));
    const reader = office.authority.encryptionKeyOf('ben@example.com').certificate;
    for (const cipher of [undefined, 'aes-256-cbc', 'aes-256-gcm'] as const) {
      const octets =
        cipher === undefined
          ? signed
          : Buffer.from(await encryptMessage({ message: signed, recipients: [reader], cipher }));
      const mail = { sender: 'bob@partner.example', recipients: ['ben@example.com'], message: octets };
      expect(await office.send('inbound', mail)).toMatchObject({ code: 250 });
      const got = await arrived(office.inside);
      office.inside.delivered.length = 0;
      const head = got.toString('latin1', 0, got.indexOf('\r\n\r\n'));
      expect(head).toMatch(/^Authentication-Results: gateway\.example\.com/);
      expect(head).toMatch(/smime=pass/);
      expect(head).toMatch(/X-Chancery-Verdict: /);
      const report = await verifyMessage({ message: got, ...trust() });
      expect(report, String(cipher)).toMatchObject({ verdict: 'valid', covers: 'whole' });
      expect(Buffer.from(report.content ?? []).includes(lines.slice(-5000))).toBe(true);
    }
  });

  const bob = 'bob@partner.example';
  const received = async (to: string, message: Uint8Array) => {
    const mail = { sender: bob, recipients: [to], message: Buffer.from(message) };
    expect(await office.send('inbound', mail)).toMatchObject({ code: 250 });
    return arrived(office.inside);
  };
  const encryptedTo = async (reader: string, message: Uint8Array) =>
    Buffer.from(await encryptMessage({ message, recipients: [office.authority.encryptionKeyOf(reader).certificate] }));
  const signedBy = async (ca: TestCa, message: Uint8Array) => {
    const keys = makeKeys();
    const certificate = await ca.issue({ spki: keys.spki, emails: [bob], use: 'signing' });
    return signMessage({ message, signers: [{ signer: keys.signer, certificate, chain: [ca.issuing] }] });
  };
  const partsOf = (message: Buffer) =>
    scanMessage(message).parts.map((part) => Buffer.from(decodeBody(message, part)).toString('latin1'));

  it('that nobody vouches for is shown as text, with all of it attached as it came', async () => {
    const encrypted = await encryptedTo('ben@example.com', await signedBy(strangers, letter(bob, 'ben@example.com')));
    const got = await received('ben@example.com', encrypted);
    expect(got.toString('latin1', 0, 2000)).toMatch(/shown=text/);
    const [text = '', attached = ''] = partsOf(got);
    expect(text).toMatch(/^\[This message came encrypted, and nothing in it shows who wrote it/);
    expect(text).toContain(lines.slice(0, 190_000));
    expect(text.length).toBeLessThan(201_000);
    expect(sha256(Buffer.from(attached, 'latin1'))).toBe(sha256(encrypted));
  });

  it('goes on as it came where what was encrypted is a header without end', async () => {
    const { certificate } = office.authority.encryptionKeyOf('ben@example.com');
    const content = Buffer.from('X-A: b\r\n'.repeat(300_000));
    const object = Buffer.from(await encryptContent({ content, recipients: [certificate] }));
    const type = 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64';
    const body = object.toString('base64').replace(/.{76}/g, '$&\r\n');
    const message = letter(bob, 'ben@example.com', `${body}\r\n`).toString('latin1');
    const encrypted = Buffer.from(message.replace('\r\n', `\r\n${type}\r\n`));
    const got = await received('ben@example.com', encrypted);
    expect(bodyOf(got).equals(bodyOf(encrypted))).toBe(true);
    expect(got.toString('latin1', 0, 2000)).toMatch(/encrypted=yes; opened=no/);
  });

  it('has a banner, and not the files that a rule takes out', async () => {
    const program = `--f\r\nContent-Type: application/x-dosexec; name=a.exe\r\n\r\n${lines}`;
    const body = `--f\r\nContent-Type: text/plain\r\n\r\n${lines}${program}--f--\r\n`;
    const message = letter(bob, anna, body)
      .toString('latin1')
      .replace('\r\n', `\r\nReply-To: x@elsewhere.example\r\nContent-Type: multipart/mixed; boundary=f\r\n`);
    const [text = '', note, ...more] = partsOf(await received(anna, Buffer.from(message, 'latin1')));
    expect(text).toMatch(/^\* [^\r]*elsewhere\.example/);
    expect(text.endsWith(lines.slice(-70_000, -2))).toBe(true);
    expect([note, ...more]).toEqual([
      Buffer.from('The file “a.exe” was taken out of this message by a rule.\r\n').toString('latin1'),
    ]);
  });

  it('is encrypted again to its reader', async () => {
    const signed = await signedBy(office.authority.ca, letter(bob, 'cleo@example.com'));
    const got = await received('cleo@example.com', await encryptedTo('cleo@example.com', signed));
    expect(got.includes(lines.slice(-5000))).toBe(false);
    const { keys, certificate } = office.authority.encryptionKeyOf('cleo@example.com');
    const { message } = await decryptMessage({
      message: got,
      keys: [{ decrypter: localDecrypter(keys.privateKey), certificate }],
    });
    expect(await verifyMessage({ message, ...trust() })).toMatchObject({ verdict: 'valid', covers: 'whole' });
  });

  it('is held sealed, and let go as it came', async () => {
    const message = letter(bob, 'ben@example.com').toString('latin1').replace('\r\n', '\r\nX-Test: hold\r\n');
    const mail = { sender: bob, recipients: ['ben@example.com'], message };
    expect(await office.send('inbound', mail)).toMatchObject({ code: 250 });
    const held = path.join(office.folder, 'held');
    const [sealed = ''] = readdirSync(held).filter((name) => name.endsWith('.sealed'));
    const octets = readFileSync(path.join(held, sealed));
    expect(octets.length).toBeGreaterThan(message.length);
    expect(octets.includes('xxxxxxxx')).toBe(false);
    expect(office.inside.delivered).toEqual([]);
    await orderHeld(held, sealed.replace('.sealed', ''), { act: 'release', by: 'rita', note: '' });
    expect(sha256(bodyOf(await arrived(office.inside)))).toBe(textHash);
    await until(() => readdirSync(held).length === 0);
  });
});
