/** The inventory: who holds what, on which device, until when, escrowed and proven when, published where; who is not covered, and why. */
import { z } from 'zod';
import { CertificateSummary } from './certificates.ts';
import { ById, Done, route } from './route.ts';
import { countedPageOf, Id, Instant, PageQuery, SerialNumber } from './values.ts';

const Use = z.enum(['signing', 'encryption']);
const Search = z.string().trim().max(200);
const Department = z.string().trim().max(64);

/** Why somebody has no good certificate for a use whose key they, or their gateway, can use. */
const coverageReasons = [
  'covered',
  'link-not-given',
  'link-not-used',
  'no-link',
  'being-made',
  'enrolment-failed',
  'gateway-not-enrolled',
  'profile-refuses',
  'on-hold',
  'revoked',
  'expired',
  'suspended',
  'left',
] as const;
export const CoverageReason = z.enum(coverageReasons);
export type CoverageReason = z.infer<typeof CoverageReason>;

export const CoverageFilter = z.strictObject({
  use: Use.optional(),
  reason: CoverageReason.optional(),
  /** Those who are here and not covered, for whatever reason. */
  uncovered: z.stringbool().or(z.boolean()).optional(),
  search: Search.optional(),
  department: Department.optional(),
});
export type CoverageFilter = z.infer<typeof CoverageFilter>;

export const CoverageItem = z.object({
  personId: Id,
  name: z.string(),
  address: z.string(),
  department: z.string().nullable(),
  use: Use,
  covered: z.boolean(),
  reason: CoverageReason,
  /** In a sentence; null where there is nothing to say. */
  why: z.string().nullable(),
  /** How long the certificate in force is good. */
  until: Instant.nullable(),
});
export type CoverageItem = z.infer<typeof CoverageItem>;

const CoverageCounts = z.object({
  items: z.array(z.object({ use: Use, reason: CoverageReason, count: z.int() })),
  countedAt: Instant,
});

const holdingStates = ['in-force', 'ending', 'expired', 'held', 'revoked'] as const;
export const HoldingFilter = z.strictObject({
  use: Use.optional(),
  /** `ending`: its profile wants it renewed. Without it: in force. */
  state: z.enum(holdingStates).optional(),
  /** In force, and ends within so many days. */
  endsWithinDays: z.coerce.number().int().min(1).max(3650).optional(),
  keyOrigin: z.enum(['device', 'browser', 'gateway', 'kra']).optional(),
  profile: z.string().max(64).optional(),
  /** Whether a drill has shown that its key comes back. */
  proven: z.enum(['yes', 'no']).optional(),
  published: z.enum(['yes', 'no', 'failed']).optional(),
  search: Search.optional(),
  department: Department.optional(),
});
export type HoldingFilter = z.infer<typeof HoldingFilter>;

export const Holding = z.object({
  serialNumber: SerialNumber,
  personId: Id,
  name: z.string(),
  address: z.string(),
  department: z.string().nullable(),
  use: Use,
  profile: z.string(),
  state: CertificateSummary.shape.state,
  keyOrigin: CertificateSummary.shape.keyOrigin,
  keyAlgorithm: z.string(),
  /** What its owner calls the devices to which the key went, newest first; at most ten. */
  devices: z.array(z.string()),
  issuedAt: Instant,
  notAfter: Instant,
  renewFrom: Instant,
  escrow: z
    .object({ vault: z.string(), since: Instant, deliveredAt: Instant.nullable(), provenAt: Instant.nullable() })
    .nullable(),
  published: z.array(z.object({ target: z.string(), state: z.enum(['pending', 'published', 'failed', 'removed']) })),
});
export type Holding = z.infer<typeof Holding>;

const ViewFilter = z.discriminatedUnion('list', [
  z.strictObject({ list: z.literal('holdings'), filter: HoldingFilter }),
  z.strictObject({ list: z.literal('coverage'), filter: CoverageFilter }),
]);
export type InventoryList = z.infer<typeof ViewFilter>;

const ViewName = z.string().trim().min(1).max(80);
export const InventoryView = z.object({
  id: Id,
  name: z.string(),
  shared: z.boolean(),
  /** Of the caller; of others only shared ones are seen. */
  mine: z.boolean(),
  owner: z.string(),
  content: ViewFilter,
  changedAt: Instant,
});
export type InventoryView = z.infer<typeof InventoryView>;
/** Under a name that the caller has used before it takes the place of that view. */
export const SaveView = z.object({ name: ViewName, shared: z.boolean().default(false), content: ViewFilter });

export const inventoryFormats = ['csv', 'jsonl'] as const;

export const inventoryRoutes = {
  holdings: route({
    method: 'GET',
    path: '/api/v1/inventory/holdings',
    summary: 'Who holds what, until when, escrowed and published where',
    access: 'authenticated',
    query: PageQuery.extend(HoldingFilter.shape),
    response: countedPageOf(Holding),
  }),
  coverage: route({
    method: 'GET',
    path: '/api/v1/inventory/coverage',
    summary: 'Who is covered and who is not, and why, in order of names',
    access: 'authenticated',
    query: PageQuery.extend(CoverageFilter.shape),
    response: countedPageOf(CoverageItem),
  }),
  coverageCounts: route({
    method: 'GET',
    path: '/api/v1/inventory/coverage/counts',
    summary: 'How many people are covered and how many are not, by use and reason',
    access: 'authenticated',
    response: CoverageCounts,
  }),
  inventoryViews: route({
    method: 'GET',
    path: '/api/v1/inventory/views',
    summary: 'Views that the caller has kept, and those that others share',
    access: 'authenticated',
    response: z.object({ items: z.array(InventoryView) }),
  }),
  saveInventoryView: route({
    method: 'POST',
    path: '/api/v1/inventory/views',
    summary: 'Keep a view',
    access: 'authenticated',
    body: SaveView,
    response: InventoryView,
  }),
  removeInventoryView: route({
    method: 'DELETE',
    path: '/api/v1/inventory/views/:id',
    summary: 'Forget a view',
    access: 'authenticated',
    params: ById,
    response: Done,
  }),
} as const;
