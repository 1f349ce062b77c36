/** The hierarchy as it is drawn: roots first, below each what it signed, outside issuers above those of ours. */
import type { Authority, CrossCertificate, OpenAuthorityRequest } from '@chancery/api';

export type TreeNode = { readonly key: string; readonly below: TreeNode[] } & (
  | { readonly kind: 'authority'; readonly authority: Authority }
  /** Its key is not ours. */
  | { readonly kind: 'outside'; readonly name: string }
  | { readonly kind: 'request'; readonly request: OpenAuthorityRequest }
);

/** A second way to the same key: keys of two nodes, issuer and subject. */
export interface CrossEdge {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  /** Neither revoked nor ended. */
  readonly inForce: boolean;
}

export interface Picture {
  readonly forest: readonly TreeNode[];
  readonly crosses: readonly CrossEdge[];
}

/** Whoever issues now stands first among its siblings, those that are done last. */
export function hierarchyOf(
  authorities: readonly Authority[],
  requests: readonly OpenAuthorityRequest[],
  crossCertificates: readonly CrossCertificate[],
  now: number,
): Picture {
  const nodes = new Map(
    authorities.map((authority): [string, TreeNode] => [
      authority.id,
      { kind: 'authority', key: authority.id, authority, below: [] },
    ]),
  );
  const roots: TreeNode[] = [];
  const outside = new Map<string, TreeNode>();
  for (const authority of authorities) {
    const node = nodes.get(authority.id);
    if (node === undefined) continue;
    const above =
      authority.issuerId === null ? outsideAbove(authority.outside, outside, roots) : nodes.get(authority.issuerId);
    (above?.below ?? roots).push(node);
  }
  const crosses = crossCertificates.map((one): CrossEdge => {
    const issuer = one.issuerId ?? outsideAbove(one.above.length > 0 ? one.above : [one.issuer], outside, roots)?.key;
    const subject = one.subjectId ?? outsideAbove([one.subject], outside, roots)?.key;
    const inForce = one.revokedAt === null && Date.parse(one.notAfter) > now;
    return { key: one.id, from: issuer ?? '', to: subject ?? '', inForce };
  });
  for (const node of [...nodes.values(), ...outside.values()]) node.below.sort(byRank);
  roots.sort(byRank);
  const waiting = requests.map((request): TreeNode => ({ kind: 'request', key: request.id, request, below: [] }));
  return { forest: [...roots, ...waiting], crosses };
}

/** How many nodes stand side by side at the most, were each wide enough for all below it. */
export function breadthOf(nodes: readonly TreeNode[]): number {
  return nodes.reduce((sum, { below }) => sum + Math.max(1, breadthOf(below)), 0);
}

/** From the top down, each before what is below it. */
export function walk(nodes: readonly TreeNode[]): TreeNode[] {
  return nodes.flatMap((node) => [node, ...walk(node.below)]);
}

/** Where an arrow key leads from a node: up to its issuer, down to the first below it, left and right to its neighbours. */
export function neighbour(nodes: readonly TreeNode[], key: string, arrow: string): string | undefined {
  const find = (siblings: readonly TreeNode[], above: TreeNode | undefined): string | undefined => {
    for (const [at, node] of siblings.entries()) {
      if (node.key === key) {
        const target = {
          ArrowUp: above,
          ArrowDown: node.below[0],
          ArrowLeft: siblings[at - 1],
          ArrowRight: siblings[at + 1],
        }[arrow];
        return target?.key;
      }
      const found = find(node.below, node);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return find(nodes, undefined);
}

/** The outside issuer of whoever has that chain; two with the same names above them have the same issuer. */
function outsideAbove(chain: readonly string[], known: Map<string, TreeNode>, roots: TreeNode[]): TreeNode | undefined {
  let above: TreeNode | undefined;
  for (let at = chain.length - 1; at >= 0; at--) {
    const key = `outside ${chain.slice(at).join(' / ')}`;
    let node = known.get(key);
    if (node === undefined) {
      node = { kind: 'outside', key, name: chain[at] ?? '', below: [] };
      known.set(key, node);
      (above?.below ?? roots).push(node);
    }
    above = node;
  }
  return above;
}

const ranks: Record<Authority['state'], number> = { issuing: 0, root: 1, kept: 2, retired: 3, revoked: 4 };

/** A sort is stable: of one rank, the older stands first. */
const byRank = (a: TreeNode, b: TreeNode): number => rank(a) - rank(b);

/** A whole branch stands where its best does. */
function rank(node: TreeNode): number {
  const own = node.kind === 'authority' ? ranks[node.authority.state] : ranks.revoked;
  return Math.min(own, ...node.below.map(rank));
}
