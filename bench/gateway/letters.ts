/** The mail that is handed in. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { encryptMessage, signMessage } from '@chancery/smime';
import type { TestAuthority } from '../../packages/gateway/test/support/test-authority.ts';
import { makeCa, makeKeys, type TestCa } from '../../packages/gateway/test/support/test-ca.ts';

/** Makes a message of so many octets, whose Subject is the name. */
export type MakeMail = (octets: number, name: string) => Promise<Buffer>;

/** Plain text, from Anna to these. */
export function letter(octets: number, recipients: readonly string[]): Buffer {
  const head = `From: anna@example.com\r\nTo: ${recipients.join(',\r\n ')}\r\nSubject: bench\r\nDate: ${new Date().toUTCString()}\r\nMessage-ID: <${randomBytes(8).toString('hex')}@example.com>\r\n\r\n`;
  return Buffer.from(head + textOf(octets));
}

/** The same from outside; answers to it go elsewhere, which is worth a second look. */
export const outsideLetter: MakeMail = async (octets, name) =>
  Buffer.from(fromOutside(octets, name).toString('latin1').replace('\r\n', '\r\nReply-To: bob@elsewhere.example\r\n'));

/** A text and two files, each of half the size, one of which is a program. */
export const letterWithFiles: MakeMail = async (octets) => {
  const file = (name: string) =>
    `--files\r\nContent-Type: application/octet-stream; name=${name}\r\nContent-Transfer-Encoding: base64\r\n\r\n${textOf(octets / 2)}`;
  const head = letter(0, ['out@partner.example']).toString('latin1').trimEnd();
  const body = `--files\r\n\r\nTwo files.\r\n${file('a.exe')}${file('b.pdf')}--files--\r\n`;
  return Buffer.from(`${head}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=files\r\n\r\n${body}`);
};

/** Signed by somebody outside, and encrypted to the first of the people. @param vouched by an authority that the gateway trusts */
export function protectedMail(authority: TestAuthority, vouched: boolean): MakeMail {
  let outsider: ReturnType<typeof makeOutsider> | undefined;
  return async (octets, name) => {
    outsider ??= vouched ? makeOutsider(authority.ca) : makeCa('Unknown Inc').then(makeOutsider);
    const signed = await signMessage({ message: fromOutside(octets * 0.7, name), signers: [await outsider] });
    const { certificate } = authority.encryptionKeyOf('r@example.com');
    return Buffer.from(await encryptMessage({ message: signed, recipients: [certificate] }));
  };
}

/** Files for smtp-source, which alone would send nothing but plain text, and name the first of its recipients alone. */
export function filesOf(make: MakeMail, folder: string, octets: number, count: number): Promise<string[]> {
  // Others have files of that size there too.
  const own = randomBytes(8).toString('hex');
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const file = path.join(folder, `${own}-${n}.eml`);
      const mail = await make(octets, `file ${n}`);
      writeFileSync(file, mail.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
      return file;
    }),
  );
}

function textOf(octets: number): string {
  const line = `${'x'.repeat(76)}\r\n`;
  return line.repeat(Math.ceil(octets / line.length));
}

function fromOutside(octets: number, name: string): Buffer {
  const text = letter(octets, ['r@example.com']).toString('latin1');
  return Buffer.from(text.replace('anna@example.com', 'bob@partner.example').replace('bench', name), 'latin1');
}

async function makeOutsider(ca: TestCa) {
  const keys = makeKeys('p256');
  const certificate = await ca.issue({ spki: keys.spki, emails: ['bob@partner.example'], use: 'signing' });
  return { signer: keys.signer, certificate, chain: [ca.issuing] };
}
