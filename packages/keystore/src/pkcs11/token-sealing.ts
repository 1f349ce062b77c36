/**
 * Key-encryption keys of a token, and what they seal. Two forms, told apart by their first octet:
 *
 *   1 | nonce (12) | ciphertext | tag (16)                                     AES-256-GCM in the token, as in every other store
 *   2 | length (1) | data key, wrapped in the token | form 1 under that key    for tokens that have key wrap and no GCM
 */
import { createSecretKey, randomBytes } from 'node:crypto';
import { seal as sealHere, unseal as unsealHere } from '../authenticated-encryption.ts';
import { KeyStoreError } from '../errors.ts';
import { attribute, keyType, mechanism, objectClass, parameterType } from './cryptoki.ts';
import { during, type Handle } from './module.ts';
import { TokenFault } from './protocol.ts';
import type { FoundKey, Token } from './token.ts';
import { held, refusable, requireGuarded } from './token-work.ts';

export async function generateKek(token: Token, id: string, label: string): Promise<void> {
  if ((await token.find(id)) !== undefined) return;
  const { sealing } = token.device;
  if (sealing === undefined)
    throw new KeyStoreError(
      'unsupported-key',
      'The token has neither AES-GCM nor AES key wrap, so it can hold no key-encryption key.',
    );
  const [seals, opens] =
    sealing.by === 'gcm' ? [attribute.encrypt, attribute.decrypt] : [attribute.wrap, attribute.unwrap];
  const template = [
    { type: attribute.class, value: objectClass.secret },
    { type: attribute.keyType, value: keyType.aes },
    { type: attribute.id, value: Buffer.from(id, 'hex') },
    { type: attribute.label, value: Buffer.from(label, 'utf8') },
    { type: attribute.token, value: true },
    { type: attribute.private, value: true },
    { type: attribute.sensitive, value: true },
    { type: attribute.extractable, value: false },
    { type: seals, value: true },
    { type: opens, value: true },
    { type: attribute.valueLength, value: 32 },
  ];
  await token.withSession((session) =>
    held('C_GenerateKey', [template], () =>
      token.cryptoki.C_GenerateKeyAsync(session, { mechanism: mechanism.aesGenerate }, template),
    ),
  );
  await requireGuarded(token, id);
}

export async function seal(token: Token, id: string, plaintext: Buffer, aad: Buffer): Promise<Uint8Array> {
  const { sealing } = token.device;
  if (sealing?.by === 'key-wrap') return sealWithDataKey(token, sealing.mechanism, id, plaintext, aad);
  return token.withKey(id, async (session, key) => {
    const nonce = randomBytes(NONCE);
    startGcm(token, 'C_EncryptInit', session, key, nonce, Buffer.concat([IN_TOKEN, aad]));
    const output = Buffer.alloc(plaintext.length + TAG + 16);
    const sealed = await held('C_Encrypt', [plaintext, output], () =>
      token.cryptoki.C_EncryptAsync(session, plaintext, output),
    );
    return Buffer.concat([IN_TOKEN, nonce, sealed]);
  });
}

/** Undefined for what this key did not seal for that purpose. */
export async function unseal(token: Token, id: string, sealed: Buffer, aad: Buffer): Promise<Uint8Array | undefined> {
  if (sealed[0] === WITH_DATA_KEY[0]) return unsealWithDataKey(token, id, sealed, aad);
  if (sealed.length < 1 + NONCE + TAG || sealed[0] !== IN_TOKEN[0]) return undefined;
  const [nonce, body] = [sealed.subarray(1, 1 + NONCE), sealed.subarray(1 + NONCE)];
  return refusable(token, () =>
    token.withKey(id, async (session, key) => {
      startGcm(token, 'C_DecryptInit', session, key, nonce, Buffer.concat([IN_TOKEN, aad]));
      const output = Buffer.alloc(body.length + 16);
      return held('C_Decrypt', [body, output], () => token.cryptoki.C_DecryptAsync(session, body, output));
    }),
  );
}

