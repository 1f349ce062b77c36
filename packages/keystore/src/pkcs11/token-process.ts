/** The process that holds the module of a token. It answers what `protocol.ts` says, and ends with the office. */
import process from 'node:process';
import { KeyStoreError } from '../errors.ts';
import type { KeySpec } from '../key-store.ts';
import {
  type DecryptionScheme,
  encodeError,
  type SigningScheme,
  type TokenCalls,
  type TokenReply,
  type TokenRequest,
} from './protocol.ts';
import { type FoundKey, Token } from './token.ts';
import { generateKek, seal, unseal } from './token-sealing.ts';
import { decrypt, derive, destroy, generatePair, sign } from './token-work.ts';

type Answers = {
  [Name in keyof TokenCalls]: (
    ...args: never[]
  ) => ReturnType<TokenCalls[Name]> | Promise<ReturnType<TokenCalls[Name]>>;
};

let opened: Token | undefined;

const answers = {
  async open(settings: Parameters<TokenCalls['open']>[0]) {
    opened = await Token.open(settings);
    return opened.device;
  },
  check() {
    token().check();
    return undefined;
  },
  generatePair: (id: string, spec: KeySpec, label: string) => generatePair(token(), id, spec, label),
  async generateKek(id: string, label: string) {
    await generateKek(token(), id, label);
    return undefined;
  },
  async describe(id: string) {
    const key = await token().find(id);
    return key && withoutHandles(key);
  },
  list: async () => (await token().list()).map(withoutHandles),
  sign: (id: string, scheme: SigningScheme, input: Uint8Array) => sign(token(), id, scheme, buffer(input)),
  decrypt: (id: string, scheme: DecryptionScheme, ciphertext: Uint8Array) =>
    decrypt(token(), id, scheme, buffer(ciphertext)),
  derive: (id: string, point: Uint8Array) => derive(token(), id, buffer(point)),
  seal: (id: string, plaintext: Uint8Array, aad: Uint8Array) => seal(token(), id, buffer(plaintext), buffer(aad)),
  unseal: (id: string, sealed: Uint8Array, aad: Uint8Array) => unseal(token(), id, buffer(sealed), buffer(aad)),
  destroy: (id: string) => destroy(token(), id),
  close() {
    opened?.close();
    opened = undefined;
    return undefined;
  },
} satisfies Answers;

process.on('message', (message) => {
  const { id, call, args } = message as TokenRequest;
  const answer = answers[call] as (...args: readonly unknown[]) => unknown;
  Promise.resolve()
    .then(() => answer(...args))
    .then(
      (value): TokenReply => ({ id, value }),
      (error: unknown): TokenReply => ({ id, ...encodeError(error, call) }),
    )
    .then((reply) => process.send?.(reply));
});

// Without the office there is nobody to work for. A module may have threads of its own that keep an orderly exit waiting.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// The office closes us; an interrupt from a terminal reaches us too.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

function token(): Token {
  if (opened !== undefined) return opened;
  throw new KeyStoreError('unavailable', 'The token was not opened yet.');
}

function withoutHandles({ id, label, type, spki }: FoundKey) {
  return { id, label, type, spki };
}

function buffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}
