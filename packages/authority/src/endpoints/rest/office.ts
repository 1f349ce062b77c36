/** Whether there is an office, setting it up, and how it stands. */
import { countOffice } from '../../office/counts.ts';
import { certificateHistory } from '../../office/history.ts';
import { keyStores, overview } from '../../office/overview.ts';
import { offerSetUp, setUpOffice } from '../../office/set-up.ts';
import { consult, perform } from '../../operation.ts';
import { findOffice } from '../../store/office.ts';
import { VERSION } from '../../version.ts';
import type { Handlers } from './handler.ts';
import { enter } from './session.ts';

export const officeHandlers: Handlers<'office' | 'setupOptions' | 'completeSetup' | 'overview' | 'history'> = {
  async office({ world, demo }) {
    const office = await world.database.snapshot(findOffice);
    return {
      setUp: office !== undefined,
      organisation: office?.organisation ?? null,
      domains: [...(office?.domains ?? [])],
      version: VERSION,
      demo: office?.demo ?? demo,
    };
  },
  async setupOptions({ world, origin }, { body }) {
    return world.database.snapshot((snapshot) => offerSetUp(world, snapshot, { ...body, origin }));
  },
  async completeSetup(context, { body }) {
    const { world, by, origin, demo } = context;
    return enter(context, await perform(world, setUpOffice, by, { ...body, origin, demo }));
  },
  async overview({ world, by }) {
    const glance = await consult(world, 'office:read', by, (snapshot) => overview(snapshot, world.clock()));
    return { ...glance, ...(await countOffice(world)), keyStores: await keyStores(world.keyStore) };
  },
  async history({ world, by }) {
    return consult(world, 'office:read', by, (snapshot) => certificateHistory(snapshot, world.clock()));
  },
};
