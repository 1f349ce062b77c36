import { createHash, createHmac, randomBytes } from 'node:crypto';
import {
  type Decrypter,
  decodeOaep,
  type HashName,
  keyKindOf,
  type RsaPadding,
  type RsaScheme,
  type Signer,
} from '@chancery/smime';
import { KeyStoreError } from '../errors.ts';
import {
  isMlDsa,
  type KeyInfo,
  type KeyReference,
  type KeySpec,
  type KeyStore,
  type KeyStoreHealth,
} from '../key-store.ts';
import { createdAt, newKeyId } from './key-id.ts';
import { LoginGuard } from './login-guard.ts';
import { TokenFault, type TokenKey } from './protocol.ts';
import { curveSizes, ecdsaSignature, isCurve, pointOf } from './public-key.ts';
import { TokenLink, type TokenLinkOptions } from './token-link.ts';

export interface Pkcs11Options {
  /** The module: a shared library of the token's vendor. */
  readonly module: string;
  /** The token's label. */
  readonly token: string;
  /** Gives the user PIN; asked at each login. */
  readonly pin: () => string;
  /** How many calls the token takes at once; default 4. */
  readonly sessions?: number;
  /** Seconds after which a call that does not answer is given up, default 10. Making an RSA key may take twelve times as long. */
  readonly timeoutSeconds?: number;
  /** A file that remembers that the PIN was refused. */
  readonly refusalFile: string;
  /** Told of loss and return of the token. */
  readonly notify?: TokenLinkOptions['notify'];
}

/**
 * A key store in a token. Its keys are made in there, sensitive and not extractable, and never leave it. Returns at once: the module is
 * loaded in a process of its own at the first use, and again whenever the token was lost.
 */
export function openTokenKeyStore(options: Pkcs11Options): KeyStore {
  const { module, token, pin, sessions = 4, timeoutSeconds = 10, refusalFile, notify } = options;
  const guard = new LoginGuard(refusalFile);
  return new Pkcs11KeyStore(
    token,
    new TokenLink({ module, token, pin, sessions, timeoutMs: timeoutSeconds * 1000, guard, notify }),
  );
}

class Pkcs11KeyStore implements KeyStore {
  readonly #token: string;
  readonly #prefix: string;
  readonly #link: TokenLink;
  /** What a refused ciphertext is answered with follows from it (implicit rejection). */
  readonly #rejectionSecret = randomBytes(32);

  constructor(token: string, link: TokenLink) {
    this.#token = token;
    this.#prefix = `pkcs11:${encodeURIComponent(token)}/`;
    this.#link = link;
  }

  async generate(spec: KeySpec, label: string): Promise<KeyReference> {
    if (isMlDsa(spec))
      throw new KeyStoreError(
        'unsupported-key',
        `The token "${this.#token}" makes no ${spec.toUpperCase()} keys: PKCS#11 names them since 3.2, which this version does not speak. Choose another algorithm, or have new keys made in software ([keys] store = "software").`,
      );
    const id = newKeyId();
    await this.#ask(() => this.#link.call('generatePair', id, spec, label));
    return this.#referenceOf(id);
  }

  async importKey(): Promise<KeyReference> {
    throw new KeyStoreError(
      'unsupported-key',
      `The token "${this.#token}" takes no keys from outside: it could not vouch for what it did not make. Make a new key in it.`,
    );
  }

  async generateKek(label: string): Promise<KeyReference> {
    const id = newKeyId();
    await this.#ask(() => this.#link.call('generateKek', id, label));
    return this.#referenceOf(id);
  }

  async signer(reference: KeyReference): Promise<Signer> {
    const key = await this.#pair(reference);
    return {
      kind: keyKindOf(key.spki),
      spki: Uint8Array.from(key.spki),
      sign: (data, hash, padding) => this.#ask(() => this.#sign(key, data, hash, padding ?? 'pkcs1'), reference),
    };
  }

