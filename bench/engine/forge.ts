/** node-forge: RSA only, CBC only; it cannot verify CMS. All of its cryptography is JavaScript, but for RSA signatures. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import forge from 'node-forge';
import { cannot, type Operation, serve } from './serve.ts';
import type { Task } from './task.ts';

const folder = process.argv[2] ?? cannot('the folder of the fixtures is the first argument');
/** forge works on strings of one character an octet. */
const read = (name: string): string => readFileSync(path.join(folder, name), 'latin1');
const certificate = (name: string): forge.pki.Certificate =>
  forge.pki.certificateFromAsn1(forge.asn1.fromDer(read(`${name}.crt`)));
const privateKey = (name: string): forge.pki.rsa.PrivateKey =>
  forge.pki.privateKeyFromAsn1(forge.asn1.fromDer(read(`${name}.key`)));

await serve((task: Task): Operation => {
  const { operation, key, cipher, octets } = task;
  if (octets > 1_048_576) cannot('not tried above 1 MB');
  if (!operation.startsWith('crl') && !key.startsWith('rsa')) cannot('only RSA in node-forge');
  if (cipher === 'gcm') cannot('no GCM in the CMS of node-forge');
  switch (operation) {
    case 'sign': {
      const content = read(`content-${octets}`);
      const [signer, signerKey] = [certificate(key), privateKey(key)];
      return () => signed(content, signer, signerKey);
    }
    case 'encrypt': {
      const content = read(`content-${octets}`);
      const recipients = Array.from({ length: task.recipients }, (_, index) => certificate(`${key}-${index}`));
      return () => {
        const enveloped = forge.pkcs7.createEnvelopedData();
        for (const recipient of recipients) enveloped.addRecipient(recipient);
        enveloped.content = forge.util.createBuffer(content);
        enveloped.encrypt();
        return forge.asn1.toDer(enveloped.toAsn1()).getBytes();
      };
    }
    case 'decrypt': {
      const der = read(`decrypt-${key}-${cipher}-${octets}`);
      const [recipient, recipientKey] = [certificate(`${key}-0`), privateKey(`${key}-0`)];
      return () => {
        const enveloped = forge.pkcs7.messageFromAsn1(forge.asn1.fromDer(der));
        if (!('decrypt' in enveloped)) return cannot('not enveloped data');
        const entry = enveloped.findRecipient(recipient);
        if (entry === null) return cannot('not a recipient');
        enveloped.decrypt(entry, recipientKey);
        return enveloped.content;
      };
    }
    case 'certificate':
    case 'certificate-key': {
      const der = read(`${key}.crt`);
      return () => forge.pki.certificateFromAsn1(forge.asn1.fromDer(der));
    }
    case 'path': {
      const [leaf, issuing] = [read(`${key}.crt`), read('issuing.crt')];
      const store = forge.pki.createCaStore([certificate('root')]);
      return () => {
        const chain = [leaf, issuing].map((der) => forge.pki.certificateFromAsn1(forge.asn1.fromDer(der)));
        if (!forge.pki.verifyCertificateChain(store, chain)) cannot('the path is not valid');
      };
    }
    default:
      return cannot('no such operation in node-forge');
  }
});

function signed(content: string, signer: forge.pki.Certificate, key: forge.pki.rsa.PrivateKey): string {
  const data = forge.pkcs7.createSignedData();
  data.content = forge.util.createBuffer(content);
  data.addCertificate(signer);
  data.addSigner({
    key,
    certificate: signer,
    digestAlgorithm: forge.pki.oids.sha256 as string,
    authenticatedAttributes: [
      { type: forge.pki.oids.contentType as string, value: forge.pki.oids.data as string },
      { type: forge.pki.oids.messageDigest as string },
      { type: forge.pki.oids.signingTime as string, value: new Date().toUTCString() },
    ],
  });
  data.sign({ detached: true });
  return forge.asn1.toDer(data.toAsn1()).getBytes();
}
