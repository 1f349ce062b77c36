/** What will be renewed when, what is overdue and why, and how far rollovers have come: for lists, charts and alarms. */
import type { CertificateUse, OverdueRenewal, RenewalForecast, Rollover } from '@chancery/api';
import { listAuthorities } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import { waitingEnrollments } from '../store/enrollments.ts';
import {
  begunSince,
  type DueCertificate,
  type ForecastRow,
  forecastRenewals,
  overdueRenewals,
  rolloverProgress,
} from '../store/renewals.ts';
import { listRollovers } from '../store/rollovers.ts';
import type { KeyOrigin } from '../store/schema.ts';
import type { World } from '../world.ts';

/** In one list. */
const MOST = 500;
const DAY = 86_400_000;

export async function forecast(
  world: World,
  snapshot: Snapshot,
  { by, spans: count }: { by: 'day' | 'week' | 'month'; spans: number },
): Promise<RenewalForecast> {
  const at = world.clock();
  const { spread, perDay } = world.config.renewal;
  const starts = spansFrom(at, by, count);
  const rows = await forecastRenewals(snapshot, { at, spread, ends: starts.slice(1) });
  return {
    spans: starts.slice(0, -1).map((from, span) => {
      const parts = partsOf(rows.filter((row) => row.span === span));
      return {
        from: from.toISOString(),
        until: (starts[span + 1] ?? from).toISOString(),
        certificates: parts.reduce((sum, { certificates }) => sum + certificates, 0),
        parts,
      };
    }),
    today: { begun: await begunSince(snapshot, null, new Date(Math.floor(at.getTime() / DAY) * DAY)), perDay },
  };
}

/** What ends first comes first. */
export async function overdue(world: World, snapshot: Snapshot): Promise<OverdueRenewal[]> {
  const rows = await overdueRenewals(snapshot, world.clock(), MOST);
  const waiting = await waitingEnrollments(
    snapshot,
    rows.flatMap(({ personId }) => personId ?? []),
  );
  return rows.map((row) => ({
    serialNumber: row.serialNumber,
    use: row.use,
    profile: row.profile,
    personId: row.personId,
    address: row.addresses[0] ?? null,
    notAfter: row.notAfter.toISOString(),
    way: wayOf(row.use, row.keyOrigin),
    why: whyOverdue(
      row,
      waiting.find(({ person_id, use }) => person_id === row.personId && use === row.use),
      world.mail !== undefined,
    ),
  }));
}

export async function describeRollovers(world: World, snapshot: Snapshot): Promise<Rollover[]> {
  const names = new Map((await listAuthorities(snapshot)).map(({ id, name }) => [id, name]));
  const described: Rollover[] = [];
  for (const row of await listRollovers(snapshot)) {
    const asked = { authorityId: row.authority_id, rolloverId: row.id, at: world.clock() };
    described.push({
      id: row.id,
      authorityId: row.authority_id,
      authority: names.get(row.authority_id) ?? '',
      state: row.state,
      perDay: row.per_day,
      note: row.note,
      begunAt: row.begun_at.toISOString(),
      closedAt: row.closed_at?.toISOString() ?? null,
      ...(await rolloverProgress(snapshot, asked)),
    });
  }
  return described;
}

/** From the beginning of the present one; one instant more than there are spans. */
function spansFrom(at: Date, by: 'day' | 'week' | 'month', count: number): Date[] {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  const monday = day - ((at.getUTCDay() + 6) % 7);
  const start = (index: number) => {
    if (by === 'month') return Date.UTC(year, month + index, 1);
    return by === 'week' ? Date.UTC(year, month, monday + 7 * index) : Date.UTC(year, month, day + index);
  };
  return Array.from({ length: count + 1 }, (_, index) => new Date(start(index)));
}

function partsOf(rows: readonly ForecastRow[]): RenewalForecast['spans'][number]['parts'] {
  const parts = new Map<string, RenewalForecast['spans'][number]['parts'][number]>();
  for (const { profile, use, keyOrigin, certificates } of rows) {
    const way = wayOf(use, keyOrigin);
    const known = parts.get(`${profile} ${way}`);
    parts.set(`${profile} ${way}`, { profile, use, way, certificates: (known?.certificates ?? 0) + certificates });
  }
  return [...parts.values()];
}

function wayOf(use: CertificateUse, keyOrigin: KeyOrigin): OverdueRenewal['way'] {
  if (keyOrigin === 'kra') return 'office';
  if (keyOrigin === 'gateway') return 'gateway';
  return use === 'signing' || use === 'encryption' ? 'owner' : 'operator';
}

function whyOverdue(
  row: DueCertificate,
  waiting: { readonly error: string | null } | undefined,
  mail: boolean,
): string {
  switch (wayOf(row.use, row.keyOrigin)) {
    case 'office':
      if (waiting?.error != null) return `Its renewal goes on trying: ${waiting.error}`;
      if (waiting !== undefined) return 'Its renewal is in the queue.';
      if (row.fresh === true) return 'The key that takes its place was not fetched by its owner yet.';
      if (row.way === null) return 'Its renewal has not begun: the day’s ceiling, or the office was not running.';
      return 'It was renewed, and what took its place lasts no longer: the authority that signs ends itself soon.';
    case 'gateway':
      return 'The mail gateway has not asked for another. Is it running, and does it reach the office?';
    case 'operator':
      return 'An operator renews it by hand.';
    case 'owner':
      return row.way === null || mail
        ? 'Its owner has not made another key yet.'
        : 'Its owner has not made another key yet, and could not be told: the office sends no mail. Show them a claim link.';
  }
}
