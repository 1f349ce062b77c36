/** Knows a message that this gateway has handled before, by a header field that nobody else can make. */
import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import path from 'node:path';
import { type HeaderField, onlyValue } from './header-block.ts';
import { readIfThere, writeDurably } from './spool/durable-file.ts';

const name = 'x-chancery-gateway';

export interface LoopGuard {
  /** The field to put on a message on its way out. */
  field(direction: 'outbound' | 'inbound', fields: readonly HeaderField[]): string;
  /** Was it here before, in this direction. */
  seen(direction: 'outbound' | 'inbound', fields: readonly HeaderField[]): boolean;
  isLoopField(field: HeaderField): boolean;
}

/** The key is made at the first start and kept in the folder. */
export async function openLoopGuard(folder: string): Promise<LoopGuard> {
  const file = path.join(folder, 'loop-key');
  let key = await readIfThere(file);
  if (key === undefined || key.length !== 32) {
    key = randomBytes(32);
    await writeDurably(file, [key]);
  }
  return loopGuard(key);
}

export function loopGuard(octets: Uint8Array): LoopGuard {
  // Opened once: node takes as long to open a key as to use it.
  const key = createSecretKey(octets);
  /** Bound to the message, so that a field copied onto another message is nobody's. */
  const code = (direction: string, fields: readonly HeaderField[]) => {
    const bound = ['message-id', 'date', 'from'].map((one) => onlyValue(fields, one) ?? '');
    return createHmac('sha256', key)
      .update(JSON.stringify([direction, ...bound]))
      .digest('base64url');
  };
  return {
    field: (direction, fields) => `X-Chancery-Gateway: ${direction} ${code(direction, fields)}`,
    seen(direction, fields) {
      if (!fields.some((field) => field.name === name)) return false;
      const expected = Buffer.from(`${direction} ${code(direction, fields)}`);
      return fields.some((field) => {
        const value = Buffer.from(field.name === name ? field.value : '', 'latin1');
        return value.length === expected.length && timingSafeEqual(value, expected);
      });
    },
    isLoopField: (field) => field.name === name,
  };
}
