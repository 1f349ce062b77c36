import type { MailRules, RuleSetDetail } from '@chancery/api';
import { checkRules, type RuleSet } from '@chancery/mail-policy';
import { Alert, Breadcrumbs, Select, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../api.ts';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { AdviceList } from './AdviceList.tsx';
import { Explanation } from './Explanation.tsx';
import { Keep } from './Keep.tsx';
import { MessageTrial } from './MessageTrial.tsx';
import { ruleSetQuery, rulesQuery } from './queries.ts';
import { RuleForm } from './RuleForm.tsx';
import { RuleList } from './RuleList.tsx';
import { Simulator } from './Simulator.tsx';
import { noRules, useRulesDraft } from './use-rules-draft.ts';

/** The rules under somebody's hands: their order, a form for each, what it does in plain English, and what would change. */
export function EditorPage() {
  const { from } = useSearch({ from: '/office/mail-rules/edit' });
  const rules = useQuery(rulesQuery);
  const base = from ?? rules.data?.live ?? undefined;
  const set = useQuery({ ...ruleSetQuery(base ?? 0), enabled: base !== undefined });
  const live = useQuery({ ...ruleSetQuery(rules.data?.live ?? 0), enabled: rules.data?.live != null });
  const failed = rules.error ?? set.error ?? live.error;
  const isReady =
    rules.data !== undefined &&
    (base === undefined || set.data !== undefined) &&
    (rules.data.live === null || live.data !== undefined);
  if (!isReady) {
    return (
      <Page title="Edit the mail rules" trail={trail}>
        <ProblemAlert error={failed} onRetry={() => void rules.refetch()} />
        {failed === null && <Skeleton height={420} />}
      </Page>
    );
  }
  return <Editor key={base ?? 'first'} rules={rules.data} base={set.data} live={live.data} />;
}

const trail = (
  <Breadcrumbs mb={4}>
    <TextLink to="/mail-rules" size="sm">
      Mail rules
    </TextLink>
  </Breadcrumbs>
);

interface EditorProps {
  rules: MailRules;
  base: RuleSetDetail | undefined;
  live: RuleSetDetail | undefined;
}

function Editor({ rules, base, live }: EditorProps) {
  const mayPropose = useMay('mail-rules:propose');
  const original = base === undefined ? noRules : checkRules(base.document).set;
  const draft = useRulesDraft(original ?? noRules);
  const [chosen, setChosen] = useState<string>();
  const at = draft.rows.findIndex(({ key }) => key === chosen);
  const row = draft.rows[at];
  return (
    <Page
      title="Edit the mail rules"
      trail={trail}
      lead={
        base === undefined
          ? 'The first rules of this office.'
          : `Made from version ${base.version}${base.version === rules.live ? ', which is in force' : ''}.`
      }
    >
      {!mayPropose && (
        <Alert color="ink" variant="outline" title="You may look at the rules, not change them">
          Nothing that you do here is kept.
        </Alert>
      )}
      {original === undefined && (
        <Alert color="red" variant="outline" title={`Version ${base?.version} is of another release`}>
          This one does not read its rules, and begins with none.
        </Alert>
      )}
      <div className="profile-editor">
        <Stack gap="lg">
          <Panel title="Rules">
            <Stack>
              <Select
                label="Who decides"
                allowDeselect={false}
                disabled={!mayPropose}
                value={draft.mode}
                data={[
                  { value: 'first-match', label: 'The first rule that holds, alone' },
                  { value: 'all-match', label: 'All rules that hold, together: the strictest word counts' },
                ]}
                onChange={(mode) => mode !== null && draft.setMode(mode as RuleSet['mode'])}
              />
              <RuleList draft={draft} chosen={chosen} disabled={!mayPropose} onChoose={setChosen} />
            </Stack>
          </Panel>
          {row !== undefined && (
            <Panel title={`Rule ${at + 1}: ${row.rule.name}`}>
              <RuleForm
                key={row.key}
                rule={row.rule}
                path={`rules.${at}`}
                problems={draft.problems}
                disabled={!mayPropose}
                onChange={(rule) => draft.change(row.key, rule)}
              />
            </Panel>
          )}
        </Stack>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
        <aside className="profile-preview" aria-label="What it does, and what would change" tabIndex={0}>
          <Stack gap="lg">
            {row !== undefined && (
              <Panel title="What it does">
                <div aria-live="polite">
                  <Explanation rule={row.rule} />
                  <AdviceList advice={draft.advice.filter(({ rule }) => rule === row.rule.name)} />
                </div>
              </Panel>
            )}
            <Keep draft={draft} base={base} live={live} mayPropose={mayPropose} />
            <MessageTrial set={draft.set} />
            <Simulator set={draft.set} />
          </Stack>
        </aside>
      </div>
    </Page>
  );
}
