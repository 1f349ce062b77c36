/** Encryption keys to phones that Intune manages: whose may go there, what is sealed for them, and how it is sent. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readSecret } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { makePassword } from '../kra/recovered-files.ts';
import { packUnseen } from '../kra/release.ts';
import { operation, perform } from '../operation.ts';
import { actorOf, system } from '../principal.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { markDelivered } from '../store/escrow.ts';
import { lockPerson, whyAway } from '../store/people.ts';
import {
  allowPhone,
  duePhoneKeys,
  forbidPhone,
  isPhoneAllowed,
  lockWaitingPhoneKey,
  peopleWithUnsentKeys,
  phoneKeysOf,
  postponePhoneKeys,
  putPhoneKey,
  settlePhoneKey,
} from '../store/phone-keys.ts';
import type { World } from '../world.ts';
import type { CollectedKeys } from './collected-keys.ts';
import type { IntuneConfig } from './devices-config.ts';
import { IntuneClient } from './intune-client.ts';
import { readConnectorKey, sealToConnector } from './intune-pfx.ts';

/** Whether the office may bring that person's encryption keys to phones that Intune manages. */
export const allowPhoneKeys = operation({
  action: 'phone.allow',
  permission: 'person:write',
  input: z.strictObject({ personId: z.uuid(), allowed: z.boolean() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, allowed }, by, world) {
    const person = await lockPerson(tx, personId);
    if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was changed.');
    if (!allowed) return { result: undefined, audit: { allowed, withdrawn: await forbidPhone(tx, personId) } };
    requireIntune(world);
    if (person.state !== 'active') throw new AuthorityError('wrong-state', `${whyAway(person)}. Nothing was changed.`);
    await allowPhone(tx, personId, actorOf(by), world.clock());
    return { result: undefined, audit: { allowed } };
  },
});

/** Seals what nobody has collected yet. @throws AuthorityError `wrong-state` where there is nothing of the kind */
export const sealNewPhoneKeys = operation({
  action: 'phone.seal-new',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId }, _by, world) {
    const person = await lockPerson(tx, personId);
    if (person?.state !== 'active') throw new AuthorityError('wrong-state', 'They have left. Nothing was sealed.');
    const friendlyName = `${person.name} <${person.address}>`;
    const audit = await packUnseen(tx, world, { personId, friendlyName }, (keys) =>
      sealForPhone(tx, world, { person, ...keys }),
    );
    return { result: undefined, audit };
  },
});

/**
 * What is open is sealed to the connector, each key with each of its certificates.
 * @throws AuthorityError `wrong-state` (not allowed for that person, Intune is not configured)
 */
export async function sealForPhone(
  tx: Transaction,
  world: World,
  { person, certificates, keyIds, pack }: CollectedKeys,
): Promise<{ connector: string; sealed: string[] }> {
  const intune = requireIntune(world);
  if (!(await isPhoneAllowed(tx, person.id))) {
    throw new AuthorityError(
      'wrong-state',
      'The office has not allowed your keys on managed phones. Nothing was sealed. Ask your administrator.',
    );
  }
  const key = readConnectorKey(readFileSync(path.resolve(world.config.home, intune.connectorKey)));
  const userPrincipalName = intune.userPrincipalName.replaceAll('{address}', person.address);
  const sealed: string[] = [];
  for (const [only, certificate] of certificates.entries()) {
    const password = makePassword();
    const pkcs12 = await pack({ password, profile: 'compat', only });
    const body = sealToConnector(intune, key, { userPrincipalName, certificate, pkcs12, password });
    const put = await putPhoneKey(tx, {
      id: randomUUID(),
      person_id: person.id,
      escrowed_key_id: keyIds[only] as string,
      thumbprint: body.thumbprint,
      connector: intune.keyName,
      body: JSON.stringify(body),
      created_at: world.clock(),
    });
    if (put) sealed.push(body.thumbprint);
  }
  return { connector: intune.keyName, sealed };
}

