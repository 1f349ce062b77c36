/** The tree of layers as the list of what is visible, and where each key goes in it (ARIA tree view pattern). */
import type { Finding, InspectNode } from '@chancery/api';

export interface VisibleNode {
  /** `0.2.1`: child 1 of child 2 of the root. */
  path: string;
  node: InspectNode;
  depth: number;
  /** Among its siblings, from 1. */
  position: number;
  size: number;
}

/** Depth first, without what stands below a closed node. */
export function flatten(root: InspectNode, closed: ReadonlySet<string>): VisibleNode[] {
  const result: VisibleNode[] = [];
  const visit = (node: InspectNode, path: string, depth: number, position: number, size: number) => {
    result.push({ path, node, depth, position, size });
    if (closed.has(path)) return;
    node.children.forEach((child, index) => {
      visit(child, `${path}.${index}`, depth + 1, index + 1, node.children.length);
    });
  };
  visit(root, '0', 0, 1, 1);
  return result;
}

/** The errors of the layers below a node, each with where it stands; they are the reasons of its verdict. */
export function errorsBelow(node: InspectNode, path: string): { path: string; title: string; finding: Finding }[] {
  return node.children.flatMap((child, index) => {
    const below = `${path}.${index}`;
    const own = child.problems
      .filter((problem) => problem.severity === 'error')
      .map((finding) => ({ path: below, title: child.title, finding }));
    return [...own, ...errorsBelow(child, below)];
  });
}

/** What a key does at a node: go somewhere, open or close it, or nothing. */
export function move(
  visible: readonly VisibleNode[],
  path: string,
  key: string,
  closed: ReadonlySet<string>,
): { to: string; toggle?: undefined } | { toggle: string } | null {
  const index = visible.findIndex((item) => item.path === path);
  const item = visible[index];
  if (item === undefined) return null;
  const to = (target: VisibleNode | undefined) => (target === undefined ? null : { to: target.path });
  const hasChildren = item.node.children.length > 0;
  switch (key) {
    case 'ArrowDown':
      return to(visible[index + 1]);
    case 'ArrowUp':
      return to(visible[index - 1]);
    case 'Home':
      return to(visible[0]);
    case 'End':
      return to(visible.at(-1));
    case 'ArrowRight':
      if (!hasChildren) return null;
      return closed.has(path) ? { toggle: path } : to(visible[index + 1]);
    case 'ArrowLeft':
      if (hasChildren && !closed.has(path)) return { toggle: path };
      return to(visible.find((other) => other.path === path.slice(0, path.lastIndexOf('.'))));
    case 'Enter':
    case ' ':
      return hasChildren ? { toggle: path } : null;
    default:
      return null;
  }
}
