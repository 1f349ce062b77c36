/** The inventory for whoever looks: rows in words, views that are kept, and the refusals of profiles. */
import { randomUUID } from 'node:crypto';
import {
  type CoverageFilter,
  type CoverageItem,
  type CoverageReason,
  type Holding,
  type HoldingFilter,
  type InventoryView,
  SaveView,
} from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { certificateState } from '../store/certificates.ts';
import { type Coverage, type CoverageRow, countCoverage, listCoverage } from '../store/coverage.ts';
import type { Snapshot } from '../store/database.ts';
import {
  deleteView,
  devicesOfKeys,
  endOf,
  escrowStandings,
  type HoldingRow,
  listHoldings,
  publicationsOf,
  upsertView,
  type ViewRow,
  viewById,
} from '../store/inventory.ts';
import { profileForUse } from '../store/profiles.ts';
import type { World } from '../world.ts';
import { type CoverageWorld, staleNow } from './keep-coverage.ts';

interface Page<T> {
  readonly items: T[];
  readonly total: number;
  readonly totalIsExact: boolean;
  readonly next: string | null;
}

/** @throws AuthorityError `invalid-request` for a cursor that no page gave out */
export async function coveragePage(
  world: CoverageWorld,
  snapshot: Snapshot,
  query: CoverageFilter & { readonly limit: number; readonly after?: string | undefined },
): Promise<Page<CoverageItem>> {
  const { after, ...filter } = query;
  const asked = { ...filter, after: after === undefined ? undefined : readCursor(after, CoverageCursor) };
  const coverage = await coverageNow(world, snapshot);
  const stale = await staleNow(world, snapshot, coverage.at);
  const { rows, hasMore, ...total } = await listCoverage(snapshot, coverage, asked, stale);
  const last = rows.at(-1);
  return {
    items: rows.map(describeCoverage),
    ...total,
    next: hasMore && last !== undefined ? writeCursor({ name: last.key, id: last.person_id, use: last.use }) : null,
  };
}

/** People by use and reason. */
export async function coverageCounts(world: CoverageWorld, snapshot: Snapshot): Promise<CountedCoverage> {
  const coverage = await coverageNow(world, snapshot);
  const stale = await staleNow(world, snapshot, coverage.at);
  return { items: await countCoverage(snapshot, coverage, stale), countedAt: coverage.at.toISOString() };
}

interface CountedCoverage {
  readonly items: Awaited<ReturnType<typeof countCoverage>>;
  readonly countedAt: string;
}

/** @throws AuthorityError `invalid-request` for a cursor that no page gave out */
export async function holdingsPage(
  world: Pick<World, 'clock'>,
  snapshot: Snapshot,
  query: HoldingFilter & { readonly limit: number; readonly after?: string | undefined },
): Promise<Page<Holding>> {
  const { after, ...filter } = query;
  const now = world.clock();
  const { rows, hasMore, ...total } = await listHoldings(snapshot, now, {
    ...filter,
    after: after === undefined ? undefined : readCursor(after, HoldingCursor),
  });
  const last = rows.at(-1);
  return {
    items: await describeHoldings(snapshot, rows, now),
    ...total,
    next: hasMore && last !== undefined ? writeCursor(endOf(filter.state, last)) : null,
  };
}

/** What holds now: the instant, and for whom the profiles in use issue nothing. */
async function coverageNow(world: Pick<World, 'clock'>, snapshot: Snapshot): Promise<Coverage> {
  const refused: string[] = [];
  const { keyOrigins } = (await profileForUse(snapshot, 'signing')).document;
  if (!keyOrigins.includes('browser') && !keyOrigins.includes('device')) refused.push('signing device');
  if (!keyOrigins.includes('gateway')) refused.push('signing gateway');
  return { at: world.clock(), refused };
}

const SENTENCES: Readonly<Record<CoverageReason, string | null>> = {
  covered: null,
  'link-not-given': 'Joined, and nobody has given them their claim link yet.',
  'link-not-used': 'Has the claim link, and has not opened it yet.',
  'no-link': 'No claim link is open: it has lapsed, or none was made. Make a new one.',
  'being-made': 'The key is being made.',
  'enrolment-failed': 'The certificate cannot be made.',
  'gateway-not-enrolled': 'The mail gateway has not enrolled the signing key yet.',
  'profile-refuses': 'The profile in use does not issue to keys of this kind.',
  'on-hold': 'The certificate is on hold. Release it, or revoke it for good.',
  revoked: 'The certificate was revoked, and none has taken its place.',
  expired: 'The certificate has expired, and none has taken its place.',
  suspended: 'Is suspended.',
  left: 'Has left.',
};

function describeCoverage(row: CoverageRow): CoverageItem {
  const sentence = SENTENCES[row.reason];
  return {
    personId: row.person_id,
    name: row.name,
    address: row.address,
    department: row.department,
    use: row.use,
    covered: row.covered,
    reason: row.reason,
    why: row.reason === 'enrolment-failed' && row.detail !== null ? `${sentence} ${row.detail}` : sentence,
    until: row.until?.toISOString() ?? null,
  };
}

