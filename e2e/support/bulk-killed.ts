/**
 * Bulk issuance under kill -9: the authority is killed at random moments while it issues thousands of certificates, and
 * started again each time; then every promise of issuance is held against the database.
 */
import { generateKeyPairSync, randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '@chancery/api';
import { startTemporaryPostgres } from '@chancery/embedded-postgres';
import { buildName, buildRequest, localSigner, parseCertificate } from '@chancery/smime';
import pg from 'pg';
import { persist, startAuthorityProcess } from './authority-process.ts';
import { freePort } from './office-process.ts';
import { setUpOffice } from './operators.ts';

export interface KillPlan {
  readonly kills: number;
  /** Requests of one batch; another begins when all of it is issued and kills are left. */
  readonly batch: number;
  /** Milliseconds, at most, from the moment it serves until it is killed; with `atWork`, from the first certificate of that life. */
  readonly within: number;
  readonly atWork?: boolean;
  readonly say?: (text: string) => void;
}

export interface KillReport {
  readonly kills: number;
  /** Between how many two kills certificates were made: a kill of an idle authority shows nothing. */
  readonly livesThatIssued: number;
  readonly certificates: number;
  /** Told to a client: by a progress page, or as the answer to a request of its own. */
  readonly acknowledged: number;
  /** Prepared in the last minutes and not closed yet. */
  readonly open: number;
  /** Prepared and given up: the remains of crashes. */
  readonly abandoned: number;
  /** Signing begun, on record, with no certificate. */
  readonly attemptedInVain: number;
  readonly auditRecords: number;
  /** Sentences; empty where every promise held. */
  readonly broken: readonly string[];
}

export async function killDuringBulkIssuance(plan: KillPlan): Promise<KillReport> {
  const home = mkdtempSync(path.join(tmpdir(), 'chancery-killed-'));
  const postgres = await startTemporaryPostgres();
  const { host, user, database, port: databasePort } = postgres.connection;
  const port = await freePort();
  const url = `postgresql://${user}@localhost:${databasePort}/${database}?host=${encodeURIComponent(host)}`;
  writeFileSync(path.join(home, 'authority.toml'), `[server]\nport = ${port}\n[database]\nurl = "${url}"\n`);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  let authority = await startAuthorityProcess(home, true);
  try {
    await setUpOffice(authority.url, authority.setupToken);
    const client = createClient({
      baseUrl: authority.url,
      token: readFileSync(path.join(home, 'local.token'), 'utf8').trim(),
    });
    const ledger = new Ledger();
    let kills = 0;
    let livesThatIssued = 0;
    let certificates = 0;
    const made = async () => Number((await pool.query('SELECT count(*) FROM certificates')).rows[0].count);
    const life = async (isDone: () => boolean): Promise<boolean> => {
      if (plan.atWork === true) while (!isDone() && (await made()) === certificates) await sleep(10);
      await sleep(randomInt(plan.within));
      if (kills >= plan.kills) return false;
      await authority.kill();
      kills += 1;
      const now = await made();
      if (now > certificates) livesThatIssued += 1;
      certificates = now;
      if (kills % 20 === 0) {
        plan.say?.(`${kills} kills, ${now} certificates made, ${ledger.serials.size} acknowledged`);
      }
      authority = await startAuthorityProcess(home);
      return true;
    };
    do {
      const batch = await newBatch(pool, plan.batch);
      let done = false;
      const issued = issueAll(client, batch, ledger).then(() => {
        done = true;
      });
      while (!done && (await life(() => done)));
      await issued;
    } while (kills < plan.kills);
    return { kills, livesThatIssued, ...(await judge(pool, client, ledger)) };
  } finally {
    await authority.kill();
    await pool.end();
    await postgres.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** What a client was told, and must find for ever after. */
class Ledger {
  /** Serial number, and the certificate in base64. */
  readonly serials = new Map<string, string>();
  requests = 0;

  note(serialNumber: string, certificate: string): void {
    this.serials.set(serialNumber, certificate);
  }
}

interface RequestOfOne {
  readonly personId: string;
  readonly address: string;
  readonly csr: string;
  readonly keyOrigin: 'device';
}

async function newBatch(pool: pg.Pool, size: number): Promise<RequestOfOne[]> {
  const subject = buildName([{ type: 'commonName', value: 'killed' }]);
  const batch: RequestOfOne[] = [];
  for (let index = 0; index < size; index++) {
    const personId = randomUUID();
    const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const csr = Buffer.from(await buildRequest({ subject, signer })).toString('base64');
    batch.push({ personId, address: `${personId}@example.com`, csr, keyOrigin: 'device' });
  }
  const values = [batch.map(({ personId }) => personId), batch.map(({ address }) => address)];
  await pool.query(
    `INSERT INTO people (id, name, state, signing_key, gateway_decrypts, created_at)
     SELECT id, 'Killed ' || address, 'active', 'device', false, now() FROM unnest($1::uuid[], $2::text[]) AS p (id, address)`,
    values,
  );
  await pool.query(
    `INSERT INTO person_addresses (key, address, person_id, is_primary)
     SELECT address, address, id, true FROM unnest($1::uuid[], $2::text[]) AS p (id, address)`,
    values,
  );
  return batch;
}

/** As a patient client: every call is repeated until it is answered. One in fifty asks for its certificate by itself. */
async function issueAll(client: Client, batch: readonly RequestOfOne[], ledger: Ledger): Promise<void> {
  const id = randomUUID();
  const alone = batch.filter((_, index) => index % 50 === 0);
  const together = batch.filter((_, index) => index % 50 !== 0);
  ledger.requests += batch.length;
  const single = async () => {
    for (const { personId, csr, keyOrigin } of alone) {
      const { serialNumber, certificate } = await persist(() =>
        client.requestSigning({ params: { id: personId }, body: { csr, keyOrigin } }),
      );
      ledger.note(serialNumber, certificate);
    }
  };
  const bulk = async () => {
    for (let offset = 0; offset < together.length; offset += 1000) {
      const items = together
        .slice(offset, offset + 1000)
        .map(({ address, csr, keyOrigin }) => ({ address, csr, keyOrigin }));
      await persist(() => client.submitIssuance({ body: { id, offset, items } }));
    }
    for (let after: string | undefined; ; ) {
      const page = await persist(() =>
        client.issuanceItems({ params: { id }, query: { limit: 500, ...(after === undefined ? {} : { after }) } }),
      );
      const failed = page.items.find(({ state }) => state === 'failed');
      if (failed !== undefined) throw new Error(`A request failed: ${failed.error}`);
      for (const one of page.items)
        if (one.state === 'issued') ledger.note(one.serialNumber ?? '', one.certificate ?? '');
      // Go on only past pages that are whole: the rest is asked for again.
      if (page.items.every(({ state }) => state === 'issued')) {
        if (page.next === null) return;
        after = page.next;
      } else await sleep(50);
    }
  };
  await Promise.all([single(), bulk()]);
}

async function judge(
  pool: pg.Pool,
  client: Client,
  ledger: Ledger,
): Promise<Omit<KillReport, 'kills' | 'livesThatIssued'>> {
  const count = async (text: string) => Number((await pool.query(text)).rows[0].count);
  const broken: string[] = [];
  const none = async (what: string, text: string) => {
    const found = await count(text);
    if (found > 0) broken.push(`${found} ${what}`);
  };
  const { rows } = await pool.query<{ serial_number: string; certificate: Buffer }>(
    `SELECT serial_number, certificate FROM certificates WHERE use = 'signing'`,
  );
  const stored = new Map(rows.map((row) => [row.serial_number, row.certificate]));
  for (const [serialNumber, certificate] of ledger.serials) {
    if (stored.get(serialNumber)?.toString('base64') !== certificate)
      broken.push(`the acknowledged certificate ${serialNumber} is not there as it was told`);
  }
  const inside = new Set<string>();
  for (const [serialNumber, der] of stored) {
    const read = parseCertificate(der).serialNumber;
    if (read !== serialNumber || inside.has(read)) broken.push(`the serial number ${read} was used twice or elsewhere`);
    inside.add(read);
  }
  if (stored.size !== ledger.requests)
    broken.push(`${ledger.requests} keys asked, and ${stored.size} certificates were made`);
  await none(
    'keys have more than one certificate',
    `SELECT count(*) FROM (SELECT 1 FROM certificates WHERE use = 'signing' GROUP BY spki_sha256 HAVING count(*) > 1) AS twice`,
  );
  // The office closes what a crash left once it is ten minutes old, at its next minute.
  await none(
    'intents stand open that should be closed by now',
    `SELECT count(*) FROM issuance_intents WHERE state = 'prepared' AND created_at < now() - interval '12 minutes'`,
  );
  await none(
    'signed intents have no certificate',
    `SELECT count(*) FROM issuance_intents i WHERE state = 'signed' AND NOT EXISTS (SELECT 1 FROM certificates c WHERE c.serial_number = i.serial_number)`,
  );
  await none(
    'certificates have an intent that is not signed',
    `SELECT count(*) FROM certificates c JOIN issuance_intents i USING (serial_number) WHERE i.state <> 'signed'`,
  );
  await none(
    'certificates lack their three records, in order',
    `SELECT count(*) FROM certificates c WHERE c.use = 'signing' AND NOT EXISTS (
    SELECT 1 FROM audit_records s JOIN audit_records a ON a.subject = s.subject AND a.action = s.action AND a.outcome = 'attempted' AND a.sequence < s.sequence
    WHERE s.subject = 'certificate:' || c.serial_number AND s.action = 'certificate.sign' AND s.outcome = 'succeeded')`,
  );
  await none(
    'records of a signature have no certificate',
    `SELECT count(*) FROM audit_records s WHERE s.action = 'certificate.sign' AND s.outcome = 'succeeded'
    AND NOT EXISTS (SELECT 1 FROM certificates c WHERE 'certificate:' || c.serial_number = s.subject)`,
  );
  await none(
    'serial numbers were allotted twice',
    `SELECT count(*) FROM (SELECT 1 FROM audit_records WHERE action = 'certificate.prepare' AND outcome = 'succeeded' GROUP BY details->>'serialNumber' HAVING count(*) > 1) AS twice`,
  );
  await none(
    'certificates are not in the outbox',
    `SELECT count(*) FROM certificates c WHERE c.use = 'signing' AND NOT EXISTS (
    SELECT 1 FROM jobs.job j WHERE j.name = 'publish-person' AND j.data->>'personId' = c.person_id::text)`,
  );
  const trail = await persist(() => client.verifyAudit());
  if (!trail.intact) broken.push('the audit trail is broken');
  return {
    certificates: stored.size,
    acknowledged: ledger.serials.size,
    open: await count(`SELECT count(*) FROM issuance_intents WHERE state = 'prepared'`),
    abandoned: await count(`SELECT count(*) FROM issuance_intents WHERE state = 'abandoned'`),
    attemptedInVain: await count(
      `SELECT count(DISTINCT a.subject) FROM audit_records a WHERE a.action = 'certificate.sign' AND a.outcome = 'attempted'
        AND NOT EXISTS (SELECT 1 FROM certificates c WHERE 'certificate:' || c.serial_number = a.subject)`,
    ),
    auditRecords: await count('SELECT count(*) FROM audit_records'),
    broken,
  };
}
