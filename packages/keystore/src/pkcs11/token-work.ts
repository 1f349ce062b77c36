/** What is done with a token's keys, call by call. Asynchronous where pkcs11js can: one slow call does not hold up the others. */
import { KeyStoreError } from '../errors.ts';
import type { KeySpec } from '../key-store.ts';
import { attribute, curves, hashMechanisms, keyType, mechanism, objectClass, parameterType } from './cryptoki.ts';
import { type Attribute, during, faultOf, type Mechanism } from './module.ts';
import { type DecryptionScheme, type SigningScheme, TokenFault } from './protocol.ts';
import { curveSizes, isCurve } from './public-key.ts';
import type { FoundKey, Token } from './token.ts';

/** @param id CKA_ID, in hexadecimal. Returns DER SubjectPublicKeyInfo */
export async function generatePair(token: Token, id: string, spec: KeySpec, label: string): Promise<Uint8Array> {
  const present = await token.find(id);
  // The call before this one was cut off after its work was done.
  if (present?.spki !== undefined) return present.spki;
  await destroy(token, id);
  const common = [
    { type: attribute.id, value: Buffer.from(id, 'hex') },
    { type: attribute.label, value: Buffer.from(label, 'utf8') },
    { type: attribute.token, value: true },
  ];
  const privateTemplate = [
    ...common,
    { type: attribute.private, value: true },
    { type: attribute.sensitive, value: true },
    { type: attribute.extractable, value: false },
    { type: attribute.sign, value: true },
    ...(spec.startsWith('rsa-') ? [{ type: attribute.decrypt, value: true }] : []),
    ...(isCurve(spec) ? [{ type: attribute.derive, value: true }] : []),
  ];
  for (const [how, publicPart] of waysToGenerate(spec)) {
    const publicTemplate = [
      ...common,
      { type: attribute.private, value: false },
      { type: attribute.verify, value: true },
      ...publicPart,
    ];
    try {
      await token.withSession((session) =>
        held('C_GenerateKeyPair', [publicTemplate, privateTemplate], () =>
          token.cryptoki.C_GenerateKeyPairAsync(session, { mechanism: how }, publicTemplate, privateTemplate),
        ),
      );
    } catch (error) {
      if (error instanceof TokenFault && NOT_THAT_WAY.has(error.cryptoki)) continue;
      throw error;
    }
    const { spki } = await requireGuarded(token, id);
    if (spki !== undefined) return spki;
    throw new KeyStoreError('unsupported-key', `The token made a ${spec} key and does not show its public half.`);
  }
  throw new KeyStoreError('unsupported-key', `The token cannot make a ${spec} key.`);
}

/** As the token gives it: r and s side by side for ECDSA. */
export function sign(token: Token, id: string, scheme: SigningScheme, input: Buffer): Promise<Uint8Array> {
  return token.withKey(id, async (session, key) => {
    const how = signingMechanism(scheme);
    during('C_SignInit', () => token.cryptoki.C_SignInit(session, how, key.handle));
    const output = Buffer.alloc(LARGEST_SIGNATURE);
    return held('C_Sign', [input, output], () => token.cryptoki.C_SignAsync(session, input, output));
  });
}

/** Undefined where the token finds the padding wrong: the caller makes of it what implicit rejection demands. */
export function decrypt(
  token: Token,
  id: string,
  scheme: DecryptionScheme,
  ciphertext: Buffer,
): Promise<Uint8Array | undefined> {
  return refusable(token, () =>
    token.withKey(id, async (session, key) => {
      const how = decryptionMechanism(scheme);
      during('C_DecryptInit', () => token.cryptoki.C_DecryptInit(session, how, key.handle));
      const output = Buffer.alloc(LARGEST_SIGNATURE);
      return held('C_Decrypt', [ciphertext, output], () => token.cryptoki.C_DecryptAsync(session, ciphertext, output));
    }),
  );
}

export function derive(token: Token, id: string, point: Buffer): Promise<Uint8Array> {
  return token.withKey(id, async (session, key) => {
    const size = isCurve(key.type) ? curveSizes[key.type] : 0;
    // The secret is a passing object of the session, and readable: it is what the caller came for.
    const template = [
      { type: attribute.class, value: objectClass.secret },
      { type: attribute.keyType, value: keyType.generic },
      { type: attribute.token, value: false },
      { type: attribute.private, value: true },
      { type: attribute.sensitive, value: false },
      { type: attribute.extractable, value: true },
      { type: attribute.valueLength, value: size },
    ];
    const how = {
      mechanism: mechanism.ecdhDerive,
      parameter: { type: parameterType.ecdh, kdf: CKD_NULL, publicData: point },
    };
    const secret = await held('C_DeriveKey', [point, how, template], () =>
      token.cryptoki.C_DeriveKeyAsync(session, how, key.handle, template),
    );
    try {
      const value = token.read(session, secret, attribute.value);
      if (value === undefined) throw new TokenFault('CKR_ATTRIBUTE_SENSITIVE', 'C_DeriveKey');
      // Some tokens drop leading zeros.
      return Buffer.concat([Buffer.alloc(Math.max(0, size - value.length)), value]);
    } finally {
      during('C_DestroyObject', () => token.cryptoki.C_DestroyObject(session, secret), ['CKR_OBJECT_HANDLE_INVALID']);
    }
  });
}