async function describeHoldings(snapshot: Snapshot, rows: readonly HoldingRow[], now: Date): Promise<Holding[]> {
  const escrow = await escrowStandings(
    snapshot,
    rows.flatMap((row) => row.escrowed_key_id ?? []),
  );
  const standings = new Map(escrow.map((one) => [one.id, one]));
  const escrowed = rows.filter(({ escrowed_key_id }) => escrowed_key_id !== null);
  const deliveries = await devicesOfKeys(snapshot, [...new Set(escrowed.map((row) => row.person_id))]);
  const devices = new Map<string, string[]>();
  for (const { keys, device } of deliveries) {
    for (const key of keys) if (device !== '') devices.set(key, [...(devices.get(key) ?? []), device]);
  }
  const publications = await publicationsOf(
    snapshot,
    rows.map((row) => row.serial_number),
  );
  return rows.map((row) => {
    const standing = standings.get(row.escrowed_key_id ?? '');
    return {
      serialNumber: row.serial_number,
      personId: row.person_id,
      name: row.name,
      address: row.address,
      department: row.department,
      use: row.use,
      profile: row.profile,
      state: certificateState(row, now),
      keyOrigin: row.key_origin,
      keyAlgorithm: row.key_algorithm,
      devices: [...new Set(devices.get(row.escrowed_key_id ?? '') ?? [])].slice(0, 10),
      issuedAt: row.issued_at.toISOString(),
      notAfter: row.not_after.toISOString(),
      renewFrom: row.renew_at.toISOString(),
      escrow:
        standing === undefined
          ? null
          : {
              vault: standing.vault,
              since: standing.created_at.toISOString(),
              deliveredAt: standing.delivered_at?.toISOString() ?? null,
              provenAt: standing.proven_at?.toISOString() ?? null,
            },
      published: publications
        .filter(({ serial_number }) => serial_number === row.serial_number)
        .map(({ target, state }) => ({ target, state })),
    };
  });
}

// Views ---------------------------------------------------------------------------------------------------------------

export const ownerOf = (by: Principal): string | null => (by.kind === 'operator' ? by.id : null);

/** A view is its owner's; what it shows is what whoever opens it may see. */
export const saveView = operation({
  action: 'inventory.save-view',
  permission: 'office:read',
  input: SaveView,
  subject: () => 'inventory',
  async run(tx, { name, shared, content }, by, world) {
    const id = await upsertView(tx, {
      ...{ id: randomUUID(), name, shared, content },
      ownerId: ownerOf(by),
      at: world.clock(),
    });
    return { result: { id }, audit: { viewId: id, name, shared, ...content } };
  },
});

/** @throws AuthorityError `not-found`, `forbidden` (another's) */
export const removeView = operation({
  action: 'inventory.remove-view',
  permission: 'office:read',
  input: z.strictObject({ id: z.uuid() }),
  subject: () => 'inventory',
  async run(tx, { id }, by) {
    const view = await viewById(tx, id);
    const mine = view?.owner_id === ownerOf(by);
    if (view === undefined || (!mine && !view.shared)) {
      throw new AuthorityError('not-found', 'There is no such view. Nothing was changed.');
    }
    const administers = by.kind === 'local' || (by.kind === 'operator' && by.roles.includes('administrator'));
    if (!mine && !administers) {
      throw new AuthorityError('forbidden', `This view is ${view.owner ?? 'another'}'s. Nothing was changed.`);
    }
    await deleteView(tx, id);
    return { result: undefined, audit: { viewId: id, name: view.name } };
  },
});

/** A sensitive read: what leaves the house is on record before its first line does. */
export const exportInventory = operation({
  action: 'inventory.export',
  permission: 'person:read',
  input: z.strictObject({ format: z.enum(['csv', 'jsonl']), content: SaveView.shape.content }),
  subject: () => 'inventory',
  async run(_tx, { format, content }) {
    return { result: undefined, audit: { format, ...content } };
  },
});

export function describeView(row: ViewRow, by: Principal): InventoryView {
  return {
    id: row.id,
    name: row.name,
    shared: row.shared,
    mine: row.owner_id === ownerOf(by),
    owner: row.owner ?? "the office's own machine",
    content: SaveView.shape.content.parse({ list: row.list, filter: row.filter }),
    changedAt: row.changed_at.toISOString(),
  };
}

// Cursors -------------------------------------------------------------------------------------------------------------

const CoverageCursor = z.strictObject({
  name: z.string().max(400),
  id: z.uuid(),
  use: z.enum(['signing', 'encryption']),
});
const HoldingCursor = z.strictObject({ at: z.iso.datetime(), serialNumber: z.string().regex(/^[0-9a-f]{2,40}$/) });

const writeCursor = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function readCursor<T extends z.ZodType>(text: string, shape: T): z.output<T> {
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    raw = undefined;
  }
  const parsed = shape.safeParse(raw);
  if (parsed.success) return parsed.data;
  const message = 'is not the "next" of a page';
  throw new AuthorityError('invalid-request', `The request cannot be used: after: ${message}. Nothing was changed.`, {
    fields: [{ path: 'after', message }],
  });
}
