/** Certificate profiles. */
import { applyProfile, chooseProfile, restoreProfile } from '../../ca/change-profile.ts';
import { compareProfile, profileDetail, profileList } from '../../ca/show-profile.ts';
import { consult, perform } from '../../operation.ts';
import type { Context, Handlers } from './handler.ts';

export const profileHandlers: Handlers<
  'profiles' | 'profile' | 'compareProfile' | 'applyProfile' | 'restoreProfile' | 'chooseProfile'
> = {
  async profiles({ world, by }) {
    return { items: await consult(world, 'certificate:read', by, (snapshot) => profileList(world, snapshot)) };
  },
  async profile(context, { params }) {
    return shown(context, params.id);
  },
  async compareProfile({ world, by }, { params, body }) {
    return consult(world, 'certificate:read', by, (snapshot) =>
      compareProfile(world, snapshot, { ...params, ...body }),
    );
  },
  async applyProfile(context, { params, body }) {
    await perform(context.world, applyProfile, context.by, { ...params, ...body });
    return shown(context, params.id);
  },
  async restoreProfile(context, { params, body }) {
    await perform(context.world, restoreProfile, context.by, { ...params, ...body });
    return shown(context, params.id);
  },
  async chooseProfile(context, { params, body }) {
    await perform(context.world, chooseProfile, context.by, { ...params, ...body });
    return shown(context, params.id);
  },
};

function shown({ world, by }: Context, id: string) {
  return consult(world, 'certificate:read', by, (snapshot) => profileDetail(world, snapshot, id));
}
