/** The vault with its officers around it, a seal each. */
const SEAL =
  'M32.00 4.80Q39.21 0.41 43.80 7.49Q52.20 6.67 53.27 15.04Q61.19 17.94 58.52 25.95Q64.40 32.00 58.52 38.05Q61.19 46.06 53.27 48.96Q52.20 57.33 43.80 56.51Q39.21 63.59 32.00 59.20Q24.79 63.59 20.20 56.51Q11.80 57.33 10.73 48.96Q2.81 46.06 5.48 38.05Q-0.40 32.00 5.48 25.95Q2.81 17.94 10.73 15.04Q11.80 6.67 20.20 7.49Q24.79 0.41 32.00 4.80Z';

export interface PicturedOfficer {
  readonly id: string;
  readonly name: string;
  /** `set`: stands behind it; `due`: waited for; `gone`: holds a share and is not in office. */
  readonly look: 'set' | 'due' | 'gone';
}

interface VaultPictureProps {
  officers: readonly PicturedOfficer[];
  threshold: number;
  /** An open door: whoever has the machine can look in. */
  shut: boolean;
  label: string;
}

export function VaultPicture({ officers, threshold, shut, label }: VaultPictureProps) {
  // On the circle seals may not touch: more of them are smaller.
  const side = Math.min(60, (2 * Math.PI * 118) / Math.max(officers.length, 1) - 8);
  const placed = officers.map((officer, at) => ({ officer, ...onCircle(at, officers.length) }));
  const marks = marksOf(officers);
  // No empty sky where there is no seal.
  const top = Math.min(88, ...placed.map(({ y }) => y - side / 2 - 4));
  const bottom = Math.max(232, ...placed.map(({ y }) => y + side / 2 + 4));
  return (
    <svg className="vault-picture" viewBox={`0 ${top} 320 ${bottom - top}`} role="img" aria-label={label}>
      {placed.map(({ officer, x, y }) => (
        <line key={officer.id} x1="160" y1="160" x2={x} y2={y} className="vault-spoke" data-look={officer.look} />
      ))}
      <Door shut={shut} />
      {officers.length > 0 ? (
        <>
          <text x="160" y="161" className="vault-count">
            {threshold}
          </text>
          <text x="160" y="182" className="vault-of">
            of {officers.length}
          </text>
        </>
      ) : (
        <path className="vault-keyhole" d="M160 140a12 12 0 0 1 5.6 22.6l4.4 19.4h-20l4.4-19.4a12 12 0 0 1 5.6-22.6z" />
      )}
      {placed.map(({ officer, x, y }, at) => (
        <Seal key={officer.id} look={officer.look} mark={marks[at] ?? ''} x={x} y={y} side={side} />
      ))}
    </svg>
  );
}

/** Seals in a row: how many stand behind it, of how many that are needed. */
export function SealRow({ officers, label }: { officers: readonly PicturedOfficer[]; label: string }) {
  const marks = marksOf(officers);
  return (
    <svg
      className="seal-row"
      viewBox={`0 0 ${officers.length * 64} 64`}
      role="img"
      aria-label={label}
      style={{ maxWidth: officers.length * 48 }}
    >
      {officers.map((officer, at) => (
        <Seal key={officer.id} look={officer.look} mark={marks[at] ?? ''} x={at * 64 + 32} y={32} side={56} />
      ))}
    </svg>
  );
}

function Door({ shut }: { shut: boolean }) {
  const studs = Array.from({ length: 12 }, (_, at) => onCircle(at, 12, 57));
  return (
    <g className="vault-door" data-shut={shut}>
      <circle cx="160" cy="160" r="66" className="vault-rim" />
      <circle cx="160" cy="160" r="47" className="vault-plate" />
      {shut && studs.map(({ x, y }) => <circle key={`${x} ${y}`} cx={x} cy={y} r="2.6" className="vault-stud" />)}
    </g>
  );
}

interface SealProps {
  look: PicturedOfficer['look'];
  mark: string;
  x: number;
  y: number;
  side: number;
}

function Seal({ look, mark, x, y, side }: SealProps) {
  return (
    <g transform={`translate(${x - side / 2} ${y - side / 2}) scale(${side / 64})`} className="seal-of">
      <path d={SEAL} data-look={look} />
      <text x="32" y="39.5" data-look={look}>
        {mark}
      </text>
    </g>
  );
}

/** Clockwise from the top. */
function onCircle(at: number, of: number, radius = 118) {
  const angle = (2 * Math.PI * at) / of - Math.PI / 2;
  return { x: 160 + radius * Math.cos(angle), y: 160 + radius * Math.sin(angle) };
}

/** Initials; where two officers have the same, the beginnings of their names. */
function marksOf(officers: readonly PicturedOfficer[]): string[] {
  const all = officers.map(({ name }) => initials(name));
  return officers.map(({ name }, at) =>
    all.filter((mark) => mark === all[at]).length > 1 ? [...name.trim()].slice(0, 2).join('') : (all[at] ?? ''),
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...(word ?? '')][0]?.toUpperCase() ?? '').join('');
}
