/** Attacks 1 to 15 through a running gateway: none reaches its reader as good, and of none is a certificate taken. */
import { nameConstraints, oids, signMessage } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeElement,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../../../smime/src/asn1/der.ts';
import { encodeAttribute } from '../../../smime/src/cms/attributes.ts';
import { encodeIssuerAndSerial } from '../../../smime/src/cms/identifier.ts';
import { digestAlgorithm, signatureAlgorithmFor } from '../../../smime/src/keys/algorithms.ts';
import {
  digestMatches,
  fieldOf,
  readSigned,
  signatureHolds,
  signersOf,
  soundSigners,
  takeSigned,
} from '../../../smime/test/attacks/naive.ts';
import {
  attributes,
  clear,
  digestOf,
  inOrder,
  opaque,
  signedData,
  signerInfo,
  text,
} from '../../../smime/test/forge.ts';
import { type Holder, mail, replaced } from '../../../smime/test/office.ts';
import { type Attacked, startAttacked } from '../support/attacked.ts';
import { until } from '../support/next-server.ts';

let at: Attacked;
let alice: Holder;
let mallory: Holder;
beforeAll(async () => {
  at = await startAttacked();
  [alice, mallory] = await Promise.all([
    at.certify({ email: 'alice@example.org' }, at.root),
    at.certify({ email: 'mallory@example.org' }, at.root),
  ]);
});
afterAll(() => at.stop());

const by = async (...holders: readonly Holder[]): Promise<Buffer> =>
  signedData(await Promise.all(holders.map((holder) => signerInfo(holder, attributes(text)))), holders);
const signed = async (
  by: Holder,
  message: Uint8Array = mail({ from: 'alice@example.org' }),
  form: 'clear' | 'opaque' = 'clear',
) =>
  Buffer.from(await signMessage({ signers: [by], message, form, signingTime: new Date(), headerProtection: 'none' }));

/** Content and signature are both right: what is around them is not looked at. */
const mathematics = (message: Uint8Array): boolean => {
  const taken = takeSigned(message);
  if (taken === undefined) return false;
  const data = readSigned(taken.cms);
  const content = data.content ?? taken.content;
  return signersOf(data).some((signer) => signatureHolds(signer, content) && digestMatches(signer, content));
};
/** The engine itself finds nothing wrong with signature and signer: the frame is not looked at. */
const frameless = async (message: Uint8Array): Promise<boolean> =>
  (await soundSigners(message, at.root.certificate).catch(() => undefined)) !== undefined;

/** @param fools a check that takes the message for good, where there is one */
async function neverGood(message: Uint8Array, fools?: (message: Uint8Array) => boolean | Promise<boolean>) {
  if (fools !== undefined) expect(await fools(message)).toBe(true);
  const arrived = await at.arrives(message);
  expect(arrived.verdict).not.toBe('valid');
  expect(arrived.verdict).not.toBe('');
  expect(arrived.smime).not.toBe('pass');
  expect(await at.harvested()).toEqual([]);
  return arrived;
}

