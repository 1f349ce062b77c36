import './hierarchy.css';
import type { Authority, AuthorityHealth, OpenAuthorityRequest } from '@chancery/api';
import { Group } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { IconBuildingBank, IconCertificate, IconHourglass, IconWorld } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type KeyboardEvent, useCallback, useRef } from 'react';
import { formatCount, plural, timeLeft } from '../format.ts';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { authorityStates, commonName, keyPlaces } from '../words.ts';
import { Edges } from './Edges.tsx';
import { breadthOf, neighbour, type Picture, type TreeNode } from './forest.ts';
import { judgeResponder, listFreshness } from './judge-status.ts';
import { Span } from './Span.tsx';

/** As in the style sheet. */
const NODE_WIDTH = 252;
const GAP = 24;

interface HierarchyProps {
  readonly picture: Picture;
  /** By id of the authority; empty while it is not known. */
  readonly health: ReadonlyMap<string, AuthorityHealth>;
  readonly onRequest: (request: OpenAuthorityRequest) => void;
}

/**
 * The hierarchy, drawn: trees beside each other where there is room for the widest, else the same trees indented. Nested
 * lists of links to whoever reads it otherwise; arrow keys go along the branches.
 */
export function Hierarchy({ picture: { forest, crosses }, health, onRequest }: HierarchyProps) {
  const { ref, width, height } = useElementSize<HTMLUListElement>();
  const nodes = useRef(new Map<string, HTMLElement>());
  const breadth = Math.max(1, ...forest.map((root) => breadthOf([root])));
  const drawn = width >= breadth * NODE_WIDTH + (breadth - 1) * GAP;
  const hold = useCallback((key: string, element: HTMLElement | null) => {
    if (element === null) nodes.current.delete(key);
    else nodes.current.set(key, element);
  }, []);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const key = (event.target as HTMLElement).closest<HTMLElement>('[data-node]')?.dataset.node;
    const next = key === undefined ? undefined : neighbour(forest, key, event.key);
    if (next === undefined) return;
    event.preventDefault();
    nodes.current.get(next)?.querySelector<HTMLElement>('a, button, [tabindex]')?.focus();
  };
  return (
    <div className="hierarchy" data-layout={drawn ? 'tree' : 'indented'}>
      <ul ref={ref} className="hierarchy-level" aria-label="Hierarchy of authorities" onKeyDown={onKeyDown}>
        {forest.map((node) => (
          <Branch key={node.key} node={node} health={health} hold={hold} onRequest={onRequest} />
        ))}
      </ul>
      {/* Last, so that every card is there when it measures. */}
      <Edges
        forest={forest}
        crosses={crosses}
        nodes={nodes.current}
        layout={`${drawn} ${width} ${height}`}
        indented={!drawn}
      />
    </div>
  );
}

interface BranchProps extends Omit<HierarchyProps, 'picture'> {
  readonly node: TreeNode;
  readonly hold: (key: string, element: HTMLElement | null) => void;
}

function Branch({ node, health, hold, onRequest }: BranchProps) {
  return (
    <li className="hierarchy-branch">
      <div
        className="hierarchy-node"
        data-node={node.key}
        data-look={lookOf(node)}
        ref={(card) => hold(node.key, card)}
      >
        {node.kind === 'authority' && <AuthorityCard authority={node.authority} health={health.get(node.key)} />}
        {node.kind === 'outside' && <OutsideCard name={node.name} />}
        {node.kind === 'request' && <RequestCard request={node.request} onOpen={() => onRequest(node.request)} />}
      </div>
      {node.below.length > 0 && (
        <ul className="hierarchy-level">
          {node.below.map((below) => (
            <Branch key={below.key} node={below} health={health} hold={hold} onRequest={onRequest} />
          ))}
        </ul>
      )}
    </li>
  );
}

function lookOf(node: TreeNode): string {
  if (node.kind !== 'authority') return node.kind;
  const { state } = node.authority;
  return state === 'issuing' ? 'issuing' : state === 'retired' || state === 'revoked' ? 'done' : 'plain';
}

function AuthorityCard({ authority, health }: { authority: Authority; health: AuthorityHealth | undefined }) {
  const { id, name, role, state, keyAlgorithm, keyPlace, notBefore, notAfter, crl, certificatesInForce } = authority;
  const Icon = role === 'root' ? IconBuildingBank : IconCertificate;
  const list = crl === null ? 'bad' : listFreshness(crl, Date.now());
  return (
    <>
      <Group gap={8} wrap="nowrap" align="flex-start">
        <Icon size={20} stroke={1.6} aria-hidden style={{ flex: 'none', marginTop: 1 }} />
        <Link to="/authorities/$id" params={{ id }} className="hierarchy-name">
          {name}
        </Link>
      </Group>
      <Group gap={6}>
        <StateBadge state={authorityStates[state]} />
        <span className="hierarchy-quiet">
          {keyAlgorithm}
          {authority.experimental && ' (experimental)'}, {keyPlaces[keyPlace]}
        </span>
      </Group>
      <Span from={notBefore} until={notAfter} what={`Validity of ${name}`} />
      <div className="hierarchy-quiet">
        Until <When at={notAfter} />
        {role === 'issuing' && `. ${plural(certificatesInForce, 'certificate', 'certificates')} in force`}
      </div>
      <ul className="lamps">
        <li data-tone={list}>
          {crl === null ? (
            'No revocation list yet'
          ) : (
            <span>
              List {formatCount(crl.number)}, next <When at={crl.nextUpdate} style="relative" />
            </span>
          )}
        </li>
        {role === 'issuing' && health !== undefined && <ResponderLamp responder={health.responder} />}
      </ul>
    </>
  );
}

function ResponderLamp({ responder }: Pick<AuthorityHealth, 'responder'>) {
  const tone = judgeResponder(responder, Date.now());
  return (
    <li data-tone={tone}>
      {responder === null
        ? 'OCSP: no certificate yet'
        : `OCSP certificate: ${timeLeft(responder.notAfter, Date.now())}`}
    </li>
  );
}

function OutsideCard({ name }: { name: string }) {
  return (
    <>
      <Group gap={8} wrap="nowrap" align="flex-start">
        <IconWorld size={20} stroke={1.6} aria-hidden style={{ flex: 'none', marginTop: 1 }} />
        <span className="hierarchy-name" title={name} tabIndex={-1}>
          {commonName(name)}
        </span>
      </Group>
      <Group gap={6}>
        <StateBadge state={['Outside', 'quiet']} />
        <span className="hierarchy-quiet">its key is not here</span>
      </Group>
    </>
  );
}

function RequestCard({ request, onOpen }: { request: OpenAuthorityRequest; onOpen: () => void }) {
  return (
    <>
      <Group gap={8} wrap="nowrap" align="flex-start">
        <IconHourglass size={20} stroke={1.6} aria-hidden style={{ flex: 'none', marginTop: 1 }} />
        <button type="button" className="hierarchy-name" onClick={onOpen}>
          {request.name}
        </button>
      </Group>
      <Group gap={6}>
        <StateBadge state={['Waits for its certificate', 'wait']} />
      </Group>
      <div className="hierarchy-quiet">
        {request.keyAlgorithm}, {keyPlaces[request.keyPlace]}. Asked <When at={request.createdAt} style="relative" />
      </div>
    </>
  );
}
