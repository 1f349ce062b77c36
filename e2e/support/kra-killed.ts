/**
 * The KRA under kill -9: people join, officers found a vault, share it anew and move into another, keys are asked for, approved and released, all
 * at once, while the authority is killed at random moments and started again. Then every promise is held against the database,
 * and every escrowed key is opened with a quorum of the officers' share keys.
 */
import { createPrivateKey, createPublicKey, randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Client, createClient } from '@chancery/api';
import { loadAuthorityConfig, openKeyStores } from '@chancery/authority';
import { startTemporaryPostgres } from '@chancery/embedded-postgres';
import { readPkcs12 } from '@chancery/smime';
import { deriveShareKey, newSeed, type ShareKey, type Transcript, vaultKeyOf } from '@chancery/vault';
import pg from 'pg';
import { dumpDatabase, rob } from '../../packages/authority/test/thief.ts';
import { contributeAs, decideAs, registerShareKeyAs, takePart } from '../../packages/cli/src/vault/take-part.ts';
import { receiveShare } from '../../packages/vault/src/dealing.ts';
import { type AuthorityProcess, persist, startAuthorityProcess } from './authority-process.ts';
import { freePort } from './office-process.ts';
import { inviteAndSignIn, type SignedIn, setUpOffice } from './operators.ts';

export interface KraKillPlan {
  readonly kills: number;
  /** Milliseconds, at most, that the work in turn goes on before the authority is killed. */
  readonly within: number;
  readonly say?: (text: string) => void;
}

export interface KraKillReport {
  readonly kills: number;
  /** Kills by what was going on beside people joining. */
  readonly during: Readonly<Record<string, number>>;
  readonly people: number;
  /** Escrowed keys, every one of which was opened with a quorum. */
  readonly keysOpened: number;
  /** Of the vault in use at the end. */
  readonly epochs: number;
  /** Vaults that were founded, one after the other. */
  readonly vaults: number;
  readonly releases: number;
  /** Released, and killed before whoever asked got the file. */
  readonly unansweredReleases: number;
  readonly auditRecords: number;
  /** Sentences; empty where every promise held. */
  readonly broken: readonly string[];
}

interface Officer extends SignedIn {
  readonly key: ShareKey;
}

