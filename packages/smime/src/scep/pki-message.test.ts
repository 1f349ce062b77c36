import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { describeCorpus } from '../../test/corpora.ts';
import { encodePrintableString } from '../asn1/der.ts';
import { decryptContent } from '../cms/decrypt-content.ts';
import { encryptContent } from '../cms/encrypt-content.ts';
import { signatureAlgorithmFor } from '../keys/algorithms.ts';
import { localDecrypter, localSigner } from '../keys/local.ts';
import { signContent } from '../message/content.ts';
import { assembleSigned, buildTbsCertificate, type Certificate, parseCertificate } from '../x509/certificate.ts';
import { buildCsrAttributes } from '../x509/csr-attributes.ts';
import { keyUsage } from '../x509/extensions.ts';
import { buildName, formatName } from '../x509/name.ts';
import { parseRequest, verifyRequestSignature } from '../x509/request.ts';
import {
  makePkiMessage,
  pkiFailures,
  pkiMessageTypes,
  pkiStatuses,
  readCertificateQuery,
  readPkiMessage,
} from './pki-message.ts';

const at = new Date('2026-06-15T12:00:00Z');

async function selfSigned(privateKey: KeyObject, name: string): Promise<Certificate> {
  const signer = localSigner(privateKey);
  const algorithm = signatureAlgorithmFor(signer.kind, 'sha256');
  const subject = buildName([{ type: 'commonName', value: name }]);
  const tbs = buildTbsCertificate({
    serialNumber: '4f1e',
    signatureAlgorithm: algorithm,
    issuer: subject,
    subject,
    notBefore: at,
    notAfter: new Date(at.getTime() + 86_400_000),
    spki: signer.spki,
    extensions: [],
  });
  return parseCertificate(assembleSigned(tbs, algorithm, await signer.sign(tbs, 'sha256')));
}

const device = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const senderNonce = Buffer.alloc(16, 7);

describe('a pkiMessage', () => {
  it('is made and read, with its attributes and its envelope', async () => {
    const certificate = await selfSigned(device, 'device');
    const ra = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const raCertificate = await selfSigned(ra, 'RA');
    const envelope = await encryptContent({
      content: Buffer.from('a request'),
      recipients: [raCertificate],
      cipher: 'aes-128-cbc',
    });
    const der = await makePkiMessage({
      messageType: pkiMessageTypes.PKCSReq,
      transactionId: 'A1b2+/==',
      senderNonce,
      envelope,
      signer: localSigner(device),
      certificate,
      signingTime: at,
    });
    const read = readPkiMessage(der);
    expect(read).toMatchObject({
      messageType: 19,
      transactionId: 'A1b2+/==',
      signature: 'valid',
      weakDigest: false,
      status: undefined,
      failure: undefined,
      recipientNonce: undefined,
    });
    expect(Buffer.from(read.senderNonce)).toEqual(senderNonce);
    expect(read.signer?.serialNumber).toBe('4f1e');
    const opened = await decryptContent({
      der: read.envelope as Uint8Array,
      keys: [{ decrypter: localDecrypter(ra), certificate: raCertificate }],
    });
    expect(Buffer.from(opened.content).toString()).toBe('a request');
    // One octet of the ciphertext, and the signature is not of this message any more.
    const altered = Buffer.from(der);
    const place = altered.indexOf(Buffer.from(envelope)) + envelope.length - 3;
    altered[place] = (altered[place] as number) ^ 1;
    expect(readPkiMessage(altered).signature).toBe('invalid');
    for (let length = 0; length < der.length; length += 41)
      expect(() => readPkiMessage(der.subarray(0, length))).toThrow(
        expect.objectContaining({ name: 'SmimeError' }) as Error,
      );
  });

  it('of a failure has no content, and says why in words', async () => {
    const certificate = await selfSigned(device, 'RA');
    const der = await makePkiMessage({
      messageType: pkiMessageTypes.CertRep,
      transactionId: '1',
      senderNonce: Buffer.alloc(16, 1),
      recipientNonce: senderNonce,
      status: pkiStatuses.FAILURE,
      failure: pkiFailures.badCertId,
      failureText: 'Niemand heißt so.',
      signer: localSigner(device),
      certificate,
      signingTime: at,
    });
    expect(readPkiMessage(der)).toMatchObject({
      signature: 'valid',
      status: 2,
      failure: 4,
      failureText: 'Niemand heißt so.',
      envelope: undefined,
    });
  });

  it('is refused for another structure, for a key that is not the certificate’s, and beyond its budget', async () => {
    const certificate = await selfSigned(device, 'device');
    const plain = await signContent({
      content: Buffer.from('x'),
      signers: [{ signer: localSigner(device), certificate }],
    });
    expect(() => readPkiMessage(plain)).toThrow('no messageType');
    expect(() => readPkiMessage(Buffer.alloc(200_000))).toThrow('more than');
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const input = { messageType: 19, transactionId: '1', senderNonce, certificate, signingTime: at } as const;
    await expect(makePkiMessage({ ...input, signer: localSigner(other) })).rejects.toThrow('not the key');
    const signer = localSigner(device);
    const long = await makePkiMessage({ ...input, transactionId: 'x'.repeat(300), signer });
    expect(() => readPkiMessage(long)).toThrow('longer than 255');
    const many = await makePkiMessage({ ...input, senderNonce: Buffer.alloc(65), signer });
    expect(() => readPkiMessage(many)).toThrow('nonce');
  });
});

