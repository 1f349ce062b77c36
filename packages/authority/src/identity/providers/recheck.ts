/**
 * Sessions that a provider vouched for go on as long as it does: where it gave a refresh token it is asked again, and who lost a group
 * there loses the role here, while they are signed in.
 */
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { operation, perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { operatorById, updateProviderOperator } from '../../store/operators.ts';
import { deleteToken, deleteTokensOfOperator, dueProviderSessions, setTokenData } from '../../store/tokens.ts';
import type { World } from '../../world.ts';
import { exclusivePair } from '../exclusive-roles.ts';
import { Identity, rolesToGoOn } from './claims.ts';
import { askAgain } from './provider.ts';
import { longSession, openProviderSecrets, ProviderData } from './provider-session.ts';
import { recognise } from './source-groups.ts';

/** Every session whose provider is due to be asked, a few at a time. */
export async function recheckProviderSessions(world: World): Promise<void> {
  const due = await world.database.snapshot((snapshot) => dueProviderSessions(snapshot, world.clock(), AT_ONCE));
  for (const session of due) await recheck(world, session);
}

const Found = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('vouched'),
    identity: Identity,
    idToken: z.string(),
    refreshToken: z.string(),
  }),
  z.strictObject({ kind: z.literal('ended'), reason: z.string() }),
]);

export const recheckSession = operation({
  action: 'session.recheck',
  permission: 'system',
  input: z.strictObject({
    operatorId: z.uuid(),
    provider: z.string(),
    /** Of the session's token, base64url. */
    hash: z.string(),
    found: Found,
  }),
  subject: ({ operatorId }) => `operator:${operatorId}`,
  async run(tx, { operatorId, provider: name, hash, found }, _by, world) {
    const token = Buffer.from(hash, 'base64url');
    const end = async (reason: string) => {
      await deleteToken(tx, token);
      return { result: undefined, audit: { provider: name, ended: true, reason } };
    };
    if (found.kind === 'ended') return end(found.reason);
    const operator = await operatorById(tx, operatorId);
    const provider = world.config.identity.oidc[name];
    if (operator?.provider !== name || provider === undefined) return end('the provider is configured no more');
    const { identity, personId, providerRoles } = await recognise(tx, name, provider, found.identity);
    const all = rolesToGoOn(provider, identity, operator.roles);
    const roles = exclusivePair(world.config, all) === undefined ? all : [];
    const { name: called, address } = operator;
    await updateProviderOperator(tx, operatorId, { name: called, address, roles, providerRoles, personId });
    if (roles.length === 0) {
      await deleteTokensOfOperator(tx, operatorId);
      return { result: undefined, audit: { provider: name, ended: true, before: [...operator.roles], roles } };
    }
    const { data } = await longSession(tx, world, name, provider, found);
    await setTokenData(tx, token, data);
    return { result: undefined, audit: { provider: name, ended: false, before: [...operator.roles], roles } };
  },
});

/** Of a minute's round: the scheduler has other things to do. */
const AT_ONCE = 50;
/** How long a provider may be silent before a session that it vouched for ends. */
const SILENT_MS = 60 * 60_000;

type Due = Awaited<ReturnType<typeof dueProviderSessions>>[number];

async function recheck(world: World, { hash, operator_id: operatorId, data }: Due): Promise<void> {
  const found = await ask(world, data);
  if (found === undefined) return;
  const { provider } = data as { provider: string };
  await perform(world, recheckSession, system, { operatorId, provider, hash: hash.toString('base64url'), found });
}

/** @returns undefined where the provider is silent and may be for a while yet */
async function ask(world: World, raw: unknown): Promise<z.input<typeof Found> | undefined> {
  const data = ProviderData.parse(raw);
  const provider = world.config.identity.oidc[data.provider];
  if (provider === undefined) return { kind: 'ended', reason: 'the provider is configured no more' };
  const { idToken, refreshToken } = await world.database.snapshot((snapshot) =>
    openProviderSecrets(world, snapshot, data),
  );
  if (refreshToken === undefined) return { kind: 'ended', reason: 'nothing to ask with' };
  try {
    const answer = await askAgain(world, provider, refreshToken, data);
    return { kind: 'vouched', identity: answer.identity, idToken, refreshToken: answer.refreshToken ?? refreshToken };
  } catch (error) {
    if (!(error instanceof AuthorityError)) throw error;
    if (error.code !== 'unavailable') return { kind: 'ended', reason: `${provider.title} vouches for them no more` };
    const silentSince = Date.parse(data.checkAt ?? world.clock().toISOString());
    const tooLong = world.clock().getTime() - silentSince > SILENT_MS;
    return tooLong ? { kind: 'ended', reason: `${provider.title} has not answered for an hour` } : undefined;
  }
}
