/** Roots whose keys are offline, and their lists. */
import { addressesOf } from '../../ca/addresses.ts';
import { adoptRoot, takeCrl } from '../../ca/offline-root.ts';
import { consult, perform } from '../../operation.ts';
import { warnFrom } from '../../status/health.ts';
import { requireAuthority } from '../../store/authorities.ts';
import { latestCrl } from '../../store/crls.ts';
import { listRevocations } from '../../store/revocations.ts';
import type { Handlers } from './handler.ts';
import { octets } from './issued.ts';

export const offlineRootHandlers: Handlers<'adoptRoot' | 'takeCrl' | 'authorityRevocations'> = {
  async adoptRoot({ world, by }, { body }) {
    const { id, slug } = await perform(world, adoptRoot, by, { ...body, certificate: octets(body.certificate) });
    const { crl, certificate } = addressesOf(world.config, slug);
    return { id, slug, crlUrl: crl, certificateUrl: certificate };
  },
  async takeCrl({ world, by }, { params, body }) {
    const { number, revoked } = await perform(world, takeCrl, by, {
      authorityId: params.id,
      crl: octets(body.crl),
      ...(body.transcript === undefined ? {} : { transcript: body.transcript }),
    });
    const crl = await world.database.snapshot((snapshot) =>
      latestCrl(snapshot, { authorityId: params.id, shard: null }),
    );
    if (crl === undefined) throw new Error('The list that was taken in is not there');
    return { number, revoked, nextUpdate: crl.nextUpdate.toISOString(), warnFrom: warnFrom(crl).toISOString() };
  },
  async authorityRevocations({ world, by }, { params }) {
    return consult(world, 'certificate:read', by, async (snapshot) => {
      const { id } = await requireAuthority(snapshot, params.id);
      const rows = await listRevocations(snapshot, id, world.clock());
      const crl = await latestCrl(snapshot, { authorityId: id, shard: null });
      return {
        number: crl?.number ?? null,
        items: rows.map(({ serialNumber, reason, revokedAt }) => ({
          serialNumber,
          reason,
          revokedAt: revokedAt.toISOString(),
        })),
      };
    });
  },
};
