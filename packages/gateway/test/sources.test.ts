/** One contract for every source of certificates, against servers on loopback that behave and that do not. */
import { createHash } from 'node:crypto';
import { certsOnly } from '@chancery/smime';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { escapeFilter } from '../src/recipients/ldap.ts';
import { bounded } from '../src/recipients/open-sources.ts';
import { ownerNames } from '../src/recipients/smimea.ts';
import type { SourceAnswer } from '../src/recipients/source.ts';
import {
  type DnsPeer,
  daneEe,
  dnsPeer,
  type HttpPeer,
  httpPeer,
  ldapPeer,
  type Peer,
} from './support/loopback-directories.ts';
import { type Keys, makeCa, makeKeys, type TestCa } from './support/test-ca.ts';

let ca: TestCa;
let keys: Keys;
let der: Uint8Array;
const bob = 'bob@partner.example';
beforeAll(async () => {
  ca = await makeCa('Partner');
  keys = makeKeys();
  der = (await ca.issue({ spki: keys.spki, emails: [bob], use: 'encryption' })).der;
});

let peer: Peer | undefined;
afterEach(() => peer?.stop());
const open = async <T extends Peer>(make: () => Promise<T>): Promise<T> => {
  const made = await make();
  peer = made;
  return made;
};

const ask = ({ source }: Peer, address = bob) => bounded(source, 1_000).find(address);
const found = (answer: SourceAnswer) =>
  answer.said === 'found'
    ? [...answer.candidates, ...(answer.vouched ?? [])].map(({ certificate }) =>
        Buffer.from(certificate).toString('hex'),
      )
    : answer;

describe.each<[string, () => Promise<Peer>]>([
  ['LDAP', ldapPeer],
  ['SMIMEA', dnsPeer],
  ['HTTP', httpPeer],
])('a source: %s', (_, make) => {
  it('finds what is published for an address, and nothing for another', async () => {
    const one = await open(make);
    one.publish(bob, [der]);
    expect(found(await ask(one))).toEqual([Buffer.from(der).toString('hex')]);
    expect(await ask(one, 'eve@partner.example')).toMatchObject({ said: 'nothing' });
    // Whatever stands in an address, it is looked for and not obeyed.
    for (const hostile of [
      '*@partner.example',
      'bob)(mail=*@partner.example',
      '../bob@partner.example',
      'a?b#c@partner.example',
    ]) {
      expect(await ask(one, hostile)).toMatchObject({ said: 'nothing' });
    }
  });

  it('takes no more than it can hold, and garbage for no certificate that is any good', async () => {
    const one = await open(make);
    one.publish(bob, [Buffer.from('garbage'), Buffer.alloc(0)]);
    const answer = await ask(one);
    expect(answer.said === 'found' ? answer.candidates.length : answer.said).toSatisfy(
      (it) => it === 0 || it === 'nothing',
    );
    const many = await Promise.all(
      Array.from({ length: 40 }, () => ca.issue({ spki: keys.spki, emails: [bob], use: 'encryption' })),
    );
    one.publish(
      bob,
      many.map((certificate) => certificate.der),
    );
    const all = found(await ask(one));
    expect(Array.isArray(all) && all.length).toBe(20);
  });

  it('says that it does not know where nobody answers, in time', async () => {
    const one = await open(make);
    one.hang();
    const begun = Date.now();
    expect(await bounded(one.source, 200).find(bob)).toMatchObject({ said: 'unknown' });
    expect(Date.now() - begun).toBeLessThan(1_500);
    await one.stop();
    expect(await ask(one)).toMatchObject({ said: 'unknown' });
    peer = undefined;
  });
});

describe('LDAP', () => {
  it('reads the chain of a userSMIMECertificate, and reconnects where the server has ended the connection', async () => {
    const one = await open(ldapPeer);
    const certificate = await ca.issue({ spki: keys.spki, emails: [bob], use: 'encryption' });
    one.publish(bob, [certsOnly([certificate, ca.issuing])]);
    const answer = await ask(one);
    expect(answer).toMatchObject({ said: 'found', candidates: [{ chain: [ca.issuing.der] }] });
    expect(escapeFilter('a*(b)\\\0')).toBe('a\\2a\\28b\\29\\5c\\00');
  });
});

describe('SMIMEA', () => {
  const dns = () => open<DnsPeer>(dnsPeer);

  it('is looked up as RFC 8162 has it, and in small letters where somebody types capitals', async () => {
    expect(ownerNames('hugh@example.com')).toEqual([
      'c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com',
    ]);
    expect(ownerNames('x@bücher.example')[0]).toMatch(/\._smimecert\.xn--bcher-kva\.example$/);
    const one = await dns();
    one.publish(bob, [der]);
    expect(found(await ask(one, 'BOB@Partner.example'))).toHaveLength(1);
    expect(one.asked).toHaveLength(2);
  });

  it('counts only where DNSSEC proves it, and a signature that does not hold is no answer', async () => {
    const one = await dns();
    one.publish(bob, [der]);
    one.prove(false);
    expect(await ask(one)).toMatchObject({ said: 'nothing', remark: expect.stringMatching(/DNSSEC/) });
    one.prove(true);
    one.answer(2);
    expect(await ask(one)).toMatchObject({ said: 'unknown', reason: expect.stringMatching(/SERVFAIL/) });
  });

  it('means by each record what RFC 6698 does', async () => {
    const one = await dns();
    const sha256 = createHash('sha256').update(der).digest();
    one.records(bob, [
      Buffer.concat([Buffer.of(1, 0, 0), der]),
      Buffer.concat([daneEe, der]),
      Buffer.concat([Buffer.of(3, 0, 1), sha256]),
      Buffer.concat([Buffer.of(3, 1, 2), Buffer.alloc(64)]),
      Buffer.concat([Buffer.of(3, 0, 1), Buffer.alloc(31)]),
      Buffer.concat([Buffer.of(2, 0, 0), ca.root.der]),
      Buffer.of(9, 0, 0),
      Buffer.alloc(0),
    ]);
    one.ttl(7);
    expect(await ask(one)).toMatchObject({
      said: 'found',
      candidates: [{}],
      vouched: [{}],
      associations: [
        { selector: 'certificate', matching: 'sha256' },
        { selector: 'key', matching: 'sha512' },
      ],
      lifetime: 7_000,
      remark: expect.stringMatching(/usage 2 names an authority.*usage 9/),
    });
  });
});

describe('HTTP', () => {
  const http = () => open<HttpPeer>(httpPeer);

  it('follows no redirection, and takes no answer that is too large or of another kind', async () => {
    const one = await http();
    one.answer(302, { location: 'http://169.254.169.254/latest/meta-data' });
    expect(await ask(one)).toMatchObject({ said: 'unknown', reason: expect.stringMatching(/302.*not followed/) });
    expect(one.asked).toHaveLength(1);
    one.answer(200, {}, Buffer.alloc(200_000, 0x20));
    expect(await ask(one)).toMatchObject({ said: 'unknown', reason: expect.stringMatching(/octets/) });
    one.answer(500);
    expect(await ask(one)).toMatchObject({ said: 'unknown' });
    one.answer(200, { 'cache-control': 'private, max-age=90' }, Buffer.from('<html>'));
    expect(await ask(one)).toMatchObject({ said: 'nothing', lifetime: 90_000, remark: expect.any(String) });
    one.answer(200, { 'content-type': 'application/pkix-cert' }, Buffer.from(der));
    expect(found(await ask(one))).toHaveLength(1);
    expect(one.asked.at(-1)).toBe('/certificates/bob%40partner.example');
  });
});
