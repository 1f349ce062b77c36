/** Certificates and the authorities that sign them. */
import { formatName, parseCertificate } from '@chancery/smime';
import { describeCertificate } from '../../ca/describe.ts';
import { AuthorityError } from '../../errors.ts';
import { consult } from '../../operation.ts';
import { chainOf } from '../../store/authorities.ts';
import { certificateBySerial, listCertificates } from '../../store/certificates.ts';
import type { Snapshot } from '../../store/database.ts';
import type { Handlers } from './handler.ts';

export const certificateHandlers: Handlers<'certificates' | 'certificate'> = {
  async certificates({ world, by }, { query }) {
    const now = world.clock();
    const page = await consult(world, 'certificate:read', by, (snapshot) => listCertificates(snapshot, query, now));
    return { ...page, items: page.items.map((row) => describeCertificate(row, now)) };
  },
  async certificate({ world, by }, { params }) {
    return consult(world, 'certificate:read', by, async (snapshot) => {
      const row = await requireCertificate(snapshot, params.serialNumber);
      const certificate = parseCertificate(row.certificate);
      const chain = await chainOf(snapshot, row.authority_id);
      const publications = await snapshot
        .selectFrom('publications')
        .select(['target', 'state', 'error', 'updated_at'])
        .where('serial_number', '=', row.serial_number)
        .orderBy('target')
        .execute();
      return {
        ...describeCertificate(row, world.clock()),
        issuer: formatName(certificate.issuer),
        fingerprintSha256: row.fingerprint.toString('hex'),
        der: row.certificate.toString('base64'),
        chain: chain.map((der) => Buffer.from(der).toString('base64')),
        escrowedKeyId: row.escrowed_key_id,
        publications: publications.map(({ target, state, error, updated_at }) => ({
          target,
          state,
          error,
          updatedAt: updated_at.toISOString(),
        })),
      };
    });
  },
};

export async function requireCertificate(snapshot: Snapshot, serialNumber: string) {
  const row = await certificateBySerial(snapshot, serialNumber);
  if (row !== undefined) return row;
  throw new AuthorityError('not-found', `No certificate with the serial number ${serialNumber} was issued here.`);
}
