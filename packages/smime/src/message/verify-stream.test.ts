import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Holder, issue, mail, now, replaced } from '../../test/office.ts';
import { pieceSizes, randomMessage } from '../../test/random-message.ts';
import { collect, sourceOf } from '../../test/streams.ts';
import { encodeElement, encodeInteger, encodeOctetString, encodeOid, encodeSequence } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import {
  encryptMessage,
  type OpeningKey,
  signMessage,
  type VerifyReport,
  verifyMessage,
  verifyStream,
} from '../index.ts';
import { encodeBase64Lines } from '../mime/transfer-encoding.ts';

let root: Holder;
let alice: Holder;
let bob: Holder;
beforeAll(async () => {
  root = await issue({ ca: true });
  alice = await issue({ email: 'alice@example.org' }, root);
  bob = await issue({ email: 'bob@example.org' }, root);
});

const forms = ['clear', 'opaque'] as const;
const trust = () => ({ anchors: [root.certificate], at: now });
const sign = (message: Buffer, form: 'clear' | 'opaque'): Promise<Buffer> =>
  signMessage({ message, signers: [alice], form, signingTime: now }).then((signed) => Buffer.from(signed));

async function both(
  message: Uint8Array,
  sizes: number[],
  keys: readonly OpeningKey[] = [],
): Promise<[VerifyReport, VerifyReport, Buffer]> {
  const stream = verifyStream({ ...trust(), keys, source: sourceOf(message, sizes) });
  const unverified = await collect(stream.unverified);
  return [await stream.report(), await verifyMessage({ ...trust(), keys, message }), unverified];
}

/** A report but for its content, and for the words about an object that cannot be read: two readers stumble over different things. */
const told = ({ content: _, ...report }: VerifyReport): unknown => ({
  ...report,
  problems: report.problems.map((one) => (one.code === 'unknown-object' ? { ...one, message: '' } : one)),
});

const wraps = ['clear', 'opaque', 'aes-256-cbc', 'aes-128-gcm', 'compressed', 'part', 'forwarded'] as const;

async function wrap(message: Buffer, layer: (typeof wraps)[number]): Promise<Buffer> {
  if (layer === 'clear' || layer === 'opaque') return sign(message, layer);
  if (layer === 'compressed') return compressed(message);
  const [head = '', body = ''] = message.toString('latin1').split(/\r\n\r\n(.*)/s);
  const part = (type: string, inner: string): Buffer =>
    mail({ contentType: `${type}; boundary="${layer}${message.length}"`, body: inner });
  const delimiter = `--part${message.length}`;
  if (layer === 'part')
    return part(
      'multipart/mixed',
      `${delimiter}\r\n\r\nbefore\r\n${delimiter}\r\n${head.replace(/^(?:(?!content-).*\r\n(?:[ \t].*\r\n)*)/gim, '')}\r\n\r\n${body}\r\n${delimiter}--\r\n`,
    );
  if (layer === 'forwarded') return mail({ contentType: 'message/rfc822', body: message.toString('latin1') });
  const encrypted = await encryptMessage({ message, recipients: [alice.certificate], cipher: layer });
  return Buffer.from(encrypted);
}

/** RFC 3274, as any sender of such messages does it. */
function compressed(message: Buffer): Buffer {
  const at = message.indexOf('\r\n\r\n');
  const own = /^(content-|mime-)/i;
  const fields = message.toString('latin1', 0, at).split(/\r\n(?![ \t])/);
  const inner = Buffer.concat([
    Buffer.from(`${fields.filter((field) => own.test(field)).join('\r\n')}\r\n\r\n`, 'latin1'),
    message.subarray(at + 4),
  ]);
  const data = encodeSequence(
    encodeInteger(0),
    encodeSequence(encodeOid(oids.zlibCompress)),
    encodeSequence(encodeOid(oids.data), encodeElement(0xa0, encodeOctetString(deflateSync(inner)))),
  );
  const der = encodeSequence(encodeOid(oids.compressedData), encodeElement(0xa0, data));
  return Buffer.concat([
    Buffer.from(
      `${fields.filter((field) => !own.test(field)).join('\r\n')}\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=compressed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n`,
      'latin1',
    ),
    encodeBase64Lines(der),
  ]);
}

