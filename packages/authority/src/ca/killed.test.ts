import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { IssuanceIntent } from './prepare.ts';
import { signCertificate, sweepIntents } from './sign.ts';

let office: PkiOffice;
let ahead = 0;
beforeAll(async () => {
  office = await pkiOffice({ clock: () => new Date(Date.now() + ahead) });
});
afterAll(() => office.close());

describe('kill -9 while the key store signs', () => {
  it('leaves an intent that is closed, a serial number that is burnt, and the attempt on record', async () => {
    const person = await office.person('ada@example.com');
    const child = spawn(
      process.execPath,
      [
        fileURLToPath(new URL('../../test/hang-while-signing.ts', import.meta.url)),
        JSON.stringify(office.connection),
        person,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const serialNumber = line.toString().trim();
    expect(serialNumber).toMatch(/^[0-9a-f]{32}$/);
    child.kill('SIGKILL');
    await once(child, 'exit');

    ahead = 11 * 60_000;
    // Waits for PostgreSQL to notice the dead connection and let go of the intent's row.
    expect(await sweepIntents(office.world)).toContain(serialNumber);
    const intent = { serialNumber } as unknown as IssuanceIntent;
    await expect(perform(office.world, signCertificate, system, intent)).rejects.toMatchObject({ code: 'wrong-state' });
    const query = (text: string) => office.world.database.pool.query(text, [serialNumber]);
    const { rows: certificates } = await query('SELECT 1 FROM certificates WHERE serial_number = $1');
    expect(certificates).toEqual([]);
    const { rows: intents } = await query('SELECT state FROM issuance_intents WHERE serial_number = $1');
    expect(intents).toEqual([{ state: 'abandoned' }]);
    const { rows: trail } = await query(
      `SELECT action, outcome FROM audit_records WHERE subject = 'certificate:' || $1 ORDER BY sequence LIMIT 1`,
    );
    expect(trail).toEqual([{ action: 'certificate.sign', outcome: 'attempted' }]);
    // The person is not stuck: the next certificate is made as any other.
    expect((await office.signing(person)).serialNumber).not.toBe(serialNumber);
  });
});
