/** One token, logged in: its sessions, and the objects in it. Lives in the process that holds the module. */
import { KeyStoreError } from '../errors.ts';
import type { KeyInfo } from '../key-store.ts';
import { attribute, curves, keyType, mechanism, objectClass, paddedKeyWraps } from './cryptoki.ts';
import { type Attribute, type Cryptoki, during, type Handle, loadModule, type TokenInfo } from './module.ts';
import { type TokenDevice, TokenFault, type TokenKey } from './protocol.ts';
import { pointSpki, rsaSpki } from './public-key.ts';

/** The objects of one key: the private or secret one with what is known of it, and its public half. */
export interface FoundKey extends TokenKey {
  readonly handle: Handle;
  readonly publicHandle: Handle | undefined;
}

export class Token {
  readonly device: TokenDevice;
  readonly cryptoki: Cryptoki;
  readonly #slot: Handle;
  /** Never used for work: the login ends with the last session of the process. */
  readonly #anchor: Handle;
  readonly #idle: Handle[] = [];
  readonly #found = new Map<string, FoundKey>();

  private constructor(cryptoki: Cryptoki, slot: Handle, anchor: Handle, device: TokenDevice) {
    this.cryptoki = cryptoki;
    this.#slot = slot;
    this.#anchor = anchor;
    this.device = device;
  }

  /** Throws `unavailable` where module or token are not there, `pin-refused`, `TokenFault`. */
  static async open(settings: { module: string; token: string; pin: string }): Promise<Token> {
    const cryptoki = await loadModule(settings.module);
    const { slot, info } = findSlot(cryptoki, settings.token);
    requireTries(settings.token, info.flags);
    const anchor = openSession(cryptoki, slot);
    login(cryptoki, anchor, settings);
    const mechanisms = during('C_GetMechanismList', () => cryptoki.C_GetMechanismList(slot)) ?? [];
    return new Token(cryptoki, slot, anchor, {
      manufacturer: info.manufacturerID.trim(),
      model: info.model.trim(),
      serial: info.serialNumber.trim(),
      sealing: sealingOf(mechanisms),
    });
  }