describe('verifyStream', () => {
  it('judges what was signed as verifyMessage does, however it is cut, and hands out what was signed', async () => {
    await fc.assert(
      fc.asyncProperty(randomMessage, pieceSizes, fc.constantFrom(...forms), async (text, sizes, form) => {
        const from = Buffer.from(`From: alice@example.org\r\n${text}`, 'latin1');
        const signed = await sign(from, form);
        const [streamed, whole, unverified] = await both(signed, sizes);
        // A signature on a part whose header did not announce it went by: no verdict about one is ever valid, in either verb.
        if (streamed.problems.some(({ code }) => code === 'layer-not-followed')) {
          expect([streamed.verdict, whole.verdict]).not.toContain('valid');
          return;
        }
        expect(told(streamed)).toEqual(told(whole));
        if (whole.content) expect(unverified.equals(whole.content)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('follows every layer that verifyMessage follows, in any order, and hands out what the signature that counts covers', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...wraps), { minLength: 1, maxLength: 5 }),
        fc.constantFrom<number[]>([65_536], [997], [61]),
        fc.boolean(),
        async (layers, sizes, withKeys) => {
          let message = mail({ body: 'The meeting is on Friday.\r\n'.repeat(40) });
          for (const layer of layers) message = await wrap(message, layer);
          const [streamed, whole, unverified] = await both(message, sizes, withKeys ? [alice.key] : []);
          expect(told(streamed)).toEqual(told(whole));
          const squeezed = whole.layers.at(-1)?.kind === 'compressed-data';
          const content = squeezed ? undefined : whole.content;
          expect(unverified.toString('latin1')).toBe(Buffer.from(content ?? []).toString('latin1'));
          seen.set(whole.verdict, (seen.get(whole.verdict) ?? 0) + 1);
        },
      ),
      {
        numRuns: 150,
        examples: [
          [['clear', 'aes-128-gcm', 'opaque'], [997], true],
          [['opaque', 'aes-256-cbc'], [997], true],
          [['clear', 'part', 'compressed', 'clear'], [997], true],
        ],
      },
    );
    expect([...seen.keys()]).toEqual(expect.arrayContaining(['valid', 'invalid', 'unsigned']));
  });

  it('valid, and without its CRs too', async () => {
    for (const form of forms) {
      const signed = await sign(mail(), form);
      expect((await both(signed, [11]))[0].verdict).toBe('valid');
    }
    const unix = Buffer.from((await sign(mail(), 'clear')).toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
    for (const sizes of [[1], [7], [65_536]]) {
      const [streamed, whole] = await both(unix, sizes);
      expect(whole.verdict).toBe('valid');
      expect(told(streamed)).toEqual(told(whole));
    }
  });

  it('never valid where an octet was altered, a part cut off or added, and the whole is not', async () => {
    for (const form of forms) {
      const signed = await sign(mail(), form);
      for (let at = 0; at < signed.length; at += 41) {
        const altered = Buffer.from(signed);
        altered[at] = (altered[at] as number) ^ 1;
        for (const message of [altered, signed.subarray(0, at)]) {
          const [streamed, whole] = await both(message, [64]);
          if (whole.verdict !== 'valid') expect(streamed.verdict).not.toBe('valid');
        }
      }
    }
    const shown = replaced(await sign(mail(), 'clear'), 'Friday', 'Sunday');
    const [streamed, whole] = await both(shown, [50]);
    expect(told(streamed)).toEqual(told(whole));
    expect(streamed.verdict).toBe('invalid');
  });

  it('many layers, altered or cut anywhere: the same report, and never valid where the whole is not', async () => {
    const layers = ['opaque', 'aes-128-gcm', 'clear', 'compressed'] as const;
    for (const within of [layers, [...layers].reverse()]) {
      let message = mail();
      for (const layer of within) message = await wrap(message, layer);
      for (let at = 0; at < message.length; at += 97) {
        const altered = Buffer.from(message);
        altered[at] = (altered[at] as number) ^ 1;
        for (const one of [altered, message.subarray(0, at)]) {
          const [streamed, whole] = await both(one, [640], [alice.key]);
          if (whole.verdict !== 'valid') expect(streamed.verdict).not.toBe('valid');
        }
      }
    }
  });

  it('without a key, and from a source that is read once, a layer stays closed, which is said', async () => {
    const sealed = await encryptMessage({ message: await sign(mail(), 'clear'), recipients: [bob.certificate] });
    expect((await both(sealed, [99]))[0]).toMatchObject({ verdict: 'unsigned', problems: [{ code: 'no-key' }] });
    expect((await both(sealed, [99], [alice.key]))[0].problems).toMatchObject([{ code: 'no-matching-recipient' }]);
    expect((await both(sealed, [99], [bob.key]))[0].verdict).toBe('valid');
    const once = verifyStream({ ...trust(), keys: [bob.key], source: sourceOf(sealed, [99])() });
    expect(await once.report()).toMatchObject({ verdict: 'unsigned', problems: [{ code: 'source-read-once' }] });
    const squeezed = verifyStream({ ...trust(), source: sourceOf(compressed(await sign(mail(), 'clear')))() });
    expect(await squeezed.report()).toMatchObject({ verdict: 'unsigned', problems: [{ code: 'source-read-once' }] });
    expect((await both(mail(), [99]))[0].verdict).toBe('unsigned');
  });

  it('what is encrypted is handed out only where the whole of it opens', async () => {
    const body = `${'x'.repeat(70)}\r\n`.repeat(5_000);
    for (const cipher of ['aes-128-gcm', 'aes-256-cbc'] as const) {
      const signed = await sign(mail({ body }), 'clear');
      const sealed = await encryptMessage({ message: signed, recipients: [bob.certificate], cipher });
      const altered = Buffer.from(sealed);
      const last = altered.length - 30;
      altered[last] = altered[last] === 0x41 ? 0x42 : 0x41;
      const [streamed, , unverified] = await both(altered, [4_096], [bob.key]);
      expect(streamed.verdict).toBe('invalid');
      if (cipher === 'aes-128-gcm') expect(unverified).toHaveLength(0);
    }
  });

  it('a source that changes between the readings gives no report', async () => {
    const body = `${'x'.repeat(70)}\r\n`.repeat(9_000);
    const sealed = await encryptMessage({
      message: await sign(mail({ body }), 'clear'),
      recipients: [bob.certificate],
    });
    for (const turn of [1, 2]) {
      let readings = 0;
      const altered = Buffer.from(sealed);
      altered[altered.length - 3_000] = altered[altered.length - 3_000] === 0x41 ? 0x42 : 0x41;
      const source = () => sourceOf(readings++ < turn ? sealed : altered)();
      const stream = verifyStream({ ...trust(), keys: [bob.key], source });
      await expect(stream.report()).rejects.toMatchObject({ code: 'source-changed' });
    }
  });

  it('the report comes to who left the loop early; who wants none closes the source', async () => {
    const signed = await sign(mail(), 'clear');
    const stream = verifyStream({ ...trust(), source: sourceOf(signed, [20])() });
    for await (const _ of stream.unverified) break;
    expect((await stream.report()).verdict).toBe('valid');

    const long = await sign(mail({ body: `${'x'.repeat(70)}\r\n`.repeat(9_000) }), 'clear');
    const sealed = await encryptMessage({ message: long, recipients: [bob.certificate] });
    for (const message of [signed, sealed]) {
      let open = 0;
      async function* source(): AsyncGenerator<Uint8Array> {
        open++;
        try {
          yield* sourceOf(message, [20])();
        } finally {
          open--;
        }
      }
      const left = verifyStream({ ...trust(), keys: [bob.key], source });
      for await (const _ of left.unverified) break;
      expect(open).toBe(1);
      await left[Symbol.asyncDispose]();
      expect(open).toBe(0);
      await expect(left.report()).rejects.toMatchObject({ code: 'invalid-argument' });
    }
  });
});
