/**
 * The transport key: what a private key is sealed to on its way into escrow, so that nothing between its file and this process
 * (a proxy, a log of bodies, a dump of traffic) can read it. Made in the key store, signed by itself, short-lived.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { parseKeyReference } from '@chancery/keystore';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  decryptContent,
  defaultHash,
  keyUsage,
  parseCertificate,
  SmimeError,
  signatureAlgorithmFor,
} from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { Snapshot } from '../store/database.ts';
import {
  endedTransportKeys,
  insertTransportKey,
  removeTransportKeys,
  type TransportKeyRow,
  transportKeys,
} from '../store/transport-keys.ts';
import type { World } from '../world.ts';

const DAY = 86_400_000;
/** An import of a large office takes days; what was recorded on the way is worthless once the key is destroyed. */
const LIFETIME = 14 * DAY;
/** Less than this left, and whoever begins now gets another. */
const LEAST_LEFT = 3 * DAY;

/** The one for an import that begins now, made where there is none. */
export async function transportKeyFor(world: World): Promise<{ certificate: Uint8Array; notAfter: Date }> {
  const find = () => world.database.snapshot((snapshot) => transportKeys(snapshot, world.clock()));
  const fresh = (row: TransportKeyRow) => row.not_after.getTime() - world.clock().getTime() > LEAST_LEFT;
  let row = (await find()).find(fresh);
  if (row === undefined) {
    await perform(world, makeTransportKey, system, {});
    row = (await find()).find(fresh);
  }
  if (row === undefined) throw new Error('The transport key that was made is not there');
  return { certificate: row.certificate, notAfter: row.not_after };
}

export const makeTransportKey = operation({
  action: 'escrow.make-transport-key',
  permission: 'system',
  input: z.strictObject({}),
  subject: () => null,
  async run(tx, _input, _by, world) {
    const at = new Date(Math.floor(world.clock().getTime() / 1000) * 1000);
    const keyReference = await world.keyStore.generate('rsa-3072', 'escrow transport');
    const signer = await world.keyStore.signer(keyReference);
    const hash = defaultHash(signer.kind);
    const signatureAlgorithm = signatureAlgorithmFor(signer.kind, hash);
    const name = buildName([{ type: 'commonName', value: 'Escrow transport' }]);
    const notAfter = new Date(at.getTime() + LIFETIME);
    const tbs = buildTbsCertificate({
      serialNumber: `40${randomBytes(15).toString('hex')}`,
      signatureAlgorithm,
      issuer: name,
      subject: name,
      notBefore: at,
      notAfter,
      spki: signer.spki,
      extensions: [keyUsage(['keyEncipherment'])],
    });
    const certificate = Buffer.from(assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, hash)));
    const row = { id: randomUUID(), key_reference: keyReference, certificate, created_at: at, not_after: notAfter };
    await insertTransportKey(tx, row);
    return { result: undefined, audit: { keyReference, notAfter: notAfter.toISOString() } };
  },
});

/** For the scheduler: a key that has ended opens nothing any more. */
export async function destroyEndedTransportKeys(world: World): Promise<void> {
  const ended = await world.database.snapshot((snapshot) => endedTransportKeys(snapshot, world.clock()));
  if (ended.length > 0) await perform(world, forgetTransportKeys, system, { ids: ended.map(({ id }) => id) });
}

export const forgetTransportKeys = operation({
  action: 'escrow.destroy-transport-keys',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ ids: z.array(z.uuid()).min(1) }),
  subject: () => null,
  async run(tx, { ids }, _by, world) {
    const ended = (await endedTransportKeys(tx, world.clock())).filter(({ id }) => ids.includes(id));
    const present = new Set((await world.keyStore.list()).map(({ reference }) => reference as string));
    for (const { key_reference } of ended)
      if (present.has(key_reference)) await world.keyStore.destroy(parseKeyReference(key_reference));
    await removeTransportKeys(
      tx,
      ended.map(({ id }) => id),
    );
    return { result: undefined, audit: { keyReferences: ended.map(({ key_reference }) => key_reference) } };
  },
});

/** What was sealed. The caller zeroes `pkcs8`, a view of the only copy. */
export interface TransportedKey {
  /** What it came with, DER: its certificate, or the request for one. */
  readonly companion: Uint8Array;
  /** DER PrivateKeyInfo. */
  readonly pkcs8: Uint8Array;
}

/**
 * Opens what was sealed to a transport key: its certificate or request travels inside, so that nobody on the way puts another beside the key.
 * @throws AuthorityError `unusable-input`
 */
export async function openTransported(snapshot: Snapshot, world: World, sealed: Uint8Array): Promise<TransportedKey> {
  const rows = await transportKeys(snapshot, world.clock());
  const keys = await Promise.all(
    rows.map(async (row) => ({
      decrypter: await world.keyStore.decrypter(parseKeyReference(row.key_reference)),
      certificate: parseCertificate(row.certificate),
    })),
  );
  let content: Uint8Array;
  try {
    const opened = await decryptContent({ der: sealed, keys });
    content = opened.content;
    if (!opened.authenticated) throw unusable();
  } catch (error) {
    if (error instanceof SmimeError) throw unusable();
    throw error;
  }
  const length = content.length < 4 ? 0 : new DataView(content.buffer, content.byteOffset).getUint32(0);
  if (length === 0 || 4 + length >= content.length) {
    content.fill(0);
    throw unusable();
  }
  return { companion: content.subarray(4, 4 + length), pkcs8: content.subarray(4 + length) };
}

function unusable(): AuthorityError {
  return new AuthorityError(
    'unusable-input',
    'The sealed key does not open with a transport key of this office. Nothing was changed. Ask for the transport key anew and seal it again.',
  );
}
