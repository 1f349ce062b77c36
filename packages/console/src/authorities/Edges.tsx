import { useLayoutEffect, useRef, useState } from 'react';
import { type CrossEdge, type TreeNode, walk } from './forest.ts';

interface EdgesProps {
  readonly forest: readonly TreeNode[];
  readonly crosses: readonly CrossEdge[];
  /** The cards, by key. */
  readonly nodes: ReadonlyMap<string, HTMLElement>;
  /** Changes when cards may have moved. */
  readonly layout: string;
  readonly indented: boolean;
}

interface Edge {
  readonly key: string;
  readonly path: string;
  /** `outside`: the issuer's key is not ours. `issuing`: on the way to whoever issues now. `cross`, `cross-done`: a second way. */
  readonly look: 'plain' | 'outside' | 'issuing' | 'cross' | 'cross-done';
}

/** The lines between the cards, drawn where the cards turned out to be. A picture: who reads otherwise has the nested lists. */
export function Edges({ forest, crosses, nodes, layout, indented }: EdgesProps) {
  const picture = useRef<SVGSVGElement>(null);
  const [edges, setEdges] = useState<readonly Edge[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `layout` stands for where the cards are
  useLayoutEffect(() => {
    const origin = picture.current?.getBoundingClientRect();
    if (origin === undefined) return;
    const found: Edge[] = [];
    for (const above of walk(forest))
      for (const below of above.below) {
        const [from, to] = [nodes.get(above.key), nodes.get(below.key)];
        if (from === undefined || to === undefined) continue;
        const path = (indented ? elbow : curve)(from.getBoundingClientRect(), to.getBoundingClientRect(), origin);
        found.push({ key: `${above.key} ${below.key}`, path, look: lookOf(above, below) });
      }
    const rightmost = Math.max(...[...nodes.values()].map((card) => card.getBoundingClientRect().right));
    for (const { key, from: issuer, to: subject, inForce } of crosses) {
      const [from, to] = [nodes.get(issuer), nodes.get(subject)];
      if (from === undefined || to === undefined || from === to) continue;
      const boxes = [from.getBoundingClientRect(), to.getBoundingClientRect()] as const;
      const path = indented ? bracket(...boxes, origin, rightmost) : across(...boxes, origin);
      found.push({ key, path, look: inForce ? 'cross' : 'cross-done' });
    }
    // What is drawn last lies on top.
    setEdges(found.sort((a, b) => Number(a.look === 'issuing') - Number(b.look === 'issuing')));
  }, [forest, crosses, nodes, layout, indented]);
  return (
    <svg ref={picture} className="hierarchy-edges" aria-hidden="true">
      <defs>
        <marker id="cross-end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M 0 0 L 8 4 L 0 8 Z" data-look="end" />
        </marker>
      </defs>
      {edges.map(({ key, path, look }) => (
        <path key={key} d={path} data-look={look} {...(look.startsWith('cross') && { markerEnd: 'url(#cross-end)' })} />
      ))}
    </svg>
  );
}

function lookOf(above: TreeNode, below: TreeNode): Edge['look'] {
  if (above.kind === 'outside') return 'outside';
  return walk([below]).some((node) => node.kind === 'authority' && node.authority.state === 'issuing')
    ? 'issuing'
    : 'plain';
}

const round = (value: number): number => Math.round(value * 2) / 2;

/** From the middle of its lower edge to the middle of the upper edge of what is below. */
function curve(from: DOMRect, to: DOMRect, origin: DOMRect): string {
  const [x1, y1] = [round(from.left + from.width / 2 - origin.left), round(from.bottom - origin.top)];
  const [x2, y2] = [round(to.left + to.width / 2 - origin.left), round(to.top - origin.top)];
  const middle = (y1 + y2) / 2;
  return `M ${x1} ${y1} C ${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
}

/** Down from near its left corner, then across to the left edge of what is below. */
function elbow(from: DOMRect, to: DOMRect, origin: DOMRect): string {
  const x1 = round(from.left + 14 - origin.left);
  const y1 = round(from.bottom - origin.top);
  const [x2, y2] = [round(to.left - origin.left), round(to.top + 22 - origin.top)];
  return `M ${x1} ${y1} V ${y2 - 6} Q ${x1} ${y2} ${x1 + 6} ${y2} H ${x2}`;
}

/** From its side to the side of one beside it; to one above or below, beside the line that a signature has. */
function across(from: DOMRect, to: DOMRect, origin: DOMRect): string {
  const rightwards = to.left > from.left;
  const beside = rightwards ? to.left > from.right : to.right < from.left;
  if (beside) {
    // Two that certify each other have a line each.
    const height = rightwards ? 26 : 40;
    const [x1, y1] = [
      round((rightwards ? from.right : from.left) - origin.left),
      round(from.top + height - origin.top),
    ];
    const [x2, y2] = [round((rightwards ? to.left : to.right) - origin.left), round(to.top + height - origin.top)];
    const middle = (x1 + x2) / 2;
    return `M ${x1} ${y1} C ${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  }
  const down = to.top > from.top;
  const [x1, y1] = [
    round(from.left + from.width * 0.75 - origin.left),
    round((down ? from.bottom : from.top) - origin.top),
  ];
  const [x2, y2] = [round(to.left + to.width * 0.75 - origin.left), round((down ? to.top : to.bottom) - origin.top)];
  const middle = (y1 + y2) / 2;
  return `M ${x1} ${y1} C ${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
}

/** Around the right-hand edges of all. */
function bracket(from: DOMRect, to: DOMRect, origin: DOMRect, rightmost: number): string {
  const [x1, y1] = [round(from.right - origin.left), round(from.top + 34 - origin.top)];
  const [x2, y2] = [round(to.right - origin.left), round(to.top + 20 - origin.top)];
  const out = round(rightmost - origin.left + 8);
  const bend = y2 > y1 ? 6 : -6;
  return `M ${x1} ${y1} H ${out - 6} Q ${out} ${y1} ${out} ${y1 + bend} V ${y2 - bend} Q ${out} ${y2} ${out - 6} ${y2} H ${x2}`;
}
