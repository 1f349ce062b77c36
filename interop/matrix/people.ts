/** Keys and certificates for everybody in the matrix, in a folder, in each form that some peer wants. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type Certificate,
  createPkcs12,
  derToPem,
  localDecrypter,
  localSigner,
  type OpeningKey,
} from '@chancery/smime';
import { createCa, issueFor, type SmallCa } from '../../e2e/support/small-ca.ts';
import type { Who } from './rows.ts';

interface Person {
  readonly who: Who;
  readonly email: string;
  readonly key: KeyObject;
  readonly certificate: Certificate;
}

export interface People {
  /** Holds for each `WHO.key`, `WHO.pem` (PEM), `WHO.pk8`, `WHO.der` (DER), `WHO.p12`, `WHO.compat.p12`; and `root`, `issuing`, `chain`. */
  readonly folder: string;
  readonly root: SmallCa;
  readonly issuing: SmallCa;
  person(who: Who): Person;
}

/** Of every PKCS#12 file. */
export const pkcs12Password = 'correct horse';
/** Of the rows that encrypt to a password. */
export const mailPassword = 'battery staple';
/** Of the rows that encrypt to a shared key: AES-256, and its name. */
export const sharedKey = { keyEncryptionKey: Buffer.alloc(32, 0x4b), identifier: Buffer.from('shared-key-1') };

const makeKey: Readonly<Record<Who, () => KeyObject>> = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  pss: () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
  second: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  p256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  p384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  p521: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
  ed25519: () => generateKeyPairSync('ed25519').privateKey,
  ed448: () => generateKeyPairSync('ed448').privateKey,
  x25519: () => generateKeyPairSync('x25519').privateKey,
  x448: () => generateKeyPairSync('x448').privateKey,
  'p256-earlier': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'p256-before': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'p256-after': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'p256-later': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'p384-before': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'rsa-other': () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
};

const usageOf = (who: Who) =>
  who.startsWith('rsa')
    ? (['digitalSignature', 'nonRepudiation', 'keyEncipherment'] as const)
    : who.startsWith('x')
      ? (['keyAgreement'] as const)
      : who.startsWith('p') && who !== 'pss'
        ? (['digitalSignature', 'nonRepudiation', 'keyAgreement'] as const)
        : (['digitalSignature', 'nonRepudiation'] as const);

/** DER sorts the recipients of a message: those of one curve by the serial numbers of their certificates, which are random otherwise. */
function serialOf(who: Who): { serialNumber?: string } {
  const first = { earlier: '30', before: '31', after: '50', later: '51' }[who.split('-')[1] ?? ''];
  return first === undefined ? {} : { serialNumber: first + randomBytes(7).toString('hex') };
}

export async function gatherPeople(folder: string): Promise<People> {
  // RSA above, so that every peer can judge the chain, whatever it makes of the leaf.
  const root = await createCa('Matrix Root', 'rsa');
  const issuing = await createCa('Matrix Issuing', 'rsa', root);
  const write = (name: string, content: string | Uint8Array) => writeFileSync(path.join(folder, name), content);
  const pem = (certificate: Certificate): string => derToPem(certificate.der, 'CERTIFICATE');
  write('root.pem', pem(root.certificate));
  write('root.der', root.certificate.der);
  write('issuing.pem', pem(issuing.certificate));
  write('issuing.der', issuing.certificate.der);
  write('chain.pem', pem(issuing.certificate) + pem(root.certificate));
  const people = new Map<Who, Person>();
  for (const who of Object.keys(makeKey) as Who[]) {
    const key = makeKey[who]();
    const email = `${who === 'second' ? 'rsa' : who}@example.com`;
    const certificate = await issueFor(issuing, key, {
      name: `Person ${who}`,
      email,
      usage: usageOf(who),
      ...serialOf(who),
    });
    people.set(who, { who, email, key, certificate });
    const privateKey = key.export({ format: 'der', type: 'pkcs8' });
    write(`${who}.key`, key.export({ format: 'pem', type: 'pkcs8' }));
    write(`${who}.pk8`, privateKey);
    write(`${who}.pem`, pem(certificate));
    write(`${who}.der`, certificate.der);
    const file = { privateKey, certificate: certificate.der, friendlyName: who, password: pkcs12Password };
    const chain = [issuing.certificate.der, root.certificate.der];
    write(`${who}.p12`, await createPkcs12({ ...file, chain, profile: 'modern' }));
    write(`${who}.compat.p12`, await createPkcs12({ ...file, chain, profile: 'compat' }));
  }
  const person = (who: Who): Person => {
    const found = people.get(who);
    if (found === undefined) throw new Error(`Nobody has a key of the kind ${who}`);
    return found;
  };
  return { folder, root, issuing, person };
}

export const signerOf = (people: People, who: Who) => {
  const { key, certificate } = people.person(who);
  return { signer: localSigner(key), certificate, chain: [people.issuing.certificate] };
};

export const openingKeyOf = (people: People, who: Who): OpeningKey => {
  const { key, certificate } = people.person(who);
  return { decrypter: localDecrypter(key), certificate };
};