describe('attacks on signatures, through the gateway', () => {
  it('1: an altered body', async () => {
    const message = clear(text, await by(alice));
    const altered = replaced(message, 'Pay 10', 'Pay 99');
    // Compares the two digests that stand in the message.
    const naive = () => mathematics(message);
    expect((await neverGood(altered, naive)).verdict).toBe('invalid');
    await neverGood(replaced(message, 'Bob.', 'Bob. '));
  });

  it('2: a signature with a content of its own', async () => {
    const own = signedData([await signerInfo(alice, attributes(text))], [alice], text);
    await neverGood(clear('Content-Type: text/plain\r\n\r\nPay 10000 euros to Mallory.\r\n', own), mathematics);
    await neverGood(clear(text, own), mathematics);
    await neverGood(opaque(await by(alice)));
  });

  it('3: several signers, of whom one is right', async () => {
    const stranger = await at.certify(
      { email: 'alice@example.org' },
      await at.certify({ ca: true, name: 'Elsewhere' }),
    );
    const right = await signerInfo(alice, attributes(text));
    const strange = await signerInfo(stranger, attributes(text));
    const wrong = await signerInfo(stranger, attributes('something else'));
    for (const infos of [
      [right, strange],
      [strange, right],
      [right, wrong],
      [wrong, right],
    ]) {
      await neverGood(clear(text, inOrder(infos, [alice, stranger])), mathematics);
    }
  });

  it('4: nobody signed', async () => {
    // Every signer is right, of whom there are none.
    const naive = (message: Uint8Array) =>
      signersOf(readSigned(takeSigned(message)?.cms ?? Buffer.alloc(0))).every((one) => signatureHolds(one, text));
    await neverGood(clear(text, signedData([], [alice])), naive);
    await neverGood(opaque(signedData([], [alice], text)), naive);
  });

  it('5: a certificate that vouches for nobody', async () => {
    const elsewhere = await at.certify({ ca: true, name: 'Elsewhere' });
    const email = 'alice@example.org';
    const yesterday = new Date(Date.now() - 3_600_000);
    const narrow = await at.certify(
      { ca: true, name: 'Narrow', extensions: [nameConstraints({ permitted: { emails: ['example.net'] } })] },
      at.root,
    );
    const holders: [string, Holder][] = [
      ['untrusted', await at.certify({ email }, elsewhere)],
      ['expired', await at.certify({ email, notAfter: yesterday }, at.root)],
      ['for servers', await at.certify({ email, purposes: [oids.serverAuth] }, at.root)],
      ['for encryption', await at.certify({ email, usage: ['keyAgreement'] }, at.root)],
      ['issued by a person', await at.certify({ email }, mallory)],
      ['outside of the names allowed', await at.certify({ email }, narrow)],
    ];
    for (const [, holder] of holders) {
      const chain = holder === holders[4]?.[1] ? [mallory] : holder === holders[5]?.[1] ? [narrow] : [];
      const cms = signedData([await signerInfo(holder, attributes(text))], [holder, ...chain]);
      expect((await neverGood(clear(text, cms), mathematics)).verdict).toBe('invalid');
    }
  });

  it('6: From is not the signer, who is only the Sender', async () => {
    const message = clear(text, await by(mallory));
    const arrived = await neverGood(message, frameless);
    expect(arrived.signals).toContain('signer-not-from');
    await neverGood(replaced(message, 'To: bob', 'Sender: mallory@example.org\r\nTo: bob'), frameless);
  });

  it('6: a colleague, certified by an authority that is trusted for correspondents alone', async () => {
    const anna = await at.certify({ email: 'anna@example.com' }, at.root);
    const arrived = await neverGood(await signed(anna, mail({ from: 'anna@example.com' })), frameless);
    expect(arrived).toMatchObject({ verdict: 'invalid', smime: 'fail' });
  });

  it('7: two From fields, in either order', async () => {
    const message = await signed(mallory, mail({ from: 'mallory@example.org' }));
    for (const [which, from] of [
      ['first', 'From: mallory@example.org\r\nFrom: alice@example.org'],
      ['last', 'From: alice@example.org\r\nFrom: mallory@example.org'],
      ['last', 'from : alice@example.org\r\nFROM: mallory@example.org'],
    ] as const) {
      const naive = async (one: Uint8Array) =>
        (await soundSigners(one, at.root.certificate))?.includes(fieldOf(one, 'from', which)) === true;
      const arrived = await neverGood(replaced(message, 'From: mallory@example.org', from), naive);
      expect(arrived.verdict).toBe('ambiguous');
    }
  });

  it('8: a From that can be read as somebody else', async () => {
    const message = await signed(mallory, mail({ from: 'mallory@example.org' }));
    const naive = async (one: Uint8Array) =>
      (await soundSigners(one, at.root.certificate))?.some((address) => fieldOf(one, 'from').includes(address)) ===
      true;
    for (const from of [
      'alice@example.org, mallory@example.org',
      'alice@example.org <mallory@example.org>',
      'Team: mallory@example.org, alice@example.org;',
      '"alice@example.org" <mallory@example.org>',
      '=?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?= <mallory@example.org>',
      'mallory@example.org (alice@example.org)',
      '"Alice <alice@example.org>, "mallory@example.org',
    ]) {
      const arrived = await neverGood(replaced(message, 'From: mallory@example.org', `From: ${from}`), naive);
      expect(arrived.verdict).toBe('ambiguous');
    }
    const shown = replaced(message, 'From: mallory@example.org', 'From: "alice@example.org" <mallory@example.org>');
    expect((await at.arrives(shown)).signals).toContain('address-in-name');
    const idn = await at.certify({ email: 'info@xn--bcher-kva.example' }, at.root);
    const other = await signed(idn, mail({ from: 'info@xn--bcher-kva.example' }));
    await neverGood(replaced(other, 'From: info@xn--bcher-kva', 'From: info@xn--bcher-3va'), frameless);
  });

  it('9: a part is signed and the message is not', async () => {
    const part = (await signed(alice)).toString('latin1');
    const inner = part.slice(part.indexOf('Content-Type:'));
    const unsigned = 'Content-Type: text/html\r\n\r\n<b>Pay Mallory.</b>\r\n';
    const forwarded = `Content-Type: message/rfc822\r\n\r\n${part}`;
    const naive = (message: Uint8Array) => {
      const text = Buffer.from(message).toString('latin1');
      return frameless(
        Buffer.from(text.slice(text.indexOf('Content-Type: multipart/signed')).split('\r\n--outer')[0] ?? '', 'latin1'),
      );
    };
    for (const type of ['mixed', 'related', 'alternative']) {
      for (const parts of [[unsigned, inner], [inner, unsigned], [inner], [forwarded]]) {
        const message = mail({
          from: 'alice@example.org',
          contentType: `multipart/${type}; boundary="outer"`,
          body: `${parts.map((one) => `--outer\r\n${one}\r\n`).join('')}--outer--\r\n`,
        });
        await neverGood(message, naive);
      }
    }
  });

  it('10: a third part, another protocol, another digest', async () => {
    const cms = await by(alice);
    const message = clear(text, cms);
    const third = '\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>Pay Mallory.</b>';
    await neverGood(clear(text, cms, { after: third }), frameless);
    await neverGood(
      replaced(message, 'protocol="application/pkcs7-signature"', 'protocol="application/pgp-signature"'),
      frameless,
    );
    await neverGood(replaced(message, '--b--', ''), frameless);
    await neverGood(replaced(message, 'micalg=sha-256', 'micalg=md5'), frameless);
  });

  it('11: a signing time that would make an expired certificate good', async () => {
    const expired = await at.certify(
      { email: 'alice@example.org', notAfter: new Date(Date.now() - 3_600_000) },
      at.root,
    );
    const message = await signMessage({
      signers: [expired],
      message: mail({ from: 'alice@example.org' }),
      form: 'clear',
      signingTime: new Date(Date.now() - 7_200_000),
    });
    expect((await neverGood(message, mathematics)).verdict).toBe('invalid');
  });

  it('12: attributes that are missing, doubled, unsigned or not as DER has them', async () => {
    const contentType = encodeAttribute(oids.contentType, encodeOid(oids.data));
    const digest = encodeAttribute(oids.messageDigest, encodeOctetString(digestOf(text)));
    const wrong = encodeAttribute(oids.messageDigest, encodeOctetString(digestOf('something else')));
    const unsigned = encodeElement(0xa1, digest);
    const make = async (list: readonly Buffer[], change = {}) =>
      clear(text, signedData([await signerInfo(alice, list, change)], [alice]));
    await neverGood(await make([digest]), mathematics);
    await neverGood(await make([contentType, contentType, digest]), mathematics);
    await neverGood(await make([contentType, digest, wrong]), mathematics);
    await neverGood(await make([contentType]));
    await neverGood(await make([contentType, wrong], { unsigned }), mathematics);
  });

  it('13: signed attributes offered as a content', async () => {
    const set = encodeSetOf(attributes(text));
    const info = encodeSequence(
      encodeInteger(1),
      encodeIssuerAndSerial(alice.certificate),
      digestAlgorithm('sha256'),
      signatureAlgorithmFor('p256', 'sha256'),
      encodeOctetString(await alice.signer.sign(set, 'sha256')),
    );
    const naive = (message: Uint8Array) =>
      signersOf(readSigned(takeSigned(message)?.cms ?? Buffer.alloc(0))).every((signer) => signatureHolds(signer, set));
    await neverGood(opaque(signedData([info], [alice], set)), naive);
  });

  it('14: a protected header that says another thing than the delivered one', async () => {
    const message = Buffer.from(
      await signMessage({
        signers: [mallory],
        message: mail({ from: 'mallory@example.org' }),
        form: 'opaque',
        signingTime: new Date(),
        headerProtection: 'clear',
      }),
    );
    const naive = async (one: Uint8Array) => (await soundSigners(one, at.root.certificate)) !== undefined;
    for (const [from, to] of [
      ['From: mallory@example.org', 'From: alice@example.org'],
      ['Subject: Meeting', 'Subject: Pay at once'],
      ['To: Bob <bob@example.org>', 'To: Anna <anna@example.com>'],
    ] as const) {
      expect((await neverGood(replaced(message, from, to), naive)).verdict).toBe('ambiguous');
    }
  });
});

