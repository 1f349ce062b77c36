/**
 * An attacker's tool. It is given a dump of the database, the key store with what unseals it, and share keys, and tries to
 * open every escrowed key in every way that its author could think of. With a quorum it opens all of them, which shows that
 * it fails for want of shares and not of skill.
 */
import { createDecipheriv, createHash, createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto';
import type { KeyStore } from '@chancery/keystore';
import {
  type CeremonyPlan,
  digestOf,
  lockKey,
  type ShareKey,
  type Transcript,
  VaultError,
  vaultKeyOf,
} from '@chancery/vault';
import type pg from 'pg';
import { receiveShare } from '../../vault/src/dealing.ts';
import { fromBase64Url, toBase64Url } from '../../vault/src/encoding.ts';
import { combine, GENERATOR, lagrange, multiply, type Point, readPoint, readScalar } from '../../vault/src/group.ts';
import { openHalf } from '../../vault/src/lock.ts';
import { guessing } from './watched.ts';

type Row = Record<string, unknown>;
export type Dump = ReadonlyMap<string, readonly Row[]>;

/** Every row of every table, those of the job queue too. */
export async function dumpDatabase(pool: pg.Pool): Promise<Dump> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const dump = new Map<string, readonly Row[]>();
  for (const { name } of rows)
    dump.set(name.replace(/^public\./, ''), (await pool.query(`SELECT * FROM ${name}`)).rows);
  return dump;
}

export interface Loot {
  readonly dump: Dump;
  /** Opened with its secret; it still says no where a key is not in it. */
  readonly keyStore: KeyStore;
  /** Names of the keys in it. */
  readonly keyStoreKeys: readonly string[];
  readonly shareKeys: readonly ShareKey[];
  /** Texts that were lying around: passwords of releases, passphrases, the configuration. */
  readonly words: readonly string[];
}

interface LeftPart {
  readonly officer?: unknown;
  readonly points?: unknown;
}

export interface Haul {
  /** Ids of records whose private key is in the thief's hands, and by which way. */
  readonly opened: ReadonlyMap<string, string>;
  /** How often each way was tried. */
  readonly tried: ReadonlyMap<string, number>;
  /** Private keys found in clear anywhere in the dump. */
  readonly clear: readonly string[];
}

export async function rob(loot: Loot): Promise<Haul> {
  const robber = new Robber(loot);
  await guessing(async () => {
    await robber.gather();
    await robber.openEverything();
  });
  return robber;
}

class Robber implements Haul {
  readonly opened = new Map<string, string>();
  readonly tried = new Map<string, number>();
  readonly clear: string[] = [];
  readonly #loot: Loot;
  readonly #transcripts: Transcript[] = [];
  /** Shares that the stolen share keys open, of every epoch that left a transcript. */
  readonly #shares: { transcript: Transcript; index: number; secret: Uint8Array }[] = [];
  /** Points that officers left behind, with their index: for requests that wait, and of ceremonies. */
  readonly #decided: { index: number; point: Point }[] = [];
  readonly #accepted: { index: number; point: Point }[] = [];
  /** 32 octets each: keys of the key store's making, hashes, halves that unwrapped. */
  readonly #octets: Buffer[] = [];
  readonly #words: string[];

  constructor(loot: Loot) {
    this.#loot = loot;
    this.#words = [...loot.words];
  }

