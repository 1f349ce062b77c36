/** The rules of mail flow, and what the gateways apply of them. */
import type { RuleSetDetail, RuleSetVersion } from '@chancery/api';
import { explainMessage } from '../../mail-flow/explain.ts';
import {
  activateRules,
  checked,
  noSuchVersion,
  noteAppliedRules,
  proposeRules,
  restoreRules,
} from '../../mail-flow/rules.ts';
import { readForSimulation, simulate } from '../../mail-flow/simulate.ts';
import { consult, perform } from '../../operation.ts';
import { findRuleSet, gatewayRules, ruleSets, type StoredRuleSet } from '../../store/mail-rules.ts';
import type { Context, Handlers } from './handler.ts';

export const mailRuleHandlers: Handlers<
  | 'mailRules'
  | 'mailRuleSet'
  | 'proposeMailRules'
  | 'activateMailRules'
  | 'restoreMailRules'
  | 'simulateMailRules'
  | 'explainMailRules'
  | 'appliedMailRules'
> = {
  async mailRules({ world, by }) {
    return consult(world, 'office:read', by, async (snapshot) => {
      const { live, versions } = await ruleSets(snapshot);
      return { live, versions: versions.map(listed), gateways: await gatewayRules(snapshot) };
    });
  },
  mailRuleSet: (context, { params }) => shown(context, params.version),
  async proposeMailRules(context, { body }) {
    const { version } = await perform(context.world, proposeRules, context.by, body);
    return shown(context, version);
  },
  async activateMailRules(context, { params, body }) {
    const { version } = await perform(context.world, activateRules, context.by, { ...params, ...body });
    return shown(context, version);
  },
  async restoreMailRules(context, { params, body }) {
    const { version } = await perform(context.world, restoreRules, context.by, { ...params, ...body });
    return shown(context, version);
  },
  async simulateMailRules({ world, by }, { body }) {
    const candidate = checked(body.document);
    const past = await consult(world, 'office:read', by, (snapshot) => readForSimulation(snapshot, body.entries));
    return simulate(candidate, past);
  },
  async explainMailRules({ world, by }, { body: { document, message, ...asked } }) {
    const candidate = checked(document);
    const octets = Buffer.from(message, 'base64');
    return consult(world, 'office:read', by, (snapshot) =>
      explainMessage(snapshot, candidate, { ...asked, message: octets }, world.clock()),
    );
  },
  async appliedMailRules({ world, by }, { body }) {
    await perform(world, noteAppliedRules, by, body);
    return { done: true };
  },
};

async function shown({ world, by }: Context, version: number): Promise<RuleSetDetail> {
  const found = await consult(world, 'office:read', by, (snapshot) => findRuleSet(snapshot, version));
  if (found === undefined) throw noSuchVersion(version);
  return { ...listed(found), document: found.document };
}

function listed({ document, createdAt, activated, replacedAt, ...set }: StoredRuleSet): RuleSetVersion {
  return {
    ...set,
    rules: Array.isArray(document.rules) ? document.rules.length : 0,
    createdAt: createdAt.toISOString(),
    activated: activated === null ? null : { ...activated, at: activated.at.toISOString() },
    replacedAt: replacedAt?.toISOString() ?? null,
  };
}
