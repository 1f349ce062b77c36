/**
 * What no implementation over node:crypto can be faster than: the calls into it that an operation cannot do without, with their
 * inputs at hand, and nothing else. No DER is read or written, no name compared, no report made.
 */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Certificate, derToPem, parseCertificate } from '@chancery/smime';
import { cannot, type Operation, serve } from './serve.ts';
import type { Task } from './task.ts';

const folder = process.argv[2] ?? cannot('the folder of the fixtures is the first argument');
const read = (name: string): Buffer => readFileSync(path.join(folder, name));
const certificate = (name: string): Certificate => parseCertificate(read(`${name}.crt`));
const privateKey = (name: string) => createPrivateKey({ key: read(`${name}.key`), format: 'der', type: 'pkcs8' });

/** As long as signed attributes are. */
const attributes = randomBytes(330);

/** RFC 3394 section 2.2.3.1. */
const wrapVector = Buffer.alloc(8, 0xa6);

await serve((task: Task): Operation => {
  const { operation, key, octets } = task;
  const digest = key === 'ed25519' ? 'sha512' : 'sha256';
  const signed = key === 'ed25519' ? null : digest;
  const content = octets > 0 ? read(`content-${octets}`) : Buffer.alloc(0);
  switch (operation) {
    case 'sign':
    case 'mail-sign': {
      const own = certificate(key);
      const holder = privateKey(key);
      return () => [hash(digest, content), hash('sha256', own.der), sign(signed, attributes, holder)];
    }
    case 'verify': {
      const own = certificate(key);
      const loadable = derToPem(own.spki, 'PUBLIC KEY');
      const signature = sign(signed, attributes, privateKey(key));
      return () => [
        hash(digest, content),
        hash('sha256', own.der),
        verify(signed, attributes, createPublicKey(loadable), signature),
      ];
    }
    case 'verify-chain':
    case 'mail-verify': {
      const own = certificate(key);
      const loadable = derToPem(own.spki, 'PUBLIC KEY');
      const signature = sign(signed, attributes, privateKey(key));
      const checkPath = pathCheck(own);
      return () => [
        hash(digest, content),
        hash('sha256', own.der),
        verify(signed, attributes, createPublicKey(loadable), signature),
        checkPath(),
      ];
    }
    case 'path':
      return pathCheck(certificate(key));
    case 'certificate-key': {
      const loadable = derToPem(certificate(key).spki, 'PUBLIC KEY');
      return () => createPublicKey(loadable);
    }
    case 'encrypt':
    case 'mail-encrypt':
      return encryption(task, content);
    case 'decrypt':
    case 'mail-decrypt':
      return decryption(task, content);
    default:
      return cannot('it needs no call into node:crypto');
  }
});

/** The signatures on the certificate and on its issuer's; the root's key is loaded already. */
function pathCheck({ tbs, signature }: Certificate): () => unknown {
  const issuing = certificate('issuing');
  const root = certificate('root').publicKey;
  const loadable = derToPem(issuing.spki, 'PUBLIC KEY');
  return () => [
    verify('sha256', tbs, createPublicKey(loadable), signature),
    verify('sha256', issuing.tbs, root, issuing.signature),
  ];
}

/** RSA keys with their padding, as node:crypto takes them without throwing. */
function padded(key: KeyObject, cipher: Task['cipher']): KeyObject {
  return Object.assign(
    structuredClone(key),
    cipher === 'gcm'
      ? { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
      : { padding: constants.RSA_PKCS1_PADDING },
  );
}

function encryption({ key, cipher, recipients }: Task, content: Buffer): Operation {
  const ivLength = cipher === 'gcm' ? 12 : 16;
  const keys = Array.from({ length: recipients }, (_, index) => certificate(`${key}-${index}`).publicKey);
  const rsa = keys.map((one) => (key === 'p256' ? one : padded(one, cipher)));
  return () => {
    const random = randomBytes(32 + ivLength);
    const contentKey = random.subarray(0, 32);
    if (key === 'p256') {
      const ephemeral = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      ephemeral.publicKey.export({ format: 'jwk' });
      for (const publicKey of keys) {
        const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey });
        const wrap = createCipheriv('id-aes256-wrap', createSecretKey(hash('sha256', shared, 'buffer')), wrapVector);
        wrap.update(contentKey);
      }
    } else for (const one of rsa) publicEncrypt(one, contentKey);
    const name = cipher === 'gcm' ? 'aes-256-gcm' : 'aes-256-cbc';
    const encryption = createCipheriv(name as 'aes-256-gcm', createSecretKey(contentKey), random.subarray(32));
    encryption.update(content);
    encryption.final();
    if (cipher === 'gcm') encryption.getAuthTag();
  };
}

function decryption({ key, cipher }: Task, content: Buffer): Operation {
  const own = privateKey(`${key}-0`);
  const contentKey = randomBytes(32);
  const iv = randomBytes(cipher === 'gcm' ? 12 : 16);
  const name = (cipher === 'gcm' ? 'aes-256-gcm' : 'aes-256-cbc') as 'aes-256-gcm';
  const encryption = createCipheriv(name, contentKey, iv);
  const encrypted = Buffer.concat([encryption.update(content), encryption.final()]);
  const mac = cipher === 'gcm' ? encryption.getAuthTag() : undefined;
  const unwrap = key === 'p256' ? agreement(own, contentKey) : transport(padded(own, cipher), contentKey, cipher);
  return () => {
    // What takes the place of a key that does not unwrap.
    randomBytes(32);
    const decipher = createDecipheriv(name, createSecretKey(unwrap()), iv);
    if (mac) decipher.setAuthTag(mac);
    else decipher.setAutoPadding(false);
    decipher.update(encrypted);
    decipher.final();
  };
}

function transport(own: KeyObject, contentKey: Buffer, cipher: Task['cipher']): () => Buffer {
  const encrypted = publicEncrypt(padded(createPublicKey(own), cipher), contentKey);
  return () => privateDecrypt(own, encrypted);
}

function agreement(privateKey: KeyObject, contentKey: Buffer): () => Buffer {
  const sender = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const peer = sender.publicKey.export({ format: 'pem', type: 'spki' });
  const agreed = diffieHellman({ privateKey, publicKey: sender.publicKey });
  const wrapped = createCipheriv('id-aes256-wrap', hash('sha256', agreed, 'buffer'), wrapVector).update(contentKey);
  return () => {
    const shared = diffieHellman({ privateKey, publicKey: createPublicKey(peer) });
    return createDecipheriv('id-aes256-wrap', createSecretKey(hash('sha256', shared, 'buffer')), wrapVector).update(
      wrapped,
    );
  };
}
