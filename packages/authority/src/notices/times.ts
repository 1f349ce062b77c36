/** When a notice goes out: days and hours of the office's own time zone. */
import type { NoticeSettings } from '@chancery/api';

type Clock = Pick<NoticeSettings, 'timeZone'>;

const HOUR = 3_600_000;
/** A week and a day: every rule comes round within it. */
const HOURS = 24 * 8;

/** The first instant from `at` on that is not quiet; `at` itself where nothing is said of quiet. */
export function nextLoud({ quiet, timeZone }: Pick<NoticeSettings, 'quiet' | 'timeZone'>, at: Date): Date {
  if (quiet === null) return at;
  const isQuiet = (instant: Date) => {
    const { hour, day } = local(instant, timeZone);
    if (quiet.days.includes(day)) return true;
    if (quiet.from === quiet.to) return false;
    return quiet.from < quiet.to ? hour >= quiet.from && hour < quiet.to : hour >= quiet.from || hour < quiet.to;
  };
  if (!isQuiet(at)) return at;
  for (let hours = 1; hours <= HOURS; hours++) {
    const instant = new Date(startOfHour(at) + hours * HOUR);
    if (!isQuiet(instant)) return instant;
  }
  return at;
}

/** The last instant until `at` at which a digest of that kind was due. */
export function lastDigest(
  settings: Pick<NoticeSettings, 'digestHour' | 'digestDay' | 'timeZone'>,
  kind: 'daily' | 'weekly',
  at: Date,
): Date {
  for (let hours = 0; hours <= HOURS; hours++) {
    const instant = new Date(startOfHour(at) - hours * HOUR);
    const { hour, day } = local(instant, settings.timeZone);
    if (hour === settings.digestHour && (kind === 'daily' || day === settings.digestDay)) return instant;
  }
  return new Date(at.getTime() - HOURS * HOUR);
}

/** As people write a day in that language. */
export function writeDay(at: Date, locale: string, { timeZone }: Clock): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone }).format(at);
}

const startOfHour = (at: Date): number => Math.floor(at.getTime() / HOUR) * HOUR;

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function local(at: Date, timeZone: string): { hour: number; day: number } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    hourCycle: 'h23',
    weekday: 'short',
  }).formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  return { hour: Number(part('hour')), day: WEEKDAYS.indexOf(part('weekday')) };
}
