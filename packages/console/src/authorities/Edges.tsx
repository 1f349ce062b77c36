import { useLayoutEffect, useRef, useState } from 'react';
import { type TreeNode, walk } from './forest.ts';

interface EdgesProps {
  readonly forest: readonly TreeNode[];
  /** The cards, by key. */
  readonly nodes: ReadonlyMap<string, HTMLElement>;
  /** Changes when cards may have moved. */
  readonly layout: string;
  readonly indented: boolean;
}

interface Edge {
  readonly key: string;
  readonly path: string;
  /** `outside`: the issuer's key is not ours. `issuing`: on the way to whoever issues now. */
  readonly look: 'plain' | 'outside' | 'issuing';
}

/** The lines between the cards, drawn where the cards turned out to be. A picture: who reads otherwise has the nested lists. */
export function Edges({ forest, nodes, layout, indented }: EdgesProps) {
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
    // What is drawn last lies on top.
    setEdges(found.sort((a, b) => Number(a.look === 'issuing') - Number(b.look === 'issuing')));
  }, [forest, nodes, layout, indented]);
  return (
    <svg ref={picture} className="hierarchy-edges" aria-hidden="true">
      {edges.map(({ key, path, look }) => (
        <path key={key} d={path} data-look={look} />
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