  #rows(table: string): readonly Row[] {
    return this.#loot.dump.get(table) ?? [];
  }

  #try<T>(way: string, attempt: () => T): T | undefined {
    this.tried.set(way, (this.tried.get(way) ?? 0) + 1);
    try {
      return attempt();
    } catch {
      return undefined;
    }
  }

  async gather(): Promise<void> {
    for (const [table, column] of [
      ['vaults', 'transcript'],
      ['ceremonies', 'transcript'],
    ] as const) {
      for (const row of this.#rows(table)) {
        const text = row[column];
        if (typeof text !== 'string' || this.#transcripts.some((one) => digestOf(one) === digestOf(JSON.parse(text))))
          continue;
        this.#transcripts.push(JSON.parse(text) as Transcript);
      }
    }
    for (const transcript of this.#transcripts) await this.#takeShares(transcript);
    for (const [table, rows] of this.#loot.dump) {
      const into = table === 'ceremony_parts' ? this.#accepted : this.#decided;
      for (const value of rows.flatMap((row) => Object.values(row))) this.#takePoints(value, into);
    }
    await this.#openSecrets();
    this.#sweep();
  }

  /** With every stolen share key, for every officer's place: the file may not be whose it says. */
  async #takeShares(transcript: Transcript): Promise<void> {
    for (const key of this.#loot.shareKeys) {
      for (let index = 1; index <= transcript.plan.officers.length; index++) {
        this.tried.set('share key', (this.tried.get('share key') ?? 0) + 1);
        const plan = posing(transcript.plan, index, key);
        const share = await receiveShare({ ...transcript, plan }, index, key).catch(() => undefined);
        if (share !== undefined) this.#shares.push({ transcript, index, secret: share.secret });
      }
    }
  }

  /** Of any value that holds an officer's part, in whatever table it was left. */
  #takePoints(value: unknown, into: { index: number; point: Point }[]): void {
    if (typeof value !== 'string' || !value.includes('"points"')) return;
    const document = this.#try('left parts', () => JSON.parse(value) as LeftPart & { partial?: LeftPart });
    const { officer, points } = document?.partial ?? document ?? {};
    if (typeof officer !== 'number' || !Array.isArray(points)) return;
    for (const text of points) into.push({ index: officer, point: readPoint(fromBase64Url(text)) });
  }

  /** Whatever the key store unwraps by itself: claim links that nobody has seen, passwords of releases. */
  async #openSecrets(): Promise<void> {
    for (const claim of this.#rows('claims')) {
      const word = await this.#unwrap('claim secret', claim.sealed_secret, `chancery:claim-secret:${claim.id}`);
      if (word !== undefined) this.#words.push(word.toString('latin1'));
      if (Buffer.isBuffer(claim.secret_hash))
        this.#words.push(claim.secret_hash.toString('hex'), claim.secret_hash.toString('base64url'));
    }
    for (const request of this.#rows('recovery_requests')) {
      const word = await this.#unwrap('password', request.sealed_password, `chancery:recovery-password:${request.id}`);
      if (word !== undefined) this.#words.push(word.toString('latin1'));
    }
  }

  async #unwrap(way: string, sealed: unknown, purpose: string): Promise<Buffer | undefined> {
    if (!Buffer.isBuffer(sealed)) return undefined;
    const keks = new Set(this.#rows('vaults').map((vault) => String(vault.kek_reference)));
    for (const reference of [...keks, ...this.#loot.keyStoreKeys]) {
      this.tried.set(way, (this.tried.get(way) ?? 0) + 1);
      const opened = await this.#loot.keyStore
        .unwrap(reference as Parameters<KeyStore['unwrap']>[0], sealed, Buffer.from(purpose))
        .catch(() => undefined);
      if (opened !== undefined) return Buffer.from(opened);
    }
    return undefined;
  }

  /** Everything in the dump that could be a private key as it is. */
  #sweep(): void {
    for (const [table, rows] of this.#loot.dump) {
      for (const row of rows) {
        for (const [column, value] of Object.entries(row)) {
          for (const octets of octetsIn(value)) {
            if (octets.length === 32) this.#octets.push(octets);
            if (octets.length < 48) continue;
            const key = this.#try('in clear', () => createPrivateKey({ key: octets, format: 'der', type: 'pkcs8' }));
            if (key !== undefined) this.clear.push(`${table}.${column}`);
          }
        }
      }
    }
  }

  async openEverything(): Promise<void> {
    for (const key of this.#rows('escrowed_keys')) {
      for (const lock of this.#rows('escrow_locks').filter((one) => one.escrowed_key_id === key.id)) {
        const wrapped = lock.wrapped as Buffer;
        if (lock.kind === 'claim') this.#tryWords(key, wrapped);
        if (lock.kind === 'vault') await this.#tryVault(key, wrapped, String(lock.holder));
        // Many: not for what is open already.
        if (this.opened.has(String(key.id))) continue;
        for (const octets of this.#octets) this.#tryDek(key, 'octets lying around', octets);
      }
    }
  }

  /** As a claim link's secret would. */
  #tryWords(key: Row, wrapped: Buffer): void {
    for (const word of this.#words) {
      const lock = Buffer.from(hkdfSync('sha256', word, String(key.id), 'chancery claim lock v1', 32));
      const dek = this.#try('claim', () => unwrap(lock, wrapped));
      if (dek !== undefined) this.#tryDek(key, 'claim', dek);
    }
  }

  async #tryVault(key: Row, wrapped: Buffer, vaultId: string): Promise<void> {
    const recordId = String(key.id);
    const whole = await this.#unwrap('provisional', wrapped, `chancery:vault-lock:${recordId}`);
    if (whole !== undefined) this.#tryDek(key, 'provisional', whole);
    if (wrapped[0] !== 3) return;
    const encapsulation = wrapped.subarray(1, 66);
    const [half, sealedDek, wrappedA] = [wrapped.subarray(130, 178), wrapped.subarray(178, 238), wrapped.subarray(238)];
    const found = await this.#unwrap('half a', wrappedA, `chancery:vault-lock-half:${recordId}`);
    const a = found ?? Buffer.alloc(32);
    const transcript = this.#transcripts.findLast(({ plan }) => plan.vaultId === vaultId);
    if (transcript === undefined) return;
    const { publicKey } = vaultKeyOf(transcript);
    const message = { encapsulation: toBase64Url(encapsulation), ciphertext: toBase64Url(half) };
    for (const point of this.#points(readPoint(encapsulation), vaultId, found !== undefined)) {
      this.tried.set('points', (this.tried.get('points') ?? 0) + 1);
      if (point.is0()) continue;
      const b = await openHalf(point, publicKey, message, { recordId, vaultId }).catch((error) => {
        if (error instanceof VaultError) return undefined;
        throw error;
      });
      if (b === undefined) continue;
      const dek = this.#try('vault', () => unwrap(lockKey(a, b, recordId), sealedDek));
      if (dek !== undefined) this.#tryDek(key, 'vault', dek);
      if (this.opened.has(recordId)) return;
    }
    // Half `b` guessed, for what it is worth: nothing, the half `a` itself, every other 32 octets that lie around.
    for (const b of [Buffer.alloc(32), a, ...this.#octets]) {
      const dek = this.#try('guessed half', () => unwrap(lockKey(a, b, recordId), sealedDek));
      if (dek !== undefined) this.#tryDek(key, 'guessed half', dek);
    }
    for (const octets of [a, ...this.#octets]) {
      const dek = this.#try('wrong key', () => unwrap(octets, sealedDek));
      if (dek !== undefined) this.#tryDek(key, 'wrong key', dek);
    }
  }

  /**
   * Candidates for `vault key · E`: shares of each epoch as they are, added up, and interpolated with each other and with what
   * officers contributed to requests; and every set that lacks one, with a guess in its place: public shares, the vault key,
   * the point itself, points that officers left for other records.
   */
  *#points(e: Point, vaultId: string, guessing: boolean): Generator<Point> {
    const own = this.#shares
      .filter(({ transcript }) => transcript.plan.vaultId === vaultId)
      .map(({ index, secret }) => ({ index, point: multiply(e, readScalar(secret)) }));
    const threshold = Math.max(2, ...this.#transcripts.map(({ plan }) => plan.threshold));
    const officers = Math.max(2, ...this.#transcripts.map(({ plan }) => plan.officers.length));
    for (const set of subsets([...own, ...this.#decided], threshold)) yield interpolate(set);
    yield own.reduce((sum, { point }) => sum.add(point), Identity);
    if (!guessing) return;
    const keys = this.#transcripts.map(vaultKeyOf);
    const guesses = [e, GENERATOR, e.negate(), e.double(), ...keys.slice(0, 1).map((key) => readPoint(key.publicKey))];
    const left = [...this.#decided, ...this.#accepted];
    for (const { publicShares } of keys) {
      left.push(...publicShares.map((share, at) => ({ index: at + 1, point: readPoint(share) })));
    }
    yield* [...guesses, ...left.map(({ point }) => point)];
    for (const set of subsets(own, threshold - 1)) {
      if (set.length < threshold - 1) continue;
      for (let index = 1; index <= officers + 1; index++) {
        if (set.some((one) => one.index === index)) continue;
        const there = left.filter((one) => one.index === index).map(({ point }) => point);
        for (const point of [...guesses, ...there]) yield interpolate([...set, { index, point }]);
      }
    }
  }

  #tryDek(key: Row, way: string, dek: Buffer): void {
    const sealed = key.sealed as Buffer;
    const spki = key.spki as Buffer;
    const canonical = `{"formatVersion":${key.format_version},"personId":"${key.person_id}","recordId":"${key.id}","spkiSha256":"${createHash('sha256').update(spki).digest('hex')}","vaultId":"${key.vault_id}"}`;
    const pkcs8 = this.#try('record', () => {
      const decipher = createDecipheriv('aes-256-gcm', dek, sealed.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(canonical));
      decipher.setAuthTag(sealed.subarray(-16));
      return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
    });
    if (pkcs8 === undefined) return;
    const found = createPublicKey(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
    if (Buffer.compare(found.export({ format: 'der', type: 'spki' }), spki) === 0) this.opened.set(String(key.id), way);
  }
}

/** The plan with the thief's key in that officer's place, so that no check stands in the way but the cryptography. */
function posing(plan: CeremonyPlan, index: number, key: ShareKey): CeremonyPlan {
  const officers = plan.officers.map((officer, at) =>
    at === index - 1 ? { ...officer, publicKeys: key.publicKeys } : officer,
  );
  return { ...plan, officers };
}

function interpolate(points: readonly { readonly index: number; readonly point: Point }[]): Point {
  const indices = points.map(({ index }) => index);
  return combine(
    points.map(({ point }) => point),
    indices.map((index) => lagrange(index, indices)),
  );
}

const Identity = GENERATOR.subtract(GENERATOR);

/** Of up to that many, no two of one officer. */
function* subsets<T extends { readonly index: number }>(all: readonly T[], most: number): Generator<T[]> {
  for (let mask = 1; mask < 2 ** Math.min(all.length, 12); mask++) {
    const set = all.filter((_, at) => (mask >> at) & 1);
    if (set.length <= most && new Set(set.map(({ index }) => index)).size === set.length) yield set;
  }
}

function unwrap(key: Uint8Array, wrapped: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(wrapped.subarray(-16));
  return Buffer.concat([decipher.update(wrapped.subarray(12, -16)), decipher.final()]);
}

/** What a value of the dump holds, as octets: itself, or what its text decodes to. */
function octetsIn(value: unknown): Buffer[] {
  if (Buffer.isBuffer(value)) return [value];
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(octetsIn);
  if (typeof value !== 'string' || value.length < 40 || value.length > 20_000) return [];
  const found = [Buffer.from(value, 'base64')];
  if (/^[0-9a-f]+$/.test(value)) found.push(Buffer.from(value, 'hex'));
  const pem = /-----BEGIN [A-Z ]*PRIVATE KEY-----([\s\S]+?)-----END/.exec(value)?.[1];
  if (pem !== undefined) found.push(Buffer.from(pem, 'base64'));
  return found;
}
