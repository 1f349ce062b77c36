/** `[identity]` of the configuration: which source of people decides, and what membership of a group gives. */
import { ProfileId, SigningKeyOrigin } from '@chancery/api';
import { z } from 'zod';

const SourceName = z.string().regex(/^[a-z0-9-]{1,40}$/, 'has small letters, digits and hyphens');

const SourceRules = z.strictObject({
  /** Only members of one of these groups, by name or by the source's own key; without it, everybody with an address. */
  onlyGroups: z.array(z.string().min(1).max(256)).max(100).optional(),
  /** Only people whose primary address is in one of these domains. */
  onlyDomains: z.array(z.string().min(1).max(253).toLowerCase()).max(1000).optional(),
  /** What becomes of the address before, where the source says nothing of further addresses. */
  formerAddress: z.enum(['alias', 'drop']).default('alias'),
  /** What becomes of whoever is switched off there, but not deleted: they leave, or are suspended until they are back. */
  deactivated: z.enum(['leave', 'suspend']).default('leave'),
  /** For people of whom neither a group nor anybody by hand says otherwise. */
  signingKey: SigningKeyOrigin.default('device'),
  gatewayDecrypts: z.boolean().default(false),
});
export type SourceRules = z.output<typeof SourceRules>;

const GroupRule = z.strictObject({
  /** Its name, without regard to case, or the source's own key of it. Groups within it count. */
  group: z.string().min(1).max(256),
  /** Of this source only. */
  source: SourceName.optional(),
  signingKey: SigningKeyOrigin.optional(),
  gatewayDecrypts: z.boolean().optional(),
  /** The profiles that their certificates are issued by, instead of the office's choice. */
  profiles: z.strictObject({ signing: ProfileId.optional(), encryption: ProfileId.optional() }).optional(),
});
export type GroupRule = z.output<typeof GroupRule>;

export const IdentityConfig = z.strictObject({
  /** Names of sources, the deciding one first; `hand` and `csv` are two of them. Those left out follow, as they were made. */
  precedence: z.array(SourceName).max(100).default([]),
  /** By name of a source, whatever its kind. */
  sources: z.record(SourceName, SourceRules).default({}),
  /** The first that gives something decides it. */
  groups: z.array(GroupRule).max(500).default([]),
});
export type IdentityConfig = z.output<typeof IdentityConfig>;

const DEFAULTS: SourceRules = SourceRules.parse({});

/** What holds for that source. */
export function rulesOf({ sources }: IdentityConfig, source: string): SourceRules {
  return Object.hasOwn(sources, source) ? (sources[source] ?? DEFAULTS) : DEFAULTS;
}
