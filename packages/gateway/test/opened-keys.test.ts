import { createCipheriv, randomBytes, randomUUID } from 'node:crypto';
import { KeyStoreError } from '@chancery/keystore';
import { type Certificate, type Decrypter, encryptContent, localDecrypter } from '@chancery/smime';
import { beforeAll, describe, expect, it } from 'vitest';
import { openKeys } from '../src/opened-keys.ts';
import { type Keys, makeCa, makeKeys, type TestCa } from './support/test-ca.ts';

let ca: TestCa;
let gateway: { keys: Keys; certificate: Certificate };
let ben: { keys: Keys; certificate: Certificate };
const events: string[] = [];
const note = (event: string) => void events.push(event);
const log = { info: note, warn: note, error: note };

beforeAll(async () => {
  ca = await makeCa('Example Corp');
  const [one, two] = [makeKeys(), makeKeys('rsa')];
  gateway = { keys: one, certificate: await ca.issue({ spki: one.spki, emails: [], use: 'gateway' }) };
  ben = { keys: two, certificate: await ca.issue({ spki: two.spki, emails: ['ben@example.com'], use: 'encryption' }) };
});

const base64 = (octets: Uint8Array) => Buffer.from(octets).toString('base64');
async function record(of = ben, to = gateway.certificate) {
  const [dek, nonce, aad] = [randomBytes(32), randomBytes(12), randomBytes(20)];
  const cipher = createCipheriv('aes-256-gcm', dek, nonce).setAAD(aad);
  const pkcs8 = of.keys.privateKey.export({ type: 'pkcs8', format: 'der' });
  const sealed = Buffer.concat([nonce, cipher.update(pkcs8), cipher.final(), cipher.getAuthTag()]);
  return {
    escrowedKeyId: randomUUID(),
    certificate: base64(of.certificate.der),
    sealed: base64(sealed),
    aad: base64(aad),
    lock: base64(await encryptContent({ content: dek, recipients: [to] })),
  };
}

function open(records: Awaited<ReturnType<typeof record>>[], lifetime = 1000) {
  const state = { asked: 0, clock: 0, certified: true, pulled: false };
  const decrypter = localDecrypter(gateway.keys.privateKey);
  const agree: Decrypter['agree'] = async (...args) => {
    if (state.pulled) throw new KeyStoreError('unavailable', 'The token is gone.');
    return decrypter.agree(...args);
  };
  const own = { decrypter: { ...decrypter, agree }, certificate: gateway.certificate };
  const keys = openKeys({
    client: {
      gatewayKeys: async () => {
        state.asked++;
        return { keys: records };
      },
    },
    own: async () => (state.certified ? [own] : []),
    lifetime,
    now: () => state.clock,
    log,
  });
  return { keys, state };
}

describe('keys of people whose mail is opened', () => {
  it('come out of their lock, and stay for a while', async () => {
    const { keys, state } = open([await record()]);
    const [first] = await keys.keysOf('Ben@example.com');
    expect(first?.certificate.serialNumber).toBe(ben.certificate.serialNumber);
    expect(first?.decrypter.kind).toBe('rsa');
    state.clock = 999;
    await keys.keysOf('ben@example.com');
    expect(state.asked).toBe(1);
    state.clock = 1001;
    await keys.keysOf('ben@example.com');
    expect(state.asked).toBe(2);
    keys.close();
  });

  it('are asked for again when they open nothing, and not for each message', async () => {
    const records = [await record()];
    const { keys, state } = open(records, 600_000);
    await keys.keysOf('ben@example.com');
    expect(await keys.newerKeysOf('ben@example.com')).toBeUndefined();
    records.push(await record());
    state.clock = 5_000;
    expect(await keys.keysOf('ben@example.com')).toHaveLength(1);
    expect(await keys.newerKeysOf('ben@example.com')).toHaveLength(2);
    expect(await keys.keysOf('ben@example.com')).toHaveLength(2);
    expect(await keys.newerKeysOf('ben@example.com')).toBeUndefined();
    expect(state.asked).toBe(2);
    keys.close();
  });

  it('leave out what is altered, locked to another, or not the key of its certificate', async () => {
    events.length = 0;
    const altered = await record();
    const elsewhere = await record(ben, ben.certificate);
    const swapped = { ...(await record()), certificate: base64(gateway.certificate.der) };
    const good = await record();
    const { keys } = open([{ ...altered, aad: base64(Buffer.from('other')) }, elsewhere, swapped, good]);
    expect(await keys.keysOf('ben@example.com')).toHaveLength(1);
    expect(events).toEqual(['keys.unusable', 'keys.unusable', 'keys.unusable']);
    keys.close();
  });

  it('cannot be had, rather than not be there, while what holds the gateway’s own key is gone', async () => {
    events.length = 0;
    const { keys, state } = open([await record()]);
    state.pulled = true;
    await expect(keys.keysOf('ben@example.com')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('The token is gone.'),
    });
    expect(events).toEqual([]);
    state.pulled = false;
    expect(await keys.keysOf('ben@example.com')).toHaveLength(1);
    keys.close();
  });

  it('cannot be had, rather than not be there, before the gateway itself is certified', async () => {
    const { keys, state } = open([await record()]);
    state.certified = false;
    await expect(keys.keysOf('ben@example.com')).rejects.toMatchObject({ code: 'unavailable' });
    keys.close();
  });
});
