/** A drawing of what somebody sees on their screen, with the place to press marked: no photograph, and none of anybody's. */
export interface ScreenPicture {
  frame: 'phone' | 'window';
  title: string;
  rows: readonly string[];
  /** Which row to press. */
  press: number;
}

/** `alt` is said to whoever does not see it. */
export function Screen({ picture: { frame, title, rows, press }, alt }: { picture: ScreenPicture; alt: string }) {
  const [width, rowHeight, head] = frame === 'phone' ? [190, 27, 44] : [264, 26, 34];
  const height = head + rows.length * rowHeight + (frame === 'phone' ? 26 : 12);
  return (
    <svg
      role="img"
      aria-label={alt}
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      className="screen"
    >
      <rect
        x={1}
        y={1}
        width={width - 2}
        height={height - 2}
        rx={frame === 'phone' ? 20 : 7}
        className="screen-frame"
      />
      {frame === 'phone' ? (
        <>
          <rect x={width / 2 - 22} y={8} width={44} height={5} rx={2.5} className="screen-detail" />
          <rect x={width / 2 - 30} y={height - 11} width={60} height={3} rx={1.5} className="screen-detail" />
        </>
      ) : (
        <>
          {[0, 1, 2].map((n) => (
            <circle key={n} cx={14 + n * 11} cy={13} r={3.2} className="screen-detail" />
          ))}
          <line x1={1} x2={width - 1} y1={25} y2={25} className="screen-line" />
        </>
      )}
      <text x={width / 2} y={frame === 'phone' ? 33 : 17} textAnchor="middle" className="screen-title">
        {title}
      </text>
      {rows.map((row, n) => {
        const y = head + n * rowHeight;
        return (
          <g key={row}>
            <rect
              x={9}
              y={y + 2}
              width={width - 18}
              height={rowHeight - 4}
              rx={5}
              className={n === press ? 'screen-press' : 'screen-row'}
            />
            <text
              x={18}
              y={y + rowHeight / 2 + 4}
              className={n === press ? 'screen-text screen-text-press' : 'screen-text'}
            >
              {row}
            </text>
            {n === press && <circle cx={width - 20} cy={y + rowHeight / 2} r={4} className="screen-dot" />}
          </g>
        );
      })}
    </svg>
  );
}
