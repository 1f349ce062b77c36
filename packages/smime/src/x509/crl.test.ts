import { describe, expect, it } from 'vitest';
import { describeCorpus } from '../../test/corpora.ts';
import { issue, issueCrl, now } from '../../test/test-authority.ts';
import { SmimeError } from '../errors.ts';
import { parseCrl, verifyCrlSignature } from './crl.ts';
import {
  issuingDistributionPoint,
  type RevocationReason,
  revocationReasonOf,
  revocationReasons,
} from './extensions.ts';

const ca = await issue({ name: 'CRL CA' });
const serial = (index: number): string => (0xf0000000n + BigInt(index) * 65_537n).toString(16).padStart(32, 'a');

describe('CRLs', () => {
  it('hold what was put in, for every reason', async () => {
    const reasons = Object.keys(revocationReasons) as RevocationReason[];
    const crl = await issueCrl(
      ca,
      reasons.map((reason, index) => ({
        serialNumber: serial(index),
        revokedAt: new Date(now.getTime() - index * 1000),
        reason,
      })),
      { number: 300 },
    );
    expect(crl.entryCount).toBe(reasons.length);
    expect(crl.crlNumber).toBe('012c');
    for (const [index, reason] of reasons.entries()) {
      const entry = crl.find(serial(index));
      // RFC 5280 5.3.1: unspecified is said by saying nothing.
      expect(entry?.reason).toBe(reason === 'unspecified' ? undefined : reason);
      expect(entry?.revokedAt).toEqual(new Date(now.getTime() - index * 1000));
      expect(revocationReasonOf(revocationReasons[reason])).toBe(reason);
    }
    expect(crl.find(serial(99))).toBeUndefined();
    // Digits in either case, and zeros before the number, are the same number; what is none is refused.
    const written = serial(3);
    for (const spelt of [written.toUpperCase(), `00${written}`, `0000${written}`])
      expect(crl.find(spelt)?.serialNumber).toBe(written);
    for (const none of ['', 'xyz', `${written}-`, `${written}g1`]) expect(() => crl.find(none)).toThrow('in hex');
    expect(verifyCrlSignature(crl, ca.certificate)).toBe(true);
    expect(verifyCrlSignature(crl, (await issue({ name: 'CRL CA' })).certificate)).toBe(false);
  });

  it('find every entry among thousands, and none that is not there', async () => {
    const entries = Array.from({ length: 5_000 }, (_, index) => ({ serialNumber: serial(index), revokedAt: now }));
    const crl = await issueCrl(ca, entries);
    expect(entries.filter(({ serialNumber }) => crl.find(serialNumber)?.serialNumber === serialNumber).length).toBe(
      5_000,
    );
    expect(Array.from({ length: 5_000 }, (_, index) => crl.find(serial(index + 5_000))).filter(Boolean)).toEqual([]);
    expect([...crl.entries()].map(({ serialNumber }) => serialNumber)).toEqual(
      entries.map(({ serialNumber }) => serialNumber),
    );
  });

  it('tell ff from 00ff and -ff, and find serial numbers beyond 127 octets', async () => {
    const long = '1'.repeat(400);
    await expect(issueCrl(ca, [{ serialNumber: long, revokedAt: now }])).rejects.toThrow(SmimeError);
    const crl = await issueCrl(ca, [{ serialNumber: 'ff', revokedAt: now }]);
    expect(crl.find('00ff')?.serialNumber).toBe('ff');
    expect(crl.find('-ff')).toBeUndefined();
    expect(crl.find(long)).toBeUndefined();
  });

  it('leave the list out where nothing is revoked, and keep their distribution point', async () => {
    const uri = 'http://crl.example.com/1.crl';
    const crl = await issueCrl(ca, [], { extensions: [issuingDistributionPoint({ uri, onlyUserCertificates: true })] });
    expect(crl.entryCount).toBe(0);
    expect(crl.find('01')).toBeUndefined();
    expect(crl.issuingDistributionPoint).toMatchObject({
      onlyUserCertificates: true,
      onlyCaCertificates: false,
      indirect: false,
    });
    expect(crl.issuingDistributionPoint?.fullName?.uris).toEqual([uri]);
  });

  it('throw SmimeError for every prefix', async () => {
    const { der } = await issueCrl(ca, [
      { serialNumber: '1234', revokedAt: now, reason: 'keyCompromise' },
      { serialNumber: '1235', revokedAt: new Date('2060-01-01T00:00:00Z') },
    ]);
    for (let length = 0; length < der.length; length++)
      expect(() => parseCrl(der.subarray(0, length))).toThrow(SmimeError);
  });
});

describeCorpus('pyca-vectors', 'CRLs that others made', (corpus) => {
  const read = (name: string) => parseCrl(corpus.der(`x509/custom/${name}`));
  it('are read', () => {
    expect(read('crl_all_reasons.pem').entryCount).toBe(12);
    expect(read('crl_almost_10k.pem').entryCount).toBe(9_999);
    expect(read('crl_delta_crl_indicator.pem').baseCrlNumber).toBe('ab54a98ceb1f0ad2');
    expect(read('crl_idp_only_ca.pem').issuingDistributionPoint?.onlyCaCertificates).toBe(true);
    expect(read('crl_idp_fullname_indirect_crl.pem').issuingDistributionPoint?.indirect).toBe(true);
    expect(read('crl_no_next_update.pem').nextUpdate).toBeUndefined();
    expect(read('crl_md2_unknown_crit_entry_ext.pem').unknownCritical.length).toBe(1);
  });

  it.each(['crl_bad_version.pem', 'crl_dup_entry_ext.pem', 'crl_inner_outer_mismatch.der', 'crl_invalid_time.der'])(
    '%s is refused',
    (name) => {
      expect(() => read(name)).toThrow(SmimeError);
    },
  );
});
