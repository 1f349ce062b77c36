/**
 * Time stamps upon what the office hands out (RFC 3161), by a key of its own. Its certificate is signed by that key itself: an
 * authority that issues for mail may give nobody the purpose of stamping time (S/MIME BR 7.1.2.2 g), and purposes nest.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { parseKeyReference } from '@chancery/keystore';
import {
  assembleSigned,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  defaultHash,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  makeTimeStamp,
  oids,
  parseCertificate,
  signatureAlgorithmFor,
  subjectKeyIdentifier,
} from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { requireOffice } from '../store/office.ts';
import { insertTimeStampKey, presentTimeStampKey } from '../store/time-stamp-keys.ts';
import type { World } from '../world.ts';
import { askForTimeStamp } from './outside-time-stamp.ts';

export interface TimeStamp {
  /** A ContentInfo, DER. */
  readonly token: Uint8Array;
  readonly time: Date;
  /** DER: what the token's certificate leads to, or it itself. */
  readonly certificates: readonly Uint8Array[];
}

/** Where the office stamps by itself: a key, before the first stamp and each year. Two nodes may make one each: both are good. */
export async function ensureTimeStampKey(world: World): Promise<void> {
  if (world.config.evidence.timeStamp !== undefined) return;
  const present = await world.database.snapshot((snapshot) => presentTimeStampKey(snapshot, world.clock()));
  if (present === undefined) await perform(world, makeTimeStampKey, system, {});
}

/** That these octets are there now. @throws AuthorityError `unavailable` (an authority elsewhere did not stamp) */
export async function timeStamp(world: World, content: Uint8Array): Promise<TimeStamp> {
  const config = world.config.evidence.timeStamp;
  if (config === undefined) return perform(world, stampTime, system, { sha256: sha256(content) });
  const stamp = await askForTimeStamp(world, config, content);
  const { serialNumber, time, policy } = stamp;
  await perform(world, noteTimeStamp, system, {
    sha256: sha256(content),
    by: new URL(config.url).host,
    serialNumber,
    time: time.toISOString(),
    policy,
  });
  return stamp;
}

export const makeTimeStampKey = operation({
  action: 'time-stamp.make-key',
  permission: 'system',
  input: z.strictObject({}),
  subject: () => 'time-stamp',
  async run(tx, _input, _by, world) {
    const { organisation } = await requireOffice(tx);
    const keyReference = await world.keyStore.generate('p256', 'Time stamps');
    const made = world.clock();
    const certificate = await certificateFor(world, keyReference, organisation, made);
    const row = {
      id: randomUUID(),
      key_reference: keyReference,
      certificate: Buffer.from(certificate),
      made_at: made,
      renew_at: new Date(made.getTime() + STAMPS_DAYS * DAY_MS),
      not_after: parseCertificate(certificate).notAfter,
    };
    await insertTimeStampKey(tx, row);
    return {
      result: undefined,
      audit: {
        id: row.id,
        keyReference,
        certificateSha256: sha256(certificate),
        notAfter: row.not_after.toISOString(),
      },
    };
  },
});

export const stampTime = operation({
  action: 'time-stamp.make',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  subject: () => 'time-stamp',
  async run(tx, { sha256: hashed }, _by, world): Promise<{ result: TimeStamp; audit: Record<string, unknown> }> {
    const key = await presentTimeStampKey(tx, world.clock());
    if (key === undefined)
      throw new AuthorityError('unavailable', 'The office has no key for time stamps yet. Nothing was stamped.');
    const certificate = parseCertificate(key.certificate);
    const serialNumber = randomBytes(16);
    const time = new Date(Math.floor(world.clock().getTime() / 1000) * 1000);
    const token = await makeTimeStamp({
      policy: POLICY,
      hash: 'sha256',
      hashed: Buffer.from(hashed, 'hex'),
      serialNumber,
      time,
      signer: { signer: await world.keyStore.signer(parseKeyReference(key.key_reference)), certificate },
    });
    return {
      result: { token, time, certificates: [certificate.der] },
      audit: { keyId: key.id, sha256: hashed, serialNumber: serialNumber.toString('hex'), time: time.toISOString() },
    };
  },
});

/** That an authority elsewhere stamped. */
export const noteTimeStamp = operation({
  action: 'time-stamp.receive',
  permission: 'system',
  input: z.strictObject({
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    by: z.string().max(300),
    serialNumber: z.string().max(100),
    time: z.iso.datetime(),
    policy: z.string().max(300),
  }),
  subject: () => 'time-stamp',
  async run(_tx, audit) {
    return { result: undefined, audit };
  },
});

/** As an arc under 2.25 (a UUID as one number), which needs no registration: a stamp by the clock of the office's own machine. */
const POLICY = '2.25.131101200704156109832131970267428478320.20';
const DAY_MS = 86_400_000;
/** One key stamps for a year; what it stamped is checked by its certificate for ten. */
const STAMPS_DAYS = 365;
const CHECKED_DAYS = 3_652;

async function certificateFor(world: World, keyReference: string, organisation: string, at: Date): Promise<Uint8Array> {
  const signer = await world.keyStore.signer(parseKeyReference(keyReference));
  const hash = defaultHash(signer.kind);
  const signatureAlgorithm = signatureAlgorithmFor(signer.kind, hash);
  const name = buildName([
    { type: 'organizationName', value: organisation.slice(0, 64) },
    { type: 'commonName', value: `${organisation.slice(0, 50)} time stamps` },
  ]);
  const since = Math.floor(at.getTime() / 1000) * 1000;
  const tbs = buildTbsCertificate({
    serialNumber: `40${randomBytes(15).toString('hex')}`,
    signatureAlgorithm,
    issuer: name,
    subject: name,
    notBefore: new Date(since),
    notAfter: new Date(since + CHECKED_DAYS * DAY_MS),
    spki: signer.spki,
    extensions: [
      basicConstraints({ ca: false }),
      keyUsage(['digitalSignature']),
      // RFC 3161 2.3: this purpose alone, and critical.
      extendedKeyUsage([oids.timeStamping], true),
      subjectKeyIdentifier(keyIdentifier(signer.spki)),
    ],
  });
  return assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, hash));
}

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
