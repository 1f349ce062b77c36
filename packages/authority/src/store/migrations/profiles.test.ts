import { ProfileDocument } from '@chancery/api';
import { startTemporaryPostgres } from '@chancery/embedded-postgres';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { up as house } from './0001-house.ts';
import { up as profiles } from './0002-profiles.ts';

/** As an office of before wrote it. */
const old = {
  use: 'encryption',
  description: 'Encrypts mail to a person.',
  backdateMinutes: 5,
  rsaMinimumBits: 2048,
  validityDays: 730,
  keys: ['rsa', 'p256'],
  generate: 'rsa-3072',
  keyUsage: { rsa: ['keyEncipherment'], ec: ['keyAgreement'] },
  extendedKeyUsage: ['emailProtection'],
  policies: ['2.25.1.2'],
  smimeCapabilities: ['aes256Gcm'],
};

describe('an office of before profiles had a schema', () => {
  let postgres: Awaited<ReturnType<typeof startTemporaryPostgres>>;
  let db: Kysely<unknown>;
  beforeAll(async () => {
    postgres = await startTemporaryPostgres();
    const pool = new pg.Pool({ ...postgres.connection });
    // The server ends while a connection is still being let go.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    await house(db);
    for (const [id, document] of [
      ['encryption', old],
      ['ocsp-responder', { ...old, use: 'ocsp', extendedKeyUsage: ['ocspSigning'] }],
    ] as const)
      await sql`INSERT INTO profiles VALUES (${id}, 1, ${JSON.stringify(document)}::jsonb, now())`.execute(db);
    await profiles(db);
  });
  afterAll(async () => {
    await db.destroy();
    await postgres.stop();
  });

  it('has documents of the schema that say what the code did by itself', async () => {
    const { rows } = await sql<{
      id: string;
      document: unknown;
    }>`SELECT id, document FROM profiles ORDER BY id`.execute(db);
    const [encryption, ocsp] = rows.map(({ document }) => ProfileDocument.parse(document));
    expect(encryption).toMatchObject({ use: 'encryption', escrow: 'must', keyOrigins: ['kra'], validityDays: 730 });
    expect(encryption?.policies).toEqual([{ id: '2.25.1.2', cps: null }]);
    expect(ocsp).toMatchObject({ use: 'ocsp', escrow: 'never', crlDistributionPoint: false });
  });

  it('issues each use by the profile that it was issued by', async () => {
    const { rows } = await sql`SELECT use, profile FROM profile_choices ORDER BY use`.execute(db);
    expect(rows).toEqual([
      { use: 'encryption', profile: 'encryption' },
      { use: 'ocsp', profile: 'ocsp-responder' },
    ]);
  });

  it('keeps every version as it is, whoever writes SQL by hand', async () => {
    await expect(sql`UPDATE profiles SET version = 2`.execute(db)).rejects.toThrow(/never altered/);
    await expect(sql`DELETE FROM profiles`.execute(db)).rejects.toThrow(/never altered/);
  });
});
