/** A temporary office that is set up, with people whose keys are in escrow and officers who may recover them. */
import { randomUUID } from 'node:crypto';
import type { Role } from '@chancery/api';
import { establishHierarchy } from '../src/ca/hierarchy.ts';
import { establishProfiles } from '../src/ca/profile.ts';
import { establishVault } from '../src/kra/vault.ts';
import { perform } from '../src/operation.ts';
import { type Principal, system } from '../src/principal.ts';
import { addPerson } from '../src/ra/onboarding.ts';
import { insertOffice } from '../src/store/office.ts';
import { insertOperator } from '../src/store/operators.ts';
import { type TemporaryOffice, type TemporaryOfficeOptions, temporaryOffice } from './temporary-office.ts';

export type OperatorPrincipal = Extract<Principal, { kind: 'operator' }>;

export interface EscrowOffice extends TemporaryOffice {
  operator(name: string, ...roles: Role[]): Promise<OperatorPrincipal>;
  /** Someone who has joined and whose encryption key is made and certified; returns the id. */
  person(address: string, options?: { gatewayDecrypts?: boolean; aliases?: string[] }): Promise<string>;
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Outcomes of the records about that subject, oldest first: `recovery.release denied`. */
  trail(subject: string): Promise<string[]>;
}

export async function escrowOffice(options: TemporaryOfficeOptions = {}): Promise<EscrowOffice> {
  const office = await temporaryOffice(options);
  const { world } = office;
  const query = async (text: string, values: unknown[] = []) => (await world.database.pool.query(text, values)).rows;
  await world.database.operations.transaction(async (tx) => {
    await insertOffice(tx, { organisation: 'Example Corp', domains: ['example.com'], demo: false }, world.clock());
    await establishProfiles(tx, world);
    await establishHierarchy(tx, world, { organisation: 'Example Corp', algorithm: 'ecdsa' });
    await establishVault(tx, world, { threshold: 2 });
  });
  // The shipped profile's RSA keys take tests a third of a second each.
  await query(`INSERT INTO profiles (id, version, document, created_at)
    SELECT id, 2, jsonb_set(document, '{keys,generate}', '"p256"'), created_at FROM profiles WHERE id = 'encryption'`);
  return {
    ...office,
    query,
    async operator(name, ...roles) {
      const id = randomUUID();
      const address = `${name.toLowerCase()}@example.com`;
      await world.database.operations.transaction((tx) =>
        insertOperator(tx, { id, name, address, roles, state: 'active', at: world.clock() }),
      );
      return { kind: 'operator', id, name, address, roles };
    },
    async person(address, { gatewayDecrypts = false, aliases = [] } = {}) {
      const name = `${address.split('@')[0]} Example`;
      const { id } = await perform(world, addPerson, system, {
        address,
        name,
        aliases,
        externalId: null,
        signingKey: 'device',
        gatewayDecrypts,
      });
      await office.drain();
      return id;
    },
    async trail(subject) {
      const rows = await query('SELECT action, outcome FROM audit_records WHERE subject = $1 ORDER BY sequence', [
        subject,
      ]);
      return rows.map(({ action, outcome }) => `${action} ${outcome}`);
    },
  };
}
