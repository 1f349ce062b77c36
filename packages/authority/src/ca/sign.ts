/** The second step of issuance: one prepared intent becomes one certificate. */
import { createHash } from 'node:crypto';
import { formatName, parseCertificate, verifyCertificateSignature } from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { permissionsOf, system } from '../principal.ts';
import { authorityChain } from '../store/authorities.ts';
import { insertCertificate } from '../store/certificates.ts';
import { abandonIntents, holdEndEntity, markEnrollmentIssued, spendIntent, staleIntents } from '../store/intents.ts';
import type { World } from '../world.ts';
import { keyLabel, signAsAuthority } from './authority-key.ts';
import type { IssuanceIntent } from './prepare.ts';

const ACTION = 'certificate.sign';

/** DER. The chain runs from the issuing authority's certificate to the root's. */
export interface SignedCertificate {
  readonly serialNumber: string;
  readonly certificate: Uint8Array;
  readonly chain: readonly Uint8Array[];
}

/**
 * Has the key store sign, stores the certificate, marks its enrolment issued and has it published, all in one
 * transaction. An intent is signed at most once, even where the first try failed: then prepare again.
 * @throws AuthorityError `wrong-state`
 */
export const signCertificate = operation({
  action: ACTION,
  // Whoever holds an intent was allowed to prepare it; the intent is the right.
  permission: {
    guard: (by) => by.kind === 'gateway' || by.kind === 'person' || permissionsOf(by).has('certificate:issue'),
    description: 'the permission certificate:issue, or a key of their own',
  },
  irreversible: true,
  input: z.custom<IssuanceIntent>((value) => SerialHolder.safeParse(value).success),
  subject: (intent) => `certificate:${intent.serialNumber}`,
  async run(tx, { serialNumber }, _by, world) {
    const spent = await spendIntent(tx, ACTION, serialNumber);
    // The `attempted` record of this very try is the first; one more means that a signature may exist already.
    if (spent === undefined || spent.attempts > 1) {
      throw new AuthorityError(
        'wrong-state',
        'This issuance was completed, given up or tried before, and its serial number is never used again. No second certificate was made. Prepare a new one.',
      );
    }
    const { intent } = spent;
    if (intent.personId !== null && (await holdEndEntity(tx, intent.personId))?.state !== 'active')
      throw new AuthorityError('wrong-state', 'The person has left in the meantime. Nothing was issued.');
    const [authority, ...above] = await authorityChain(tx, intent.authorityId);

    const der = await signAsAuthority(
      world,
      { keyReference: authority.keyReference, spki: authority.certificate.spki },
      intent.tbs,
    );
    const certificate = parseCertificate(der);
    if (
      certificate.serialNumber !== serialNumber ||
      Buffer.compare(certificate.tbs, intent.tbs) !== 0 ||
      !verifyCertificateSignature(certificate, authority.certificate)
    )
      throw new Error('The key store returned a signature that does not verify. The certificate was thrown away.');

    const now = world.clock();
    const fingerprint = createHash('sha256').update(der).digest();
    await insertCertificate(tx, {
      serial_number: serialNumber,
      authority_id: authority.id,
      use: intent.use,
      profile: intent.profile,
      person_id: intent.personId,
      gateway_id: intent.gatewayId,
      subject: formatName(certificate.subject),
      addresses: [...certificate.subjectAltNames.emails],
      key_algorithm: keyLabel(certificate),
      key_origin: intent.keyOrigin,
      key_reference: intent.keyReference,
      spki_sha256: intent.spkiSha256,
      fingerprint,
      certificate: Buffer.from(der),
      escrowed_key_id: intent.escrowedKeyId,
      not_before: certificate.notBefore,
      not_after: certificate.notAfter,
      issued_at: now,
      revoked_at: null,
      revocation_reason: null,
    });
    if (intent.enrollmentId !== null) await markEnrollmentIssued(tx, intent.enrollmentId, now);
    if (intent.personId !== null) await world.jobs.enqueue(tx, 'publish-person', { personId: intent.personId });
    const result: SignedCertificate = {
      serialNumber,
      certificate: der,
      chain: [authority, ...above].map((one) => one.certificate.der),
    };
    return {
      result,
      audit: {
        use: intent.use,
        profile: intent.profile,
        authority: authority.slug,
        holder: intent.personId ?? intent.gatewayId,
        fingerprint: fingerprint.toString('hex'),
        notAfter: certificate.notAfter.toISOString(),
      },
    };
  },
});

const SerialHolder = z.object({ serialNumber: z.string().regex(/^[0-9a-f]{2,40}$/) });

/** Closes intents that no process will sign any more. Their serial numbers stay taken. */
export const closeStaleIntents = operation({
  action: 'certificate.close-stale-intents',
  permission: 'system',
  input: z.strictObject({ serialNumbers: z.array(z.string()).min(1) }),
  subject: () => null,
  async run(tx, { serialNumbers }) {
    const abandoned = await abandonIntents(tx, serialNumbers);
    return { result: abandoned, audit: { abandoned } };
  },
});

/** Minutes after which a prepared intent is taken for the remains of a crash. Signing follows preparing within seconds. */
const STALE_MINUTES = 10;

/** For the scheduler: finds stale intents and closes them; leaves no record where there are none. */
export async function sweepIntents(world: World): Promise<string[]> {
  const before = new Date(world.clock().getTime() - STALE_MINUTES * 60_000);
  const serialNumbers = await world.database.snapshot((snapshot) => staleIntents(snapshot, before));
  return serialNumbers.length === 0 ? [] : perform(world, closeStaleIntents, system, { serialNumbers });
}
