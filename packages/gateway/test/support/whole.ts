/** A message in memory, however large. */
import { LargeMessage, type Message } from '../../src/large-message.ts';

export async function wholeOf(message: Message): Promise<Buffer> {
  if (message instanceof LargeMessage) return message.range(0, message.length);
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

/** For what is never large. */
export const noScratch = {
  keep: () => Promise.reject(new Error('A message in memory went to a file')),
};
