import { generateKeyPairSync } from 'node:crypto';
import { parseCertificate } from '@chancery/smime';
import { beforeAll, describe, expect, it } from 'vitest';
import { AppleConfiguration, readPlist } from '../../test/apple-profile.ts';
import { selfSigned } from '../../test/self-signed.ts';
import { type AppleProfile, appleProfile } from './apple-profile.ts';
import { DevicesConfig } from './devices-config.ts';
import { writePlist } from './plist.ts';

const hostile = `</string><key>Password</key><string>x & "y" 'z' ]]> <!-- \u0000\u0001\ud800 é 日本`;
const devices = DevicesConfig.parse({
  mail: { imap: { host: 'imap.example.com' }, smtp: { host: 'smtp.example.com', port: 587 }, user: '{local}' },
});
let profile: AppleProfile;
beforeAll(async () => {
  const [root, issuing, key, old] = await Promise.all(
    ['Root <1> & "co"', 'Issuing', 'Dora', 'Dora before'].map(async (called) => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return parseCertificate(await selfSigned(privateKey, ['digitalSignature'], undefined, called));
    }),
  );
  if (!root || !issuing || !key || !old) throw new Error('Four certificates');
  profile = {
    organisation: 'Example & Sons <Ltd>',
    publicUrl: 'https://pki.example.com:8443/office',
    person: { id: '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11', name: 'Dora Example', address: 'dora@example.com' },
    roots: [root],
    intermediates: [issuing],
    keys: [key, old].map((certificate, n) => ({ certificate, pkcs12: Uint8Array.of(0x30, n) })),
    devices,
  };
});

const read = (one: AppleProfile) => AppleConfiguration.parse(readPlist(appleProfile(one).toString('utf8')));

describe('an Apple profile', () => {
  it('has the keys that Apple documents, and what the mail program is to use', () => {
    const { PayloadContent: payloads, ...outer } = read(profile);
    expect(outer).toMatchObject({
      PayloadIdentifier: 'com.example.pki.chancery.6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11',
      PayloadOrganization: 'Example & Sons <Ltd>',
    });
    expect(payloads.map(({ PayloadType }) => PayloadType)).toEqual([
      'com.apple.security.root',
      'com.apple.security.pkcs1',
      'com.apple.security.pkcs12',
      'com.apple.security.pkcs12',
      'com.apple.mail.managed',
    ]);
    expect(payloads[4]).toMatchObject({
      EmailAddress: 'dora@example.com',
      IncomingMailServerHostName: 'imap.example.com',
      IncomingMailServerPortNumber: 993,
      IncomingMailServerUsername: 'dora',
      OutgoingMailServerPortNumber: 587,
      // The newest key is the one that people write to.
      SMIMEEncryptionCertificateUUID: payloads[2]?.PayloadUUID,
      SMIMEEncryptByDefault: false,
      SMIMEEnableEncryptionPerMessageSwitch: true,
    });
    expect(new Set(payloads.map(({ PayloadUUID }) => PayloadUUID)).size).toBe(5);
    expect(new Set(payloads.map(({ PayloadIdentifier }) => PayloadIdentifier)).size).toBe(5);
  });

  it('has the device make its signing key by SCEP, which the account then signs with', () => {
    const scep = { url: 'https://pki.example.com/scep', challenge: 'once' };
    const { PayloadContent: payloads } = read({ ...profile, scep });
    const one = payloads.find(({ PayloadType }) => PayloadType === 'com.apple.security.scep');
    expect(one).toMatchObject({ PayloadContent: { URL: scep.url, Challenge: 'once', 'Key Usage': 1, Keysize: 2048 } });
    expect(payloads.at(-1)).toMatchObject({
      SMIMESigningEnabled: true,
      SMIMESigningCertificateUUID: one?.PayloadUUID,
    });
  });

  it('replaces the one before it, and keeps the identity of what is the same', () => {
    const before = read(profile);
    const after = read({ ...profile, keys: profile.keys.slice(0, 1), organisation: 'Renamed' });
    expect([after.PayloadIdentifier, after.PayloadUUID]).toEqual([before.PayloadIdentifier, before.PayloadUUID]);
    expect(after.PayloadContent[2]?.PayloadUUID).toBe(before.PayloadContent[2]?.PayloadUUID);
    const other = read({ ...profile, person: { ...profile.person, id: '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a12' } });
    expect(other.PayloadUUID).not.toBe(before.PayloadUUID);
  });

  it('says of an office without a name in the DNS, and without mail servers, what it can', () => {
    const { PayloadIdentifier, PayloadContent } = read({
      ...profile,
      publicUrl: 'http://127.0.0.1:8080',
      devices: DevicesConfig.parse({}),
    });
    expect(PayloadIdentifier).toMatch(/^local\.chancery\./);
    expect(PayloadContent.some(({ PayloadType }) => PayloadType === 'com.apple.mail.managed')).toBe(false);
  });

  it('cannot be broken out of by a name', () => {
    const written = read({ ...profile, organisation: hostile, person: { ...profile.person, name: hostile } });
    const safe = hostile.replace('\u0000\u0001\ud800', '\uFFFD\uFFFD\uFFFD');
    expect(written.PayloadOrganization).toBe(safe);
    expect(written.PayloadContent[4]).toMatchObject({ EmailAccountName: safe });
    expect(written.PayloadContent[0]?.PayloadDisplayName).toBe('Root <1> & "co"');
  });
});

describe('a property list', () => {
  it('has integers, data and truths, and leaves out what is undefined', () => {
    const text = writePlist({ a: 1, b: [true, false], c: Uint8Array.of(1, 2, 3), d: undefined, 'e&': {} }).toString();
    expect(text).not.toContain('<key>d</key>');
    expect(readPlist(text)).toEqual({ a: 1, b: [true, false], c: Buffer.of(1, 2, 3), 'e&': {} });
    expect(() => writePlist({ a: 0.5 })).toThrow('whole numbers');
  });
});