describe('attack 15: hostile words in the quotation of an answer', () => {
  it('are not signed by the gateway', async () => {
    await at.office.authority.addPerson({ address: 'carl@example.com', signingKey: 'gateway' });
    await until(() => at.office.gateway().health().signers.ready === 1);
    const answer = (quoted: string, id: string) =>
      Buffer.from(
        `From: carl@example.com\r\nTo: mallory@example.org\r\nSubject: Re: Lunch\r\nMessage-ID: <${id}@example.com>\r\nDate: ${new Date().toUTCString()}\r\nIn-Reply-To: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>Yes, I agree.</p>${quoted}\r\n`,
      );
    const send = async (message: Buffer) => {
      at.office.outside.delivered.length = 0;
      const mail = { sender: 'carl@example.com', recipients: ['mallory@example.org'], message };
      expect(await at.office.send('outbound', mail)).toMatchObject({ code: 250 });
      await until(() => at.office.outside.delivered.length === 1);
      return at.office.outside.delivered[0]?.message.toString('latin1') ?? '';
    };
    expect(await send(answer('<blockquote>Lunch?</blockquote>', 'a'))).toContain('multipart/signed');
    const hidden = '<blockquote>Lunch?<p style="display:none">I owe Mallory 10000 euros.</p></blockquote>';
    const conditional =
      '<style>@media (min-width:1px){.a{display:none}}</style><blockquote class="a">Lunch?</blockquote>';
    // Looks at who sends it, and signs whatever they send.
    for (const [index, quoted] of [hidden, conditional].entries()) {
      expect(await send(answer(quoted, `b${index}`))).not.toContain('multipart/signed');
    }
    await until(
      () => at.office.authority.journal.filter(({ detail }) => /signature withheld/.test(detail)).length === 2,
    );
  });
});

describe('the control', () => {
  it('an honest message is good, and its certificate taken', async () => {
    const arrived = await at.arrives(clear(text, await by(alice)));
    expect(arrived).toMatchObject({ verdict: 'valid', smime: 'pass', signals: [] });
    expect(mathematics(clear(text, await by(alice)))).toBe(true);
    const sealing = await at.certify({ email: 'carol@example.org', kind: 'rsa' }, at.root);
    await at.arrives(await signed(sealing, mail({ from: 'carol@example.org' })), { sender: 'carol@example.org' });
    expect(await at.harvested()).toContain('carol@example.org');
  });
});
