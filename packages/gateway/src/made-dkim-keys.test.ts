import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type KeyStore, KeyStoreError, openSoftwareKeyStore } from '@chancery/keystore';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dkimVerdicts } from '../test/support/dkim-verdicts.ts';
import { wholeOf } from '../test/support/whole.ts';
import { openDkim } from './dkim.ts';
import { dkimRecords, openMadeDkimKeys } from './made-dkim-keys.ts';

let folder: string;
let keys: KeyStore;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'dkim-'));
  keys = await openSoftwareKeyStore({ directory: path.join(folder, 'keys'), secret: 'a secret of the test' });
});
afterAll(async () => {
  await keys.close();
  await rm(folder, { recursive: true });
});

const dns = new Map<string, string>();
const resolve = async (name: string) => {
  const text = dns.get(name);
  if (text === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
  // As it comes: in strings of at most 255 octets.
  return [text.match(/.{1,255}/g) ?? []];
};
const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const dkim = [
  { domain: 'example.com', selector: 'r', key: { generate: 'rsa-2048' as const } },
  { domain: 'example.com', selector: 'e', key: { generate: 'ed25519' as const } },
];
const config = () => ({ dkim, data: folder, baseDirectory: folder });
const mail = Buffer.from('From: anna@example.com\r\nTo: b@x.example\r\nSubject: a\r\n\r\ntext\r\n');

describe('DKIM keys of the gateway’s own making', () => {
  it('are made once, told of, and used from when the DNS shows them; also after a restart', async () => {
    let clock = 0;
    const open = () => openMadeDkimKeys({ folder, dkim, keys, resolve, now: () => clock, log });
    const made = await open();
    const sign = openDkim(dkim, folder, Date.now, made.signerFor);
    expect(await dkimRecords(config())).toMatchObject([{ text: undefined }, { text: undefined }]);
    expect((await sign(mail)).toString()).toBe(mail.toString());
    await made.settle();
    const records = await dkimRecords(config());
    expect(records).toMatchObject([
      { name: 'r._domainkey.example.com', text: expect.stringMatching(/^v=DKIM1; k=rsa; p=MII/), used: false },
      { name: 'e._domainkey.example.com', text: expect.stringMatching(/^v=DKIM1; k=ed25519; p=.{44}$/), used: false },
    ]);

    // Somebody else's key under the name is not ours.
    dns.set('r._domainkey.example.com', 'v=DKIM1; k=rsa; p=AAAA');
    clock = 60_000;
    await sign(mail);
    await made.settle();
    expect((await sign(mail)).toString()).toBe(mail.toString());

    for (const { name, text = '' } of records) dns.set(name, text);
    clock = 120_000;
    await sign(mail);
    await made.settle();
    const signed = await wholeOf(await sign(mail));
    expect(await dkimVerdicts(signed, dns)).toEqual(['pass', 'pass']);
    expect(
      await dkimVerdicts(Buffer.from(signed.toString('latin1').replace('text', 'test'), 'latin1'), dns),
    ).not.toContain('pass');

    // What was in use once is used without another look.
    dns.clear();
    const again = await open();
    expect(await again.signerFor(dkim[0] as (typeof dkim)[number])).toBeDefined();
    expect(await dkimRecords(config())).toEqual(records.map((record) => ({ ...record, used: true })));
    expect((await keys.list()).map(({ label }) => label)).toHaveLength(2);
  });

  it('keep mail waiting, rather than unsigned, while what holds them does not answer', async () => {
    const gone = async () => {
      throw new KeyStoreError('unavailable', 'The token is gone.');
    };
    const made = await openMadeDkimKeys({ folder, dkim, keys: { ...keys, signer: gone }, resolve, now: () => 0, log });
    const sign = openDkim(dkim, folder, Date.now, made.signerFor);
    await expect(sign(mail)).rejects.toThrow('The token is gone.');
  });
});