export async function killTheKra(plan: KraKillPlan): Promise<KraKillReport> {
  const home = mkdtempSync(path.join(tmpdir(), 'chancery-kra-killed-'));
  const postgres = await startTemporaryPostgres();
  const { host, user, database, port: databasePort } = postgres.connection;
  const url = `postgresql://${user}@localhost:${databasePort}/${database}?host=${encodeURIComponent(host)}`;
  writeFileSync(
    path.join(home, 'authority.toml'),
    `[server]\nport = ${await freePort()}\n[database]\nurl = "${url}"\n`,
  );
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  let authority = await startAuthorityProcess(home, true);
  try {
    const house = await prepare(home, authority, pool);
    const lives = new Lives(plan);
    const work = Promise.all([house.join(lives), house.holdCeremonies(lives), house.recover(lives)]);
    let failed: unknown;
    work.catch((error: unknown) => {
      failed = error;
      lives.end();
    });
    while (!lives.over) {
      // At a random moment of each kind of work in turn: a kill of an idle authority shows nothing.
      await busyWith(house.doing, STAGES[lives.kills % STAGES.length] ?? 'generation');
      await sleep(randomInt(plan.within));
      if (lives.over) break;
      await authority.kill();
      lives.note(house.doing);
      authority = await startAuthorityProcess(home);
    }
    if (failed !== undefined) {
      for (const line of authority.failures().slice(-3)) plan.say?.(line);
      throw failed;
    }
    await work;
    const trail = await persist(() => house.administrator.verifyAudit());
    await authority.kill();
    plan.say?.('All work has ended. Now every key is opened with a quorum, and every record compared.');
    return {
      kills: lives.kills,
      during: lives.during,
      ...(await house.judge(pool, home, trail.message, trail.intact)),
    };
  } finally {
    await authority.kill();
    await pool.end();
    await postgres.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

const STAGES = ['generation', 'ceremony', 're-sharing', 'recovery', 're-wrapping'] as const;

/** Waits for it, but not for ever. */
async function busyWith(doing: ReadonlySet<string>, stage: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!doing.has(stage) && Date.now() < deadline) await sleep(5);
}

/** Counts down the kills; whoever works asks whether to go on. */
class Lives {
  kills = 0;
  readonly during: Record<string, number> = {};
  readonly #plan: KraKillPlan;
  #ended = false;

  constructor(plan: KraKillPlan) {
    this.#plan = plan;
  }

  get over(): boolean {
    return this.#ended || this.kills >= this.#plan.kills;
  }

  end(): void {
    this.#ended = true;
  }

  note(doing: ReadonlySet<string>): void {
    this.kills += 1;
    for (const what of doing) this.during[what] = (this.during[what] ?? 0) + 1;
    if (this.kills % 10 === 0)
      this.#plan.say?.(`${this.kills} kills; going on at the time: ${JSON.stringify(this.during)}`);
  }
}

async function prepare(home: string, authority: AuthorityProcess, pool: pg.Pool): Promise<House> {
  const ada = await setUpOffice(authority.url, authority.setupToken);
  const officers: Officer[] = [];
  for (const name of ['Olga', 'Otto', 'Omar']) {
    const address = `${name.toLowerCase()}@example.com`;
    const signedIn = await inviteAndSignIn(authority.url, ada.client, { name, address, roles: ['recovery-officer'] });
    const key = deriveShareKey(newSeed());
    await registerShareKeyAs(signedIn.client, key);
    officers.push({ ...signedIn, key });
  }
  const local = createClient({
    baseUrl: authority.url,
    token: readFileSync(path.join(home, 'local.token'), 'utf8').trim(),
  });
  // RSA keys would take most of the time.
  await pool.query(`INSERT INTO profiles (id, version, document, created_at)
    SELECT id, 2, jsonb_set(document, '{keys,generate}', '"p256"'), created_at FROM profiles WHERE id = 'encryption'`);
  return new House(ada.client, local, officers);
}

/** Everybody in it, each going about their work until all lives are over. */
class House {
  /** The steps that are being done right now. */
  readonly doing = new Set<string>();
  readonly administrator: Client;
  readonly #local: Client;
  readonly #officers: readonly Officer[];
  /** People whom the office has told that they have a certificate for encryption. */
  readonly #certified = new Set<string>();
  /** By request: how often a file came back. */
  readonly #files = new Map<string, number>();
  #unanswered = 0;
  #founded = false;
  readonly #broken: string[] = [];

  constructor(administrator: Client, local: Client, officers: readonly Officer[]) {
    this.administrator = administrator;
    this.#local = local;
    this.#officers = officers;
  }

  async join(lives: Lives): Promise<void> {
    for (let number = 0; !lives.over || number < 3; number++) {
      const address = `p${number}@example.com`;
      await this.#during('generation', async () => {
        await tolerate(['conflict'], () => this.#local.addPerson({ body: { address, name: `Person ${number}` } }));
        const person = await until(async () => {
          const { items } = await persist(() => this.#local.people({ query: { search: address } }));
          const found = items.find((one) => one.address === address);
          if (found === undefined) return undefined;
          const { certificates } = await persist(() => this.#local.person({ params: { id: found.id } }));
          return certificates.some(({ use }) => use === 'encryption') ? found : undefined;
        });
        this.#certified.add(person.id);
      });
      await sleep(randomInt(100));
    }
  }

  /** Founds the vault, then shares it anew among the others, again and again. */
  async holdCeremonies(lives: Lives): Promise<void> {
    for (let round = 0; !lives.over || round < 2; round++) {
      const officers = round % 2 === 0 ? this.#officers : this.#officers.toSpliced(round % 3, 1);
      const before = await persist(() => this.administrator.vault());
      // Each third time a new vault takes the place of the one in use, and the officers move its keys there.
      const kind = before.state === 'live' && round % 3 !== 0 ? 'reshare' : 'found';
      const holders = new Set(before.officers.map(({ id }) => id));
      const dealers = this.#officers.filter(({ id }) => holders.has(id)).slice(0, before.threshold);
      await this.#during(kind === 'found' ? 'ceremony' : 're-sharing', async () => {
        await tolerate(['wrong-state'], () =>
          this.administrator.openCeremony({
            body: {
              kind,
              threshold: 2,
              officers: officers.map(({ id }) => id),
              dealers: kind === 'found' ? [] : dealers.map(({ id }) => id),
            },
          }),
        );
        await until(async () => {
          for (const { client, key } of this.#officers) {
            await tolerate(['wrong-state', 'forbidden'], () => takePart(client, key, async () => {}));
          }
          return (await persist(() => this.administrator.vault())).ceremony === null ? true : undefined;
        });
      });
      if (round > 0 && kind === 'found') await this.#during('re-wrapping', () => this.#emptyOldVaults());
      else await this.#emptyOldVaults();
      const after = await persist(() => this.administrator.vault());
      if (kind === 'reshare' && after.publicKey !== before.publicKey)
        this.#broken.push('a re-sharing moved the vault key');
      this.#founded = after.state === 'live';
      // Requests need an epoch in which they are approved and released.
      await sleep(randomInt(200, 1_000));
    }
  }

  async #emptyOldVaults(): Promise<void> {
    await until(async () => {
      const { state, keys } = await persist(() => this.administrator.vault());
      if (state === 'live' && keys.elsewhere === 0) return true;
      for (const { client, key } of this.#officers) {
        const { items } = await persist(() => client.rounds());
        for (const round of items.filter(({ closedAt, yours }) => closedAt === null && yours > 0)) {
          await tolerate(['wrong-state', 'forbidden', 'unusable-input', 'not-found'], () =>
            contributeAs(client, key, round, async (fingerprint) => fingerprint),
          );
        }
      }
      return undefined;
    });
  }

  async recover(lives: Lives): Promise<void> {
    for (let round = 0; !lives.over || round < 2; round++) {
      const personId = [...this.#certified].at(randomInt(Math.max(1, this.#certified.size)));
      if (!this.#founded || personId === undefined) {
        await sleep(50);
        if (!lives.over) round -= 1;
        continue;
      }
      await this.#during('recovery', () => this.#recoverOne(personId));
      await sleep(randomInt(50));
    }
  }

  async #recoverOne(personId: string): Promise<void> {
    const request = await tolerate(['wrong-state'], () =>
      this.administrator.requestRecovery({
        body: { personId, reason: 'lost-device', explanation: 'Killed', delivery: { kind: 'pkcs12' } },
      }),
    );
    // The key is on its way into the vault.
    if (request === undefined) return;
    const params = { id: request.id };
    for (const { client, key } of this.#officers) {
      // The vault may be shared anew meanwhile: then the request is over, or this officer holds no share.
      await decide(client, key, request.id);
    }
    const { state, mayRelease } = await persist(() => this.administrator.recoveryRequest({ params }));
    if (state !== 'approved' || !mayRelease) return;
    await this.#release(request.id);
  }

  async #release(id: string): Promise<void> {
    const params = { id };
    // Its key may have moved into another vault meanwhile.
    const file = await tolerate(['quorum-refused', 'wrong-state'], () => this.administrator.releaseKey({ params }));
    if (file === undefined) {
      const { state } = await persist(() => this.administrator.recoveryRequest({ params }));
      if (state === 'released') this.#unanswered += 1;
      return;
    }
    this.#files.set(id, (this.#files.get(id) ?? 0) + 1);
    const again = await tolerate(['quorum-refused', 'wrong-state'], () => this.administrator.releaseKey({ params }));
    if (again !== undefined) this.#broken.push(`the request ${id} was released twice`);
    for (const { client } of this.#officers) {
      const told = await tolerate(['quorum-refused', 'wrong-state'], () => client.releasePassword({ params }));
      if (told === undefined) continue;
      const { keys } = await readPkcs12(Buffer.from(file.data, 'base64'), told.password);
      if (keys.length === 0) this.#broken.push(`the file of the request ${id} is empty`);
      for (const { privateKey } of keys)
        createPublicKey(createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' }));
      return;
    }
  }

  async #during(what: string, work: () => Promise<void>): Promise<void> {
    this.doing.add(what);
    try {
      await work();
    } finally {
      this.doing.delete(what);
    }
  }

  /** With the authority dead: the database, the key store and the officers' share keys. */
  async judge(
    pool: pg.Pool,
    home: string,
    message: string,
    intact: boolean,
  ): Promise<Omit<KraKillReport, 'kills' | 'during'>> {
    const broken = this.#broken;
    if (!intact) broken.push(message);
    const count = async (text: string) => Number((await pool.query(text)).rows[0].count);
    const none = async (what: string, text: string) => {
      const found = await count(text);
      if (found > 0) broken.push(`${found} ${what}`);
    };
    await none(
      'releases are not audited: attempted, then succeeded, once',
      `SELECT count(*) FROM recovery_requests r WHERE state = 'released' AND (
         SELECT count(*) FROM audit_records s WHERE s.subject = 'recovery:' || r.id AND s.action = 'recovery.release'
           AND s.outcome = 'succeeded' AND EXISTS (SELECT 1 FROM audit_records a WHERE a.subject = s.subject
             AND a.action = s.action AND a.outcome = 'attempted' AND a.sequence < s.sequence)) <> 1`,
    );
    await none(
      'releases stand on the trail and did not happen',
      `SELECT count(*) FROM audit_records s WHERE action = 'recovery.release' AND outcome = 'succeeded'
         AND NOT EXISTS (SELECT 1 FROM recovery_requests r WHERE 'recovery:' || r.id = s.subject AND r.state = 'released')`,
    );
    await none(
      'contributions of officers lie about of requests that are over',
      `SELECT count(*) FROM recovery_decisions d JOIN recovery_requests r ON r.id = d.request_id
         WHERE d.partial IS NOT NULL AND r.state NOT IN ('open', 'approved')`,
    );
    await none(
      'certificates for encryption have no key in escrow',
      `SELECT count(*) FROM certificates c WHERE use = 'encryption' AND person_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = c.escrowed_key_id AND l.kind = 'vault')`,
    );
    await none(
      'vault locks are not on the trail',
      `SELECT count(*) FROM escrow_locks l JOIN vaults v ON v.id::text = l.holder WHERE l.kind = 'vault' AND v.public_key IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM audit_records a WHERE a.outcome = 'succeeded' AND a.details ? 'locked' AND a.details->'locked'
           @> jsonb_build_array(jsonb_build_object('record', l.escrowed_key_id,
             'encapsulation', encode(sha256(substring(l.wrapped FROM 2 FOR 65)), 'hex'))))`,
    );
    await none(
      'ceremonies are half done',
      `SELECT count(*) FROM ceremonies c WHERE state = 'complete' AND NOT EXISTS (
       SELECT 1 FROM vaults v WHERE v.id = c.vault_id AND v.epoch >= c.epoch)`,
    );
    for (const id of this.#certified) {
      const found = await pool.query('SELECT 1 FROM escrowed_keys WHERE person_id = $1', [id]);
      if (found.rowCount === 0) broken.push(`the key of the acknowledged person ${id} is lost`);
    }
    for (const [id, files] of this.#files) if (files > 1) broken.push(`the request ${id} was answered ${files} times`);
    const epochs = await this.#checkShares(pool, broken);
    const keysOpened = await this.#openAll(pool, home, broken);
    return {
      people: this.#certified.size,
      keysOpened,
      epochs,
      vaults: await count(`SELECT count(*) FROM vaults WHERE public_key IS NOT NULL`),
      releases: await count(`SELECT count(*) FROM recovery_requests WHERE state = 'released'`),
      unansweredReleases: this.#unanswered,
      auditRecords: await count('SELECT count(*) FROM audit_records'),
      broken,
    };
  }

  /** Each officer of the epoch in force holds a share that fits, of the key that the vault was founded with. */
  async #checkShares(pool: pg.Pool, broken: string[]): Promise<number> {
    const { rows } = await pool.query(
      `SELECT epoch, public_key, transcript FROM vaults WHERE state = 'live' ORDER BY created_at DESC`,
    );
    const [vault] = rows;
    if (vault === undefined) {
      broken.push('there is no vault');
      return 0;
    }
    const transcript = JSON.parse(vault.transcript) as Transcript;
    if (!Buffer.from(vaultKeyOf(transcript).publicKey).equals(vault.public_key))
      broken.push('the vault has another key');
    if (transcript.plan.epoch !== vault.epoch) broken.push('the vault is between two epochs');
    for (const [at, { id, name }] of transcript.plan.officers.entries()) {
      const officer = this.#officers.find((one) => one.id === id);
      const share = officer && (await receiveShare(transcript, at + 1, officer.key).catch(() => undefined));
      if (share === undefined) broken.push(`${name} holds no share of epoch ${vault.epoch}`);
    }
    return Number(vault.epoch);
  }

  /** The attacker's tool, with a quorum in its hands, opens every key that there is. */
  async #openAll(pool: pg.Pool, home: string, broken: string[]): Promise<number> {
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const keyStore = await openKeyStores(loadAuthorityConfig(home), log);
    try {
      const dump = await dumpDatabase(pool);
      const { opened } = await rob({
        dump,
        keyStore,
        keyStoreKeys: [],
        shareKeys: this.#officers.map(({ key }) => key),
        words: [],
      });
      for (const { id } of dump.get('escrowed_keys') ?? []) {
        if (!opened.has(String(id))) broken.push(`the escrowed key ${id} does not open with a quorum`);
      }
      return opened.size;
    } finally {
      await keyStore.close();
    }
  }
}

async function decide(client: Client, key: ShareKey, id: string): Promise<void> {
  await tolerate(['quorum-refused', 'unusable-input', 'wrong-state'], () => decideAs(client, key, id, 'approve')).catch(
    (error: unknown) => {
      // This officer's client found that there is nothing for them to approve any more.
      if (error instanceof ApiError) throw error;
    },
  );
}

/** Repeats what was not answered; undefined where the answer was one of these: perhaps the first try had come through. */
async function tolerate<T>(codes: readonly string[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await persist(call);
  } catch (error) {
    if (error instanceof ApiError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 300_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error('It did not come to an end in five minutes.');
    await sleep(50);
  }
}