  async decrypter(reference: KeyReference): Promise<Decrypter> {
    const key = await this.#pair(reference);
    if (key.type === 'ed25519') throw wrongType(reference, key, 'a key that decrypts');
    return {
      kind: keyKindOf(key.spki),
      spki: Uint8Array.from(key.spki),
      unwrapRsa: async (encryptedKey, scheme) => {
        if (!key.type.startsWith('rsa-')) throw wrongType(reference, key, 'an RSA key');
        return this.#ask(() => this.#unwrapRsa(key, encryptedKey, scheme), reference);
      },
      agree: async (peerSpki) => {
        if (!isCurve(key.type)) throw wrongType(reference, key, 'an elliptic-curve key');
        // A point on another curve must not reach the private key; OpenSSL checks that it is on this one.
        if (keyKindOf(peerSpki) !== key.type)
          throw new KeyStoreError('invalid-argument', 'The two keys of a key agreement are on different curves.');
        const point = pointOf(key.type, peerSpki);
        return this.#ask(() => this.#link.call('derive', key.id, point), reference);
      },
      decapsulate: async () => {
        throw wrongType(reference, key, 'an ML-KEM key');
      },
    };
  }

  async publicKey(reference: KeyReference): Promise<Uint8Array> {
    return Uint8Array.from((await this.#pair(reference)).spki);
  }

  async wrap(reference: KeyReference, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    const key = await this.#kek(reference);
    return this.#ask(() => this.#link.call('seal', key.id, plaintext, aad), reference);
  }

  async unwrap(reference: KeyReference, wrapped: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    const key = await this.#kek(reference);
    const plaintext = await this.#ask(() => this.#link.call('unseal', key.id, wrapped, aad), reference);
    if (plaintext !== undefined) return plaintext;
    throw new KeyStoreError(
      'unwrap-failed',
      `Key ${reference} does not open this: it was altered, or belongs to another key or purpose.`,
    );
  }

  async destroy(reference: KeyReference): Promise<void> {
    const id = this.#idOf(reference);
    if (!(await this.#ask(() => this.#link.call('destroy', id)))) throw this.#notFound(reference);
  }

  async list(): Promise<KeyInfo[]> {
    const keys = await this.#ask(() => this.#link.call('list'));
    return keys
      .map(({ id, label, type }) => ({ reference: this.#referenceOf(id), label, type, createdAt: createdAt(id) }))
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.reference < b.reference ? -1 : 1));
  }

  async health(): Promise<KeyStoreHealth[]> {
    return [{ name: `pkcs11:${this.#token}`, ...(await this.#link.health()) }];
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  async #sign(key: TokenPair, data: Uint8Array, hash: HashName, padding: RsaPadding): Promise<Uint8Array> {
    if (key.type === 'ed25519') return this.#link.call('sign', key.id, { kind: 'eddsa' }, data);
    // Only the digest travels: a CRL has megabytes, and a token takes kilobytes.
    const digest = createHash(hash).update(data).digest();
    if (isCurve(key.type)) {
      // FIPS 186-5 section 6.4.1: the leftmost bits. Not every token cuts them off itself.
      const input = digest.subarray(0, curveSizes[key.type]);
      return ecdsaSignature(await this.#link.call('sign', key.id, { kind: 'ecdsa' }, input));
    }
    const input = padding === 'pkcs1' ? Buffer.concat([DIGEST_INFO[hash], digest]) : digest;
    return this.#link.call('sign', key.id, { kind: 'rsa', padding, hash }, input);
  }

  async #unwrapRsa(key: TokenPair, encryptedKey: Uint8Array, scheme: RsaScheme): Promise<Uint8Array> {
    if (scheme.padding === 'pkcs1') {
      const opened = await this.#link.call('decrypt', key.id, scheme, encryptedKey);
      // RFC 3218: as for a good padding, octets that are always the same for one ciphertext and tell nothing.
      return opened ?? createHmac('sha256', this.#rejectionSecret).update(key.id).update(encryptedKey).digest();
    }
    const { hash, mgf1Hash, label = new Uint8Array(0) } = scheme;
    try {
      const opened = await this.#link.call('decrypt', key.id, { padding: 'oaep', hash, mgf1Hash, label }, encryptedKey);
      if (opened !== undefined) return opened;
    } catch (error) {
      if (!(error instanceof TokenFault && PARAMETER_REFUSALS.has(error.cryptoki))) throw error;
      return this.#unwrapOaepHere(key, encryptedKey, { hash, mgf1Hash, label });
    }
    throw new KeyStoreError('unwrap-failed', 'The decryption failed.');
  }

  /** Many tokens do OAEP with SHA-1 alone. The private operation stays in the token; what remains needs no key. */
  async #unwrapOaepHere(
    key: TokenPair,
    encryptedKey: Uint8Array,
    {
      hash,
      mgf1Hash,
      label,
    }: { hash: Parameters<typeof decodeOaep>[1]; mgf1Hash: Parameters<typeof decodeOaep>[2]; label: Uint8Array },
  ): Promise<Uint8Array> {
    const encoded = await this.#link
      .call('decrypt', key.id, { padding: 'none' }, encryptedKey)
      .catch((error: unknown) => {
        if (!(error instanceof TokenFault && PARAMETER_REFUSALS.has(error.cryptoki))) throw error;
        throw new KeyStoreError(
          'unsupported-mechanism',
          `The token "${this.#token}" does OAEP neither with ${hash} nor with a padding of ours.`,
        );
      });
    if (encoded === undefined) throw new KeyStoreError('unwrap-failed', 'The decryption failed.');
    return decodeOaep(Buffer.from(encoded), hash, mgf1Hash, label);
  }

  async #describe(reference: KeyReference): Promise<TokenKey> {
    const id = this.#idOf(reference);
    const key = await this.#ask(() => this.#link.call('describe', id));
    if (key !== undefined) return key;
    throw this.#notFound(reference);
  }

  async #pair(reference: KeyReference): Promise<TokenPair> {
    const key = await this.#describe(reference);
    if (key.type === 'aes-256') throw wrongType(reference, key, 'a private key');
    const { spki } = key;
    if (spki !== undefined) return { ...key, type: key.type, spki };
    throw new KeyStoreError(
      'damaged',
      `The token "${this.#token}" has only the private half of ${reference}. Nothing was changed. Put its public key object beside it, with the same CKA_ID.`,
    );
  }

  async #kek(reference: KeyReference): Promise<TokenKey> {
    const key = await this.#describe(reference);
    if (key.type !== 'aes-256') throw wrongType(reference, key, 'a key-encryption key');
    return key;
  }

  /** Turns what only the module says into an error of the port. */
  async #ask<T>(run: () => Promise<T>, reference?: KeyReference): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof KeyStoreError && error.code === 'key-not-found' && reference !== undefined)
        throw this.#notFound(reference);
      if (!(error instanceof TokenFault)) throw error;
      throw new KeyStoreError(
        UNABLE.has(error.cryptoki) ? 'unsupported-mechanism' : 'unavailable',
        `The token "${this.#token}" refused: ${error.message}.`,
        { cause: error },
      );
    }
  }

  #referenceOf(id: string): KeyReference {
    return `${this.#prefix}${id}` as KeyReference;
  }

  #idOf(reference: KeyReference): string {
    const id = reference.startsWith(this.#prefix) ? reference.slice(this.#prefix.length) : '';
    if (/^(?:[0-9a-f]{2}){1,128}$/.test(id)) return id;
    throw this.#notFound(reference);
  }

  #notFound(reference: KeyReference): KeyStoreError {
    return new KeyStoreError('key-not-found', `There is no key ${reference} in the token "${this.#token}".`);
  }
}

type TokenPair = TokenKey & { readonly type: KeySpec; readonly spki: Uint8Array };

/** DER DigestInfo up to the digest (RFC 8017 section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<HashName, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

const PARAMETER_REFUSALS: ReadonlySet<string> = new Set([
  'CKR_ARGUMENTS_BAD',
  'CKR_MECHANISM_INVALID',
  'CKR_MECHANISM_PARAM_INVALID',
]);

const UNABLE: ReadonlySet<string> = new Set([
  ...PARAMETER_REFUSALS,
  'CKR_FUNCTION_NOT_SUPPORTED',
  'CKR_KEY_FUNCTION_NOT_PERMITTED',
  'CKR_KEY_TYPE_INCONSISTENT',
]);

function wrongType(
  reference: KeyReference,
  { label, type }: Pick<TokenKey, 'label' | 'type'>,
  needed: string,
): KeyStoreError {
  return new KeyStoreError('wrong-key-type', `Key ${reference} (${label}) is ${type}, and this needs ${needed}.`);
}
