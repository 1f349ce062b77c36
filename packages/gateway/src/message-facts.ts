/** What the pipeline needs to know of a message before it decides: who wrote it, who may see whom, and what protects it already. */
import { decodeBody, type MimeEntity, parseAddressHeader, scanMessage } from '@chancery/smime';

/** The address of the one author; undefined where From names none, several, or can be read in two ways. */
export function authorOf(message: Uint8Array): string | undefined {
  const { headers } = scanMessage(headerOf(message));
  const from = headers.filter(({ name }) => name === 'from');
  if (from.length !== 1 || from[0] === undefined) return undefined;
  const { mailboxes, problems } = parseAddressHeader(from[0].value);
  if (mailboxes.length !== 1 || problems.some(({ severity }) => severity === 'error')) return undefined;
  return mailboxes[0]?.address;
}
