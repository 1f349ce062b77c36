import { describe, expect, it } from 'vitest';
import { issue, issueCrl, now } from '../../test/test-authority.ts';
import { crlDistributionPoints, issuingDistributionPoint } from '../x509/extensions.ts';
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
});
