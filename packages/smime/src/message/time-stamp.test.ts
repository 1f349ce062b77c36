import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { codes } from '../../test/office.ts';
import { issue, now, type Party } from '../../test/test-authority.ts';
import {
  encodeElement,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeUtf8String,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { encodeTimeStampInfo, readTimeStampInfo } from '../cms/time-stamp-info.ts';
import {
  buildTimeStampRequest,
  DerReader,
  extendedKeyUsage,
  makeTimeStamp,
  readTimeStampResponse,
  SmimeError,
  signContent,
  verifyContent,
  verifyTimeStamp,
} from '../index.ts';
import { digestAlgorithm } from '../keys/algorithms.ts';

const content = Buffer.from('who left, and when');
const hashed = createHash('sha256').update(content).digest();
const policy = '2.25.1.2';
const nonce = Buffer.from('007f00000000000001', 'hex');

let root: Party;
let stamper: Party;
let token: Uint8Array;
beforeAll(async () => {
  root = await issue({ ca: true, name: 'Root' });
  stamper = await issue({ name: 'Clock', extensions: [extendedKeyUsage([oids.timeStamping], true)] }, root);
  token = await makeTimeStamp({ ...what(), nonce });
});
const what = () => ({
  policy,
  hash: 'sha256' as const,
  hashed,
  serialNumber: Buffer.from('00ff01', 'hex'),
  time: new Date(now.getTime() + 999),
  signer: { signer: stamper.signer, certificate: stamper.certificate },
});
const info = (over: Partial<Parameters<typeof encodeTimeStampInfo>[0]> = {}) =>
  encodeTimeStampInfo({ ...what(), ...over });
/** As another program might sign it. */
const signedBy = (party: Party, octets: Uint8Array) =>
  signContent({
    content: octets,
    contentType: oids.timeStampInfo,
    signers: [{ signer: party.signer, certificate: party.certificate }],
    signingTime: now,
  });

describe('a time stamp', () => {
  it('says what was there, when, and by whose clock', () => {
    const report = verifyTimeStamp({ token, content, nonce, anchors: [root.certificate] });
    expect(report).toMatchObject({ valid: true, problems: [], path: { valid: true } });
    expect(report.info).toMatchObject({ policy, digest: 'sha256', serialNumber: 'ff01', time: now });
    expect(Buffer.from(report.info.hashed).equals(hashed)).toBe(true);
    expect(report.certificate?.serialNumber).toBe(stamper.certificate.serialNumber);
    // Whom to trust is asked apart.
    expect(verifyTimeStamp({ token, content })).toMatchObject({ valid: true, path: undefined });
  });

  it('is judged at its own time: a certificate that has ended since was good then', async () => {
    const short = { notBefore: new Date(now.getTime() - 1000), notAfter: new Date(now.getTime() + 1000) };
    const brief = await issue(
      { name: 'Brief', extensions: [extendedKeyUsage([oids.timeStamping], true)], ...short },
      root,
    );
    const at = async (time: Date) => {
      const stamp = await makeTimeStamp({ ...what(), time, signer: { ...what().signer, ...brief } });
      return verifyTimeStamp({ token: stamp, content, anchors: [root.certificate] }).path?.valid;
    };
    expect([await at(now), await at(new Date(now.getTime() + 5000))]).toEqual([true, false]);
  });

  it('of something else, of another request, or altered, is none', async () => {
    const found = (over: Partial<Parameters<typeof verifyTimeStamp>[0]>) =>
      codes(verifyTimeStamp({ token, content, nonce, ...over }).problems);
    expect(found({ content: Buffer.from('who stayed') })).toEqual(['time-stamp-imprint']);
    expect(found({ nonce: Buffer.from('7e', 'hex') })).toEqual(['time-stamp-nonce']);
    expect(found({ token: await signedBy(stamper, info()) })).toEqual(['time-stamp-nonce']);
    const altered = Buffer.from(token);
    const year = altered.indexOf('20260601');
    altered[year + 3] = 0x35;
    expect(found({ token: altered })).toContain('time-stamp-signature');
    expect(verifyTimeStamp({ token: altered, content, nonce }).valid).toBe(false);
    const other = await issue({ ca: true, name: 'Another root' });
    expect(verifyTimeStamp({ token, content, anchors: [other.certificate] }).path?.valid).toBe(false);
  });

  it('by a certificate that is for something else is none, and is not made', async () => {
    const kinds = {
      mail: { purposes: [oids.emailProtection] },
      any: {},
      'time, and not critical': { purposes: [oids.timeStamping] },
      'time and mail': { extensions: [extendedKeyUsage([oids.timeStamping, oids.emailProtection], true)] },
    };
    for (const [name, wish] of Object.entries(kinds)) {
      const party = await issue({ name, ...wish }, root);
      const report = verifyTimeStamp({ token: await signedBy(party, info()), content });
      expect([name, report.valid, codes(report.problems)]).toEqual([name, false, ['time-stamp-purpose']]);
      const made = makeTimeStamp({ ...what(), signer: { signer: party.signer, certificate: party.certificate } });
      await expect(made).rejects.toMatchObject({ code: 'invalid-argument' });
    }
  });

  it('is no message, and a message no time stamp', async () => {
    const report = await verifyContent({ der: token, anchors: [root.certificate], at: now });
    expect(report.valid).toBe(false);
    const message = await signContent({ content: info(), signers: [what().signer], signingTime: now });
    expect(() => verifyTimeStamp({ token: message, content })).toThrow(SmimeError);
    expect(() => verifyTimeStamp({ token: Buffer.from('no'), content })).toThrow(SmimeError);
  });

  it('of others may have a fraction of a second, an order, a name; and no critical extension', () => {
    const raw = (time: string, ...more: Uint8Array[]) =>
      encodeSequence(
        encodeInteger(1),
        encodeOid(policy),
        encodeSequence(digestAlgorithm('sha256'), encodeOctetString(hashed)),
        encodeInteger(7),
        encodeElement(tag.generalizedTime, Buffer.from(time)),
        ...more,
      );
    const ordering = Buffer.from('0101ff', 'hex');
    const name = encodeElement(0xa0, encodeElement(0xa4, encodeSequence()));
    const extension = (critical: boolean) =>
      encodeElement(
        0xa1,
        encodeSequence(encodeOid('1.2.3'), ...(critical ? [ordering] : []), encodeOctetString(Buffer.alloc(1))),
      );
    expect(readTimeStampInfo(raw('20260601120000.5Z', ordering, name, extension(false))).time).toEqual(
      new Date('2026-06-01T12:00:00.500Z'),
    );
    for (const wrong of ['20260601120000', '20260231120000Z', '20260601120000+0100', '202606011200Z'])
      expect(() => readTimeStampInfo(raw(wrong))).toThrow(SmimeError);
    expect(() => readTimeStampInfo(raw('20260601120000Z', extension(true)))).toThrow(/critical/);
    expect(() => readTimeStampInfo(raw('20260601120000Z', encodeSequence(), encodeSequence()))).toThrow(SmimeError);
  });
});

describe('a request, and its answer', () => {
  it('ask for one digest and the certificate, and are read back', () => {
    const reader = new DerReader(buildTimeStampRequest({ hash: 'sha256', hashed, nonce })).enter();
    expect(reader.smallInteger()).toBe(1);
    const imprint = reader.enter();
    imprint.skip();
    expect(imprint.octetString().equals(hashed)).toBe(true);
    expect(reader.integerContent().toString('hex')).toBe('7f00000000000001');
    expect(reader.boolean()).toBe(true);

    const granted = encodeSequence(encodeSequence(encodeInteger(0)), token);
    expect(readTimeStampResponse(granted)).toMatchObject({ granted: true, status: 0 });
    const words = encodeSequence(encodeUtf8String('too busy'));
    expect(readTimeStampResponse(encodeSequence(encodeSequence(encodeInteger(2), words)))).toEqual({
      granted: false,
      status: 2,
      text: ['too busy'],
      token: undefined,
    });
    expect(() => readTimeStampResponse(encodeSequence(encodeSequence(encodeInteger(0))))).toThrow(SmimeError);
    expect(() => readTimeStampResponse(Buffer.from('<html>'))).toThrow(SmimeError);
  });
});
