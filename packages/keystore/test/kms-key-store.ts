/**
 * A key store in a key-management service over HTTP: how an adapter for a cloud KMS looks, all of it. The service is the one of
 * `kms-service.ts`, whose operations are named as those of AWS KMS; credentials and signatures of requests are left out.
 */
import { type Decrypter, keyKindOf, type Signer } from '@chancery/smime';
import { KeyStoreError, type KeyStoreErrorCode } from '../src/errors.ts';
import type { KeyInfo, KeyReference, KeySpec, KeyStore, KeyStoreHealth } from '../src/key-store.ts';

export function openKmsKeyStore(endpoint: string): KeyStore {
  return new KmsKeyStore(endpoint);
}

class KmsKeyStore implements KeyStore {
  readonly #endpoint: string;
  #closed = false;
  #health: KeyStoreHealth = {
    name: 'kms',
    state: 'available',
    since: new Date(),
    device: undefined,
    sessions: undefined,
    lastError: undefined,
  };

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  async generate(spec: KeySpec, label: string): Promise<KeyReference> {
    return this.#created(await this.#ask('CreateKey', { KeySpec: spec, Description: label }));
  }

  async generateKek(label: string): Promise<KeyReference> {
    return this.#created(await this.#ask('CreateKey', { KeySpec: 'SYMMETRIC_DEFAULT', Description: label }));
  }

  async importKey(): Promise<KeyReference> {
    throw new KeyStoreError('unsupported-key', 'The service takes no keys from outside. Make a new key in it.');
  }

  async signer(reference: KeyReference): Promise<Signer> {
    const spki = await this.publicKey(reference);
    const sign: Signer['sign'] = async (data, hash, padding = 'pkcs1') =>
      octets((await this.#ask('Sign', { Message: base64(data), Hash: hash, Padding: padding }, reference)).Signature);
    return { kind: keyKindOf(spki), spki, sign };
  }

  async decrypter(reference: KeyReference): Promise<Decrypter> {
    const spki = await this.publicKey(reference);
    const kind = keyKindOf(spki);
    const wrong = () => new KeyStoreError('wrong-key-type', `Key ${reference} is ${kind}, which does not do this.`);
    if (kind === 'ed25519' || kind.startsWith('ml-dsa-')) throw wrong();
    return {
      kind,
      spki,
      unwrapRsa: async (encryptedKey, scheme) => {
        if (kind !== 'rsa') throw wrong();
        const { label, ...rest } = { label: undefined, ...scheme };
        const request = { CiphertextBlob: base64(encryptedKey), ...rest, ...(label && { Label: base64(label) }) };
        return octets((await this.#ask('Decrypt', request, reference)).Plaintext);
      },
      agree: async (peerSpki) => {
        if (kind === 'rsa') throw wrong();
        return octets((await this.#ask('DeriveSharedSecret', { PublicKey: base64(peerSpki) }, reference)).SharedSecret);
      },
      decapsulate: async () => {
        throw wrong();
      },
    };
  }

  async publicKey(reference: KeyReference): Promise<Uint8Array> {
    return octets((await this.#ask('GetPublicKey', {}, reference)).PublicKey);
  }

  async wrap(reference: KeyReference, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    const request = { Plaintext: base64(plaintext), EncryptionContext: { aad: base64(aad) } };
    return octets((await this.#ask('Encrypt', request, reference)).CiphertextBlob);
  }

  async unwrap(reference: KeyReference, wrapped: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    const request = { CiphertextBlob: base64(wrapped), EncryptionContext: { aad: base64(aad) } };
    return octets((await this.#ask('Decrypt', request, reference)).Plaintext);
  }

  async destroy(reference: KeyReference): Promise<void> {
    await this.#ask('ScheduleKeyDeletion', {}, reference);
  }

  async list(): Promise<KeyInfo[]> {
    const { Keys } = await this.#ask('ListKeys', {});
    return (Keys as { KeyId: string; Description: string; KeySpec: KeyInfo['type']; CreationDate: string }[]).map(
      (key) => ({
        reference: `${PREFIX}${key.KeyId}` as KeyReference,
        label: key.Description,
        type: key.KeySpec,
        createdAt: new Date(key.CreationDate),
      }),
    );
  }

  async health(): Promise<KeyStoreHealth[]> {
    await this.#ask('ListKeys', {}).catch((error: KeyStoreError) => {
      if (error.code === 'closed') throw error;
    });
    return [this.#health];
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #created({ KeyId }: Record<string, unknown>): KeyReference {
    return `${PREFIX}${KeyId}` as KeyReference;
  }

  async #ask(target: string, request: object, reference?: KeyReference): Promise<Record<string, unknown>> {
    if (this.#closed) throw new KeyStoreError('closed', 'The key store was closed.');
    if (reference !== undefined && !reference.startsWith(PREFIX))
      throw new KeyStoreError('key-not-found', `There is no key ${reference} in this service.`);
    const body = { ...request, ...(reference !== undefined && { KeyId: reference.slice(PREFIX.length) }) };
    let answer: Response;
    try {
      answer = await fetch(this.#endpoint, {
        method: 'POST',
        headers: { 'x-target': target },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
    } catch (cause) {
      const message = 'The key-management service does not answer. Nothing was signed or changed. Try again later.';
      this.#note({ at: new Date(), message });
      throw new KeyStoreError('unavailable', message, { cause });
    }
    this.#note(undefined);
    const found = (await answer.json()) as Record<string, unknown>;
    if (answer.ok) return found;
    const code = ERRORS[String(found.type)] ?? 'unavailable';
    throw new KeyStoreError(code, `${target} refused for ${reference ?? 'a new key'}: ${found.type}.`);
  }

  #note(failure: KeyStoreHealth['lastError']): void {
    const state = failure === undefined ? 'available' : 'unavailable';
    const since = state === this.#health.state ? this.#health.since : new Date();
    this.#health = { ...this.#health, state, since, lastError: failure ?? this.#health.lastError };
  }
}

const PREFIX = 'kms:';

const ERRORS: Readonly<Record<string, KeyStoreErrorCode>> = {
  NotFoundException: 'key-not-found',
  InvalidKeyUsageException: 'wrong-key-type',
  InvalidCiphertextException: 'unwrap-failed',
  ValidationException: 'invalid-argument',
};

const base64 = (value: Uint8Array): string => Buffer.from(value).toString('base64');
const octets = (value: unknown): Uint8Array => Buffer.from(String(value), 'base64');
