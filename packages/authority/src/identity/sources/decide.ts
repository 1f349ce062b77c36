/** What sources make of one person: whether they are here, and what holds of them. Nothing but a function of what is given. */
import { NewPerson, type PersonAttributes, type SourceKind } from '@chancery/api';
import type { WantedPerson } from '../../ra/end-entity.ts';
import { addressKey, type PersonRow } from '../../store/people.ts';
import type { PersonProfiles, Presented } from '../../store/schema.ts';
import type { RecordRow } from '../../store/sources.ts';
import { type GroupRule, type IdentityConfig, rulesOf } from '../configuration.ts';

export interface KnownRecord extends Pick<RecordRow, 'id' | 'source' | 'key' | 'active' | 'gone_at' | 'presented'> {
  readonly kind: SourceKind;
  /** In which order its source was made. */
  readonly made: number;
  readonly changed_at: Date;
  /** Direct and through others. */
  readonly groups: readonly { readonly source: string; readonly key: string; readonly name: string }[];
}

export interface Decision {
  /** `suspended`: switched off at a source that means by it that they may be back. */
  readonly standing: 'here' | 'suspended' | 'away';
  /** Why they are not here. */
  readonly why: 'deactivated' | 'gone' | 'stopped' | 'out-of-scope' | null;
  /** The source that decides whether they are here. */
  readonly decidedBy: string | null;
  /** Undefined where nobody says an address. */
  readonly wanted: Omit<WantedPerson, 'id'> | undefined;
}

/** @param records all of one person's, in any order; `before` as they stand, undefined where they are new */
export function decide(
  config: IdentityConfig,
  records: readonly KnownRecord[],
  before: PersonRow | undefined,
): Decision {
  const ordered = inOrder(config, records);
  return { ...standing(config, ordered), wanted: wanted(config, ordered, before) };
}

/** The order in which sources are heard. */
export function inOrder<R extends KnownRecord>(config: IdentityConfig, records: readonly R[]): R[] {
  return records.toSorted((one, other) => rankOf(config, one) - rankOf(config, other) || latest(one, other));
}

/** A source that tells by itself who has left, unlike a file or a form. */
export const isLiving = ({ kind }: { readonly kind: SourceKind }): boolean => kind === 'scim' || kind === 'ldap';

/** May a certificate have that address? */
export const isUsable = (address: string): boolean => NewPerson.shape.address.safeParse(address).success;

/** Is that one of the people whom its source is asked for? */
export function isInScope(config: IdentityConfig, { source, presented, groups }: KnownRecord): boolean {
  const { onlyGroups, onlyDomains } = rulesOf(config, source);
  if (presented.address == null) return false;
  const domain = presented.address.slice(presented.address.lastIndexOf('@') + 1).toLowerCase();
  if (onlyDomains !== undefined && !onlyDomains.includes(domain)) return false;
  return onlyGroups === undefined || onlyGroups.some((group) => groups.some((one) => isGroup(one, group)));
}

/** Does it depend on groups who is in scope, or what somebody is given? */
export function groupsMatter({ groups, sources }: IdentityConfig): boolean {
  return groups.length > 0 || Object.values(sources).some(({ onlyGroups }) => onlyGroups !== undefined);
}

function standing(config: IdentityConfig, ordered: readonly KnownRecord[]): Omit<Decision, 'wanted'> {
  if (ordered.some(({ kind, active }) => kind === 'hand' && !active)) {
    return { standing: 'away', why: 'stopped', decidedBy: 'hand' };
  }
  const living = ordered.filter(isLiving);
  if (living.length === 0) return { standing: 'here', why: null, decidedBy: ordered[0]?.source ?? null };
  // Who was deactivated and then deleted stays deactivated: a slower source must not bring them back.
  const heard = living.filter(
    (one) => (one.gone_at === null && isInScope(config, one)) || (one.gone_at !== null && !one.active),
  );
  const [deciding] = heard;
  if (deciding === undefined) {
    const outside = living.find(({ gone_at }) => gone_at === null);
    return {
      standing: 'away',
      why: outside === undefined ? 'gone' : 'out-of-scope',
      decidedBy: outside?.source ?? null,
    };
  }
  if (deciding.active) return { standing: 'here', why: null, decidedBy: deciding.source };
  // Whoever is deleted there has left, whatever being switched off means.
  const isForATime = deciding.gone_at === null && rulesOf(config, deciding.source).deactivated === 'suspend';
  return { standing: isForATime ? 'suspended' : 'away', why: 'deactivated', decidedBy: deciding.source };
}