describeCorpus('scep-est/micromdm-scep', 'what a device of Apple sent', (corpus) => {
  it('is read, opened and proven', async () => {
    const read = readPkiMessage(corpus.bytes('testdata/PKCSReq.der'));
    expect(read).toMatchObject({ messageType: 19, signature: 'valid', weakDigest: true });
    expect(read.signer).toBeDefined();
    const key = createPrivateKey({ key: corpus.text('testdata/testca/ca.key'), passphrase: '' });
    const { content, cipher } = await decryptContent({
      der: read.envelope as Uint8Array,
      keys: [{ decrypter: localDecrypter(key), certificate: parseCertificate(corpus.der('testdata/testca/ca.pem')) }],
      legacy: true,
    });
    expect(cipher).toBe('des-ede3-cbc');
    const request = parseRequest(content);
    expect(formatName(request.subject)).toContain('com.apple.security.scep');
    expect(verifyRequestSignature(request)).toBe(true);
    // RFC 8894 2.3 has both signed with the same key; this one made another for the message.
    expect(formatName((read.signer as Certificate).subject)).toContain('MDM SCEP SIGNER');
    expect(Buffer.from(request.spki).equals(read.signer?.spki ?? Buffer.alloc(0))).toBe(false);
  });
});

describe('what EST clients are asked for', () => {
  it('names key, extensions and challenge', () => {
    const hex = (der: Uint8Array) => Buffer.from(der).toString('hex');
    // RFC 7030 4.5.2: id-ecPublicKey with the curve.
    expect(hex(buildCsrAttributes({ key: { curve: 'p384' } }))).toBe('3014301206072a8648ce3d0201310706052b81040022');
    expect(hex(buildCsrAttributes({ key: { rsaBits: 3072 } }))).toBe(
      '30133011' + '06092a864886f70d010101' + '310402020c00',
    );
    expect(hex(buildCsrAttributes({ challengePassword: true }))).toBe('300b06092a864886f70d010907');
    const withUsage = hex(buildCsrAttributes({ extensions: [keyUsage(['digitalSignature'])] }));
    expect(withUsage).toContain('06092a864886f70d01090e');
    expect(hex(buildCsrAttributes({}))).toBe('3000');
  });
});

describe('the query for a certificate', () => {
  it('is an issuer and a serial number', () => {
    const issuer = buildName([{ type: 'commonName', value: 'CA' }]).der;
    const der = Buffer.concat([Buffer.from([0x30, issuer.length + 5]), issuer, Buffer.from([2, 3, 0, 0x9a, 0x11])]);
    expect(readCertificateQuery(der).serialNumber).toBe('9a11');
    expect(() => readCertificateQuery(encodePrintableString('x'))).toThrow('expected');
  });
});