const IN_TOKEN = Uint8Array.of(1);
const WITH_DATA_KEY = Uint8Array.of(2);
const NONCE = 12;
const TAG = 16;
const DATA_KEY = 32;

/** The data key passes through this process, where the plaintext is anyway. */
async function sealWithDataKey(token: Token, how: number, id: string, plaintext: Buffer, aad: Buffer): Promise<Buffer> {
  const dataKey = randomBytes(DATA_KEY);
  try {
    const wrapped = await token.withKey(id, async (session, key) => {
      const template = [...passingKey, { type: attribute.value, value: dataKey }];
      const passing = during('C_CreateObject', () => token.cryptoki.C_CreateObject(session, template));
      if (passing === undefined) throw new TokenFault('CKR_GENERAL_ERROR', 'C_CreateObject');
      try {
        const output = Buffer.alloc(DATA_KEY + 32);
        return await held('C_WrapKey', [output], () =>
          token.cryptoki.C_WrapKeyAsync(session, { mechanism: how }, key.handle, passing, output),
        );
      } finally {
        during('C_DestroyObject', () => token.cryptoki.C_DestroyObject(session, passing), [
          'CKR_OBJECT_HANDLE_INVALID',
        ]);
      }
    });
    const sealed = sealHere(createSecretKey(dataKey), plaintext, aad);
    return Buffer.concat([WITH_DATA_KEY, Uint8Array.of(wrapped.length), wrapped, sealed]);
  } finally {
    dataKey.fill(0);
  }
}

async function unsealWithDataKey(token: Token, id: string, sealed: Buffer, aad: Buffer): Promise<Buffer | undefined> {
  const { sealing } = token.device;
  const end = 2 + (sealed[1] ?? 0);
  if (sealing?.by !== 'key-wrap' || end === 2 || sealed.length < end) return undefined;
  const wrapped = sealed.subarray(2, end);
  const dataKey = await refusable(token, () =>
    token.withKey(id, async (session, key) => {
      const passing = await held('C_UnwrapKey', [wrapped, passingKey], () =>
        token.cryptoki.C_UnwrapKeyAsync(session, { mechanism: sealing.mechanism }, key.handle, wrapped, passingKey),
      );
      try {
        return token.read(session, passing, attribute.value);
      } finally {
        during('C_DestroyObject', () => token.cryptoki.C_DestroyObject(session, passing), [
          'CKR_OBJECT_HANDLE_INVALID',
        ]);
      }
    }),
  );
  if (dataKey?.length !== DATA_KEY) return undefined;
  try {
    return unsealHere(createSecretKey(dataKey), sealed.subarray(end), aad);
  } finally {
    dataKey.fill(0);
  }
}

/** An object of the session that may be read: what it opens is read in the next moment. */
const passingKey = [
  { type: attribute.class, value: objectClass.secret },
  { type: attribute.keyType, value: keyType.generic },
  { type: attribute.token, value: false },
  { type: attribute.sensitive, value: false },
  { type: attribute.extractable, value: true },
];

/** Which of two structures a module takes for CK_GCM_PARAMS: PKCS#11 2.40 has one more field in its header than in its text. */
const gcmForm = new WeakMap<Token, number>();

function startGcm(
  token: Token,
  call: 'C_EncryptInit' | 'C_DecryptInit',
  session: Handle,
  key: FoundKey,
  iv: Buffer,
  aad: Buffer,
): void {
  const known = gcmForm.get(token);
  const forms = known === undefined ? [parameterType.gcmWithIvBits, parameterType.gcm] : [known];
  for (const type of forms) {
    const parameter = { type, iv, ivBits: iv.length * 8, aad, tagBits: TAG * 8 };
    const how = { mechanism: mechanism.aesGcm, parameter };
    try {
      during(call, () => token.cryptoki[call](session, how, key.handle));
      gcmForm.set(token, type);
      return;
    } catch (error) {
      const wrongForm =
        error instanceof TokenFault && ['CKR_ARGUMENTS_BAD', 'CKR_MECHANISM_PARAM_INVALID'].includes(error.cryptoki);
      if (!wrongForm || type === forms.at(-1)) throw error;
    }
  }
}