/** Every object with that id, public half and all. False where there was none. */
export async function destroy(token: Token, id: string): Promise<boolean> {
  token.forget(id);
  return token.withSession((session) => {
    const template = [
      { type: attribute.id, value: Buffer.from(id, 'hex') },
      { type: attribute.token, value: true },
    ];
    const handles = token.handles(session, template);
    for (const handle of handles)
      during('C_DestroyObject', () => token.cryptoki.C_DestroyObject(session, handle), ['CKR_OBJECT_HANDLE_INVALID']);
    return handles.length > 0;
  });
}

/** Of RSA with 4096 bits, and of whatever else a token may want room for. */
const LARGEST_SIGNATURE = 1024;
const CKD_NULL = 1;
const CKZ_DATA_SPECIFIED = 1;

/** What a token says that does not know a mechanism, a curve, or one form of its name. */
const NOT_THAT_WAY: ReadonlySet<string> = new Set([
  'CKR_ARGUMENTS_BAD',
  'CKR_ATTRIBUTE_TYPE_INVALID',
  'CKR_ATTRIBUTE_VALUE_INVALID',
  'CKR_CURVE_NOT_SUPPORTED',
  'CKR_DOMAIN_PARAMS_INVALID',
  'CKR_KEY_SIZE_RANGE',
  'CKR_MECHANISM_INVALID',
  'CKR_TEMPLATE_INCONSISTENT',
]);

/** How tokens say that a ciphertext does not open. The general ones may also mean that the token is ill. */
const REFUSALS: ReadonlySet<string> = new Set([
  'CKR_AEAD_DECRYPT_FAILED',
  'CKR_DATA_INVALID',
  'CKR_DATA_LEN_RANGE',
  'CKR_ENCRYPTED_DATA_INVALID',
  'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'CKR_FUNCTION_FAILED',
  'CKR_GENERAL_ERROR',
  'CKR_WRAPPED_KEY_INVALID',
  'CKR_WRAPPED_KEY_LEN_RANGE',
]);

/** Undefined for a refusal by a token that is well otherwise. */
export async function refusable<T>(token: Token, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof TokenFault) || !REFUSALS.has(error.cryptoki)) throw error;
    token.check();
    return undefined;
  }
}

/**
 * pkcs11js hands the addresses of buffers to another thread and does not keep the buffers (its issue 121): here they are kept until the
 * call has ended.
 */
export async function held<T>(call: string, buffers: readonly unknown[], run: () => Promise<T>): Promise<T> {
  IN_USE.add(buffers);
  try {
    return await run();
  } catch (error) {
    throw faultOf(error, call);
  } finally {
    IN_USE.delete(buffers);
  }
}

const IN_USE = new Set<readonly unknown[]>();

function waysToGenerate(spec: KeySpec): (readonly [number, Attribute[]])[] {
  if (spec.startsWith('rsa-')) {
    const publicPart = [
      { type: attribute.encrypt, value: true },
      { type: attribute.modulusBits, value: Number(spec.slice('rsa-'.length)) },
      { type: attribute.publicExponent, value: Buffer.from([1, 0, 1]) },
    ];
    return [[mechanism.rsaGenerate, publicPart]];
  }
  const how = spec === 'ed25519' ? mechanism.edwardsGenerate : mechanism.ecGenerate;
  const forms = curves.find((curve) => curve.spec === spec)?.parameters ?? [];
  return forms.map((value) => [how, [{ type: attribute.ecParameters, value }]] as const);
}

/** The token may have taken the template and not kept to it: such a key is removed at once. */
export async function requireGuarded(token: Token, id: string): Promise<FoundKey> {
  const key = await token.find(id);
  if (key === undefined) throw new TokenFault('CKR_GENERAL_ERROR', 'C_GenerateKey');
  const [sensitive, extractable] = await token.withSession((session) =>
    [attribute.sensitive, attribute.extractable].map((type) => token.read(session, key.handle, type)?.[0]),
  );
  if (sensitive === 1 && extractable === 0) return key;
  await destroy(token, id);
  throw new KeyStoreError(
    'unsupported-key',
    'The token made a key that could be read out again. It was removed: this token guards no keys.',
  );
}

function signingMechanism(scheme: SigningScheme): Mechanism {
  if (scheme.kind === 'ecdsa') return { mechanism: mechanism.ecdsa };
  if (scheme.kind === 'eddsa') return { mechanism: mechanism.eddsa };
  if (scheme.padding === 'pkcs1') return { mechanism: mechanism.rsaPkcs1 };
  const { hash, mgf1 } = hashMechanisms[scheme.hash];
  const saltLen = { sha256: 32, sha384: 48, sha512: 64 }[scheme.hash];
  return {
    mechanism: mechanism.rsaPss,
    parameter: { type: parameterType.pss, hashAlg: hash, mgf: mgf1, saltLen } as Mechanism['parameter'] & object,
  };
}

function decryptionMechanism(scheme: DecryptionScheme): Mechanism {
  if (scheme.padding === 'pkcs1') return { mechanism: mechanism.rsaPkcs1 };
  if (scheme.padding === 'none') return { mechanism: mechanism.rsaRaw };
  const parameter = {
    type: parameterType.oaep,
    hashAlg: hashMechanisms[scheme.hash].hash,
    mgf: hashMechanisms[scheme.mgf1Hash].mgf1,
    source: CKZ_DATA_SPECIFIED,
    ...(scheme.label.length > 0 && { sourceData: Buffer.from(scheme.label) }),
  };
  return { mechanism: mechanism.rsaOaep, parameter };
}
