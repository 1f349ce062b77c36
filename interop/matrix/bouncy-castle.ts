/** Bouncy Castle: one Java process for all questions, see BouncyCastle.java. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { oids } from '@chancery/smime';
import { run } from '../run-program.ts';
import { type CmsVerbs, cmsSession, type Refused } from './cms-peer.ts';
import type { Peer, Session } from './peer.ts';
import { mailPassword, type People, sharedKey } from './people.ts';
import type { EncryptRow, RecipientOf, SignerOf, Who } from './rows.ts';

const jars = ['bcprov', 'bcpkix', 'bcutil'].map((name) => `/usr/share/java/${name}.jar`).join(':');

export const bouncyCastle: Peer = {
  title: 'Bouncy Castle',
  needs: ['bouncycastle'],
  version: () => /bcprov-([\d.]+)\.jar/.exec(run('ls', ['/usr/share/java']).text)?.[1] ?? '',
  open: async (people) => session(people),
};

function session(people: People): Session {
  const at = (name: string): string => path.join(people.folder, name);
  const source = path.join(import.meta.dirname, 'BouncyCastle.java');
  // The compiler that is quick to start: this program lives for seconds.
  const java = spawn('java', ['-XX:TieredStopAtLevel=1', '-cp', jars, source, people.folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: java.stdout })[Symbol.asyncIterator]();
  const ask = async (...words: string[]): Promise<Refused | undefined> => {
    java.stdin.write(`${words.join('\t')}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error('Java ended');
    return value.startsWith('ok') ? undefined : { says: value.slice(3) };
  };
  const given = (name: string, content: Buffer): string => {
    writeFileSync(at(name), content);
    return name;
  };
  const result = (refusal: Refused | undefined): Buffer | Refused => refusal ?? readFileSync(at('bc.out'));

  const verbs: CmsVerbs = {
    verify: async (object, content) =>
      result(await ask('verify', given('bc.in', object), content ? given('bc.content', content) : '-')),
    decrypt: async (row, object) => {
      given('bc.in', object);
      for (const one of row.to) {
        const refusal = await ask('decrypt', 'bc.in', keyFor(one), 'bc.out');
        if (refusal) return refusal;
      }
      return result(undefined);
    },
    sign: async (row, content) => {
      const signers = row.signers.map((one) => `${one.who}:${algorithm(one)}`).join(',');
      return result(await ask('sign', given('bc.in', content), row.form, signers, 'bc.out'));
    },
    encrypt: async (row, content) =>
      result(await ask('encrypt', given('bc.in', content), cipherName(row), row.to.map(recipient).join(','), 'bc.out')),
    expand: async (object) => result(await ask('decrypt', given('bc.in', object), '-', 'bc.out')),
    compress: async (content) => result(await ask('compress', given('bc.in', content), 'bc.out')),
  };
  return cmsSession(verbs, async () => {
    java.stdin.end();
    java.kill();
  });
}

function algorithm({ who, hash, padding }: SignerOf): string {
  if (who === 'ed25519') return 'Ed25519';
  if (who === 'ed448') return 'Ed448';
  const digest = hash.toUpperCase();
  if (who === 'rsa' || who === 'pss') return `${digest}withRSA${padding === 'pss' || who === 'pss' ? 'andMGF1' : ''}`;
  return `${digest}withECDSA`;
}

function cipherName({ cipher }: EncryptRow): string {
  if (cipher === 'des-ede3-cbc') return 'DES_EDE3_CBC';
  const [, length, mode] = cipher.split('-');
  return `AES${length}_${mode?.toUpperCase()}`;
}

const keyFor = (one: RecipientOf): string => {
  if (one.by === 'password') return `password:${mailPassword}`;
  if (one.by === 'kek') return `kek:${sharedKey.keyEncryptionKey.toString('hex')}`;
  return one.who;
};

const curves: Partial<Record<Who, string>> = {
  p256: 'P-256',
  p384: 'P-384',
  p521: 'P-521',
  x25519: 'X25519',
  x448: 'X448',
  'p256-earlier': 'P-256',
  'p256-before': 'P-256',
  'p256-after': 'P-256',
  'p256-later': 'P-256',
  'p384-before': 'P-384',
};
const x963 = {
  sha1: oids.dhSinglePassStdDhSha1Kdf,
  sha256: oids.dhSinglePassStdDhSha256Kdf,
  sha384: oids.dhSinglePassStdDhSha384Kdf,
  sha512: oids.dhSinglePassStdDhSha512Kdf,
};
const hkdf = {
  sha1: '',
  sha256: oids.dhSinglePassStdDhHkdfSha256,
  sha384: oids.dhSinglePassStdDhHkdfSha384,
  sha512: oids.dhSinglePassStdDhHkdfSha512,
};

function recipient(one: RecipientOf): string {
  switch (one.by) {
    case 'pkcs1':
      return `${one.named ? 'keyid' : 'pkcs1'}:${one.who}`;
    case 'oaep':
      return `oaep:${one.who}:${one.hash.toUpperCase().replace('SHA', 'SHA-')}`;
    case 'ecdh':
      return `ecdh:${one.who}:${(one.who.startsWith('x') ? hkdf : x963)[one.hash]}:${curves[one.who]}`;
    case 'kek':
      return `kek:${sharedKey.keyEncryptionKey.toString('hex')}:${sharedKey.identifier.toString('hex')}`;
    case 'password':
      return `password:${mailPassword}`;
  }
}
