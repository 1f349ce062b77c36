/** `chancery smime` on messages that are too large to hold: the same verdicts and the same output as on others. */
import {
  type DecryptedStream,
  type DecryptMessageStreamInput,
  decryptContentStream,
  decryptStream,
  type VerifyInput,
  type VerifyReport,
  verifyObjectStream,
  verifyStream,
} from '@chancery/smime';
import { CommandError } from '../exit-codes.ts';
import { type LargeMessage, openLarge } from '../message-file.ts';
import { writeOutPieces, writeStandardOutput } from '../write-output.ts';

/** @param out where the signed entity goes: it is written while it goes by, and left out where there is none */
export async function verifyLarge(
  message: LargeMessage,
  name: string,
  input: Omit<VerifyInput, 'message'>,
  out?: string,
): Promise<VerifyReport> {
  const { isObject, open: source } = openLarge(message, name);
  const stream = (isObject ? verifyObjectStream : verifyStream)({ ...input, source });
  if (out !== undefined) {
    const pieces = stream.unverified[Symbol.asyncIterator]();
    const first = await pieces.next();
    if (!first.done) await writeOutPieces(out, restOf(first.value, pieces));
  }
  const report = await stream.report();
  const [unknown] = isObject && report.layers.length === 0 ? report.problems : [];
  if (unknown) throw new CommandError(`${name}: ${unknown.message}`);
  return report;
}

async function* restOf(first: Uint8Array, pieces: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
}

/** Nothing is written before it is known that all of it opens. Says whether it was authenticated, and what became of its header. */
export async function decryptLarge(
  message: LargeMessage,
  name: string,
  opening: Omit<DecryptMessageStreamInput, 'source'>,
  { json, out }: { readonly json?: boolean; readonly out?: string },
): Promise<Pick<DecryptedStream, 'authenticated' | 'header'> & { readonly whole?: undefined }> {
  const { isObject, open: source } = openLarge(message, name);
  const open = async (): Promise<DecryptedStream> => {
    if (!isObject) return decryptStream({ ...opening, source });
    const opened = await decryptContentStream({ ...opening, source });
    return { ...opened, message: opened.content };
  };
  const opened = await open();
  // CBC shows only at its end whether the key was right.
  if (!opened.authenticated) for await (const _ of opened.message);
  const again = opened.authenticated ? opened : await open();
  if (json !== true || out !== undefined) await writeOutPieces(out, again.message);
  if (json === true) {
    const { authenticated, cipher, recipients, header, content } = out === undefined ? again : await open();
    const fields = JSON.stringify(
      { decrypted: true, authenticated, cipher, recipients, ...(header && { header }), content: '' },
      null,
      2,
    );
    // Up to within the quotes of the content, which is too long for a string.
    await writeStandardOutput(fields.slice(0, fields.lastIndexOf('"')));
    for await (const text of base64Of(content)) await writeStandardOutput(text);
    await writeStandardOutput(`${fields.slice(fields.lastIndexOf('"'))}\n`);
  }
  return { authenticated: opened.authenticated, ...(opened.header && { header: opened.header }) };
}

async function* base64Of(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let left = Buffer.alloc(0);
  for await (const piece of pieces) {
    const octets = Buffer.concat([left, piece]);
    const whole = octets.length - (octets.length % 3);
    yield octets.toString('base64', 0, whole);
    left = octets.subarray(whole);
  }
  yield left.toString('base64');
}
