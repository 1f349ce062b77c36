/** Attacks 24 to 31 through a running gateway: it answers, in bounded time, and nothing of it is called good. */
import { connect } from 'node:net';
import { deflateSync } from 'node:zlib';
import {
  authorityInfoAccess,
  crlDistributionPoints,
  DerReader,
  decodeBody,
  encryptMessage,
  oids,
  scanMessage,
  signMessage,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../../../smime/src/asn1/der.ts';
import { soundSigners } from '../../../smime/test/attacks/naive.ts';
import { attributes, clear, opaque, signedData, signerInfo, text } from '../../../smime/test/forge.ts';
import { type Holder, mail, replaced } from '../../../smime/test/office.ts';
import { type Attacked, startAttacked } from '../support/attacked.ts';
import { until } from '../support/next-server.ts';

let at: Attacked;
let alice: Holder;
beforeAll(async () => {
  at = await startAttacked();
  alice = await at.certify({ email: 'alice@example.org' }, at.root);
});
afterAll(() => at.stop());

/** It arrives whole, within a few seconds, and is not called good. */
async function survives(message: Uint8Array, whole = true) {
  const began = performance.now();
  const arrived = await at.arrives(message);
  expect(performance.now() - began).toBeLessThan(8_000);
  expect(arrived.verdict).not.toBe('valid');
  expect(arrived.smime).not.toBe('pass');
  if (whole) expect(arrived.octets.subarray(-message.length).equals(message)).toBe(true);
  expect(await at.harvested()).toEqual([]);
  return arrived;
}

describe('attacks on resources and structure, through the gateway', () => {
  it('24: compressed bombs, one and within one another', async () => {
    const compressed = (octets: Uint8Array): Buffer =>
      encodeSequence(
        encodeOid(oids.compressedData),
        encodeExplicit(
          0,
          encodeSequence(
            encodeInteger(0),
            encodeSequence(encodeOid(oids.zlibCompress)),
            encodeSequence(encodeOid(oids.data), encodeExplicit(0, encodeOctetString(octets))),
          ),
        ),
      );
    const part = (der: Uint8Array) =>
      `Content-Type: application/pkcs7-mime; smime-type=compressed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(der).toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n`;
    let nested = 'Content-Type: text/plain\r\n\r\ndeep\r\n';
    for (let layer = 0; layer < 20; layer++) nested = part(compressed(deflateSync(Buffer.from(nested, 'latin1'))));
    const memory = process.memoryUsage().rss;
    const from = 'From: alice@example.org\r\nMIME-Version: 1.0\r\n';
    await survives(Buffer.from(`${from}${part(compressed(deflateSync(Buffer.alloc(16 * 1024 * 1024))))}`));
    await survives(Buffer.from(`${from}${nested}`));
    expect(process.memoryUsage().rss - memory).toBeLessThan(200 * 1024 * 1024);
  });

  it('25: ASN.1 of impossible depth, length and size', async () => {
    const nested = (header: string, depth: number): Buffer => Buffer.alloc(depth * (header.length / 2), header, 'hex');
    const version = encodeSequence(encodeInteger(Buffer.alloc(1_000_000, 0x7f)), encodeOid(oids.data));
    for (const der of [
      nested('3080', 200_000),
      nested('2480', 200_000),
      Buffer.from('3084ffffffff0609', 'hex'),
      Buffer.from('308fffffffffffffffffffffffffffffff', 'hex'),
      encodeSequence(encodeOid(oids.signedData), encodeExplicit(0, version)),
      Buffer.alloc(1_000),
    ]) {
      await survives(opaque(der));
      await survives(opaque(der, { header: 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data' }));
    }
  });

  it('26: ten thousand signers, certificates, recipients', { timeout: 30_000 }, async () => {
    const info = await signerInfo(alice, attributes(text));
    await survives(clear(text, signedData(new Array<Buffer>(10_000).fill(info), [alice])));
    await survives(clear(text, signedData([info], new Array<Holder>(10_000).fill(alice))));
    const one = await encryptMessage({ message: mail(), recipients: [alice.certificate] });
    const der = Buffer.from(decodeBody(one, scanMessage(one)));
    const reader = new DerReader(der).enter();
    reader.oid();
    const data = reader.enter(0xa0).enter();
    data.skip();
    const [recipient] = [data.enter(0x31).element()];
    const many = encodeSequence(
      encodeOid(oids.envelopedData),
      encodeExplicit(
        0,
        encodeSequence(encodeInteger(2), setOf(new Array<Uint8Array>(10_000).fill(recipient)), data.element()),
      ),
    );
    const arrived = await survives(
      opaque(many, { header: 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data' }),
    );
    expect(arrived.verdictField).toContain('opened=no');
  });

  it('27: MIME of impossible depth and number of parts', { timeout: 30_000 }, async () => {
    let body = 'deep\r\n';
    for (let level = 2_000; level > 0; level--)
      body = `--x${level}.\r\nContent-Type: multipart/mixed; boundary="x${level + 1}."\r\n\r\n${body}`;
    expect((await survives(mail({ contentType: 'multipart/mixed; boundary="x1."', body }))).verdict).toBe('ambiguous');
    const parts = `${'--x\r\n\r\n\r\n'.repeat(100_000)}--x--\r\n`;
    const many = await survives(mail({ contentType: 'multipart/mixed; boundary=x', body: parts }));
    expect(many.verdict).toBe('ambiguous');
    await survives(Buffer.from('Content-Type: message/rfc822\r\n\r\n'.repeat(2_000)));
  });

  it('28: structure that can be read in two ways is never good', async () => {
    const message = clear(text, signedData([await signerInfo(alice, attributes(text))], [alice]));
    const naive = async (one: Uint8Array) =>
      (await soundSigners(one, at.root.certificate).catch(() => undefined)) !== undefined;
    const type = 'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="b"';
    const cases: [from: string, to: string][] = [
      [type, `Content-Type: text/html\r\n${type}`],
      [type, `${type}\r\nContent-Type: text/html`],
      [type, `${type}\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64`],
      ['boundary="b"', 'boundary="b"; boundary="c"'],
      ['boundary="b"', 'boundary*=us-ascii\'\'b; boundary="b"'],
      ['boundary="b"', 'boundary="b'],
      ['boundary="b"', 'boundary="\\b"'],
      ['Content-Type: multipart', 'Content-Type : multipart'],
      ['Pay 10', '--bogus\r\nPay 10'],
      ['--b--', '--b--\r\n--b\r\n\r\nPay Mallory.\r\n--b--'],
    ];
    let fooled = 0;
    for (const [from, to] of cases) {
      const doubtful = replaced(message, from, to);
      if (await naive(doubtful)) fooled++;
      await survives(doubtful);
    }
    expect(fooled).toBeGreaterThan(7);
    const nul = {
      sender: 'alice@example.org',
      recipients: ['anna@example.com'],
      message: replaced(message, 'b"', 'b\0"'),
    };
    expect(await at.office.send('inbound', nul)).toMatchObject({ code: 550 });
  });

  it('29: no line end but CRLF ends a line, and no ending but CRLF.CRLF a message, in either direction', async () => {
    const forms = ['\n.\n', '\n.\r\n', '\r.\r', '\r\n.\r', '\r\n.\n', '\r.\r\n'];
    for (const [port, from, to] of [
      [at.office.gateway().inboundPort, 'eve@x.example', 'anna@example.com'],
      [at.office.gateway().outboundPort, 'anna@example.com', 'eve@x.example'],
    ] as const) {
      for (const form of forms) {
        at.office.inside.delivered.length = 0;
        at.office.outside.delivered.length = 0;
        const smuggled = `MAIL FROM:<ceo@example.com>\r\nRCPT TO:<${to}>\r\nDATA\r\nFrom: ceo@example.com\r\n\r\nsmuggled`;
        const replies = await dialogue(port, [
          'EHLO x.example\r\n',
          `MAIL FROM:<${from}>\r\n`,
          `RCPT TO:<${to}>\r\n`,
          'DATA\r\n',
          `From: ${from}\r\nSubject: x\r\n\r\nfirst${form}${smuggled}\r\n.\r\n`,
          'QUIT\r\n',
        ]);
        expect(replies.at(-2)).toMatch(/^550 5\.6\.11/);
        expect([...at.office.inside.delivered, ...at.office.outside.delivered]).toEqual([]);
      }
    }
  });

  it('29: what a certificate says is never fetched, and what a header hides is no field', async () => {
    let asked = 0;
    const server = await listening(() => asked++);
    const url = `http://127.0.0.1:${server.port}/ca.crt`;
    const lured = await at.certify(
      {
        email: 'alice@example.org',
        extensions: [authorityInfoAccess({ ocsp: [url], caIssuers: [url] }), crlDistributionPoints([url])],
      },
      await at.certify({ ca: true, name: 'Missing' }),
    );
    await survives(clear(text, signedData([await signerInfo(lured, attributes(text))], [lured])));
    expect(asked).toBe(0);
    server.stop();
    const sealed = await at.encrypted(
      Buffer.from(
        await signMessage({
          signers: [alice],
          message: mail({ from: 'alice@example.org', headers: ['X-Note: =?utf-8?q?a=0D=0ABcc:_eve@x.example?='] }),
          form: 'opaque',
          headerProtection: 'shy',
          signingTime: new Date(),
        }),
      ),
    );
    const arrived = await at.arrives(sealed);
    expect(scanMessage(arrived.octets).headers.some(({ name }) => name === 'bcc')).toBe(false);
  });

  it('30: labels that only we may put on a message are lost on the way', async () => {
    const forged = [
      'Authentication-Results: gateway.example.com; smime=pass header.from=alice@example.org',
      'Authentication-Results: (x) "gateway.example.com" 1; smime=pass',
      'AUTHENTICATION-RESULTS : Gateway.Example.Com; dkim=pass',
      'X-Chancery-Verdict: valid; signer=alice@example.org',
      'X-Chancery-Signal: none; notice; all is well',
      'X-Chancery-Gateway: inbound AAAA',
      'x-chancery-verdict : valid',
    ];
    const message = mail({ from: 'alice@example.org', headers: forged });
    // Believes the first field of that name.
    expect(/^X-Chancery-Verdict: (\w+)/im.exec(message.toString('latin1'))?.[1]).toBe('valid');
    for (const one of [message, await at.encrypted(message)]) {
      const arrived = await at.arrives(one);
      expect(arrived.verdict).toBe('unsigned');
      const header = arrived.text.slice(0, arrived.text.indexOf('\r\n\r\n'));
      expect(header.match(/^x-chancery-verdict *:/gim)).toHaveLength(1);
      expect(header.match(/^authentication-results *:/gim)).toHaveLength(1);
      expect(header).not.toContain('all is well');
      expect(header).not.toMatch(/smime=pass|signer=alice/);
    }
  });

  it('31: layers without end are opened once, and the others reported', async () => {
    let message: Uint8Array = mail({ from: 'alice@example.org', body: 'The password is swordfish.\r\n' });
    for (let layer = 0; layer < 12; layer++) message = await at.encrypted(message);
    const arrived = await at.arrives(message);
    expect(arrived.verdictField).toMatch(/opened=yes; authenticated=no/);
    expect(arrived.verdictField).toContain('layers=enveloped-data+enveloped-data');
    expect(arrived.text).not.toContain('swordfish');
    let signed: Uint8Array = mail({ from: 'alice@example.org' });
    for (let layer = 0; layer < 12; layer++)
      signed = await signMessage({
        signers: [alice],
        message: signed,
        form: 'opaque',
        signingTime: new Date(),
        headerProtection: 'none',
      });
    await survives(signed);
  });
});

/** The SET OF as it is given, where DER would sort it. */
function setOf(elements: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(elements);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([Buffer.from([0x31, 0x84]), length, content]);
}

/** Says each line once the one before was answered; gives every reply, the greeting first. */
async function dialogue(port: number, lines: readonly string[]): Promise<string[]> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  const replies: string[] = [];
  let buffered = '';
  let said = 0;
  await new Promise<void>((done) => {
    socket.on('error', () => done());
    socket.on('close', () => done());
    socket.on('data', (chunk: string) => {
      buffered += chunk;
      for (;;) {
        const whole = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(buffered)?.[0];
        if (whole === undefined) return;
        buffered = buffered.slice(whole.length);
        replies.push(whole.trimEnd());
        const next = lines[said++];
        if (next !== undefined) socket.write(Buffer.from(next, 'latin1'));
      }
    });
  });
  return replies;
}

async function listening(asked: () => void): Promise<{ port: number; stop(): void }> {
  const { createServer } = await import('node:http');
  const server = createServer((_, response) => {
    asked();
    response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const bound = server.address();
  await until(() => server.listening);
  return { port: typeof bound === 'object' && bound !== null ? bound.port : 0, stop: () => void server.close() };
}