function wanted(
  config: IdentityConfig,
  ordered: readonly KnownRecord[],
  before: PersonRow | undefined,
): Omit<WantedPerson, 'id'> | undefined {
  const present = ordered.filter((one) => one.gone_at === null && (!isLiving(one) || isInScope(config, one)));
  const said = <K extends keyof Presented>(what: K) => present.find(({ presented }) => presented[what] != null);
  const address =
    present.find(({ presented }) => isUsable(presented.address ?? ''))?.presented.address ?? before?.address;
  if (address === undefined) return undefined;
  const name = said('name')?.presented.name ?? before?.name ?? address;
  const [first] = present.filter(isLiving);
  const rules = rulesOf(config, first?.source ?? '');
  const given = gifts(config.groups, present);
  const externalId = present.find(({ presented }) => presented.externalId !== undefined)?.presented.externalId;
  return {
    name,
    address,
    aliases: aliasesOf(present, before, address, rules.formerAddress === 'alias'),
    externalId: externalId === undefined ? (before?.external_id ?? null) : externalId,
    attributes: attributesOf(present),
    signingKey: given.signingKey ?? said('signingKey')?.presented.signingKey ?? rules.signingKey,
    gatewayDecrypts:
      given.gatewayDecrypts ?? said('gatewayDecrypts')?.presented.gatewayDecrypts ?? rules.gatewayDecrypts,
    profiles: given.profiles,
  };
}

/** Where no source knows of further addresses, those that the person has, and the one that was their primary address. */
function aliasesOf(
  present: readonly KnownRecord[],
  before: PersonRow | undefined,
  address: string,
  keepFormer: boolean,
): string[] {
  const knowing = present.find((one) => isLiving(one) && one.presented.aliases !== undefined);
  const own = before === undefined ? present.find(({ presented }) => presented.aliases !== undefined) : undefined;
  const moved = before !== undefined && addressKey(before.address) !== addressKey(address);
  const all = knowing?.presented.aliases ??
    own?.presented.aliases ?? [...(before?.aliases ?? []), ...(moved && keepFormer ? [before.address] : [])];
  const byKey = new Map(all.filter(isUsable).map((one) => [addressKey(one), one]));
  byKey.delete(addressKey(address));
  return [...byKey.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, alias]) => alias);
}

function attributesOf(present: readonly KnownRecord[]): PersonAttributes {
  const all: Record<string, string> = {};
  const said = new Set<string>();
  for (const { presented } of present) {
    for (const [name, value] of Object.entries(presented.attributes ?? {})) {
      if (value === undefined || said.has(name)) continue;
      said.add(name);
      if (value !== null) all[name] = value;
    }
  }
  return all;
}

function gifts(
  rules: readonly GroupRule[],
  present: readonly KnownRecord[],
): { signingKey?: 'device' | 'gateway'; gatewayDecrypts?: boolean; profiles: PersonProfiles } {
  const groups = present.flatMap((one) => one.groups);
  const holding = rules.filter(({ group, source }) =>
    groups.some((one) => (source === undefined || one.source === source) && isGroup(one, group)),
  );
  const signingKey = holding.find((rule) => rule.signingKey !== undefined)?.signingKey;
  const gatewayDecrypts = holding.find((rule) => rule.gatewayDecrypts !== undefined)?.gatewayDecrypts;
  const signing = holding.find((rule) => rule.profiles?.signing !== undefined)?.profiles?.signing;
  const encryption = holding.find((rule) => rule.profiles?.encryption !== undefined)?.profiles?.encryption;
  return {
    ...(signingKey !== undefined && { signingKey }),
    ...(gatewayDecrypts !== undefined && { gatewayDecrypts }),
    profiles: { ...(signing !== undefined && { signing }), ...(encryption !== undefined && { encryption }) },
  };
}

/** Called so by name, or by the source's own key. */
export function isGroup({ key, name }: { readonly key: string; readonly name: string }, wanted: string): boolean {
  return key === wanted || name.toLowerCase() === wanted.toLowerCase();
}

/** As configured, then living sources as they were made, then what was typed or imported. */
function rankOf({ precedence }: IdentityConfig, record: KnownRecord): number {
  const named = precedence.indexOf(record.source);
  if (named >= 0) return named;
  return isLiving(record) ? precedence.length + record.made : Number.MAX_SAFE_INTEGER;
}

/** Of what was typed and what stood in a file, the later. */
const latest = (one: KnownRecord, other: KnownRecord): number =>
  other.changed_at.getTime() - one.changed_at.getTime() || (one.id < other.id ? -1 : 1);
