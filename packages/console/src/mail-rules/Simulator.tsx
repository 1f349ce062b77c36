import { ruleDocument, type Simulation } from '@chancery/api';
import type { RuleSet } from '@chancery/mail-policy';
import { Button, Group, NumberInput, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { TextLink } from '../pieces/Links.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';

const changeKinds = {
  weaker: ['Weaker', 'bad'],
  stronger: ['Stronger', 'ok'],
  other: ['Other', 'quiet'],
} as const;

/** What the rules under somebody's hands would have decided about the mail of a while ago. */
export function Simulator({ set }: { set: RuleSet | undefined }) {
  const [entries, setEntries] = useState(1000);
  const run = useAct((rules: RuleSet) => api.simulateMailRules({ body: { document: ruleDocument(rules), entries } }));
  const isWithin = entries >= 1 && entries <= 5000;
  return (
    <Panel title="Try it on past mail">
      <Stack>
        <Group align="flex-end">
          <NumberInput
            label="Newest records"
            w={150}
            min={1}
            max={5000}
            allowDecimal={false}
            error={isWithin ? undefined : '1 to 5000.'}
            value={entries}
            onChange={(value) => setEntries(typeof value === 'number' ? value : Number.NaN)}
          />
          <Button
            variant="default"
            disabled={set === undefined || !isWithin}
            loading={run.isPending}
            onClick={() => set !== undefined && run.mutate(set)}
          >
            Try
          </Button>
        </Group>
        <ProblemAlert error={run.error} />
        <div role="status">{run.data && <Result result={run.data} />}</div>
      </Stack>
    </Panel>
  );
}

function Result({ result }: { result: Simulation }) {
  const { decisions, leftOut, changed, changes, live, byRule } = result;
  return (
    <Stack gap="sm">
      <Text size="sm">
        {plural(changed, 'decision', 'decisions')} of {decisions} would be another
        {live === null ? '' : ` than by version ${live}`}.
        {leftOut > 0 && ` ${plural(leftOut, 'record tells', 'records tell')} too little to decide again.`}
      </Text>
      {changes.map(({ kind, before, after, count, examples }) => (
        <details key={`${before.rule} ${before.outcome} ${after.rule} ${after.outcome}`}>
          <summary className="quiet-link">
            <StateBadge state={changeKinds[kind]} /> {count} × {before.outcome} by {before.rule} → {after.outcome} by{' '}
            {after.rule}
          </summary>
          <ul className="plain-list">
            {examples.map((one) => (
              <li key={one.entryId}>
                <TextLink to="/mail/$id" params={{ id: one.entryId }} size="sm">
                  {one.sender === '' ? 'empty sender' : one.sender} to {one.recipient}
                </TextLink>
                {one.after === '' ? '' : `: ${one.after}`}
              </li>
            ))}
          </ul>
        </details>
      ))}
      {byRule.length > 0 && (
        <PlainTable label="By rule" head={['Rule', 'Decides', 'In shadow', 'In doubt']}>
          {byRule.map(({ rule, decisions: many, shadow, doubtful }) => (
            <tr key={rule}>
              <td>{rule}</td>
              <td>{many}</td>
              <td>{shadow}</td>
              <td>{doubtful}</td>
            </tr>
          ))}
        </PlainTable>
      )}
      <Text size="xs" c="dimmed">
        The journal keeps no subject, no text and no names of files, and of the header what rules asked for. What cannot
        be judged is in doubt: such a rule counts for what it demands only.
      </Text>
    </Stack>
  );
}
