import { formatTime } from '../format.ts';

interface SpanProps {
  /** Names the bar for a screen reader. */
  readonly what: string;
  readonly from: string;
  readonly until: string;
  /** Between 0 and 1: past that somebody should look. */
  readonly late?: number;
}

/** A stretch of time as a bar, with a mark where the present is. */
export function Span({ what, from, until, late }: SpanProps) {
  const [start, end] = [Date.parse(from), Date.parse(until)];
  const gone = Math.min(1, Math.max(0, (Date.now() - start) / (end - start)));
  const tone = gone === 1 ? 'bad' : gone > (late ?? 0.8) ? 'warn' : 'ok';
  const percent = Math.floor(gone * 100);
  return (
    <div
      className="span"
      data-tone={tone}
      role="img"
      aria-label={`${what}: ${percent} per cent of its time is gone`}
      title={`${formatTime(from)} to ${formatTime(until)}`}
    >
      <div className="span-gone" style={{ inlineSize: `${gone * 100}%` }} />
      {late !== undefined && <div className="span-late" style={{ insetInlineStart: `${late * 100}%` }} />}
      <div className="span-now" style={{ insetInlineStart: `${gone * 100}%` }} />
    </div>
  );
}
