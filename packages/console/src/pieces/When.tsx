import { formatDate, formatRelative, formatTime } from '../format.ts';

/** An instant; the exact time in UTC on hover. */
export function When({ at, style = 'date' }: { at: string; style?: 'date' | 'time' | 'relative' }) {
  const text = style === 'date' ? formatDate(at) : style === 'time' ? formatTime(at) : formatRelative(at, Date.now());
  return (
    <time dateTime={at} title={at.replace('T', ' ').replace('Z', ' UTC')}>
      {text}
    </time>
  );
}
