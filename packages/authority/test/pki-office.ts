/** A temporary office with its authorities and profiles, and people to certify, written straight into the tables. */
import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { buildName, buildRequest, localSigner } from '@chancery/smime';
import { z } from 'zod';
import { establishHierarchy } from '../src/ca/hierarchy.ts';
import { type IssuanceIntent, prepareCertificate } from '../src/ca/prepare.ts';
import { establishProfiles } from '../src/ca/profile.ts';
import { type SignedCertificate, signCertificate } from '../src/ca/sign.ts';
import type { EscrowReceipt } from '../src/kra/escrow.ts';
import { operation, perform } from '../src/operation.ts';
import { system } from '../src/principal.ts';
import type { World } from '../src/world.ts';
import { type TemporaryOffice, type TemporaryOfficeOptions, temporaryOffice } from './temporary-office.ts';

export interface PkiOffice extends TemporaryOffice {
  /** A person of that address and aliases; returns the id. */
  person(
    address: string,
    options?: { name?: string; aliases?: string[]; signingKey?: 'device' | 'gateway' },
  ): Promise<string>;
  /** An escrowed key of that person, with its receipt. */
  escrowed(personId: string, spki?: Uint8Array): Promise<EscrowReceipt>;
  prepareSigning(personId: string, key?: KeyObject): Promise<IssuanceIntent>;
  signing(personId: string, key?: KeyObject): Promise<SignedCertificate>;
  /** The same where the office was started again, with another configuration. */
  inWorld(other: World): Pick<PkiOffice, 'signing'>;
}

export async function pkiOffice(
  options: TemporaryOfficeOptions & { algorithm?: 'ecdsa' | 'rsa' } = {},
): Promise<PkiOffice> {
  const office = await temporaryOffice({
    ...options,
    handlers: { 'publish-person': async () => {}, ...options.handlers },
  });
  const { world } = office;
  const query = (text: string, values: unknown[]) => world.database.pool.query(text, values);
  const setUp = operation({
    action: 'test.set-up',
    permission: 'system',
    input: z.object({}),
    subject: () => null,
    async run(tx) {
      await tx
        .insertInto('office')
        .values({ organisation: 'Example Corp', domains: ['example.com'], demo: false, set_up_at: world.clock() })
        .execute();
      await establishProfiles(tx, world);
      await establishHierarchy(tx, world, {
        organisation: 'Example Corp',
        algorithm: options.algorithm ?? 'ecdsa',
      });
      await tx
        .insertInto('vaults')
        .values({ name: 'test', kek_reference: 'none', threshold: 2, created_at: world.clock() })
        .execute();
      return { result: undefined, audit: {} };
    },
  });
  await perform(world, setUp, system, {});

  const prepareSigning = async (personId: string, key = ecKey(), within = world) =>
    perform(within, prepareCertificate, system, {
      use: 'signing',
      request: await requestFor(key),
      personId,
      keyOrigin: 'device',
    });
  return {
    ...office,
    async person(address, { name = 'Ada Example', aliases = [], signingKey = 'device' } = {}) {
      const id = randomUUID();
      await query(
        `INSERT INTO people (id, name, state, signing_key, gateway_decrypts, created_at) VALUES ($1, $2, 'active', $3, false, $4)`,
        [id, name, signingKey, world.clock()],
      );
      for (const [index, one] of [address, ...aliases].entries()) {
        await query('INSERT INTO person_addresses (key, address, person_id, is_primary) VALUES ($1, $2, $3, $4)', [
          one.toLowerCase(),
          one,
          id,
          index === 0,
        ]);
      }
      return id;
    },
    async escrowed(personId, spki = spkiOf(ecKey())) {
      const escrowedKeyId = randomUUID();
      await query(
        `INSERT INTO escrowed_keys (id, person_id, vault_id, key_algorithm, spki, spki_sha256, format_version, sealed, created_at)
         SELECT $1, $2, id, 'P-256', $3, $4, 1, '\\x00', $5 FROM vaults LIMIT 1`,
        [escrowedKeyId, personId, Buffer.from(spki), sha256(spki), world.clock()],
      );
      // Only kra/escrow.ts makes receipts; a test stands in for it.
      return { escrowedKeyId, personId, spki, origin: 'kra' } as unknown as EscrowReceipt;
    },
    prepareSigning: (personId, key) => prepareSigning(personId, key),
    inWorld: (other) => ({
      signing: async (personId, key) =>
        perform(other, signCertificate, system, await prepareSigning(personId, key, other)),
    }),
    signing: async (personId, key) => perform(world, signCertificate, system, await prepareSigning(personId, key)),
  };
}

export const ecKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
export const sha256 = (octets: Uint8Array): Buffer => createHash('sha256').update(octets).digest();

export function spkiOf(privateKey: KeyObject): Uint8Array {
  return localSigner(privateKey).spki;
}

/** A request that asks for names it will not get. */
export function requestFor(key: KeyObject, emails: string[] = ['intruder@evil.example']): Promise<Uint8Array> {
  return buildRequest({
    subject: buildName([{ type: 'commonName', value: 'Intruder' }]),
    signer: localSigner(key),
    emails,
  });
}
