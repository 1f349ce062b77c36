/** What an office of a test leaves behind for the search of `.ci/run` after the suites: its log and its audit trail. */
import pg from 'pg';

/** As `.ci/secrets/watch.js` offers it, in runs that are searched afterwards. */
interface Watch {
  secret(value: string | Uint8Array): void;
  keep(kind: 'logs', text: string): void;
  /** How many attackers are trying keys. */
  guessing: number;
}

const watch = (): Watch | undefined =>
  (globalThis as { [key: symbol]: Watch | undefined })[Symbol.for('chancery.watch')];

/** Of a database that still runs; nothing in any other run. */
export async function leaveForSearch(logged: readonly unknown[], connection: pg.PoolConfig): Promise<void> {
  const watched = watch();
  if (watched === undefined) return;
  const keep = (lines: readonly string[]) => watched.keep('logs', lines.map((line) => `${line}\n`).join(''));
  keep(logged.map((entry) => JSON.stringify(entry)));
  const client = new pg.Client(connection as pg.ClientConfig);
  try {
    await client.connect();
    const { rows } = await client.query<{ canonical: string }>('SELECT canonical FROM audit_records');
    keep(rows.map(({ canonical }) => canonical));
  } catch {
    // A test may have taken the trail apart, or never have had one.
  } finally {
    await client.end();
  }
}

/** Names a secret that no program sees as such: a share key is a number for arithmetic. */
export function nameSecret(value: Uint8Array): void {
  watch()?.secret(value);
}

/** For an attacker who tries as a key whatever there is: what they use is not noted. */
export async function guessing<T>(run: () => Promise<T>): Promise<T> {
  const watched = watch();
  if (watched === undefined) return run();
  watched.guessing += 1;
  try {
    return await run();
  } finally {
    watched.guessing -= 1;
  }
}
