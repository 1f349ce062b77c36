/** End entities: people and mailboxes. */
import { describePhoneKeys } from '../../delivery/phone-keys.ts';
import { removePasskeysOfPerson } from '../../identity/person-passkeys.ts';
import { consult, perform } from '../../operation.ts';
import { newClaimLink } from '../../ra/claim-link.ts';
import { issueSigning } from '../../ra/enrollment.ts';
import { closeHelp } from '../../ra/help.ts';
import { importPeople } from '../../ra/import.ts';
import { removePerson } from '../../ra/offboarding.ts';
import { addPerson, changePerson } from '../../ra/onboarding.ts';
import { describePerson, peoplePage, personDetail } from '../../ra/people.ts';
import { openHelpRequests } from '../../store/help-requests.ts';
import type { Context, Handlers } from './handler.ts';
import { issued } from './issued.ts';

export const peopleHandlers: Handlers<
  | 'people'
  | 'person'
  | 'addPerson'
  | 'changePerson'
  | 'removePerson'
  | 'importPeople'
  | 'newClaim'
  | 'requestSigning'
  | 'helpRequests'
  | 'closeHelp'
  | 'removePersonPasskeys'
> = {
  async people({ world, by }, { query }) {
    return consult(world, 'person:read', by, (snapshot) => peoplePage(world, snapshot, query));
  },
  async person({ world, by }, { params }) {
    return consult(world, 'person:read', by, async (snapshot) => ({
      ...(await personDetail(world, snapshot, params.id)),
      phone: await describePhoneKeys(world, snapshot, params.id),
    }));
  },
  async addPerson(context, { body }) {
    const { id } = await perform(context.world, addPerson, context.by, body);
    return described(context, id);
  },
  async changePerson(context, { params, body }) {
    await perform(context.world, changePerson, context.by, { ...params, ...body });
    return described(context, params.id);
  },
  async removePerson(context, { params, query }) {
    await perform(context.world, removePerson, context.by, { ...params, ...query });
    return described(context, params.id);
  },
  async importPeople({ world, by }, { body }) {
    return perform(world, importPeople, by, body);
  },
  async helpRequests({ world, by }) {
    const rows = await consult(world, 'person:read', by, (snapshot) => openHelpRequests(snapshot, 200));
    return {
      items: rows.map(({ id, person_id: personId, name, address, topic, note, asked_at }) => ({
        id,
        personId,
        name,
        address,
        topic,
        note,
        askedAt: asked_at.toISOString(),
      })),
    };
  },
  async closeHelp({ world, by }, { params }) {
    await perform(world, closeHelp, by, params);
    return { done: true };
  },
  async removePersonPasskeys({ world, by }, { params }) {
    await perform(world, removePasskeysOfPerson, by, params);
    return { done: true };
  },
  async newClaim({ world, by }, { params }) {
    const { url, expiresAt } = await newClaimLink(world, by, params.id);
    return { url, expiresAt: expiresAt.toISOString() };
  },
  async requestSigning({ world, by }, { params, body }) {
    // The operation admits a person and a gateway too, on roads of their own; this one is for operators.
    const { id } = await consult(world, 'certificate:issue', by, (snapshot) =>
      describePerson(world, snapshot, params.id),
    );
    return issued(await issueSigning(world, by, { personId: id, ...body }));
  },
};

/** As the person stands once the change is committed. */
export function described({ world, by }: Context, personId: string) {
  return consult(world, 'person:read', by, (snapshot) => describePerson(world, snapshot, personId));
}
