/** Dates, counts and identifiers as a person reads them. Instants are ISO 8601 in UTC. */

const dateFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const timeFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
const countFormat = new Intl.NumberFormat('en-GB');
const relativeFormat = new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto' });
const monthFormat = new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone: 'UTC' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

export const formatDate = (instant: string) => dateFormat.format(new Date(instant));
export const formatTime = (instant: string) => timeFormat.format(new Date(instant));
export const formatCount = (count: number) => countFormat.format(count);
/** `2027-03` as `Mar 2027`. */
export const formatMonth = (month: string) => monthFormat.format(new Date(`${month}-01T00:00:00Z`));
/** `2026-11-24` as `24 Nov`. */
export const formatDay = (day: string) => dayFormat.format(new Date(`${day}T00:00:00Z`));

const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365.25 * 86_400],
  ['month', 30.44 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** `in 3 days`, `2 hours ago`, `just now`; `now` in milliseconds since 1970. */
export function formatRelative(instant: string, now: number): string {
  const seconds = (Date.parse(instant) - now) / 1000;
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return relativeFormat.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 0 ? 'in less than a minute' : 'just now';
}

/** `6 days left`, `1 hour left`, `ended`; `now` in milliseconds since 1970. */
export function timeLeft(instant: string, now: number): string {
  const hours = Math.floor((Date.parse(instant) - now) / 3_600_000);
  if (Date.parse(instant) <= now) return 'ended';
  if (hours < 1) return 'less than an hour left';
  return hours < 48
    ? `${plural(hours, 'hour', 'hours')} left`
    : `${plural(Math.floor(hours / 24), 'day', 'days')} left`;
}

/** How many a list has; the office does not count a long one to its end. */
export function counted(
  { total, totalIsExact }: { readonly total: number; readonly totalIsExact: boolean },
  one: string,
  many: string,
): string {
  const text = plural(total, one, many);
  return totalIsExact ? text : `${text} or more`;
}

/** `1 person`, `1,204 people`. */
export const plural = (count: number, one: string, many: string) => `${formatCount(count)} ${count === 1 ? one : many}`;

/** Whole per cent, never 100 unless all and never 0 unless none. */
export function percent(part: number, whole: number): number {
  if (whole === 0) return 0;
  const rounded = Math.round((part / whole) * 100);
  if (rounded === 100 && part < whole) return 99;
  return rounded === 0 && part > 0 ? 1 : rounded;
}

/** Hex in pairs: `0a:1b:2c`. */
export const colonHex = (hex: string) =>
  hex
    .replaceAll(':', '')
    .toLowerCase()
    .replace(/(..)(?=.)/g, '$1:');

/** The ends of a long hexadecimal string, enough to tell two apart in a table. */
export const shortHex = (hex: string) => (hex.length <= 18 ? hex : `${hex.slice(0, 8)}…${hex.slice(-6)}`);

export function formatBytes(count: number): string {
  if (count < 1000) return plural(count, 'octet', 'octets');
  if (count < 1_000_000) return `${(count / 1000).toFixed(1)} KB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}
