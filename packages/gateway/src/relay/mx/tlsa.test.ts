import { createHash, X509Certificate } from 'node:crypto';
import { recordType } from '@chancery/dns';
import {
  assembleSigned,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  extendedKeyUsage,
  oids,
  signatureAlgorithmFor,
  subjectAltName,
} from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { makeKeys } from '../../../test/support/test-ca.ts';
import type { FindRecords } from '../../dns/find-records.ts';
import { findPromise, matchPromise } from './tlsa.ts';

const at = new Date('2026-03-01T12:00:00Z');
const authority = makeKeys();

async function certify(
  dns: string | undefined,
  by: { name: string; keys: ReturnType<typeof makeKeys> },
  { usage = oids.serverAuth, until = '2027-01-01' }: { usage?: string; until?: string } = {},
): Promise<Buffer> {
  const keys = dns === undefined ? by.keys : makeKeys();
  const algorithm = signatureAlgorithmFor('p256', 'sha256');
  const tbs = buildTbsCertificate({
    serialNumber: dns === undefined ? '01' : '02',
    signatureAlgorithm: algorithm,
    issuer: buildName([{ type: 'commonName', value: by.name }]),
    subject: buildName([{ type: 'commonName', value: dns ?? by.name }]),
    notBefore: new Date('2026-01-01'),
    notAfter: new Date(until),
    spki: keys.spki,
    extensions:
      dns === undefined
        ? [basicConstraints({ ca: true })]
        : [basicConstraints({ ca: false }), extendedKeyUsage([usage]), subjectAltName({ dns: [dns] })],
  });
  return Buffer.from(assembleSigned(tbs, algorithm, await by.keys.signer.sign(tbs, 'sha256')));
}

const root = { name: 'Authority', keys: authority };
const ca = await certify(undefined, root);
const leaf = await certify('mx.example.net', root);
const spkiOf = (der: Buffer) => new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' });
const sha = (kind: 'sha256' | 'sha512', octets: Buffer) => createHash(kind).update(octets).digest();
const record = (usage: number, selector: number, matching: number, data: Buffer) =>
  Buffer.concat([Buffer.of(usage, selector, matching), data]);

/** A DNS that holds those records for the host's port 25, and says of other names that they are not there. */
const dns = (
  records: Record<string, readonly Buffer[]>,
  proven: (name: string) => boolean = () => true,
): FindRecords & { asked: string[] } => {
  const asked: string[] = [];
  return Object.assign(
    async (name: string, type: number) => {
      asked.push(name);
      const here = type === recordType.tlsa ? (records[name] ?? []) : [];
      return {
        records: here.map((data) => ({ name, type, class: 1, ttl: 60, data })),
        owner: name,
        exists: here.length > 0,
        proven: proven(name),
      };
    },
    { asked },
  );
};
const host = 'mx.example.net';
const place = { addresses: ['192.0.2.1'], owner: host, proven: true };
const promised = async (...records: Buffer[]) => {
  const promise = await findPromise(dns({ [`_25._tcp.${host}`]: records }), host, place, 25);
  if (promise === undefined) throw new Error('nothing is promised');
  return promise;
};

describe('what is promised', () => {
  it('is what is proven, under the name that the aliases lead to, or else under the host', async () => {
    const one = [record(3, 1, 1, sha('sha256', spkiOf(leaf)))];
    const alias = { ...place, owner: 'real.example.org' };
    const both = dns({ '_25._tcp.real.example.org': one, [`_25._tcp.${host}`]: one });
    expect(await findPromise(both, host, alias, 25)).toMatchObject({ base: 'real.example.org' });
    const own = dns({ [`_25._tcp.${host}`]: one });
    expect(await findPromise(own, host, alias, 25)).toMatchObject({ base: host });
    // The alias is signed, and what it leads to is not.
    expect(await findPromise(own, host, { ...alias, proven: false }, 25)).toMatchObject({ base: host });
    const unsigned = dns({ [`_25._tcp.${host}`]: one }, () => false);
    expect(await findPromise(unsigned, host, place, 25)).toBeUndefined();
    const untouched = dns({ [`_25._tcp.${host}`]: one });
    expect(await findPromise(untouched, host, { ...place, proven: false }, 25)).toBeUndefined();
    expect(untouched.asked).toEqual([]);
  });

  it('may be of no use: other usages, selectors and lengths', async () => {
    const useless = [
      record(0, 0, 1, Buffer.alloc(32)),
      record(1, 1, 1, Buffer.alloc(32)),
      record(3, 2, 1, Buffer.alloc(32)),
      record(3, 1, 3, Buffer.alloc(32)),
      record(3, 1, 1, Buffer.alloc(31)),
      record(3, 1, 0, Buffer.alloc(0)),
      Buffer.of(3),
    ];
    expect(await promised(...useless)).toEqual({ base: host, records: [] });
  });
});

describe('the server', () => {
  it('is the promised one by each form of a record', async () => {
    for (const [matching, of] of [
      [0, (octets: Buffer) => octets],
      [1, (octets: Buffer) => sha('sha256', octets)],
      [2, (octets: Buffer) => sha('sha512', octets)],
    ] as const)
      for (const [selector, select] of [
        [0, (der: Buffer) => der],
        [1, spkiOf],
      ] as const) {
        const ee = await promised(record(3, selector, matching, of(select(leaf))));
        expect(matchPromise(ee, [leaf], undefined, at).usage).toBe(3);
        const ta = await promised(record(2, selector, matching, of(select(ca))));
        expect(matchPromise(ta, [leaf, ca], undefined, at).usage).toBe(2);
      }
    // The whole authority stands in the record: the server need not show it.
    expect(matchPromise(await promised(record(2, 0, 0, ca)), [leaf], undefined, at).usage).toBe(2);
  });

  it('is not, by another certificate, name, use or time', async () => {
    const ta = await promised(record(2, 0, 1, sha('sha256', ca)));
    const ee = await promised(record(3, 0, 1, sha('sha256', leaf)));
    const other = await certify(host, { name: 'Authority', keys: makeKeys() });
    const elsewhere = await certify('mx.example.org', root);
    const forMail = await certify(host, root, { usage: oids.emailProtection });
    const old = await certify(host, root, { until: '2026-02-01' });
    for (const chain of [[other, ca], [elsewhere, ca], [forMail, ca], [old, ca], [leaf], [ca], []])
      expect(() => matchPromise(ta, chain, undefined, at)).toThrow();
    expect(() => matchPromise(ee, [other], undefined, at)).toThrow();
    // Where its MX is proven, the domain's own name will do.
    expect(matchPromise(ta, [elsewhere, ca], 'mx.example.org', at).usage).toBe(2);
    // DANE-EE asks for neither name nor time.
    const expired = await promised(record(3, 0, 1, sha('sha256', old)));
    expect(matchPromise(expired, [old], undefined, at).usage).toBe(3);
  });

  it('is judged by the strongest digest of each kind', async () => {
    const both = await promised(record(3, 1, 1, sha('sha256', spkiOf(leaf))), record(3, 1, 2, Buffer.alloc(64)));
    expect(() => matchPromise(both, [leaf], undefined, at)).toThrow();
  });
});
