/**
 * PKI.js over WebCrypto. It knows no AuthEnvelopedData (GCM goes into EnvelopedData, which no S/MIME client reads) and no
 * PKCS#1 v1.5 key transport (OAEP stands in for it); it decrypts what it encrypted itself.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { cannot, type Operation, serve } from './serve.ts';
import type { KeyName, Task } from './task.ts';

const folder = process.argv[2] ?? cannot('the folder of the fixtures is the first argument');
/** PKI.js works on ArrayBuffers. */
const read = (name: string): ArrayBuffer => new Uint8Array(readFileSync(path.join(folder, name))).buffer;
const certificate = (name: string): pkijs.Certificate => pkijs.Certificate.fromBER(read(`${name}.crt`));
const pkcs8 = (name: string): ArrayBuffer => read(`${name}.key`);

await serve(async (task: Task): Promise<Operation> => {
  const { operation, key, octets } = task;
  if (octets > 1_048_576) cannot('not tried above 1 MB');
  switch (operation) {
    case 'sign':
      return signing(key, read(`content-${octets}`));
    case 'verify':
    case 'verify-chain': {
      const der = read(`${operation}-${key}-${octets}`);
      const data = read(`content-${octets}`);
      const trustedCerts = [certificate('root')];
      return async () => {
        const info = pkijs.ContentInfo.fromBER(der);
        const signed = new pkijs.SignedData({ schema: info.content });
        const checkChain = operation === 'verify-chain';
        if (!(await signed.verify({ signer: 0, data, checkChain, ...(checkChain && { trustedCerts }) })))
          cannot('the signature is not valid');
      };
    }
    case 'encrypt': {
      const recipients = Array.from({ length: task.recipients }, (_, index) => certificate(`${key}-${index}`));
      const content = read(`content-${octets}`);
      return () => encrypted(task, content, recipients);
    }
    case 'decrypt': {
      const recipientCertificate = certificate(`${key}-0`);
      const der = await encrypted(task, read(`content-${octets}`), [recipientCertificate]);
      const recipientPrivateKey = pkcs8(`${key}-0`);
      return async () => {
        const info = pkijs.ContentInfo.fromBER(der);
        const enveloped = new pkijs.EnvelopedData({ schema: info.content });
        return enveloped.decrypt(0, { recipientCertificate, recipientPrivateKey });
      };
    }
    case 'certificate': {
      const der = read(`${key}.crt`);
      return () => pkijs.Certificate.fromBER(der);
    }
    case 'certificate-key': {
      const der = read(`${key}.crt`);
      return () => pkijs.Certificate.fromBER(der).getPublicKey();
    }
    case 'path': {
      const [leaf, issuing] = [read(`${key}.crt`), read('issuing.crt')];
      const trustedCerts = [certificate('root')];
      return async () => {
        const certs = [pkijs.Certificate.fromBER(issuing), pkijs.Certificate.fromBER(leaf)];
        const { result } = await new pkijs.CertificateChainValidationEngine({ trustedCerts, certs }).verify();
        if (!result) cannot('the path is not valid');
      };
    }
    case 'crl': {
      const der = read('crl');
      return () => pkijs.CertificateRevocationList.fromBER(der);
    }
    default:
      return cannot('no such operation in PKI.js');
  }
});

async function signing(key: KeyName, content: ArrayBuffer): Promise<Operation> {
  const algorithms = {
    rsa2048: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    rsa3072: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    p256: { name: 'ECDSA', namedCurve: 'P-256' },
    ed25519: { name: 'Ed25519' },
  };
  const signer = certificate(key);
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8(key), algorithms[key], true, ['sign']);
  return async () => {
    const digest = await crypto.subtle.digest('SHA-256', content);
    const signed = new pkijs.SignedData({
      encapContentInfo: new pkijs.EncapsulatedContentInfo({ eContentType: pkijs.ContentInfo.DATA }),
      signerInfos: [
        new pkijs.SignerInfo({
          sid: new pkijs.IssuerAndSerialNumber({ issuer: signer.issuer, serialNumber: signer.serialNumber }),
          signedAttrs: new pkijs.SignedAndUnsignedAttributes({
            type: 0,
            attributes: [
              new pkijs.Attribute({
                type: '1.2.840.113549.1.9.3',
                values: [new asn1js.ObjectIdentifier({ value: pkijs.ContentInfo.DATA })],
              }),
              new pkijs.Attribute({
                type: '1.2.840.113549.1.9.5',
                values: [new asn1js.UTCTime({ valueDate: new Date() })],
              }),
              new pkijs.Attribute({
                type: '1.2.840.113549.1.9.4',
                values: [new asn1js.OctetString({ valueHex: digest })],
              }),
            ],
          }),
        }),
      ],
      certificates: [signer],
    });
    await signed.sign(privateKey, 0, 'SHA-256', content);
    return serialised(pkijs.ContentInfo.SIGNED_DATA, signed.toSchema(true));
  };
}

async function encrypted(
  { cipher }: Task,
  content: ArrayBuffer,
  recipients: readonly pkijs.Certificate[],
): Promise<ArrayBuffer> {
  const enveloped = new pkijs.EnvelopedData();
  for (const recipient of recipients)
    enveloped.addRecipientByCertificate(recipient, { oaepHashAlgorithm: 'SHA-256', kdfAlgorithm: 'SHA-256' });
  const algorithm: AesKeyAlgorithm = { name: cipher === 'gcm' ? 'AES-GCM' : 'AES-CBC', length: 256 };
  await enveloped.encrypt(algorithm, content);
  return serialised(pkijs.ContentInfo.ENVELOPED_DATA, enveloped.toSchema());
}

function serialised(contentType: string, content: unknown): ArrayBuffer {
  return new pkijs.ContentInfo({ contentType, content }).toSchema().toBER();
}
