import { describe, expect, it } from 'vitest';
import { issue, issueCrl, now } from '../../test/test-authority.ts';
import { SmimeError } from '../errors.ts';
import { signatureAlgorithmFor } from '../keys/algorithms.ts';
import { buildTbsCrl, layOutCrl, RevokedList } from './build-crl.ts';
import { assembleSigned } from './certificate.ts';
import { parseCrl } from './crl.ts';
import { crlNumber, deltaCrlIndicator, freshestCrl, issuingDistributionPoint } from './extensions.ts';
import { readDistributionPoints } from './read-extensions.ts';

const ca = await issue({ name: 'CRL CA' });

describe('a list of revoked certificates', () => {
  it('reads back as it was filled, whatever the serial numbers, days and centuries', async () => {
    const days = ['1999-12-31T23:59:59Z', '2026-01-02T03:04:05Z', '2026-01-02T23:00:00Z', '2050-01-01T00:00:00Z'];
    const serials = ['01', '7f', '80', 'ff00', 'abc', '0080', '7'.repeat(40), 'f'.repeat(40), 'C0FFEE'];
    const entries = days.flatMap((day, index) =>
      serials.map((serial, place) => ({
        serialNumber: `${serial}${'0'.repeat(index === 0 || serial.length === 40 ? 0 : 2 * index)}`,
        revokedAt: new Date(Date.parse(day) + place * 61_000),
        ...(place % 2 === 0 ? { reason: 'keyCompromise' as const } : {}),
      })),
    );
    const crl = await issueCrl(ca, entries);
    expect(
      [...crl.entries()].map(({ serialNumber, revokedAt, reason }) => ({ serialNumber, revokedAt, reason })),
    ).toEqual(
      entries.map(({ serialNumber, revokedAt, reason }) => ({
        serialNumber: `${'0'.repeat(serialNumber.length % 2)}${serialNumber.toLowerCase()}`.replace(/^(00)+/, ''),
        revokedAt,
        reason,
      })),
    );
  });

  it('holds more than one piece, cut anywhere', async () => {
    const list = new RevokedList();
    const count = 60_000;
    for (let n = 0; n < count; n++)
      list.add((0x1000_0000 + n).toString(16), now.getTime() + n * 500, n % 3 === 0 ? 'superseded' : undefined);
    expect(list.count).toBe(count);
    expect(list.pieces.length).toBeGreaterThan(2);
    expect(list.pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(list.octets);
    const crl = parseCrl(Buffer.from((await issueCrl(ca, list)).der));
    expect(crl.entryCount).toBe(count);
    for (const n of [0, 1, 3, 30_000, count - 1])
      expect(crl.find((0x1000_0000 + n).toString(16))).toMatchObject({
        revokedAt: new Date(Math.floor((now.getTime() + n * 500) / 1000) * 1000),
        reason: n % 3 === 0 ? 'superseded' : undefined,
      });
  });

  it.each([0, 1, 200, 60_000])(
    'laid out with room for its signature is octet for octet the same: %i entries',
    (count) => {
      const filled = () => {
        const list = new RevokedList();
        for (let n = 0; n < count; n++) list.add((0x1000_0000 + n).toString(16), now.getTime() + n * 500, 'superseded');
        return list;
      };
      const signatureAlgorithm = signatureAlgorithmFor('p256', 'sha256');
      const fields = {
        signatureAlgorithm,
        issuer: ca.certificate.subject,
        thisUpdate: now,
        nextUpdate: new Date(now.getTime() + 86_400_000),
        extensions: [crlNumber(7)],
      };
      const tbs = buildTbsCrl({ ...fields, entries: filled() });
      const entries = filled();
      const laidOut = layOutCrl({ ...fields, entries });
      expect(Buffer.compare(laidOut.tbs, tbs)).toBe(0);
      expect([laidOut.entryCount, entries.count, entries.octets]).toEqual([count, 0, 0]);
      for (const octets of [70, 72, 384, 4_627, 8_000]) {
        const signature = Buffer.alloc(octets, octets);
        const whole = assembleSigned(tbs, signatureAlgorithm, signature);
        expect(Buffer.compare(laidOut.withSignature(signature), whole)).toBe(0);
      }
      expect(() => laidOut.withSignature(Buffer.alloc(8_001))).toThrow(SmimeError);
    },
  );

  it.each([
    ['', 'nothing'],
    ['xyz1', 'letters'],
    ['12é4', 'other scripts'],
    ['1'.repeat(48), 'more than 20 octets'],
  ])('refuses the serial number %j: %s', (serial) => {
    const list = new RevokedList();
    expect(() => list.add(serial, 0)).toThrow(SmimeError);
    expect([list.count, list.octets]).toEqual([0, 0]);
  });

  it('refuses a time that is none', () => {
    expect(() => new RevokedList().add('01', Number.NaN)).toThrow(SmimeError);
  });
});

it('marks deltas, says where they are, and bears the names of a distribution point that has moved', async () => {
  const uris = ['http://old.example.com/1.crl', 'http://new.example.com/1.crl'];
  const crl = await issueCrl(ca, [], {
    extensions: [
      deltaCrlIndicator(7),
      freshestCrl(['http://new.example.com/delta.crl']),
      issuingDistributionPoint({ uri: uris }),
    ],
  });
  expect(crl.baseCrlNumber).toBe('07');
  expect(crl.issuingDistributionPoint?.fullName?.uris).toEqual(uris);
  const freshest = crl.extensions.find(({ id }) => id === '2.5.29.46')?.value;
  expect(freshest && readDistributionPoints(freshest)[0]?.fullName?.uris).toEqual(['http://new.example.com/delta.crl']);
  expect(crl.unknownCritical).toEqual([]);
});
