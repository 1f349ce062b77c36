/** What another office issued: taken in, and looked at. */
import { AuthorityError } from '../../errors.ts';
import { transportKeyFor } from '../../kra/transport.ts';
import { consult, perform } from '../../operation.ts';
import { describeImported, revokeImportedCertificate } from '../../ra/imported-status.ts';
import { takeIn } from '../../ra/take-in.ts';
import type { Snapshot } from '../../store/database.ts';
import { importedById, listImported } from '../../store/imported-certificates.ts';
import type { Handlers } from './handler.ts';
import { toBase64 } from './issued.ts';

export const importHandlers: Handlers<
  | 'importCertificates'
  | 'importKeys'
  | 'importTransportKey'
  | 'importedCertificates'
  | 'importedCertificate'
  | 'revokeImported'
> = {
  async importCertificates({ world, by }, { body: { items, ...how } }) {
    const incoming = items.map(({ certificate, source, revoked }) => ({
      certificate: octets(certificate),
      source,
      revoked: revoked && { at: new Date(revoked.at), reason: revoked.reason },
    }));
    return { dryRun: how.dryRun, items: await takeIn(world, by, 'certificates', incoming, how) };
  },
  async importTransportKey({ world, by }) {
    // Who may import keys may have the key made that they are sealed to; making it is the office's own work.
    await consult(world, 'escrow:import', by, async () => undefined);
    const { certificate, notAfter } = await transportKeyFor(world);
    return { certificate: toBase64(certificate), notAfter: notAfter.toISOString() };
  },
  async importKeys({ world, by }, { body: { items, ...how } }) {
    const incoming = items.map(({ certificate, sealed, source, revoked }) => ({
      certificate: octets(certificate),
      source,
      revoked: revoked && { at: new Date(revoked.at), reason: revoked.reason },
      ...(sealed !== null && { sealed: octets(sealed) }),
    }));
    return { dryRun: how.dryRun, items: await takeIn(world, by, 'keys', incoming, how) };
  },
  async importedCertificates({ world, by }, { query }) {
    const now = world.clock();
    const page = await consult(world, 'certificate:read', by, (snapshot) => listImported(snapshot, query));
    return { ...page, items: page.items.map((row) => describeImported(row, now)) };
  },
  async importedCertificate({ world, by }, { params }) {
    return consult(world, 'certificate:read', by, async (snapshot) => {
      const row = await required(snapshot, params.id);
      return { ...describeImported(row, world.clock()), der: toBase64(row.certificate) };
    });
  },
  async revokeImported({ world, by }, { params, body }) {
    await perform(world, revokeImportedCertificate, by, { ...params, ...body });
    return consult(world, 'certificate:read', by, async (snapshot) =>
      describeImported(await required(snapshot, params.id), world.clock()),
    );
  },
};

const octets = (base64: string): Uint8Array => Buffer.from(base64, 'base64');

async function required(snapshot: Snapshot, id: string) {
  const row = await importedById(snapshot, id);
  if (row !== undefined) return row;
  throw new AuthorityError('not-found', 'There is no such imported certificate.');
}