/** What came of sending one. */
export const notePhoneKey = operation({
  action: 'phone.note',
  permission: 'system',
  input: z.strictObject({
    id: z.uuid(),
    answer: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('taken'), existing: z.boolean() }),
      z.strictObject({ kind: z.literal('refused'), error: z.string() }),
    ]),
  }),
  subject: ({ id }) => `phone-key:${id}`,
  async run(tx, { id, answer }, _by, world) {
    const row = await lockWaitingPhoneKey(tx, id);
    // Another node was there first.
    if (row === undefined) return { result: undefined, audit: { settled: false } };
    const at = world.clock();
    const error = answer.kind === 'refused' ? answer.error : null;
    await settlePhoneKey(tx, id, { state: answer.kind, error }, at);
    if (answer.kind === 'taken') {
      await markDelivered(tx, [row.escrowed_key_id], at);
      await world.jobs.enqueue(tx, 'publish-person', { personId: row.person_id });
    }
    const { person_id: personId, escrowed_key_id: escrowedKeyId, thumbprint, connector } = row;
    return { result: undefined, audit: { personId, escrowedKeyId, thumbprint, connector, ...answer } };
  },
});

/** None is sent before then. */
export const postponePhones = operation({
  action: 'phone.postpone',
  permission: 'system',
  input: z.strictObject({ connector: z.string(), until: z.date(), error: z.string() }),
  subject: () => null,
  async run(tx, { connector, until, error }) {
    await postponePhoneKeys(tx, connector, until, error);
    return { result: undefined, audit: { connector, until: until.toISOString(), error } };
  },
});

/** For the scheduler: seals what was just made, and sends what waits. */
export async function sendPhoneKeys(world: World): Promise<void> {
  const intune = world.config.devices.intune;
  if (intune === undefined) return;
  const people = await world.database.snapshot((snapshot) => peopleWithUnsentKeys(snapshot, intune.keyName, AT_ONCE));
  for (const personId of people) {
    await perform(world, sealNewPhoneKeys, system, { personId }).catch((error: Error) =>
      world.log.error('phone-key.not-sealed', { personId, error: error.message }),
    );
  }
  const due = await world.database.snapshot((snapshot) =>
    duePhoneKeys(snapshot, intune.keyName, world.clock(), AT_ONCE),
  );
  if (due.length === 0) return;
  const client = new IntuneClient({
    config: intune,
    clientSecret: readSecret(intune.clientSecret, world.config.home),
    now: world.clock,
  });
  for (const { id, body, tries } of due) {
    const answer = await client.post(body ?? '');
    if (answer.kind === 'later') {
      const seconds = answer.seconds ?? Math.min(60 * 2 ** tries, 3_600);
      const until = new Date(world.clock().getTime() + seconds * 1000);
      await perform(world, postponePhones, system, { connector: intune.keyName, until, error: answer.error });
      return;
    }
    await perform(world, notePhoneKey, system, { id, answer });
  }
}

/** Of one minute. Graph lets a tenant import some hundred in that time. */
const AT_ONCE = 50;

/** Where somebody's keys for phones stand; null where the office has no Intune. */
export async function describePhoneKeys(world: World, snapshot: Snapshot, personId: string) {
  if (world.config.devices.intune === undefined) return null;
  const rows = await phoneKeysOf(snapshot, personId);
  return {
    allowed: await isPhoneAllowed(snapshot, personId),
    waiting: rows.filter(({ state }) => state === 'waiting').length,
    taken: rows.filter(({ state }) => state === 'taken').length,
    refused: rows.filter(({ state }) => state === 'refused').length,
    error: rows.find(({ state, error }) => state !== 'taken' && error !== null)?.error ?? null,
  };
}

/** @throws AuthorityError `wrong-state` */
function requireIntune(world: World): IntuneConfig {
  const { intune } = world.config.devices;
  if (intune !== undefined) return intune;
  throw new AuthorityError(
    'wrong-state',
    'This office has no Intune: [devices.intune] is not configured. Nothing was changed.',
  );
}
