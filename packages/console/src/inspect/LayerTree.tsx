import type { Finding, InspectNode } from '@chancery/api';
import { Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '@tabler/icons-react';
import { type KeyboardEvent, useRef, useState } from 'react';
import { formatBytes, formatCount } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { verdicts } from '../words.ts';
import { excerpt } from './read-input.ts';
import { errorsBelow, flatten, move, type VisibleNode } from './tree.ts';

const excerptOctets = 2_000;

/** The layers as a tree (ARIA tree pattern: arrow keys), and the chosen layer beside it. */
export function LayerTree({ root, octets }: { root: InspectNode; octets: Uint8Array }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [chosen, setChosen] = useState('0');
  const tree = useRef<HTMLDivElement>(null);
  const visible = flatten(root, closed);
  const current = visible.find((item) => item.path === chosen) ?? visible[0];
  if (current === undefined) return null;
  const go = (path: string) => {
    setChosen(path);
    requestAnimationFrame(() => tree.current?.querySelector<HTMLElement>(`[data-path="${path}"]`)?.focus());
  };
  const onKey = (event: KeyboardEvent) => {
    const step = move(visible, current.path, event.key, closed);
    if (step === null) return;
    event.preventDefault();
    if (step.toggle !== undefined) setClosed(toggled(closed, step.toggle));
    else go(step.to);
  };
  return (
    <div className="layers">
      <div ref={tree} role="tree" aria-label="Layers of the message" onKeyDown={onKey} className="layer-tree">
        {visible.map((item) => (
          <TreeItem
            key={item.path}
            item={item}
            open={!closed.has(item.path)}
            chosen={item.path === current.path}
            onChoose={() => go(item.path)}
            onToggle={() => setClosed(toggled(closed, item.path))}
          />
        ))}
      </div>
      <section className="layer-detail" aria-label="The chosen layer" aria-live="polite">
        <Layer key={current.path} path={current.path} node={current.node} octets={octets} onGo={go} />
      </section>
    </div>
  );
}

interface TreeItemProps {
  item: VisibleNode;
  open: boolean;
  chosen: boolean;
  onChoose: () => void;
  onToggle: () => void;
}

function TreeItem({ item, open, chosen, onChoose, onToggle }: TreeItemProps) {
  const { node, depth } = item;
  const hasChildren = node.children.length > 0;
  const errors = node.problems.filter((problem) => problem.severity === 'error').length;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it handles every key
    <div
      role="treeitem"
      aria-level={depth + 1}
      aria-setsize={item.size}
      aria-posinset={item.position}
      aria-selected={chosen}
      aria-expanded={hasChildren ? open : undefined}
      data-path={item.path}
      tabIndex={chosen ? 0 : -1}
      className="layer"
      style={{ paddingInlineStart: 8 + depth * 18 }}
      onClick={onChoose}
    >
      <span
        className="layer-arrow"
        aria-hidden="true"
        onClick={(event) => {
          if (!hasChildren) return;
          event.stopPropagation();
          onToggle();
        }}
      >
        {hasChildren ? (open ? '▾' : '▸') : ''}
      </span>
      <span className="layer-title">{node.title}</span>
      {node.verdict !== undefined && <StateBadge state={verdicts[node.verdict]} />}
      {errors > 0 && node.verdict === undefined && <StateBadge state={[`${errors}`, 'bad']} of="Problems" />}
    </div>
  );
}

interface LayerProps {
  path: string;
  node: InspectNode;
  octets: Uint8Array;
  onGo: (path: string) => void;
}

