import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { berify, type Choose } from '../../test/berify.ts';
import { type Holder, issue, now } from '../../test/office.ts';
import { cutInto, pieceSizes } from '../../test/random-message.ts';
import { DerReader, encodeElement, encodeOid, encodeSequence } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { certsOnly, encryptContent, limits, signContent } from '../index.ts';
import { readAuthEnvelopedData } from './auth-enveloped-data.ts';
import { readContentInfo } from './content-info.ts';
import { readEnvelopedData } from './enveloped-data.ts';
import { readSignedData } from './signed-data.ts';
import { CmsReader } from './stream-read.ts';

interface Read {
  readonly contentType: string;
  readonly skeleton: DerReader;
  readonly start: DerReader | undefined;
  readonly content: Buffer | undefined;
}

function read(pieces: readonly Buffer[]): Read {
  const content: Buffer[] = [];
  let start: DerReader | undefined;
  const reader = new CmsReader(({ der }) => {
    start = new DerReader(der);
    return (octets) => void content.push(Buffer.from(octets));
  });
  for (const piece of pieces) reader.push(piece);
  reader.end();
  const { complete, carried } = reader;
  if (complete === undefined) throw new Error('the object was not read');
  return {
    contentType: complete.contentType,
    skeleton: new DerReader(complete.der),
    start,
    content: carried ? Buffer.concat(content) : undefined,
  };
}

let alice: Holder;
let bob: Holder;
const objects: Record<string, Buffer> = {};

beforeAll(async () => {
  const root = await issue({ ca: true });
  alice = await issue({ email: 'alice@example.org' }, root);
  bob = await issue({ email: 'bob@example.org', kind: 'rsa' }, root);
  const content = Buffer.from('what is signed or encrypted, longer than one piece of a constructed string');
  const signed = { content, signers: [{ ...alice, chain: [root.certificate] }, bob], signingTime: now };
  const recipients = [alice.certificate, bob.certificate];
  const made = {
    attached: await signContent(signed),
    detached: await signContent({ ...signed, detached: true }),
    certificates: certsOnly([alice.certificate]),
    cbc: await encryptContent({ content, recipients }),
    gcm: await encryptContent({ content, recipients, cipher: 'aes-128-gcm' }),
    empty: await encryptContent({ content: Buffer.alloc(0), recipients, cipher: 'aes-128-gcm' }),
  };
  for (const [name, der] of Object.entries(made)) objects[name] = Buffer.from(der);
});

/** Deterministic choices from a list of numbers. */
const chooser = (numbers: readonly number[]): Choose => {
  let turn = 0;
  return (below) => (numbers[turn++ % numbers.length] as number) % below;
};

describe('CmsReader', () => {
  const choices = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 50 });
  const names = fc.constantFrom('attached', 'detached', 'certificates', 'cbc', 'gcm', 'empty');

  it('reads what the readers of whole objects read, in whatever BER and however cut', () => {
    fc.assert(
      fc.property(names, choices, fc.boolean(), pieceSizes, (name, numbers, asBer, sizes) => {
        const der = objects[name] as Buffer;
        const encoded = asBer ? berify(der, chooser(numbers), name === 'cbc' || name === 'gcm') : der;
        const found = read(cutInto(encoded, sizes));
        const whole = readContentInfo(encoded);
        expect(found.contentType).toBe(whole.contentType);
        if (whole.contentType === oids.signedData) {
          const { content, ...data } = readSignedData(whole.content);
          expect(readSignedData(found.skeleton)).toEqual({ ...data, content: undefined });
          expect(found.content).toEqual(content);
          if (found.start) expect(found.start.enter().smallInteger()).toBe(1);
          return;
        }
        const readEnvelope = name === 'cbc' ? readEnvelopedData : readAuthEnvelopedData;
        const { content, ...envelope } = readEnvelope(whole.content);
        const complete = readEnvelope(found.skeleton);
        expect(complete).toEqual({ ...envelope, content: { ...content, octets: Buffer.alloc(0) } });
        expect(found.content).toEqual(Buffer.from(content.octets));
        const { recipients } = readEnvelope(found.start as DerReader);
        expect(recipients).toEqual(envelope.recipients);
      }),
      { numRuns: 800 },
    );
  });

  it('every truncation is an error, and so are octets after the end', () => {
    for (const der of Object.values(objects)) {
      for (let length = 0; length < der.length; length += length < 40 ? 1 : 37)
        expect(() => read([der.subarray(0, length)])).toThrow(expect.objectContaining({ code: 'malformed-asn1' }));
      expect(() => read([der, Buffer.of(5, 0)])).toThrow(expect.objectContaining({ code: 'malformed-asn1' }));
    }
  });

  it('hostile lengths, depths and amounts end in an error and not in memory', () => {
    const head = Buffer.concat([Buffer.of(0x30, 0x80), encodeOid(oids.signedData), Buffer.of(0xa0, 0x80)]);
    const limit = { code: 'limit-exceeded' };
    const huge = Buffer.of(0x30, 0x80, 0x02, 0x86, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff);
    expect(() => read([head, huge])).toThrow(expect.objectContaining(limit));
    expect(() => read([head, Buffer.alloc(200, Buffer.of(0x30, 0x80))])).toThrow(expect.objectContaining(limit));
    const piece = Buffer.alloc(65_536, Buffer.of(5, 0));
    const flood = function* (): Generator<Buffer> {
      yield Buffer.concat([head, Buffer.of(0x30, 0x80, 0x31, 0x80)]);
      for (let sent = 0; sent < limits.streamStructureOctets * 4; sent += piece.length) yield piece;
    };
    const before = process.memoryUsage().rss;
    expect(() => {
      const reader = new CmsReader(() => undefined);
      for (const octets of flood()) reader.push(octets);
    }).toThrow(expect.objectContaining(limit));
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  it('a string of one-octet pieces costs no more than its octets', () => {
    const count = 500_000;
    const pieces = Buffer.alloc(count * 3, Buffer.of(4, 1, 0x61));
    const data = encodeSequence(
      Buffer.of(2, 1, 1),
      Buffer.of(0x31, 0),
      encodeSequence(encodeOid(oids.data), encodeElement(0xa0, encodeElement(0x24, pieces))),
      Buffer.of(0x31, 0),
    );
    const der = encodeSequence(encodeOid(oids.signedData), encodeElement(0xa0, data));
    const { content } = read(cutInto(der, [65_536]));
    expect(content?.equals(Buffer.alloc(count, 0x61))).toBe(true);
  });

  it('another structure is told from what is no BER', () => {
    const wrong = encodeSequence(encodeOid(oids.signedData), encodeElement(0xa0, Buffer.of(0x31, 0)));
    expect(() => read([wrong])).toThrow(expect.objectContaining({ code: 'unexpected-structure' }));
  });
});
