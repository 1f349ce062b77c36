/** Mail as programs of the last century encrypt it, which the engine reads and never writes. */
import { constants, createCipheriv, publicEncrypt, randomBytes, X509Certificate } from 'node:crypto';
import type { Certificate } from '@chancery/smime';

/** A message from Bob, in EnvelopedData with Triple DES and RSA PKCS#1 (RFC 5652 section 6). */
export function tripleDes(recipient: Certificate, serial: number): Buffer {
  const key = randomBytes(24);
  const iv = randomBytes(8);
  const cipher = createCipheriv('des-ede3-cbc', key, iv);
  const text = 'Content-Type: text/plain\r\n\r\nour offer\r\n';
  const ciphertext = Buffer.concat([cipher.update(text, 'latin1'), cipher.final()]);
  const { publicKey } = new X509Certificate(recipient.der);
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key);
  const issuerAndSerial = der(0x30, recipient.issuer.der, der(0x02, Buffer.from(recipient.serialNumber, 'hex')));
  const entry = der(0x30, version, issuerAndSerial, der(0x30, rsaEncryption, der(0x05)), der(0x04, wrapped));
  const content = der(0x30, data, der(0x30, desEde3Cbc, der(0x04, iv)), der(0x80, ciphertext));
  const object = der(0x30, envelopedData, der(0xa0, der(0x30, version, der(0x31, entry), content)));
  return Buffer.from(
    [
      'From: bob@x.example',
      'To: ben@example.com',
      'Subject: Offer',
      'Date: Tue, 24 Nov 2026 03:00:00 +0000',
      `Message-ID: <old-${serial}@x.example>`,
      'MIME-Version: 1.0',
      'Content-Type: application/x-pkcs7-mime; smime-type=enveloped-data; name=smime.p7m',
      'Content-Transfer-Encoding: base64',
      '',
      object.toString('base64').replace(/.{76}/g, '$&\r\n'),
      '',
    ].join('\r\n'),
  );
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const length = value.length < 0x80 ? [value.length] : [0x82, value.length >> 8, value.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}

const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const version = der(0x02, Buffer.from([0]));
const data = oid('2a864886f70d010701');
const envelopedData = oid('2a864886f70d010703');
const rsaEncryption = oid('2a864886f70d010101');
const desEde3Cbc = oid('2a864886f70d0307');
