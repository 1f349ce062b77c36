/** Mailboxes of Exchange Online: their `UserCertificate` and `UserSMimeCertificate`, by commands over HTTP. */
import type { ExchangeTarget } from '../../publication-config.ts';
import { driftOf, type EntryLayout, type EntryValues, type OwnValue } from '../entry-values.ts';
import { type Holder, type Sight, type Target, wantedOf } from '../target.ts';
import { type AdminApi, adminApi, CommandRefused, type InvokeConfig } from './admin-api.ts';

/** As mailboxes have them, and clients of Exchange take them. */
export const MAILBOX_LAYOUT: EntryLayout & { readonly smimeAttribute: string } = {
  attribute: 'UserCertificate',
  smimeAttribute: 'UserSMimeCertificate',
  smimeForm: 'microsoft',
};

/** @param home the folder that the secret's file is relative to */
export function exchangeTarget(name: string, { invoke }: { invoke: InvokeConfig }, home: string): Target {
  const api = adminApi(invoke, home);
  return {
    name,
    kind: 'exchange',
    where: `${new URL(invoke.adminUrl).host}, tenant ${invoke.tenant}`,
    async attend(holders, act) {
      const sights: Sight[] = [];
      // One after the other: the service counts what is asked of it.
      for (const holder of holders) sights.push(await attendOne(api, holder, act));
      return sights;
    },
  };
}

/** For `publication/targets.ts`: which of the configured are asked by us. */
export const isInvoked = (target: ExchangeTarget): target is ExchangeTarget & { invoke: InvokeConfig } =>
  target.invoke !== undefined;

async function attendOne(api: AdminApi, holder: Holder, act: 'look' | 'mend'): Promise<Sight> {
  const [address] = holder.addresses;
  const wanted = wantedOf(holder);
  const nothing = { entry: null, missing: [], extra: [], others: 0, dropped: [] };
  try {
    const rows = await api.invoke('Get-Mailbox', { Identity: address }, address);
    const mailbox = rows?.[0];
    if (mailbox === undefined) {
      const problem = { kind: 'not-found', detail: `there is no mailbox ${address}` } as const;
      return { ...nothing, problem: wanted.length === 0 ? null : problem };
    }
    const values = valuesOf(mailbox);
    const { add, remove, others } = driftOf(MAILBOX_LAYOUT, values, holder, wanted);
    const serials = (list: readonly OwnValue[]) => list.map(({ serialNumber }) => serialNumber);
    const sight = {
      entry: { id: null, place: address },
      missing: serials(add),
      extra: serials(remove),
      others,
      dropped: [],
      problem: null,
    };
    if (act === 'mend' && add.length + remove.length > 0) {
      const parameters = { Identity: address, ...changesOf(add, remove), Confirm: false };
      await api.invoke('Set-Mailbox', parameters, address);
    }
    return sight;
  } catch (error) {
    if (!(error instanceof CommandRefused)) throw error;
    return { ...nothing, problem: { kind: 'refused', detail: error.message } };
  }
}

function valuesOf(mailbox: unknown): EntryValues {
  const row = typeof mailbox === 'object' && mailbox !== null ? (mailbox as Record<string, unknown>) : {};
  const list = (name: string): [string, Buffer[]] => {
    const value = row[name];
    const texts = Array.isArray(value) ? value : value == null ? [] : [value];
    return [name, texts.flatMap((text) => (typeof text === 'string' ? [Buffer.from(text, 'base64')] : []))];
  };
  return new Map([list(MAILBOX_LAYOUT.attribute), list(MAILBOX_LAYOUT.smimeAttribute)]);
}

/** Named one by one: what stands there of others is not sent, and not replaced. */
function changesOf(add: readonly OwnValue[], remove: readonly OwnValue[]): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const attribute of [MAILBOX_LAYOUT.attribute, MAILBOX_LAYOUT.smimeAttribute]) {
    const of = (list: readonly OwnValue[]) =>
      list.filter((one) => one.attribute === attribute).map(({ value }) => value.toString('base64'));
    const [added, removed] = [of(add), of(remove)];
    if (added.length + removed.length === 0) continue;
    changes[attribute] = {
      '@odata.type': '#Exchange.GenericHashTable',
      ...(added.length > 0 && { Add: added }),
      ...(removed.length > 0 && { Remove: removed }),
    };
  }
  return changes;
}
