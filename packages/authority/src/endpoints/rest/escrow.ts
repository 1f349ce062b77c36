/** Keys that devices hand over, and keys whose time is over. */
import type { Retention } from '@chancery/api';
import { approveDestruction, destroyedFrom, MOST_LISTED, mayApprove, whatKeeps } from '../../kra/retention.ts';
import { consult, perform } from '../../operation.ts';
import { beginArchive, issueForDevice } from '../../ra/device-keys.ts';
import { namesOfOperators } from '../../store/operators.ts';
import { peopleByIds } from '../../store/people.ts';
import { announcedKeys } from '../../store/retention.ts';
import type { Context, Handlers } from './handler.ts';
import { issued, octets, toBase64 } from './issued.ts';

export const escrowHandlers: Handlers<'beginArchive' | 'archiveDeviceKey' | 'retention' | 'approveDestruction'> = {
  async beginArchive({ world, by }, { params }) {
    const { challenge, expiresAt, transport } = await beginArchive(world, by, params.id);
    return {
      challenge,
      expiresAt: expiresAt.toISOString(),
      transport: { certificate: toBase64(transport.certificate), notAfter: transport.notAfter.toISOString() },
    };
  },
  async archiveDeviceKey({ world, by }, { params, body }) {
    const { request, sealed } = body;
    return issued(
      await issueForDevice(world, by, { personId: params.id, request: octets(request), sealed: octets(sealed) }),
    );
  },
  async retention(context) {
    return describeRetention(context);
  },
  async approveDestruction(context, { body }) {
    await perform(context.world, approveDestruction, context.by, body);
    return describeRetention(context);
  },
};

function describeRetention({ world, by }: Context): Promise<Retention> {
  return consult(world, 'recovery:read', by, async (snapshot) => {
    const at = world.clock();
    const { warnDays, operators } = world.config.escrow.retention;
    const keys = await announcedKeys(snapshot, { limit: MOST_LISTED, at });
    const people = new Map(
      (await peopleByIds(snapshot, [...new Set(keys.map(({ personId }) => personId))])).map((one) => [one.id, one]),
    );
    const names = await namesOfOperators(snapshot, [...new Set(keys.flatMap(({ approvedBy }) => approvedBy))]);
    return {
      warnDays,
      operators,
      items: keys.flatMap((key) => {
        const person = people.get(key.personId);
        if (person === undefined || key.announcedAt === null) return [];
        return {
          escrowedKeyId: key.id,
          person: { id: person.id, name: person.name, address: person.address },
          keyAlgorithm: key.keyAlgorithm,
          announcedAt: key.announcedAt.toISOString(),
          destroyedFrom: key.endsAt === null ? null : destroyedFrom(key, warnDays).toISOString(),
          keptBy: whatKeeps(key, world, at),
          approvedBy: key.approvedBy.map((id) => ({ id, name: names.get(id) ?? '' })),
          mayApprove: mayApprove(key, person, by, world),
        };
      }),
    };
  });
}
