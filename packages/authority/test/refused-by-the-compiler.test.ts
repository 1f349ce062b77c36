/** What must not type-check does not: `tsc` fails on an expectation below that is not met. The database refuses it too. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IssuanceIntent, prepareCertificate } from '../src/ca/prepare.ts';
import { signCertificate } from '../src/ca/sign.ts';
import { purgeTokens } from '../src/identity/purge.ts';
import { type EscrowReceipt, escrowKey } from '../src/kra/escrow.ts';
import { perform } from '../src/operation.ts';
import { system } from '../src/principal.ts';
import type { Snapshot, Transaction } from '../src/store/database.ts';
import { insertGateway } from '../src/store/gateways.ts';
import { deleteExpiredTokens } from '../src/store/tokens.ts';
import type { World } from '../src/world.ts';
import { type PkiOffice, pkiOffice } from './pki-office.ts';

const personId = randomUUID();
const request = new Uint8Array();

/** Never called: these are for the compiler. */
export const refused = {
  writeWithSnapshot(snapshot: Snapshot) {
    // @ts-expect-error a Snapshot reads; a write needs the Transaction that perform() opens
    return insertGateway(snapshot, 'name', new Date());
  },
  deleteWithSnapshot(snapshot: Snapshot) {
    // @ts-expect-error likewise
    return deleteExpiredTokens(snapshot, new Date());
  },
  snapshotThatWrites(snapshot: Snapshot) {
    // @ts-expect-error a Snapshot has no way to insert
    return snapshot.insertInto('gateways');
  },
  transactionOfOnesOwn(kysely: Omit<Transaction, symbol>) {
    // @ts-expect-error the brand is out of reach
    const tx: Transaction = kysely;
    return tx;
  },
  inputOfAnotherOperation(world: World) {
    // @ts-expect-error the input is the operation's own
    return perform(world, purgeTokens, system, 7);
  },
  encryptionCertificateWithoutReceipt(world: World) {
    // @ts-expect-error a request is for signing keys; an encryption certificate needs the receipt of its escrow
    return perform(world, prepareCertificate, system, { use: 'encryption', request, personId });
  },
  receiptOfOnesOwn() {
    // @ts-expect-error only kra/escrow.ts makes a receipt
    const receipt: EscrowReceipt = { escrowedKeyId: personId, personId, spki: request };
    return receipt;
  },
  signingWithEscrow(world: World, key: EscrowReceipt) {
    // @ts-expect-error a signing certificate takes a request, and so a key that is not ours
    return perform(world, prepareCertificate, system, { use: 'signing', key, personId, keyOrigin: 'device' });
  },
  escrowOfSigningKey(world: World) {
    // @ts-expect-error escrow takes an enrolment and makes the key itself: there is no way in for a key
    return perform(world, escrowKey, system, { enrollmentId: personId, key: request });
  },
  signatureWithoutPreparation(world: World) {
    // @ts-expect-error only prepareCertificate makes an intent
    const intent: IssuanceIntent = { serialNumber: 'abcdef' };
    return perform(world, signCertificate, system, intent);
  },
};

let office: PkiOffice;
beforeAll(async () => {
  office = await pkiOffice();
});
afterAll(() => office.close());

describe('what the compiler refuses, the database refuses where a cast or SQL by hand goes round it', () => {
  const query = (text: string, values: unknown[] = []) => office.world.database.pool.query(text, values);

  it('a write in a snapshot', async () => {
    const write = office.world.database.snapshot((snapshot) =>
      insertGateway(snapshot as Transaction, 'name', new Date()),
    );
    await expect(write).rejects.toThrow(/read-only transaction/);
  });

  it('an encryption certificate without escrow of that very key', async () => {
    const id = await office.person('a@example.com');
    const { serialNumber } = await office.signing(id);
    const copy = (use: string, escrowedKeyId: string | null) =>
      query(
        `WITH intent AS (INSERT INTO issuance_intents
             (serial_number, authority_id, use, profile, person_id, escrowed_key_id, key_origin, tbs, spki_sha256, state, created_at)
           SELECT 'abcdef01', authority_id, use, profile, person_id, NULL, key_origin, certificate, spki_sha256, 'signed', issued_at
           FROM certificates WHERE serial_number = $1)
         INSERT INTO certificates (serial_number, authority_id, use, profile, person_id, subject, addresses, key_algorithm,
             key_origin, spki_sha256, fingerprint, certificate, escrowed_key_id, not_before, not_after, issued_at)
         SELECT 'abcdef01', authority_id, $2, profile, person_id, subject, addresses, key_algorithm, key_origin, spki_sha256,
             sha256('x'), certificate, $3::uuid, not_before, not_after, issued_at
         FROM certificates WHERE serial_number = $1`,
        [serialNumber, use, escrowedKeyId],
      );
    await expect(copy('encryption', null)).rejects.toThrow(/check constraint/);
    const other = await office.escrowed(id);
    await expect(copy('encryption', other.escrowedKeyId)).rejects.toThrow(/foreign key constraint/);
    await expect(copy('signing', other.escrowedKeyId)).rejects.toThrow(/check constraint/);
  });

  it('escrow of a signing key', async () => {
    const id = await office.person('b@example.com');
    const { serialNumber } = await office.signing(id);
    const escrow = (use: string, spkiSha256: string) =>
      query(
        `INSERT INTO escrowed_keys
           (id, person_id, vault_id, use, key_algorithm, spki, spki_sha256, format_version, sealed, created_at)
         SELECT gen_random_uuid(), $1, id, $2, 'P-256', '\\x00', ${spkiSha256}, 1, '\\x00', now() FROM vaults LIMIT 1`,
        [id, use],
      );
    const ofSigning = `(SELECT spki_sha256 FROM certificates WHERE serial_number = '${serialNumber}')`;
    await expect(escrow('encryption', ofSigning)).rejects.toThrow(/never escrowed/);
    await expect(escrow('signing', "sha256('another')")).rejects.toThrow(/check constraint/);
  });

  it('a vault lock that goes', async () => {
    const id = await office.person('c@example.com');
    const { escrowedKeyId } = await office.escrowed(id);
    const holder = createHash('sha256').update('vault').digest('hex');
    await query(
      `INSERT INTO escrow_locks (escrowed_key_id, kind, holder, wrapped, created_at) VALUES ($1, 'vault', $2, '\\x00', now())`,
      [escrowedKeyId, holder],
    );
    await expect(query('DELETE FROM escrow_locks WHERE holder = $1', [holder])).rejects.toThrow(/never deleted/);
  });
});
