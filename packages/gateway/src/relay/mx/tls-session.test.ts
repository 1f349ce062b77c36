import { describe, expect, it } from 'vitest';
import type { Owed, SecuredHost, Shown } from './secure-host.ts';
import { sessionOf } from './tls-session.ts';

const nothing: Owed = {
  ...{ host: 'mx.example.net', domain: 'example.net', proven: true, promise: undefined, policy: undefined },
  ...{ least: 'opportunistic', ca: [], now: Date.now },
};
const sts = { mode: 'enforce', mx: ['mx.example.net'], maxAge: 86_400 } as const;
const dane = { base: 'mx.example.net', records: [] };
const shown: Shown = { version: 'TLSv1.3', chain: [Buffer.from('no certificate')], objection: undefined };

/** How a connection went that came so far. */
async function outcomes(owed: Partial<Owed>, how: { shown?: Shown; stage?: 'handshake' }, error?: unknown) {
  const secured = { shown: () => how.shown, stage: () => how.stage ?? 'clear' } as unknown as SecuredHost;
  const session = await sessionOf({ ...nothing, ...owed }, '192.0.2.1', secured, error);
  return session?.outcomes.map(({ type, failure }) => `${type}: ${failure?.type ?? 'good'}`);
}

describe('how TLS went', () => {
  it('is told of each policy that applied, and of none where there was none', async () => {
    expect(await outcomes({}, { shown })).toEqual(['no-policy-found: good']);
    expect(await outcomes({ policy: { ...sts, mode: 'none' } }, { shown })).toEqual(['no-policy-found: good']);
    expect(await outcomes({ policy: sts }, { shown })).toEqual(['sts: good']);
    // DANE for the whole way leaves nothing to MTA-STS, and otherwise both are owed.
    expect(await outcomes({ policy: sts, promise: dane }, { shown })).toEqual(['tlsa: tlsa-invalid']);
    expect(await outcomes({ policy: sts, promise: dane, proven: false }, { shown })).toEqual([
      'tlsa: tlsa-invalid',
      'sts: good',
    ]);
  });

  it('has a word for what was wrong with the certificate', async () => {
    for (const [objection, type] of [
      ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate-host-mismatch'],
      ['CERT_HAS_EXPIRED', 'certificate-expired'],
      ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate-not-trusted'],
    ]) {
      const bad = { shown: { ...shown, objection } };
      expect(await outcomes({ policy: sts }, bad)).toEqual([`sts: ${type}`]);
      // Nobody promised that it would be good.
      expect(await outcomes({}, bad)).toEqual(['no-policy-found: good']);
    }
    expect(await outcomes({ policy: { ...sts, mx: ['other.example.net'] } }, { shown })).toEqual([
      'sts: validation-failure',
    ]);
    const record = { usage: 3, selector: 'key', matching: 'sha256', data: Buffer.alloc(32) } as const;
    expect(await outcomes({ promise: { ...dane, records: [record] } }, { shown })).toEqual([
      'tlsa: certificate-not-trusted',
    ]);
  });

  it('is a failure where there is no TLS, and nothing where it did not come to that', async () => {
    expect(await outcomes({}, {})).toEqual(['no-policy-found: starttls-not-supported']);
    const stripped = new Error('The next server offers no STARTTLS, and it is required');
    expect(await outcomes({ policy: sts }, {}, stripped)).toEqual(['sts: starttls-not-supported']);
    const broken = Object.assign(new Error('wrong version number'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    expect(await outcomes({ policy: sts }, { stage: 'handshake' }, broken)).toEqual(['sts: validation-failure']);
    expect(await outcomes({ policy: sts }, {}, new Error('connect ECONNREFUSED'))).toBeUndefined();
    expect(await outcomes({ policy: sts }, {}, new Error('554 we do not like you'))).toBeUndefined();
  });
});