function Layer({ path, node, octets, onGo }: LayerProps) {
  const range = node.range;
  return (
    <Stack gap="md">
      <div>
        <Group gap="xs">
          <Text fw={650} component="h3" fz="md" m={0}>
            {node.title}
          </Text>
          {node.verdict !== undefined && <StateBadge state={verdicts[node.verdict]} />}
        </Group>
        <Text size="sm" c="dimmed">
          {node.kind}
          {range !== undefined &&
            `, octets ${formatCount(range[0])} to ${formatCount(range[1])} (${formatBytes(range[1] - range[0])})`}
        </Text>
      </div>
      {node.verdict !== undefined && <Reasons path={path} node={node} verdict={node.verdict} onGo={onGo} />}
      {node.problems.length > 0 && (
        <ul className="findings" aria-label="Findings">
          {node.problems.map((problem) => (
            <FindingLine key={`${problem.code} ${problem.message}`} finding={problem} />
          ))}
        </ul>
      )}
      {node.fields.length > 0 && (
        <Facts items={node.fields.map((field, index) => [uniqueLabel(node, index), field.value] as const)} />
      )}
      {range !== undefined && range[1] <= octets.length && (
        <details>
          <summary className="quiet-link">The octets themselves</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
          <pre className="code" tabIndex={0} style={{ maxHeight: 320, overflow: 'auto' }}>
            {excerpt(octets, range, excerptOctets)}
          </pre>
          {range[1] - range[0] > excerptOctets && (
            <Text size="xs" c="dimmed">
              The first {formatCount(excerptOctets)} octets.
            </Text>
          )}
        </details>
      )}
    </Stack>
  );
}

interface ReasonsProps {
  path: string;
  node: InspectNode;
  verdict: keyof typeof verdictReasons;
  onGo: (path: string) => void;
}

/** The verdict in words, and the errors of the layers below that led to it. */
function Reasons({ path, node, verdict, onGo }: ReasonsProps) {
  const errors = errorsBelow(node, path);
  return (
    <Stack gap="xs">
      <Text size="sm">{verdictReasons[verdict]}</Text>
      {errors.length > 0 && (
        <ul className="findings" aria-label="Errors in the layers below">
          {errors.map(({ path: place, title, finding }) => (
            <li key={`${place} ${finding.code} ${finding.message}`} className="finding" data-tone="bad">
              <IconCircleX size={18} aria-hidden style={{ flex: 'none', marginTop: 2 }} />
              <div>
                {finding.message}{' '}
                <button type="button" className="link-button inherit-link" onClick={() => onGo(place)}>
                  {title}
                </button>
              </div>
            </li>
          ))}
        </ul>
      )}
    </Stack>
  );
}

const verdictReasons: Record<NonNullable<InspectNode['verdict']>, string> = {
  valid: 'Every signature fits, and every signer’s certificate leads to a trust anchor of this office.',
  invalid: 'Somebody signed this, but the signature cannot be relied on.',
  unsigned: 'No signature that could be checked: anybody could have written this.',
  ambiguous: 'Mail programs may read this message in different ways, so that none of them can be right for all.',
};

const severities = {
  error: [IconCircleX, 'Error', 'bad'],
  warning: [IconAlertTriangle, 'Warning', 'warn'],
  info: [IconInfoCircle, 'Note', 'wait'],
} as const;

function FindingLine({ finding }: { finding: Finding }) {
  const [Icon, word, tone] = severities[finding.severity];
  return (
    <li className="finding" data-tone={tone}>
      <Icon size={18} aria-hidden style={{ flex: 'none', marginTop: 2 }} />
      <div>
        <span className="visually-hidden">{word}: </span>
        {finding.message}
        <Text size="xs" c="inherit" style={{ overflowWrap: 'anywhere' }}>
          {finding.code}
          {finding.clause !== undefined && `, ${finding.clause}`}
        </Text>
      </div>
    </li>
  );
}

/** Labels repeat (several recipients): a number keeps them apart. */
function uniqueLabel(node: InspectNode, index: number): string {
  const label = node.fields[index]?.label ?? '';
  const before = node.fields.slice(0, index).filter((field) => field.label === label).length;
  return before === 0 ? label : `${label} (${before + 1})`;
}

function toggled(closed: ReadonlySet<string>, path: string): ReadonlySet<string> {
  const next = new Set(closed);
  if (!next.delete(path)) next.add(path);
  return next;
}
