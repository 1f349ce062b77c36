import { describe, expect, it } from 'vitest';
import { issue, issueCrl, now } from '../../test/test-authority.ts';
import { encodeInteger } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { crlDistributionPoints, issuingDistributionPoint, type RevocationReason } from '../x509/extensions.ts';
import { checkRevocation } from './check.ts';

const ca = await issue({ name: 'Revoking CA' });
const uri = 'http://crl.example.com/shard-7.crl';
const person = await issue({ email: 'a@example.com', extensions: [crlDistributionPoints([uri])] }, ca);
const revoked = {
  serialNumber: person.certificate.serialNumber,
  revokedAt: new Date('2026-05-20T00:00:00Z'),
  reason: 'superseded' as const,
};
const ask = (crls: Parameters<typeof checkRevocation>[2]['crls'] & object) =>
  checkRevocation(person.certificate, ca.certificate, { crls, at: now });

describe('checkRevocation by CRL', () => {
  it('is good, revoked or unknown', async () => {
    expect(ask([await issueCrl(ca, [])])).toMatchObject({ status: 'good', source: 'crl', problems: [] });
    expect(ask([await issueCrl(ca, [revoked])])).toMatchObject({
      status: 'revoked',
      reason: 'superseded',
      revokedAt: revoked.revokedAt,
    });
    expect(ask([])).toEqual({ status: 'unknown', problems: [] });
  });

  it('takes no word from another CA, even of the same name', async () => {
    const namesake = await issue({ name: 'Revoking CA' });
    expect(ask([await issueCrl(namesake, [])])).toMatchObject({
      status: 'unknown',
      problems: [{ code: 'crl-bad-signature' }],
    });
    const stranger = await issue({ name: 'Stranger' });
    expect(ask([await issueCrl(stranger, [revoked])]).status).toBe('unknown');
  });

  it('believes a stale list about what it lists, not about what it leaves out', async () => {
    const nextUpdate = new Date(now.getTime() - 1000);
    expect(ask([await issueCrl(ca, [], { nextUpdate })])).toMatchObject({
      status: 'unknown',
      problems: [{ code: 'crl-stale' }],
    });
    expect(ask([await issueCrl(ca, [revoked], { nextUpdate })]).status).toBe('revoked');
  });

  it('takes a shard only for the certificates that point to it', async () => {
    const shard = await issueCrl(ca, [], {
      extensions: [issuingDistributionPoint({ uri, onlyUserCertificates: true })],
    });
    const other = await issueCrl(ca, [], {
      extensions: [issuingDistributionPoint({ uri: 'http://crl.example.com/shard-8.crl' })],
    });
    const forCas = await issueCrl(ca, [], {
      extensions: [issuingDistributionPoint({ uri, onlyCaCertificates: true })],
    });
    expect(ask([shard]).status).toBe('good');
    expect(ask([other]).status).toBe('unknown');
    expect(ask([forCas]).status).toBe('unknown');
  });

  it('says nothing about a certificate that had expired before the list was made', async () => {
    const old = await issue({ email: 'old@example.com', notAfter: new Date(now.getTime() - 10 * 86_400_000) }, ca);
    const report = checkRevocation(old.certificate, ca.certificate, { crls: [await issueCrl(ca, [])], at: now });
    expect(report).toMatchObject({ status: 'unknown', problems: [{ code: 'crl-after-expiry' }] });
  });

  it('needs a CRL key that may sign CRLs', async () => {
    const noCrls = await issue({ name: 'Only certificates', usage: ['keyCertSign'] });
    const leaf = await issue({ email: 'b@example.com' }, noCrls);
    const report = checkRevocation(leaf.certificate, noCrls.certificate, {
      crls: [await issueCrl(noCrls, [])],
      at: now,
    });
    expect(report).toMatchObject({ status: 'unknown', problems: [{ code: 'crl-bad-signature' }] });
  });

  it('finds the right list among hundreds of others', async () => {
    const stranger = await issue({ name: 'Stranger' });
    const other = await issueCrl(stranger, [revoked]);
    const shard = await issueCrl(ca, [], {
      extensions: [issuingDistributionPoint({ uri: 'http://crl.example.com/8' })],
    });
    const many = [...Array.from({ length: 200 }, () => other), ...Array.from({ length: 200 }, () => shard)];
    expect(ask([...many, await issueCrl(ca, [])]).status).toBe('good');
    expect(ask([...many, await issueCrl(ca, [revoked])]).status).toBe('revoked');
  });

  describe('with delta CRLs', async () => {
    const delta = (base: number) => ({ id: oids.deltaCrlIndicator, critical: true, value: encodeInteger(base) });
    const entry = (reason: RevocationReason) => ({ ...revoked, reason });
    const complete = await issueCrl(ca, [], { number: 5 });
    const held = await issueCrl(ca, [entry('certificateHold')], { number: 5 });
    const released = await issueCrl(ca, [entry('removeFromCRL')], { number: 7, extensions: [delta(5)] });
    const added = await issueCrl(ca, [entry('keyCompromise')], { number: 6, extensions: [delta(4)] });

    it('takes the newest that continues the complete one', () => {
      expect(ask([complete, added])).toMatchObject({ status: 'revoked', reason: 'keyCompromise' });
      expect(ask([added, complete, released]).status).toBe('good');
      expect(ask([released, complete, added]).status).toBe('good');
      expect(ask([held, released]).status).toBe('good');
      expect(ask([held]).status).toBe('revoked');
    });

    it('takes none that does not', async () => {
      expect(ask([added]).status).toBe('unknown');
      const gap = await issueCrl(ca, [entry('keyCompromise')], { number: 9, extensions: [delta(8)] });
      expect(ask([complete, gap]).status).toBe('good');
      const older = await issueCrl(ca, [entry('keyCompromise')], { number: 5, extensions: [delta(3)] });
      expect(ask([complete, older]).status).toBe('good');
      const stale = await issueCrl(ca, [entry('removeFromCRL')], {
        number: 7,
        extensions: [delta(5)],
        nextUpdate: new Date(now.getTime() - 1000),
      });
      expect(ask([held, stale]).status).toBe('revoked');
      const ofUsers = await issueCrl(ca, [entry('removeFromCRL')], {
        number: 7,
        extensions: [delta(5), issuingDistributionPoint({ onlyUserCertificates: true })],
      });
      expect(ask([held, ofUsers]).status).toBe('revoked');
      const forger = await issue({ name: 'Revoking CA' });
      const forged = await issueCrl(forger, [entry('removeFromCRL')], {
        number: 7,
        extensions: [delta(5)],
      });
      expect(ask([held, forged]).status).toBe('revoked');
    });
  });
});
