/** What must not type-check does not: `tsc` fails on an expectation below that is not met. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { purgeTokens } from '../src/identity/purge.ts';
import { perform } from '../src/operation.ts';
import { system } from '../src/principal.ts';
import type { Snapshot, Transaction } from '../src/store/database.ts';
import { insertGateway } from '../src/store/gateways.ts';
import { deleteExpiredTokens } from '../src/store/tokens.ts';
import { type TemporaryOffice, temporaryOffice } from './temporary-office.ts';

let office: TemporaryOffice;
beforeAll(async () => {
  office = await temporaryOffice();
});
afterAll(() => office.close());

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
  operationWithWrongInput() {
    // @ts-expect-error the input is the operation's own
    return perform(office.world, purgeTokens, system, 7);
  },
};

describe('what the compiler refuses', () => {
  it('the database refuses too: a snapshot writes nothing, even where a cast has silenced the compiler', async () => {
    const write = office.world.database.snapshot((snapshot) =>
      insertGateway(snapshot as Transaction, 'name', new Date()),
    );
    await expect(write).rejects.toThrow(/read-only transaction/);
  });
});
