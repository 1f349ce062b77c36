import { expect, it } from 'vitest';
import { requestText } from './request-text.ts';

it('is PEM without what stands before it, DER in base64, and nothing else', async () => {
  const pem = '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n';
  expect(await requestText(new File([`Subject: CN = card\n${pem}`], 'a.csr'))).toBe(pem);
  expect(await requestText(new File([Uint8Array.of(0x30, 0x82, 0xff, 0)], 'a.der'))).toBe('MIL/AA==');
  await expect(requestText(new File(['hello'], 'a.txt'))).rejects.toThrow('neither PEM nor DER');
  await expect(requestText(new File([new Uint8Array(20_000)], 'a.bin'))).rejects.toThrow('too large');
});