  /** Throws a `TokenFault` where the token is not there, or does not know this login any more. */
  check(): void {
    const info = during('C_GetTokenInfo', () => this.cryptoki.C_GetTokenInfo(this.#slot));
    if (info?.serialNumber.trim() !== this.device.serial)
      throw new TokenFault('CKR_TOKEN_NOT_PRESENT', 'C_GetTokenInfo');
    const session = during('C_GetSessionInfo', () => this.cryptoki.C_GetSessionInfo(this.#anchor));
    if (session?.state !== RW_USER_FUNCTIONS) throw new TokenFault('CKR_USER_NOT_LOGGED_IN', 'C_GetSessionInfo');
  }

  /** One call at a time in each session. One in which a call failed may have an operation left open, so it is not used again. */
  async withSession<T>(work: (session: Handle) => T | Promise<T>): Promise<T> {
    const session = this.#idle.pop() ?? openSession(this.cryptoki, this.#slot);
    try {
      const result = await work(session);
      this.#idle.push(session);
      return result;
    } catch (error) {
      try {
        this.cryptoki.C_CloseSession(session);
      } catch {
        // It went with the token.
      }
      throw error;
    }
  }

  /** Works with a key's object. A handle that the module disowns is looked up once more. Throws `key-not-found`. */
  async withKey<T>(id: string, work: (session: Handle, key: FoundKey) => T | Promise<T>): Promise<T> {
    for (let fresh = false; ; fresh = true) {
      const known = fresh ? undefined : this.#found.get(id);
      const key = known ?? (await this.#look(id));
      if (key === undefined) throw new KeyStoreError('key-not-found', `The token has no key ${id}.`);
      try {
        return await this.withSession((session) => work(session, key));
      } catch (error) {
        if (!(error instanceof TokenFault && DISOWNED.has(error.cryptoki)) || fresh) throw error;
        this.#found.delete(id);
      }
    }
  }

  /** Undefined where there is no such key any more, whoever removed it. */
  async find(id: string): Promise<FoundKey | undefined> {
    const known = this.#found.get(id);
    // A handle may outlive its object, and be given to another one.
    if (known !== undefined && (await this.withSession((session) => this.#is(session, known.handle, id)))) return known;
    return this.#look(id);
  }

  async list(): Promise<FoundKey[]> {
    return this.withSession((session) => {
      const keys: FoundKey[] = [];
      for (const kind of [objectClass.private, objectClass.secret]) {
        const template = [
          { type: attribute.class, value: kind },
          { type: attribute.token, value: true },
        ];
        for (const handle of this.handles(session, template)) {
          const id = this.read(session, handle, attribute.id)?.toString('hex') ?? '';
          const key = id === '' ? undefined : this.#describe(session, handle, kind, id, undefined);
          if (key !== undefined) keys.push(key);
        }
      }
      return keys;
    });
  }

  handles(session: Handle, template: Attribute[]): Handle[] {
    during('C_FindObjectsInit', () => this.cryptoki.C_FindObjectsInit(session, template));
    const handles: Handle[] = [];
    try {
      for (;;) {
        const some = during('C_FindObjects', () => this.cryptoki.C_FindObjects(session, 100)) ?? [];
        handles.push(...some);
        if (some.length < 100) return handles;
      }
    } finally {
      during('C_FindObjectsFinal', () => this.cryptoki.C_FindObjectsFinal(session), ['CKR_OPERATION_NOT_INITIALIZED']);
    }
  }

  /** Undefined for an attribute that the object does not have or show. */
  read(session: Handle, handle: Handle, type: number): Buffer | undefined {
    const found = during('C_GetAttributeValue', () => this.cryptoki.C_GetAttributeValue(session, handle, [{ type }]), [
      'CKR_ATTRIBUTE_TYPE_INVALID',
      'CKR_ATTRIBUTE_SENSITIVE',
    ]);
    return found?.[0]?.value;
  }

  forget(id: string): void {
    this.#found.delete(id);
  }

  close(): void {
    for (const end of [() => this.cryptoki.C_CloseAllSessions(this.#slot), () => this.cryptoki.C_Finalize()]) {
      try {
        end();
      } catch {
        // The process ends, and everything with it.
      }
    }
  }

  #is(session: Handle, handle: Handle, id: string): boolean {
    try {
      return this.read(session, handle, attribute.id)?.toString('hex') === id;
    } catch (error) {
      if (error instanceof TokenFault && DISOWNED.has(error.cryptoki)) return false;
      throw error;
    }
  }

  async #look(id: string): Promise<FoundKey | undefined> {
    this.#found.delete(id);
    return this.withSession((session) => {
      const template = [
        { type: attribute.id, value: Buffer.from(id, 'hex') },
        { type: attribute.token, value: true },
      ];
      const objects = this.handles(session, template).map((handle) => ({
        handle,
        kind: numberIn(this.read(session, handle, attribute.class)),
      }));
      const own = objects.find(({ kind }) => kind === objectClass.private || kind === objectClass.secret);
      if (own === undefined) return undefined;
      const publicHandle = objects.find(({ kind }) => kind === objectClass.public)?.handle;
      const key = this.#describe(session, own.handle, own.kind, id, publicHandle);
      if (key !== undefined) this.#found.set(id, key);
      return key;
    });
  }

  #describe(
    session: Handle,
    handle: Handle,
    kind: number | undefined,
    id: string,
    publicHandle: Handle | undefined,
  ): FoundKey | undefined {
    const read = (type: number) =>
      this.read(session, handle, type) ?? (publicHandle && this.read(session, publicHandle, type));
    const type = typeOf(kind, read);
    if (type === undefined) return undefined;
    const label = this.read(session, handle, attribute.label)?.toString('utf8') ?? '';
    return { id, label, type, handle, publicHandle, spki: spkiOf(type, read) };
  }
}

const CKF_RW_SESSION = 2;
const CKF_SERIAL_SESSION = 4;
const CKU_USER = 1;
const RW_USER_FUNCTIONS = 3;

const CKF_LOGIN_REQUIRED = 0x4;
const CKF_USER_PIN_INITIALIZED = 0x8;
const CKF_USER_PIN_FINAL_TRY = 0x20000;
const CKF_USER_PIN_LOCKED = 0x40000;

/** An object is gone, or its handle is. */
const DISOWNED: ReadonlySet<string> = new Set(['CKR_KEY_HANDLE_INVALID', 'CKR_OBJECT_HANDLE_INVALID']);

const PIN_REFUSALS: ReadonlySet<string> = new Set([
  'CKR_PIN_INCORRECT',
  'CKR_PIN_INVALID',
  'CKR_PIN_LEN_RANGE',
  'CKR_PIN_EXPIRED',
  'CKR_PIN_LOCKED',
]);

/** The slot by the label of its token: numbers of slots change. */
function findSlot(cryptoki: Cryptoki, label: string): { slot: Handle; info: TokenInfo } {
  const present: { slot: Handle; info: TokenInfo }[] = [];
  for (const slot of during('C_GetSlotList', () => cryptoki.C_GetSlotList(true)) ?? []) {
    // A token that is pulled in this moment is not there.
    const info = during('C_GetTokenInfo', () => cryptoki.C_GetTokenInfo(slot), [
      'CKR_TOKEN_NOT_PRESENT',
      'CKR_TOKEN_NOT_RECOGNIZED',
      'CKR_DEVICE_REMOVED',
    ]);
    if (info !== undefined) present.push({ slot, info });
  }
  const named = present.filter(({ info }) => info.label.trim() === label);
  const [found] = named;
  if (found !== undefined && named.length === 1) return found;
  const labels = present.map(({ info }) => info.label.trim()).filter((text) => text !== '');
  throw new KeyStoreError(
    'unavailable',
    named.length > 1
      ? `${named.length} tokens are called "${label}". Give one of them another label.`
      : `There is no token called "${label}"${labels.length > 0 ? `; there are: ${labels.join(', ')}` : ', nor any other'}. Plug it in, start its service, or correct keys.pkcs11.token.`,
  );
}

/** AES-GCM binds what is sealed to its purpose inside the token, so it comes first. */
function sealingOf(mechanisms: readonly number[]): TokenDevice['sealing'] {
  if (mechanisms.includes(mechanism.aesGcm)) return { by: 'gcm' };
  const keyWrap = paddedKeyWraps.find((one) => mechanisms.includes(one));
  return keyWrap === undefined ? undefined : { by: 'key-wrap', mechanism: keyWrap };
}

function openSession(cryptoki: Cryptoki, slot: Handle): Handle {
  const session = during('C_OpenSession', () => cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION));
  if (session === undefined) throw new TokenFault('CKR_GENERAL_ERROR', 'C_OpenSession');
  return session;
}

/** A token that says that the next wrong PIN locks it is not tried, however sure we are of ours. */
function requireTries(token: string, flags: number): void {
  if ((flags & CKF_LOGIN_REQUIRED) !== 0 && (flags & CKF_USER_PIN_INITIALIZED) === 0) {
    throw new KeyStoreError(
      'unavailable',
      `The token "${token}" has no user PIN yet. Initialise it with its own tool.`,
    );
  }
  if ((flags & CKF_USER_PIN_LOCKED) !== 0) {
    throw new KeyStoreError(
      'unavailable',
      `The token "${token}" has locked its user PIN. Its security officer must set a new one.`,
    );
  }
  if ((flags & CKF_USER_PIN_FINAL_TRY) !== 0) {
    throw new KeyStoreError(
      'unavailable',
      `The token "${token}" locks itself at the next wrong PIN, so Chancery does not log in. Log in once with the token's own tool: that gives it its tries back.`,
    );
  }
}

function login(cryptoki: Cryptoki, session: Handle, { token, pin }: { token: string; pin: string }): void {
  try {
    during('C_Login', () => cryptoki.C_Login(session, CKU_USER, pin), ['CKR_USER_ALREADY_LOGGED_IN']);
  } catch (error) {
    if (!(error instanceof TokenFault && PIN_REFUSALS.has(error.cryptoki))) throw error;
    throw new KeyStoreError('pin-refused', `The token "${token}" refused the PIN (${error.cryptoki}).`);
  }
}

/** CK_ULONG, in the order of this machine: all that Node 24 runs on here are little-endian. */
function numberIn(value: Buffer | undefined): number | undefined {
  return value !== undefined && value.length >= 4 ? value.readUInt32LE(0) : undefined;
}

type Read = (type: number) => Buffer | undefined;

/** Undefined for a key that the port has no name for. */
function typeOf(kind: number | undefined, read: Read): KeyInfo['type'] | undefined {
  const type = numberIn(read(attribute.keyType));
  if (kind === objectClass.secret)
    return type === keyType.aes && numberIn(read(attribute.valueLength)) === 32 ? 'aes-256' : undefined;
  if (type === keyType.rsa) {
    const modulus = read(attribute.modulus);
    const bits = modulus === undefined ? 0 : (modulus.length - (modulus[0] === 0 ? 1 : 0)) * 8;
    return bits === 2048 || bits === 3072 || bits === 4096 ? `rsa-${bits}` : undefined;
  }
  if (type !== keyType.ec && type !== keyType.edwards) return undefined;
  const own = read(attribute.ecParameters);
  return curves.find(({ parameters }) => parameters.some((form) => own?.equals(form) === true))?.spec;
}

function spkiOf(type: KeyInfo['type'], read: Read): Buffer | undefined {
  if (type === 'aes-256') return undefined;
  if (type.startsWith('rsa-')) {
    const [modulus, exponent] = [read(attribute.modulus), read(attribute.publicExponent)];
    return modulus && exponent && rsaSpki(modulus, exponent);
  }
  const point = read(attribute.ecPoint);
  return point && point.length > 0 ? pointSpki(type, point) : undefined;
}
