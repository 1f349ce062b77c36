/** OpenSSL's `cms` command: one process for each question. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../run-program.ts';
import { entity, sampleOf } from './ours.ts';
import { isEntity, type Outcome, type Peer, type Session } from './peer.ts';
import { mailPassword, type People, sharedKey } from './people.ts';
import type { EncryptRow, RecipientOf, SignRow } from './rows.ts';

export const openssl: Peer = {
  title: 'OpenSSL',
  needs: ['openssl'],
  version: () => /OpenSSL (\S+)/.exec(run('openssl', ['version']).text)?.[1] ?? '',
  open: async (people) => session(people),
};

function session(people: People): Session {
  const at = (name: string): string => path.join(people.folder, name);
  const judge = (out: string): Outcome =>
    isEntity(readFileSync(out)) ? { ok: true } : { ok: false, says: 'another text' };

  const verify = (input: string): Outcome => {
    const out = at('openssl.out');
    const args = ['cms', '-verify', '-in', input, '-CAfile', at('root.pem'), '-purpose', 'smimesign', '-out', out];
    const { code, text } = run('openssl', args);
    return code === 0 ? judge(out) : { ok: false, says: lastError(text) };
  };
  const decrypt = (row: EncryptRow, input: string, out: string): Outcome => {
    for (const one of row.to) {
      const { code, text } = run('openssl', ['cms', '-decrypt', '-in', input, '-out', out, ...keyFor(one)]);
      if (code !== 0) return { ok: false, says: lastError(text) };
    }
    return { ok: true };
  };
  const keyFor = (one: RecipientOf): string[] => {
    if (one.by === 'password') return ['-pwri_password', mailPassword];
    if (one.by === 'kek') return secretKey;
    return ['-inkey', at(`${one.who}.key`), '-recip', at(`${one.who}.pem`)];
  };

  const sign = (row: SignRow, input: string, out: string, header: string[]) => {
    const signers = row.signers.flatMap(({ who, padding, hash }) => [
      ...['-signer', at(`${who}.pem`), '-inkey', at(`${who}.key`)],
      ...(padding === 'pss' || who === 'pss'
        ? ['-keyopt', 'rsa_padding_mode:pss', '-keyopt', `rsa_pss_saltlen:${Number(hash.slice(3)) / 8}`]
        : []),
    ]);
    return run('openssl', [
      ...['cms', '-sign', '-in', input, '-out', out, '-md', row.signers[0]?.hash ?? 'sha256', ...signers],
      ...['-certfile', at('issuing.pem'), ...(row.form === 'opaque' ? ['-nodetach'] : []), ...header],
    ]);
  };
  const encrypt = (row: EncryptRow, input: string, out: string, header: string[]) =>
    run('openssl', [
      'cms',
      '-encrypt',
      '-in',
      input,
      '-out',
      out,
      `-${row.cipher === 'des-ede3-cbc' ? 'des3' : row.cipher}`,
      ...header,
      ...row.to.flatMap(recipient),
    ]);
  const recipient = (one: RecipientOf): string[] => {
    if (one.by === 'password') return ['-pwri_password', mailPassword];
    if (one.by === 'kek') return secretKey;
    const certificate = ['-recip', at(`${one.who}.pem`)];
    if (one.by === 'ecdh') return [...certificate, '-keyopt', `ecdh_kdf_md:${one.hash}`];
    if (one.by === 'pkcs1') return [...certificate, ...(one.named ? ['-keyid'] : [])];
    return [
      ...certificate,
      ...['rsa_padding_mode:oaep', `rsa_oaep_md:${one.hash}`, `rsa_mgf1_md:${one.hash}`].flatMap((o) => ['-keyopt', o]),
    ];
  };

  return {
    read: async (row, { message = Buffer.alloc(0) }) => {
      const input = at('openssl.eml');
      writeFileSync(input, message);
      if (row.kind === 'sign') return verify(input);
      if (row.kind === 'compress') return undefined;
      const out = at('openssl.opened');
      const opened = decrypt(row.kind === 'both' ? row.encrypt : row, input, out);
      if (!opened.ok) return opened;
      return row.kind === 'both' ? verify(out) : judge(out);
    },
    write: async (row) => {
      writeFileSync(at('entity.txt'), entity);
      const out = at('openssl.eml');
      const from = row.kind === 'sign' ? row.signers[0]?.who : row.kind === 'both' ? row.sign.signers[0]?.who : 'rsa';
      const header = ['-from', `${from}@example.com`, '-to', 'rsa@example.com', '-subject', row.id];
      const steps = (): { code: number | null; text: string } => {
        if (row.kind === 'sign') return sign(row, at('entity.txt'), out, header);
        if (row.kind === 'encrypt') return encrypt(row, at('entity.txt'), out, header);
        if (row.kind === 'compress') return run('openssl', ['cms', '-compress', '-in', at('entity.txt'), '-out', out]);
        const signed = sign(row.sign, at('entity.txt'), at('openssl.signed'), []);
        return signed.code === 0 ? encrypt(row.encrypt, at('openssl.signed'), out, header) : signed;
      };
      const { code, text } = steps();
      return code === 0 ? sampleOf(readFileSync(out)) : { says: lastError(text) };
    },
    close: async () => undefined,
  };
}

const secretKey = [
  ...['-secretkey', sharedKey.keyEncryptionKey.toString('hex')],
  ...['-secretkeyid', sharedKey.identifier.toString('hex')],
];

/** The last line of its error queue, without numbers and file names: `cms routines:CMS_decrypt:…`. */
function lastError(text: string): string {
  const lines = text.split('\n').filter((line) => /:error:/.test(line));
  const reason = lines.at(-1)?.split(':').slice(3, 6).join(':');
  return reason ?? text.trim().split('\n').at(-1) ?? '';
}
