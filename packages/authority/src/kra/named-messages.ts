/** The messages of a request to decrypt: which were handed in, and how their text leaves. */
import { createHash } from 'node:crypto';
import { AuthorityError } from '../errors.ts';
import { distinct, safeName, zipOf } from './recovered-files.ts';

export interface NamedMessage {
  readonly sha256: string;
  readonly name: string;
  readonly message: Uint8Array;
}

/** Exactly the messages that the officers approved. @throws AuthorityError `quorum-refused` */
export function matchMessages(
  asked: readonly { readonly sha256: string; readonly name: string }[],
  handedIn: readonly Uint8Array[],
): NamedMessage[] {
  const found = new Map(
    handedIn.map((message) => [createHash('sha256').update(message).digest('hex'), message] as const),
  );
  const stranger = [...found.keys()].find((sha256) => !asked.some((one) => one.sha256 === sha256));
  if (stranger !== undefined) {
    throw new AuthorityError(
      'quorum-refused',
      `The message ${stranger} is not one that the officers approved. Nothing was released. Hand in the messages that the request names, octet for octet.`,
    );
  }
  const missing = asked.filter(({ sha256 }) => !found.has(sha256));
  if (missing.length > 0) {
    throw new AuthorityError(
      'quorum-refused',
      `${missing.length} of the ${asked.length} messages that the request names ${missing.length === 1 ? 'is' : 'are'} missing, and a request releases once. Nothing was released. Hand in all of them.`,
    );
  }
  return asked.map((one) => ({ ...one, message: found.get(one.sha256) as Uint8Array }));
}

/** One message, or a ZIP of several. */
export function messageFile(
  opened: readonly NamedMessage[],
  at: Date,
): { fileName: string; mediaType: string; data: Uint8Array } {
  const files = distinct(
    opened.map(({ sha256, name, message }) => {
      const base = safeName(name.replace(/\.(eml|p7m)$/i, ''));
      return { name: `${base === '' ? sha256.slice(0, 16) : base}.decrypted.eml`, data: message };
    }),
  );
  const [only, ...more] = files;
  return only !== undefined && more.length === 0
    ? { fileName: only.name, mediaType: 'message/rfc822', data: only.data }
    : { fileName: 'decrypted-messages.zip', mediaType: 'application/zip', data: zipOf(files, at) };
}
