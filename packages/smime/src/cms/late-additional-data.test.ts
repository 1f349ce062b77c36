import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tagWithoutAdditional } from './late-additional-data.ts';

describe('tagWithoutAdditional', () => {
  it('is the tag that node:crypto finds without the additional data', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(16, 24, 32),
        fc.constantFrom(12, 14, 16),
        fc.nat(70),
        fc.nat(400),
        fc.constantFrom(8, 12, 16),
        (keyLength, tagLength, additionalLength, length, ivLength) => {
          const [key, iv] = [randomBytes(keyLength), randomBytes(ivLength)];
          const [additional, text] = [randomBytes(additionalLength), randomBytes(length)];
          const name = `aes-${(keyLength * 8) as 256}-gcm` as const;
          const cipher = createCipheriv(name, key, iv, { authTagLength: tagLength });
          cipher.setAAD(additional);
          const ciphertext = Buffer.concat([cipher.update(text), cipher.final()]);
          const tag = tagWithoutAdditional(key, cipher.getAuthTag(), additional, length);
          const open = (mac: Buffer): Buffer => {
            const decipher = createDecipheriv(name, key, iv, { authTagLength: tagLength });
            decipher.setAuthTag(mac);
            return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
          };
          expect(open(tag)).toEqual(text);
          const wrong = Buffer.from(additional);
          if (wrong.length === 0) return;
          wrong[0] = (wrong[0] as number) ^ 1;
          expect(() => open(tagWithoutAdditional(key, cipher.getAuthTag(), wrong, length))).toThrow();
        },
      ),
    );
  });
});
