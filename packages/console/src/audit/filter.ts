/** What the audit page is asked to show. Days are calendar days of the reader, as the address bar has them. */
export interface AuditSearch {
  readonly search?: string | undefined;
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  readonly outcome?: 'attempted' | 'succeeded' | 'denied' | 'failed' | undefined;
  /** `2026-11-24`. */
  readonly from?: string | undefined;
  /** The last day that is shown. */
  readonly until?: string | undefined;
}

export type TrailFilter = { -readonly [K in keyof AuditSearch]?: Exclude<AuditSearch[K], undefined> };

/** The same for the office, whose times are instants. A day that is none is left out. */
export function filterOf(search: AuditSearch): TrailFilter {
  const filter: TrailFilter = {};
  for (const name of ['search', 'action', 'subject', 'actor'] as const) {
    const value = search[name];
    if (value !== undefined) filter[name] = value;
  }
  if (search.outcome !== undefined) filter.outcome = search.outcome;
  const from = beginningOf(search.from, 0);
  const until = beginningOf(search.until, 1);
  if (from !== undefined) filter.from = from;
  if (until !== undefined) filter.until = until;
  return filter;
}

/** Of the day that many days later, in the reader's time zone. */
function beginningOf(day: string | undefined, later: number): string | undefined {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? '') ?? [];
  if (year === undefined) return undefined;
  const instant = new Date(Number(year), Number(month) - 1, Number(date) + later);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}
