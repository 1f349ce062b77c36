/** Revocation by whoever was given a certificate, has proven its addresses, or has its key (RFC 8555 section 7.6). */
import type { RevocationReason } from '@chancery/api';
import { parseCertificate, SmimeError } from '@chancery/smime';
import { z } from 'zod';
import { revokeInTransaction } from '../../ca/revoke.ts';
import { operation } from '../../operation.ts';
import { certificatesOfAcmeAccount, provenAddresses } from '../../store/acme-orders.ts';
import { certificateBySerial } from '../../store/certificates.ts';
import type { Transaction } from '../../store/database.ts';
import { requireAccount } from './accounts.ts';
import { AcmeError } from './acme-error.ts';
import { isSameKey, KeyInput } from './jws.ts';
import { NonceInput, spendNonce } from './nonces.ts';

/** RFC 5280 5.3.1, as far as a holder can know; a hold is an operator's. */
const REASONS: ReadonlyMap<number, RevocationReason> = new Map([
  [0, 'unspecified'],
  [1, 'keyCompromise'],
  [3, 'affiliationChanged'],
  [4, 'superseded'],
  [5, 'cessationOfOperation'],
]);

const Der = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** @throws AcmeError `unauthorized`, `alreadyRevoked`, `badRevocationReason`, `malformed` */
export const revokeByAcme = operation({
  action: 'acme.revoke',
  permission: { guard: () => true, description: 'the account that a certificate was issued to, or its key' },
  input: z.strictObject({
    nonce: NonceInput,
    /** DER. */
    certificate: Der,
    reason: z.int().optional(),
    /** What signed the request, where that is no account. */
    key: KeyInput.optional(),
  }),
  subject: () => null,
  async run(tx, { nonce, certificate: der, reason: code = 0, key }, by, world) {
    await spendNonce(tx, nonce);
    const reason = REASONS.get(code);
    if (reason === undefined)
      throw new AcmeError('badRevocationReason', `A reason is one of ${[...REASONS.keys()].join(', ')}.`);
    const certificate = read(der);
    const row = await certificateBySerial(tx, certificate.serialNumber);
    // Octet for octet: a serial number says little.
    if (row?.use !== 'partner' || Buffer.compare(row.certificate, der) !== 0) throw notTheirs();
    if (key === undefined) {
      const account = await requireAccount(tx, by);
      if (!(await mayRevoke(tx, account.id, row.serial_number, row.addresses, world.clock()))) throw notTheirs();
    } else if (!isSameKey(key, certificate.spki)) throw notTheirs();
    if (row.revoked_at !== null && row.revocation_reason !== 'certificateHold')
      throw new AcmeError('alreadyRevoked', 'This certificate was revoked before. Nothing was changed.');
    await revokeInTransaction(tx, world, { serialNumber: row.serial_number, reason });
    return {
      result: undefined,
      audit: { serialNumber: row.serial_number, reason, by: key === undefined ? 'account' : 'its key' },
    };
  },
});

async function mayRevoke(
  tx: Transaction,
  accountId: string,
  serialNumber: string,
  addresses: readonly string[],
  at: Date,
): Promise<boolean> {
  if ((await certificatesOfAcmeAccount(tx, accountId)).includes(serialNumber)) return true;
  const proven = await provenAddresses(tx, accountId, at);
  return addresses.every((address) => proven.has(address.toLowerCase()));
}

function read(der: Uint8Array) {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof SmimeError)
      throw new AcmeError('malformed', `The certificate cannot be read: ${error.message}.`);
    throw error;
  }
}

/** The same whether there is such a certificate or not. */
const notTheirs = () =>
  new AcmeError('unauthorized', 'This is no certificate that this account or key may revoke. Nothing was changed.');
