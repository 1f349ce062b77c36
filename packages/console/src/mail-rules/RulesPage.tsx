import type { MailRules, RuleCounts, RuleSetDetail } from '@chancery/api';
import { checkRules, type Rule } from '@chancery/mail-policy';
import { Skeleton, Stack, Text } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { api, useMay } from '../api.ts';
import { plural } from '../format.ts';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { Explanation } from './Explanation.tsx';
import { History } from './History.tsx';
import { ruleSetQuery, rulesQuery } from './queries.ts';
import { ruleStates } from './words.ts';

/** The rules of mail flow: those in force with what they did lately, which of them each gateway applies, and every version. */
export function RulesPage() {
  const { version: asked } = useSearch({ from: '/office/mail-rules' });
  const mayPropose = useMay('mail-rules:propose');
  const rules = useQuery({ ...rulesQuery, refetchInterval: 10_000 });
  const version = asked ?? rules.data?.live ?? undefined;
  const set = useQuery({ ...ruleSetQuery(version ?? 0), enabled: version !== undefined });
  const counts = useQuery({ queryKey: ['mail', 'counts'], queryFn: () => api.ruleCounts({ query: { days: 7 } }) });
  return (
    <Page
      title="Mail rules"
      lead={rules.data && leadOf(rules.data)}
      actions={
        <>
          <LinkButton to="/mail" variant="default">
            Journal
          </LinkButton>
          <LinkButton
            to="/mail-rules/edit"
            search={asked === undefined ? {} : { from: asked }}
            leftSection={<IconPencil size={16} aria-hidden />}
          >
            {mayPropose ? 'Edit' : 'Try out'}
          </LinkButton>
        </>
      }
    >
      <ProblemAlert
        error={rules.error ?? set.error ?? counts.error}
        onRetry={() => void Promise.all([rules.refetch(), set.refetch(), counts.refetch()])}
      />
      {rules.isPending && <Skeleton height={420} />}
      {rules.data && (
        <div className="profile-editor">
          <Stack gap="lg">
            <Panel title={version === undefined ? 'Rules' : `Version ${version}`}>
              {version === undefined ? (
                <EmptyState title="No rules yet">
                  Mail is signed where a gateway has the sender’s key, and encrypted where every recipient has a good
                  certificate. Rules change that for some mail.
                </EmptyState>
              ) : set.data === undefined ? (
                <Skeleton height={240} />
              ) : (
                <RuleTable set={set.data} counts={counts.data?.items ?? []} />
              )}
            </Panel>
            <Panel title="Gateways">
              <Gateways rules={rules.data} />
            </Panel>
          </Stack>
          <aside className="profile-preview" aria-label="Versions">
            <Panel title="Versions">
              <History rules={rules.data} shown={version} />
            </Panel>
          </aside>
        </div>
      )}
    </Page>
  );
}

function leadOf({ live, versions }: MailRules): string {
  if (live === null) return 'None are in force yet.';
  const drafts = versions.filter(({ state }) => state === 'draft').length;
  return `Version ${live} is in force${drafts === 0 ? '.' : `; ${plural(drafts, 'draft waits', 'drafts wait')} to be.`}`;
}

function RuleTable({ set, counts }: { set: RuleSetDetail; counts: RuleCounts['items'] }) {
  const read = checkRules(set.document).set;
  if (read === undefined) return <Text size="sm">This release does not read the rules of that version.</Text>;
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {read.mode === 'first-match'
          ? 'The first rule that holds decides alone.'
          : 'All rules that hold decide together.'}
      </Text>
      <ol className="rule-list" aria-label={`Rules of version ${set.version}`}>
        {read.rules.map((rule, index) => (
          <li key={rule.name} className="rule-row rule-shown">
            <span className="rule-place">{index + 1}</span>
            <div>
              <Text fw={600} size="sm">
                {rule.name} <StateBadge state={ruleStates[rule.enabled]} />
              </Text>
              <Explanation rule={rule} />
              <Counted rule={rule} counts={counts} />
            </div>
          </li>
        ))}
        <li className="rule-row rule-shown">
          <span className="rule-place">{read.rules.length + 1}</span>
          <div>
            <Text fw={600} size="sm">
              default
            </Text>
            <Text size="sm">All other mail is signed where we can, and encrypted where everybody can read it.</Text>
            <Counted rule={{ name: 'default', enabled: 'on' }} counts={counts} />
          </div>
        </li>
      </ol>
    </Stack>
  );
}

function Counted({ rule, counts }: { rule: Pick<Rule, 'name' | 'enabled'>; counts: RuleCounts['items'] }) {
  const of = (shadow: boolean) =>
    counts.filter((one) => one.rule === rule.name && one.shadow === shadow).reduce((sum, { count }) => sum + count, 0);
  const decided = of(false);
  const shadowed = of(true);
  return (
    <Text size="xs" c="dimmed" mt={4}>
      <TextLink to="/mail" search={{ rule: rule.name }} size="xs">
        {plural(decided, 'decision', 'decisions')} in 7 days
      </TextLink>
      {(shadowed > 0 || rule.enabled === 'shadow') && (
        <>
          {'; '}
          <TextLink to="/mail" search={{ shadow: rule.name }} size="xs">
            in shadow it would have changed {plural(shadowed, 'decision', 'decisions')}
          </TextLink>
        </>
      )}
    </Text>
  );
}

function Gateways({ rules }: { rules: MailRules }) {
  if (rules.gateways.length === 0) return <Text size="sm">No gateway is there yet.</Text>;
  return (
    <PlainTable label="What the gateways apply" head={['Gateway', 'Applies', 'Since', 'Seen']}>
      {rules.gateways.map(({ name, applies, lastSeenAt }) => (
        <tr key={name}>
          <td className="named">{name}</td>
          <td>
            <Applies applies={applies} live={rules.live} />
          </td>
          <td>{applies === null ? '' : <When at={applies.since} style="relative" />}</td>
          <td>{lastSeenAt === null ? 'Never' : <When at={lastSeenAt} style="relative" />}</td>
        </tr>
      ))}
    </PlainTable>
  );
}

function Applies({ applies, live }: { applies: MailRules['gateways'][number]['applies']; live: number | null }) {
  if (applies === null) return 'Has not said';
  const { version, source, ownRules, problem } = applies;
  const own = plural(ownRules, 'rule of its own file', 'rules of its own file');
  if (source === 'file') return <StateBadge state={[`Only ${own}`, 'warn']} />;
  return (
    <>
      <StateBadge
        state={[
          version === null ? 'No rules' : `Version ${version}`,
          version === live && problem === null ? 'ok' : 'warn',
        ]}
      />
      {source === 'both' && <div>after {own}</div>}
      {problem !== null && <div>{problem}</div>}
    </>
  );
}
