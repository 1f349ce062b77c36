/** Certificates of the service itself: of its SCEP registration authority, and of operators who sign in by TLS. */
import { parseKeyReference } from '@chancery/keystore';
import { keyKindOf } from '@chancery/smime';
import { z } from 'zod';
import { prepareCertificate } from '../ca/prepare.ts';
import { type SignedCertificate, signCertificate } from '../ca/sign.ts';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { issuingAuthority } from '../store/authorities.ts';
import type { World } from '../world.ts';
import { requestOf } from './certificate-request.ts';

/** A key of the office's own, for what it does beside signing certificates. */
export const makeServiceKey = operation({
  action: 'service.make-key',
  permission: 'authority:write',
  input: z.strictObject({
    purpose: z.enum(['scep-ra', 'seal']),
    key: z.enum(['rsa-2048', 'rsa-3072', 'rsa-4096', 'p256']),
  }),
  subject: ({ purpose }) => `service:${purpose}`,
  async run(_tx, { purpose, key }, _by, world) {
    const keyReference = await world.keyStore.generate(key, labels[purpose]);
    return { result: { keyReference }, audit: { key, keyReference } };
  },
});

const labels = { 'scep-ra': 'SCEP registration authority', seal: 'Office seal' } as const;

/**
 * A key in the key store, and its certificate: what SCEP clients encrypt to and whose signature they check (RFC 8894 3.1). Those
 * before it stay good until they end, so that clients which have them go on. A key that is refused one is destroyed.
 */
export async function issueScepRa(
  world: World,
  by: Principal,
  key: 'rsa-2048' | 'rsa-3072' | 'rsa-4096',
): Promise<SignedCertificate> {
  return issueService(world, by, 'scep-ra', key);
}

/** For what the office signs in its own name; of the kind of the issuing authority's key, so that one reader reads both. */
export async function issueSeal(world: World): Promise<SignedCertificate> {
  const { certificate } = await world.database.snapshot(issuingAuthority);
  return issueService(world, system, 'seal', keyKindOf(certificate.spki) === 'rsa' ? 'rsa-2048' : 'p256');
}

async function issueService(
  world: World,
  by: Principal,
  purpose: 'scep-ra' | 'seal',
  key: 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p256',
): Promise<SignedCertificate> {
  const { keyReference } = await perform(world, makeServiceKey, by, { purpose, key });
  try {
    const intent = await perform(world, prepareCertificate, by, { use: purpose, keyReference });
    return await perform(world, signCertificate, by, intent);
  } catch (error) {
    // After anything but a refusal the certificate may exist all the same.
    if (!(error instanceof AuthorityError)) throw error;
    await world.keyStore.destroy(parseKeyReference(keyReference)).catch((cause: Error) => {
      world.log.warn('service.key-left', { keyReference, error: cause.message });
    });
    throw error;
  }
}

/**
 * For an operator's own key, whose request proves it. Name, address and identifier are those of the account.
 * @param csr PKCS#10, PEM or base64
 */
export async function issueAdmin(
  world: World,
  by: Principal,
  { operatorId, csr, keyOrigin }: { operatorId: string; csr: string; keyOrigin: 'device' | 'browser' },
): Promise<SignedCertificate> {
  const request = requestOf(csr);
  const intent = await perform(world, prepareCertificate, by, { use: 'admin', operatorId, request, keyOrigin });
  return perform(world, signCertificate, by, intent);
}
