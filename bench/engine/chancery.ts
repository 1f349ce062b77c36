/** The contender whose figures stand first: the engine of this repository. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type Certificate,
  decryptContent,
  decryptMessage,
  encryptContent,
  encryptMessage,
  localDecrypter,
  localSigner,
  parseCertificate,
  parseCrl,
  signContent,
  signMessage,
  validatePath,
  verifyContent,
  verifyMessage,
} from '@chancery/smime';
import { revokedSerial, sealing } from './fixtures.ts';
import { cannot, type Operation, serve } from './serve.ts';
import type { Task } from './task.ts';

const folder = process.argv[2] ?? cannot('the folder of the fixtures is the first argument');
const read = (name: string): Buffer => readFileSync(path.join(folder, name));
const certificate = (name: string): Certificate => parseCertificate(read(`${name}.crt`));
const privateKey = (name: string) => createPrivateKey({ key: read(`${name}.key`), format: 'der', type: 'pkcs8' });

await serve((task: Task): Operation => {
  const { operation, key, cipher, octets } = task;
  const content = (): Buffer => read(`content-${octets}`);
  const message = (): Buffer => read(`message-${octets}`);
  const at = new Date();
  switch (operation) {
    case 'sign': {
      const input = {
        content: content(),
        signers: [{ signer: localSigner(privateKey(key)), certificate: certificate(key) }],
        detached: true,
      };
      return () => signContent(input);
    }
    case 'verify': {
      const input = { der: read(`verify-${key}-${octets}`), content: content(), anchors: [], at };
      return async () => {
        const { signers } = await verifyContent(input);
        if (signers[0]?.signature !== 'valid') cannot('the signature is not valid');
      };
    }
    case 'verify-chain': {
      const input = {
        der: read(`verify-chain-${key}-${octets}`),
        content: content(),
        anchors: [certificate('root')],
        at,
        revocation: 'none' as const,
      };
      return async () => {
        if (!(await verifyContent(input)).valid) cannot('the signature is not valid');
      };
    }
    case 'encrypt': {
      const recipients = recipientsOf(task);
      const input = { content: content(), recipients, ...sealing(cipher) };
      return () => encryptContent(input);
    }
    case 'decrypt': {
      const input = { der: read(`decrypt-${key}-${cipher}-${octets}`), keys: [decryptionKey(key)] };
      return () => decryptContent(input);
    }
    case 'mail-sign': {
      const input = {
        message: message(),
        signers: [
          { signer: localSigner(privateKey(key)), certificate: certificate(key), chain: [certificate('issuing')] },
        ],
        form: 'clear' as const,
      };
      return () => signMessage(input);
    }
    case 'mail-verify': {
      const input = {
        message: read(`mail-verify-${key}-${octets}`),
        anchors: [certificate('root')],
        at,
        revocation: 'none' as const,
      };
      return async () => {
        const { verdict } = await verifyMessage(input);
        if (verdict !== 'valid') cannot(`the verdict is ${verdict}`);
      };
    }
    case 'mail-encrypt': {
      const input = { message: message(), recipients: recipientsOf(task), ...sealing(cipher) };
      return () => encryptMessage(input);
    }
    case 'mail-decrypt': {
      const input = { message: read(`mail-decrypt-${key}-${cipher}-${octets}`), keys: [decryptionKey(key)] };
      return () => decryptMessage(input);
    }
    case 'certificate': {
      const der = read(`${key}.crt`);
      return () => parseCertificate(der);
    }
    case 'certificate-key': {
      const der = read(`${key}.crt`);
      return () => parseCertificate(der).publicKey;
    }
    case 'path': {
      const [leaf, issuing] = [read(`${key}.crt`), read('issuing.crt')];
      const anchors = [certificate('root')];
      return () => {
        const { valid } = validatePath({
          leaf: parseCertificate(leaf),
          intermediates: [parseCertificate(issuing)],
          anchors,
          at,
          purpose: 'email-signing',
          revocation: 'none',
        });
        if (!valid) cannot('the path is not valid');
      };
    }
    case 'crl': {
      const der = read('crl');
      return () => parseCrl(der).find(revokedSerial) ?? cannot('the entry is not found');
    }
    case 'crl-lookup': {
      const crl = parseCrl(read('crl'));
      return () => crl.find(revokedSerial) ?? cannot('the entry is not found');
    }
  }
});

function recipientsOf({ key, recipients }: Task): Certificate[] {
  return Array.from({ length: recipients }, (_, index) => certificate(`${key}-${index}`));
}

function decryptionKey(key: string) {
  return { decrypter: localDecrypter(privateKey(`${key}-0`)), certificate: certificate(`${key}-0`) };
}
