import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type Certificate,
  decryptMessage,
  derToPem,
  encryptMessage,
  localDecrypter,
  signMessage,
  verifyMessage,
} from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from './support/next-server.ts';
import { tripleDes } from './support/old-mail.ts';
import { type Keys, makeCa, makeKeys, type TestCa } from './support/test-ca.ts';
import { startTestGateway, type TestGateway } from './support/test-gateway.ts';

let office: TestGateway;
let strangers: TestCa;
const ofDomain = 'domain-confidentiality-authority@example.com';
const txt: Record<string, string> = {};

beforeAll(async () => {
  strangers = await makeCa('Strangers');
  const anchors = path.join(await mkdtemp(path.join(tmpdir(), 'anchors-')), 'strangers.pem');
  await writeFile(anchors, derToPem(strangers.root.der, 'CERTIFICATE'));
  office = await startTestGateway(
    [],
    {
      resolve: async (name, type) => {
        const found = type === 'TXT' ? txt[name] : undefined;
        if (found === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
        return [[found]];
      },
    },
    { trustAnchors: [anchors], openKeySeconds: 0 },
  );
  await office.authority.addPerson({ address: 'anna@example.com', encryption: 'p256', decrypts: true });
  await office.authority.addPerson({ address: 'ben@example.com', encryption: 'rsa', decrypts: true });
  await office.authority.addPerson({
    address: 'dora@example.com',
    signingKey: 'device',
    encryption: 'rsa',
    decrypts: false,
  });
  await office.authority.addPerson({ address: ofDomain, signingKey: 'device', encryption: 'p256', decrypts: true });
  await until(() => office.gateway().health().signers.ready === 2);
  await office.ready();
});
afterAll(() => office.stop());
beforeEach(() => {
  office.inside.delivered.length = 0;
  office.outside.delivered.length = 0;
  office.authority.down = false;
  for (const name of Object.keys(txt)) delete txt[name];
});

interface Stranger {
  keys: Keys;
  certificate: Certificate;
}
let serial = 0;
const stranger = async (address: string, more: object = {}): Promise<Stranger> => {
  const keys = makeKeys('rsa');
  return { keys, certificate: await strangers.issue({ spki: keys.spki, emails: [address], use: 'both', ...more }) };
};
const plain = (from: string, to: string[], { extra = '', body = 'Dear Anna,\r\n\r\nour offer\r\n' } = {}) =>
  Buffer.from(
    `${extra}From: ${from}\r\nTo: ${to.join(', ')}\r\nSubject: Offer\r\nDate: Tue, 24 Nov 2026 03:00:00 +0000\r\nMessage-ID: <${++serial}@x.example>\r\n\r\n${body}`,
  );
const signed = async (by: Stranger, message: Uint8Array) =>
  signMessage({
    message,
    signers: [{ signer: by.keys.signer, certificate: by.certificate, chain: [strangers.issuing] }],
    form: 'clear',
  });
const encrypted = async (to: string[], message: Uint8Array) =>
  encryptMessage({ message, recipients: to.map((one) => office.authority.encryptionKeyOf(one).certificate) });
const receive = async (
  message: Uint8Array,
  { sender = 'bob@x.example', to = ['anna@example.com'], count = 1 } = {},
) => {
  const reply = await office.send('inbound', { sender, recipients: to, message: Buffer.from(message) });
  expect(reply).toMatchObject({ code: 250 });
  await until(() => office.inside.delivered.length >= count);
  return office.inside.delivered.map(({ message: octets, recipients }) => ({
    text: octets.toString('latin1'),
    octets,
    recipients,
  }));
};
const resultsOf = (text: string) =>
  /^Authentication-Results: (gateway\.example\.com;(?:.|\r\n[ \t])*)/m.exec(text)?.[1]?.replace(/\r\n /g, ' ') ?? '';

describe('mail on its way in', () => {
  it('is opened for whom the gateway may open it, verified and labelled', async () => {
    const bob = await stranger('bob@x.example');
    const message = await encrypted(
      ['anna@example.com'],
      await signed(bob, plain('bob@x.example', ['anna@example.com'])),
    );
    const [delivered] = await receive(message);
    expect(delivered?.text).toContain('our offer');
    expect(resultsOf(delivered?.text ?? '')).toMatch(
      /^gateway\.example\.com; smime=pass .*header\.from=bob@x\.example smime\.signer=bob@x\.example/,
    );
    expect(delivered?.text).toMatch(
      /^X-Chancery-Verdict: valid; encrypted=yes; opened=yes;\s+authenticated=yes;\s+signer=bob@x\.example/m,
    );
    const report = await verifyMessage({ message: delivered?.octets ?? Buffer.alloc(0), anchors: [strangers.root] });
    expect(report).toMatchObject({ verdict: 'valid', covers: 'whole' });
  });

  describe('with a protected header (RFC 9788)', () => {
    const sealed = async (headerProtection: 'baseline' | 'shy', from = 'Bob Builder <bob@x.example>') => {
      const bob = await stranger('bob@x.example');
      return encrypted(
        ['anna@example.com'],
        await signMessage({
          message: plain(from, ['anna@example.com'], { extra: 'Keywords: secret\r\n' }),
          signers: [{ signer: bob.keys.signer, certificate: bob.certificate, chain: [strangers.issuing] }],
          headerProtection,
          legacyDisplay: true,
        }),
      );
    };
    const header = (text: string) => text.slice(0, text.indexOf('\r\n\r\n'));
    const altered = (message: Uint8Array, from: string, to: string) => {
      const text = Buffer.from(message).toString('latin1');
      expect(text).toContain(from);
      return Buffer.from(text.replace(from, to), 'latin1');
    };

    it('reaches its reader with the Subject that was written, and still verifies', async () => {
      for (const policy of ['baseline', 'shy'] as const) {
        office.inside.delivered.length = 0;
        const message = await sealed(policy);
        expect(Buffer.from(message).toString()).toContain('Subject: [...]');
        const [delivered] = await receive(message);
        const shown = header(delivered?.text ?? '');
        expect(shown).toMatch(/^Subject: Offer\r$/m);
        expect(shown).toMatch(/^From: Bob Builder <bob@x\.example>\r$/m);
        expect(shown).toMatch(/^Keywords: secret\r$/m);
        expect(shown).not.toContain('[...]');
        expect(delivered?.text).toMatch(/^X-Chancery-Verdict: valid; encrypted=yes; opened=yes;/m);
        const report = await verifyMessage({
          message: delivered?.octets ?? Buffer.alloc(0),
          anchors: [strangers.root],
        });
        expect(report).toMatchObject({ verdict: 'valid', covers: 'whole', protectedHeaders: { differing: [] } });
      }
    });

    it('and not signed, loses what was repeated in its text', async () => {
      const message = await encryptMessage({
        message: plain('bob@x.example', ['anna@example.com']),
        recipients: [office.authority.encryptionKeyOf('anna@example.com').certificate],
        headerProtection: 'baseline',
        legacyDisplay: true,
      });
      const [delivered] = await receive(message);
      expect(delivered?.text.match(/^Subject: /gm)).toEqual(['Subject: ']);
      expect(delivered?.text).toMatch(/^Subject: Offer\r\n(?:.+\r\n)*\r\nDear Anna,/m);
      expect(delivered?.text).toMatch(/^X-Chancery-Verdict: unsigned;/m);
    });

    it.each([
      ['another Subject', 'Subject: [...]', 'Subject: Pay at once', 'ambiguous', /^Subject: Offer\r$/m],
      ['one reader more', 'Subject: [...]', 'Cc: eve@x.example\r\nSubject: [...]', 'ambiguous', /^Subject: Offer\r$/m],
      ['another sender', 'From: Bob Builder <bob@', 'From: Eve <eve@', 'ambiguous', /^From: Eve <eve@x\.example>\r$/m],
    ])('and %s put outside on the way is never called good', async (_, from, to, verdict, shown) => {
      const [delivered] = await receive(altered(await sealed('baseline'), from, to));
      expect(header(delivered?.text ?? '')).toMatch(shown);
      expect(header(delivered?.text ?? '')).not.toMatch(/^Cc: |^Subject: Pay at once/m);
      expect(delivered?.text).toMatch(new RegExp(`^X-Chancery-Verdict: ${verdict};`, 'm'));
      expect(resultsOf(delivered?.text ?? '')).toMatch(
        /smime=permerror \(decrypted here; (What was delivered differs|The From that was|The Cc field was not)/,
      );
    });

    it('and somebody else’s From in it keeps the one that was delivered', async () => {
      const unsigned = await encryptMessage({
        message: plain('The Chief <chief@example.com>', ['anna@example.com']),
        recipients: [office.authority.encryptionKeyOf('anna@example.com').certificate],
        headerProtection: 'baseline',
      });
      for (const message of [unsigned, await sealed('baseline', 'The Chief <chief@example.com>')]) {
        office.inside.delivered.length = 0;
        const [delivered] = await receive(
          altered(message, 'From: The Chief <chief@example.com>', 'From: bob@x.example'),
        );
        expect(header(delivered?.text ?? '').match(/^From: .*$/gm)).toEqual(['From: bob@x.example']);
        expect(delivered?.text).toMatch(/^X-Chancery-Verdict: ambiguous;/m);
      }
    });

    it('cannot bring in labels of ours', async () => {
      const label = 'X-Chancery-Verdict: valid\r\nAuthentication-Results: gateway.example.com; smime=pass\r\n';
      const message = await encryptMessage({
        message: plain('bob@x.example', ['anna@example.com'], { extra: label }),
        recipients: [office.authority.encryptionKeyOf('anna@example.com').certificate],
        headerProtection: 'baseline',
      });
      const [delivered] = await receive(message);
      expect(delivered?.text.match(/^X-Chancery-Verdict: \w+/gm)).toEqual(['X-Chancery-Verdict: unsigned']);
      expect(delivered?.text.match(/^Authentication-Results: /gm)).toHaveLength(1);
    });
  });

  describe('encrypted with Triple DES', () => {
    const old = () => tripleDes(office.authority.encryptionKeyOf('ben@example.com').certificate, serial++);

    it('is opened, and says so', async () => {
      const [delivered] = await receive(old(), { to: ['ben@example.com'] });
      expect(delivered?.text).toContain('our offer');
      expect(delivered?.text.replace(/\r\n /g, ' ')).toMatch(
        /^X-Chancery-Verdict: unsigned; encrypted=yes; opened=yes; authenticated=no; old-cipher=des-ede3-cbc;/m,
      );
      expect(resultsOf(delivered?.text ?? '')).toContain('encrypted with des-ede3-cbc, which is too weak for new mail');
      await until(() => office.authority.journal.some(({ detail }) => detail.includes('des-ede3-cbc')));
    });

    it('stays shut where the gateway is set so', async () => {
      const strict = await startTestGateway(
        [],
        {},
        { inbound: { openLegacy: false, reencrypt: 'all', subjectTag: { valid: '[SIGNED]' } }, openKeySeconds: 0 },
      );
      try {
        await strict.authority.addPerson({ address: 'ben@example.com', encryption: 'rsa', decrypts: true });
        await strict.ready();
        const message = tripleDes(strict.authority.encryptionKeyOf('ben@example.com').certificate, serial++);
        const mail = { sender: 'bob@x.example', recipients: ['ben@example.com'], message };
        expect(await strict.send('inbound', mail)).toMatchObject({ code: 250 });
        await until(() => strict.inside.delivered.length === 1);
        const text = strict.inside.delivered[0]?.message.toString('latin1') ?? '';
        expect(text).toMatch(/^X-Chancery-Verdict: encrypted; encrypted=yes; opened=no/m);
        await until(() =>
          strict.authority.journal.some(({ detail }) =>
            /not opened: the content is encrypted with Triple DES/.test(detail),
          ),
        );
        // And mail rests encrypted there, what was found out readable outside.
        const key = strict.authority.encryptionKeyOf('ben@example.com');
        const sealed = await encryptMessage({
          message: plain('bob@x.example', ['ben@example.com']),
          recipients: [key.certificate],
        });
        for (const [index, one] of [plain('bob@x.example', ['ben@example.com']), sealed].entries()) {
          strict.inside.delivered.length = 0;
          expect(await strict.send('inbound', { ...mail, message: Buffer.from(one) })).toMatchObject({ code: 250 });
          await until(() => strict.inside.delivered.length === 1);
          const resting = strict.inside.delivered[0]?.message ?? Buffer.alloc(0);
          expect(resting.toString('latin1')).not.toContain('our offer');
          expect(resting.toString('latin1')).toMatch(/^X-Chancery-Verdict: unsigned; encrypted=/m);
          expect(resting.toString('latin1')).toMatch(/^Subject: Offer\r$/m);
          const keys = [{ certificate: key.certificate, decrypter: localDecrypter(key.keys.privateKey) }];
          const { message: opened } = await decryptMessage({ message: resting, keys });
          expect(Buffer.from(opened).toString(), `letter ${index}`).toContain('our offer');
        }
        await until(() =>
          strict.authority.journal.some(({ detail }) => detail.includes('encrypted again to their own key')),
        );
      } finally {
        await strict.stop();
      }
    });
  });

  it('stays shut for whom the gateway may not, and is opened for the others', async () => {
    const to = ['anna@example.com', 'ben@example.com', 'dora@example.com'];
    const message = await encrypted(to, plain('bob@x.example', to));
    const delivered = await receive(message, { to, count: 1 });
    const open = delivered.find(({ text }) => text.includes('our offer'));
    const shut = delivered.find(({ text }) => !text.includes('our offer'));
    expect(open?.recipients).toEqual(['anna@example.com', 'ben@example.com']);
    expect(shut?.recipients).toEqual(['dora@example.com']);
    expect(shut?.text).toMatch(/^X-Chancery-Verdict: encrypted; encrypted=yes; opened=no/m);
    expect(shut?.octets.subarray(shut.octets.indexOf('From: '))).toEqual(
      Buffer.from(message).subarray(Buffer.from(message).indexOf('From: ')),
    );
    expect(open?.text).toMatch(/^X-Chancery-Verdict: unsigned; encrypted=yes; opened=yes;\s+authenticated=no/m);
  });

  it('goes on as it came when it cannot be decrypted, whatever was wrong with it', async () => {
    const text = Buffer.from(
      await encrypted(['anna@example.com'], plain('bob@x.example', ['anna@example.com'])),
    ).toString('latin1');
    const body = text.indexOf('\r\n\r\n') + 4;
    const forDora = await encrypted(['dora@example.com'], plain('bob@x.example', ['anna@example.com']));
    const cut = `${text.slice(0, -200)}\r\n`;
    const der = Buffer.from(text.slice(body), 'base64');
    der[der.length - 20] = (der[der.length - 20] ?? 0) ^ 1;
    const flipped = `${text.slice(0, body)}${der.toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n`;
    const replies = new Set<string>();
    for (const broken of [cut, flipped, forDora]) {
      office.inside.delivered.length = 0;
      const reply = await office.send('inbound', {
        sender: 'bob@x.example',
        recipients: ['anna@example.com'],
        message: Buffer.from(broken),
      });
      replies.add(reply === 'lost' ? reply : reply.reply.replace(/[0-9a-f-]{36}/, 'ID'));
      await until(() => office.inside.delivered.length === 1);
      const delivered = office.inside.delivered[0]?.message.toString('latin1') ?? '';
      if (/opened=yes/.test(delivered)) expect(delivered).toMatch(/Verdict: unsigned/);
      else expect(delivered).toMatch(/^X-Chancery-Verdict: encrypted; encrypted=yes; opened=no/m);
    }
    expect([...replies]).toEqual(['250 2.6.0 Accepted as ID']);
  });

  it.each([
    ['an altered body', (text: string) => text.replace('our offer', 'our 0ffer'), 'fail'],
    ['a From that is not the signer', (text: string) => text.replace('From: bob@', 'From: eve@'), 'fail'],
    [
      'two From lines',
      (text: string) => text.replace('From: bob@', 'From: eve@x.example\r\nFrom: bob@'),
      '(fail|permerror)',
    ],
  ])('is not called good with %s', async (_, alter, result) => {
    const bob = await stranger('bob@x.example');
    const text = Buffer.from(await signed(bob, plain('bob@x.example', ['anna@example.com']))).toString('latin1');
    const [delivered] = await receive(Buffer.from(alter(text), 'latin1'));
    expect(resultsOf(delivered?.text ?? '')).toMatch(new RegExp(`smime=${result}`));
    expect(delivered?.text).not.toMatch(/^X-Chancery-Verdict: valid/m);
  });

  it('is not called good when nobody vouches for the signer', async () => {
    const keys = makeKeys();
    const unknown = await makeCa('Nobody');
    const certificate = await unknown.issue({ spki: keys.spki, emails: ['bob@x.example'], use: 'both' });
    const message = await signMessage({
      message: plain('bob@x.example', ['anna@example.com']),
      signers: [{ signer: keys.signer, certificate, chain: [unknown.issuing] }],
      form: 'clear',
    });
    const [delivered] = await receive(message);
    expect(resultsOf(delivered?.text ?? '')).toMatch(/smime=fail/);
  });

  it('is not opened when the envelope is only a part of it (EFAIL)', async () => {
    const sealed = Buffer.from(await encrypted(['anna@example.com'], plain('bob@x.example', ['anna@example.com'])));
    const part = sealed.subarray(sealed.indexOf('MIME-Version')).toString('latin1');
    const message = [
      'From: eve@x.example',
      'To: anna@example.com',
      `Message-ID: <${++serial}@x.example>`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/html',
      '',
      '<img src="http://eve.example/',
      '--b',
      part.replace(/^MIME-Version: 1\.0\r\n/, '').trimEnd(),
      '--b',
      'Content-Type: text/html',
      '',
      '">',
      '--b--',
      '',
    ].join('\r\n');
    const [delivered] = await receive(Buffer.from(message, 'latin1'), { sender: 'eve@x.example' });
    expect(delivered?.text).not.toContain('our offer');
    expect(delivered?.text).toMatch(/^X-Chancery-Verdict: (unsigned|ambiguous); encrypted=no; opened=no/m);
  });

  it('is opened one layer deep: an envelope within the envelope stays shut', async () => {
    const inner = await encrypted(['anna@example.com'], plain('bob@x.example', ['anna@example.com']));
    const [delivered] = await receive(await encrypted(['anna@example.com'], inner));
    expect(delivered?.text).not.toContain('our offer');
    expect(delivered?.text).toMatch(/enveloped-data/);
  });

  it('opens what is encrypted with GCM', async () => {
    const message = await encryptMessage({
      message: plain('bob@x.example', ['anna@example.com']),
      recipients: [office.authority.encryptionKeyOf('anna@example.com').certificate],
      cipher: 'aes-256-gcm',
    });
    const [delivered] = await receive(message);
    expect(delivered?.text).toContain('our offer');
  });

  it('passes on odd mail whole: no header, no body, one long line, every octet', async () => {
    const odd = [
      Buffer.from('no header here\r\n'),
      Buffer.from('From: a@x.example\r\n'),
      Buffer.from(`From: a@x.example\r\n\r\n${'x'.repeat(100_000)}\r\n`),
      Buffer.from(
        `From: a@x.example\r\n\r\n${String.fromCharCode(...Array.from({ length: 255 }, (_, at) => at + 1)).replace(/[\r\n]/g, '')}\r\n`,
        'latin1',
      ),
      Buffer.from('Content-Type: multipart/mixed; boundary="\r\n\r\n--\r\n'),
      Buffer.from(
        'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!\r\n',
      ),
      Buffer.from(
        'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAGCSqGSIb3DQEHA6CA\r\n',
      ),
    ];
    for (const message of odd) {
      office.inside.delivered.length = 0;
      const [delivered] = await receive(message);
      expect(delivered?.octets.subarray(-message.length).equals(message)).toBe(true);
    }
  });

  it('loses every label that only we may put on it', async () => {
    const extra = [
      'Authentication-Results: gateway.example.com; smime=pass header.from=ceo@example.com',
      'Authentication-Results: (hi) "gateway.example.com" 1; smime=pass',
      'AUTHENTICATION-RESULTS : Gateway.Example.Com; dkim=pass',
      'Authentication-Results: other.example; spf=pass',
      'X-Chancery-Verdict: valid; signer=ceo@example.com',
      '',
    ].join('\r\n');
    const [delivered] = await receive(plain('bob@x.example', ['anna@example.com'], { extra }));
    expect(delivered?.text.match(/^Authentication-Results *: /gim)).toHaveLength(2);
    expect(delivered?.text).toContain('other.example; spf=pass');
    expect(delivered?.text).not.toContain('ceo@');
    expect(delivered?.text.match(/^X-Chancery-Verdict: /gm)).toHaveLength(1);
    expect(resultsOf(delivered?.text ?? '')).toMatch(/^gateway\.example\.com; smime=none/);
  });

  it('gives the certificate to answer with', async () => {
    const carol = await stranger('carol@x.example');
    await receive(await signed(carol, plain('carol@x.example', ['anna@example.com'])), { sender: 'carol@x.example' });
    const answer = plain('anna@example.com', ['carol@x.example']);
    expect(
      await office.send('outbound', { sender: 'anna@example.com', recipients: ['carol@x.example'], message: answer }),
    ).toMatchObject({ code: 250 });
    await until(() => office.outside.delivered.length === 1);
    expect(office.outside.delivered[0]?.message.toString('latin1')).toMatch(/enveloped-data/);
  });

  it('tells of a certificate that changed, asks about another authority’s, and does what is decided', async () => {
    const elsewhere = await makeCa('Elsewhere', strangers);
    const make = async (ca: TestCa): Promise<Stranger> => {
      const keys = makeKeys('rsa');
      return { keys, certificate: await ca.issue({ spki: keys.spki, emails: ['frank@x.example'], use: 'both' }) };
    };
    const send = async (by: Stranger, ca: TestCa) => {
      office.inside.delivered.length = 0;
      const message = await signMessage({
        message: plain('frank@x.example', ['anna@example.com']),
        signers: [{ signer: by.keys.signer, certificate: by.certificate, chain: [ca.issuing] }],
        form: 'clear',
      });
      const [delivered] = await receive(message, { sender: 'frank@x.example' });
      return /^X-Chancery-Signal: ([\w-]+)/m.exec(delivered?.text ?? '')?.[1];
    };
    const known = () => office.authority.correspondents.get('frank@x.example')?.certificates ?? [];
    const [first, renewed, other] = [await make(strangers), await make(strangers), await make(elsewhere)];
    expect(await send(first, strangers)).toBeUndefined();
    expect(await send(renewed, strangers)).toBe('certificate-changed');
    expect(await send(other, elsewhere)).toBe('certificate-changed');
    await until(() => known().length === 3);
    expect(known().map(({ state, approved }) => [state, approved?.how])).toEqual([
      ['pinned', 'same-authority'],
      ['replaced', 'first'],
      ['waiting', undefined],
    ]);
    const sha256 = known()[2]?.sha256 ?? '';
    const id = '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11';
    office.authority.decisions = [{ id, kind: 'accept', address: 'frank@x.example', sha256, by: 'Ada' }];
    await until(() => known()[0]?.sha256 === sha256 && office.authority.decisions.length === 0);
    expect(known()[0]).toMatchObject({ state: 'pinned', approved: { how: 'administrator', by: 'Ada' } });
    const next = '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a12';
    office.authority.decisions = [{ id: next, kind: 'forget', address: 'frank@x.example', sha256: null, by: 'Ada' }];
    await until(() => known().length === 0 && office.authority.decisions.length === 0);
    expect(await send(first, strangers)).toBeUndefined();
  });

  it('gives no certificate when DMARC fails', async () => {
    txt['x.example'] = 'v=spf1 -all';
    txt['_dmarc.x.example'] = 'v=DMARC1; p=reject';
    const grace = await stranger('grace@x.example');
    const message = await signed(
      grace,
      plain('grace@x.example', ['anna@example.com'], {
        extra: 'DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s1; h=from; bh=AA==; b=AA==\r\n',
      }),
    );
    const [delivered] = await receive(message, { sender: 'grace@x.example' });
    expect(resultsOf(delivered?.text ?? '')).toMatch(/smime=pass.*dmarc=fail/);
    await office.send('outbound', {
      sender: 'anna@example.com',
      recipients: ['grace@x.example'],
      message: plain('anna@example.com', ['grace@x.example']),
    });
    await until(() => office.outside.delivered.length === 1);
    expect(office.outside.delivered[0]?.message.toString('latin1')).not.toMatch(/enveloped-data/);
  });

  it('waits with the sender while the keys to open it cannot be had', async () => {
    const message = await encrypted(['ben@example.com'], plain('bob@x.example', ['ben@example.com']));
    office.authority.down = true;
    const mail = { sender: 'bob@x.example', recipients: ['ben@example.com'], message: Buffer.from(message) };
    expect(await office.send('inbound', mail)).toMatchObject({ code: 451 });
    office.authority.down = false;
    expect(await office.send('inbound', mail)).toMatchObject({ code: 250 });
    await until(() => office.inside.delivered.length === 1);
    expect(office.inside.delivered[0]?.message.toString('latin1')).toContain('our offer');
  });

  it('is refused at the door when the next server refuses it, and tried again when it comes again', async () => {
    office.inside.onRecipient = () => '550 5.1.1 no such user';
    const letter = {
      sender: 'victim@x.example',
      recipients: ['nobody@example.com'],
      message: plain('victim@x.example', ['nobody@example.com']),
    };
    for (let time = 0; time < 2; time++) {
      expect(await office.send('inbound', letter)).toMatchObject({ code: 550, reply: '550 5.1.1 no such user' });
    }
    office.inside.onRecipient = () => undefined;
    expect(await office.send('inbound', letter)).toMatchObject({ code: 250 });
    expect(office.inside.delivered).toHaveLength(1);
    expect(office.outside.delivered).toEqual([]);
    await until(() =>
      office.authority.journal.some(({ outcome, detail }) => outcome === 'refused' && detail.includes('no such user')),
    );
  });

  it('that comes again while it is being tried gets the same answer', async () => {
    office.inside.onRecipient = () => '550 5.1.1 no such user';
    const letter = {
      sender: 'victim@x.example',
      recipients: ['nobody@example.com'],
      message: plain('victim@x.example', ['nobody@example.com']),
    };
    const replies = await Promise.all([office.send('inbound', letter), office.send('inbound', letter)]);
    office.inside.onRecipient = () => undefined;
    expect(replies).toMatchObject([{ code: 550 }, { code: 550 }]);
  });

  it('that reaches one of two is accepted, and a sender who may be forged is told nothing', async () => {
    office.inside.onRecipient = (address) => (address.startsWith('nobody') ? '550 5.1.1 no such user' : undefined);
    const to = ['nobody@example.com', 'anna@example.com'];
    const letter = { sender: 'victim@x.example', recipients: to, message: plain('victim@x.example', to) };
    expect(await office.send('inbound', letter)).toMatchObject({ code: 250 });
    office.inside.onRecipient = () => undefined;
    expect(office.inside.delivered.map(({ recipients }) => recipients)).toEqual([['anna@example.com']]);
    await until(() => office.gateway().health().spool.waiting === 0);
    expect(office.outside.delivered).toEqual([]);
  });

  it('waits in the spool while the next server cannot take it', async () => {
    office.inside.onMessage = () => '451 4.3.0 not now';
    const letter = plain('bob@x.example', ['anna@example.com']);
    expect(
      await office.send('inbound', { sender: 'bob@x.example', recipients: ['anna@example.com'], message: letter }),
    ).toMatchObject({ code: 250 });
    expect(office.inside.delivered).toEqual([]);
    office.inside.onMessage = () => undefined;
    await until(() => office.inside.delivered.length === 1);
  });

  it('is opened for everybody of the domain whose own key a partner encrypted it to (RFC 3183)', async () => {
    const bob = await stranger('bob@x.example');
    // Dora lets nobody open mail that was encrypted to her.
    const to = ['dora@example.com', 'anna@example.com'];
    const message = await signed(bob, plain('bob@x.example', to));
    const [delivered] = await receive(await encrypted([ofDomain], message), { to });
    expect(delivered?.recipients).toEqual(to);
    expect(delivered?.text).toContain('our offer');
    expect(resultsOf(delivered?.text ?? '')).toMatch(/smime=pass/);
    office.inside.delivered.length = 0;
    const [shut] = await receive(await encrypted(['dora@example.com'], message), { to: ['dora@example.com'] });
    expect(shut?.text).toContain('enveloped-data');
    office.inside.delivered.length = 0;
    // Another domain of ours has none.
    const [other] = await receive(await encrypted([ofDomain], message), { to: ['eve@other.example'] });
    expect(other?.text).toContain('enveloped-data');
  });
});
