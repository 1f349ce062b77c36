import { recordType } from '@chancery/dns';
import { describe, expect, it } from 'vitest';
import { DnsSilence, type FindRecords } from '../../dns/find-records.ts';
import { findAddresses, findDestination } from './find-hosts.ts';

/** A DNS in which `example.net` has those servers: preference and name of each. */
const withMx =
  (...mx: readonly (readonly [number, string])[]): FindRecords =>
  async (name, type) => ({
    records: mx.map(([preference, leadsTo]) => ({
      ...{ name, type, class: 1, ttl: 60, leadsTo },
      data: Buffer.from([preference >> 8, preference & 255, 0]),
    })),
    owner: name,
    exists: type === recordType.mx,
    proven: true,
  });
const find = (dns: FindRecords, domain = 'example.net') => findDestination(dns, domain, 'Gateway.example.com');

describe('the servers of a domain', () => {
  it('come in the order of preference, those alike in any', async () => {
    const dns = withMx([20, 'c.example.net'], [10, 'a.example.net'], [10, 'b.example.net'], [30, 'd.example.net']);
    const orders = new Set<string>();
    for (let time = 0; time < 200; time += 1) {
      const found = await find(dns);
      orders.add(found.said === 'hosts' ? found.hosts.map((host) => host[0]).join('') : found.reply);
    }
    expect([...orders].toSorted()).toEqual(['abcd', 'bacd']);
  });

  it('are those that come before ourselves', async () => {
    const dns = withMx(
      [10, 'a.example.net'],
      [20, 'gateway.example.com'],
      [20, 'b.example.net'],
      [30, 'c.example.net'],
    );
    expect(await find(dns)).toMatchObject({ said: 'hosts', hosts: ['a.example.net'] });
    expect(await find(withMx([5, 'gateway.example.com'], [10, 'a.example.net']))).toMatchObject({
      said: 'later',
      reply: expect.stringContaining('4.4.6'),
    });
    expect(await find(withMx(), 'gateway.example.com')).toMatchObject({ said: 'later' });
    expect(await find(withMx())).toMatchObject({ said: 'hosts', hosts: ['example.net'], implicit: true });
  });

  it('have names: what looks like an address, or is none, is passed over', async () => {
    const dns = withMx([0, ''], [5, '10.0.0.1'], [10, 'a\\.b.example.net'], [20, 'x.example.net']);
    expect(await find(dns)).toMatchObject({ said: 'hosts', hosts: ['x.example.net'] });
    expect(await find(withMx([10, '127.0.0.1']))).toMatchObject({ said: 'later' });
    expect(await find(withMx([0, '']))).toMatchObject({ said: 'no', reply: expect.stringMatching(/^556 5\.1\.10/) });
    expect(
      (await find(withMx(...Array.from({ length: 50 }, (_, n) => [n, `h${n}.example.net`] as const)))) as object,
    ).toHaveProperty('hosts.length', 10);
  });

  it('are not known where the DNS is silent', async () => {
    const silent = async () => {
      throw new DnsSilence('no answer in time');
    };
    expect(await find(silent)).toEqual({ said: 'later', reply: '451 4.4.3 no answer in time' });
  });
});

describe('the addresses of a server', () => {
  it('come in turn, as the machine writes its own', async () => {
    const data: Record<number, string[]> = {
      [recordType.a]: ['c0000201', 'c0000202', 'c00002'],
      [recordType.aaaa]: ['20010db8000000000000000000000001', '20010db8', '00000000000000000000ffff7f000001'],
    };
    const find: FindRecords = async (name, type) => ({
      records: (data[type] ?? []).map((hex) => ({ name, type, class: 1, ttl: 60, data: Buffer.from(hex, 'hex') })),
      ...{ owner: 'real.example.net', exists: true, proven: type === recordType.a },
    });
    expect(await findAddresses(find, 'mx.example.net')).toEqual({
      addresses: ['192.0.2.1', '2001:db8::1', '192.0.2.2'],
      owner: 'real.example.net',
      proven: false,
    });
    expect(await findAddresses(find, 'mx.example.net', 'ipv6')).toMatchObject({
      addresses: ['2001:db8::1', '192.0.2.1', '192.0.2.2'],
    });
  });
});
