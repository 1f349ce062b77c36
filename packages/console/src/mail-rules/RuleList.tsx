import { ActionIcon, Button, Group, Text, VisuallyHidden } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconCopy, IconGripVertical, IconPlus, IconTrash } from '@tabler/icons-react';
import { type KeyboardEvent, useRef, useState } from 'react';
import { StateBadge } from '../pieces/StateBadge.tsx';
import type { DraftRule, RulesDraft } from './use-rules-draft.ts';
import { ruleStates } from './words.ts';

interface RuleListProps {
  draft: RulesDraft;
  chosen: string | undefined;
  disabled: boolean;
  onChoose: (key: string | undefined) => void;
}

/** The rules in their order. Dragged by their handles; by keyboard with Alt and the arrows, or by their buttons. */
export function RuleList({ draft, chosen, disabled, onChoose }: RuleListProps) {
  const { rows, problems, advice } = draft;
  const [dragged, setDragged] = useState<string>();
  const [over, setOver] = useState<number>();
  const [said, setSaid] = useState('');
  const list = useRef<HTMLOListElement>(null);
  const move = ({ key, rule }: DraftRule, to: number) => {
    if (to < 0 || to >= rows.length) return;
    draft.move(key, to);
    setSaid(`${rule.name} is now number ${to + 1} of ${rows.length}.`);
  };
  const onKey = (event: KeyboardEvent, row: DraftRule, index: number) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!event.altKey || step === undefined || disabled) return;
    event.preventDefault();
    move(row, index + step);
    // The row has moved, and the button with it.
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(`[data-rule="${row.key}"]`)?.focus());
  };
  return (
    <div>
      <ol className="rule-list" aria-label="Rules, in their order" ref={list}>
        {rows.map((row, index) => {
          const wrong = problems.some(({ path }) => path.startsWith(`rules.${index}.`));
          return (
            <li
              key={row.key}
              className="rule-row"
              data-over={over === index && dragged !== row.key}
              data-chosen={chosen === row.key}
              draggable={!disabled}
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = 'move';
                event.dataTransfer.setData('text/plain', row.rule.name);
                setDragged(row.key);
              }}
              onDragOver={(event) => {
                if (dragged === undefined) return;
                event.preventDefault();
                setOver(index);
              }}
              onDragEnd={() => {
                setDragged(undefined);
                setOver(undefined);
              }}
              onDrop={(event) => {
                event.preventDefault();
                const taken = rows.find(({ key }) => key === dragged);
                if (taken !== undefined) move(taken, index);
                setDragged(undefined);
                setOver(undefined);
              }}
            >
              {!disabled && <IconGripVertical size={16} className="rule-grip" aria-hidden />}
              <button
                type="button"
                className="rule-name"
                data-rule={row.key}
                aria-expanded={chosen === row.key}
                aria-describedby={disabled ? undefined : 'rule-keys'}
                onClick={() => onChoose(chosen === row.key ? undefined : row.key)}
                onKeyDown={(event) => onKey(event, row, index)}
              >
                <span className="rule-place">{index + 1}</span>
                <span>{row.rule.name === '' ? 'Without a name' : row.rule.name}</span>
              </button>
              <Group gap={4} wrap="nowrap">
                {wrong && <StateBadge state={['Incomplete', 'bad']} />}
                {advice.some(({ rule }) => rule === row.rule.name) && <StateBadge state={['Look again', 'warn']} />}
                <StateBadge state={ruleStates[row.rule.enabled]} />
                {!disabled && (
                  <Tools row={row} index={index} of={rows.length} draft={draft} move={move} onChoose={onChoose} />
                )}
              </Group>
            </li>
          );
        })}
        <li className="rule-row rule-last">
          <span className="rule-place">{rows.length + 1}</span>
          <Text size="sm" c="dimmed">
            default: signed where we can, encrypted where everybody can read it
          </Text>
        </li>
      </ol>
      {!disabled && (
        <Button
          mt="sm"
          variant="default"
          leftSection={<IconPlus size={16} aria-hidden />}
          onClick={() => onChoose(draft.add())}
        >
          New rule
        </Button>
      )}
      <VisuallyHidden id="rule-keys">Alt and the arrows move it up and down.</VisuallyHidden>
      <VisuallyHidden role="status">{said}</VisuallyHidden>
    </div>
  );
}

function Tools({
  row,
  index,
  of,
  draft,
  move,
  onChoose,
}: {
  row: DraftRule;
  index: number;
  of: number;
  draft: RulesDraft;
  move: (row: DraftRule, to: number) => void;
  onChoose: (key: string | undefined) => void;
}) {
  const { name } = row.rule;
  return (
    <Group gap={0} wrap="nowrap" className="rule-tools">
      <ActionIcon
        color="gray"
        aria-label={`Move ${name} up`}
        disabled={index === 0}
        onClick={() => move(row, index - 1)}
      >
        <IconArrowUp size={16} aria-hidden />
      </ActionIcon>
      <ActionIcon
        color="gray"
        aria-label={`Move ${name} down`}
        disabled={index === of - 1}
        onClick={() => move(row, index + 1)}
      >
        <IconArrowDown size={16} aria-hidden />
      </ActionIcon>
      <ActionIcon color="gray" aria-label={`Copy ${name}`} onClick={() => onChoose(draft.copy(row.key))}>
        <IconCopy size={16} aria-hidden />
      </ActionIcon>
      <ActionIcon
        color="gray"
        aria-label={`Remove ${name}`}
        onClick={() => {
          onChoose(undefined);
          draft.remove(row.key);
        }}
      >
        <IconTrash size={16} aria-hidden />
      </ActionIcon>
    </Group>
  );
}
