import type { Overview, Vault } from '@chancery/api';
import { Group, Progress, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense } from 'react';
import { api, useMay } from '../api.ts';
import { findingsOfTargets, useAuditTargets } from '../audit/use-targets.ts';
import { findingsOf } from '../authorities/judge-status.ts';
import { useStatus } from '../authorities/use-status.ts';
import { formatCount, percent, plural } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { Findings, type ShownFinding } from '../pieces/Findings.tsx';
import { LinkButton } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { findingsOfVault } from '../vault/judge-vault.ts';
import { useVault } from '../vault/use-vault.ts';
import { WaitingForHelp } from './WaitingForHelp.tsx';

const Charts = lazy(() => import('./Charts.tsx').then((module) => ({ default: module.Charts })));

/** The office at a glance: what is covered, what needs a hand, what runs out. */
export function OverviewPage() {
  const overview = useQuery({
    queryKey: ['overview'],
    queryFn: () => api.overview(),
    refetchInterval: 30_000,
  });
  return (
    <Page title="Overview" lead={overview.data && ofWhen(overview.data)}>
      <ProblemAlert error={overview.error} onRetry={() => void overview.refetch()} />
      {overview.isPending && <OverviewSkeleton />}
      {overview.data !== undefined && <Glance overview={overview.data} />}
    </Page>
  );
}

/** A very large office is not counted anew each time somebody looks. */
function ofWhen({ countedAt }: Overview) {
  if (Date.now() - Date.parse(countedAt) < 60_000) return undefined;
  return (
    <>
      Counted <When at={countedAt} style="relative" />
    </>
  );
}

function Glance({ overview }: { overview: Overview }) {
  const mayAdd = useMay('person:write');
  const { people, certificates, escrow, recoveries, drill } = overview;
  if (people.active === 0 && certificates.valid === 0) {
    return <FirstSteps mayAdd={mayAdd} />;
  }
  return (
    <Stack gap="lg">
      <Needs overview={overview} />
      <WaitingForHelp />
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 5 }}>
        <Figure
          name="Can be written to encrypted"
          value={`${formatCount(people.canBeWrittenTo)} of ${formatCount(people.active)}`}
          part={percent(people.canBeWrittenTo, people.active)}
          detail={
            people.active > people.canBeWrittenTo ? (
              <Link to="/people" search={{ show: 'uncovered' }} className="quiet-link">
                {plural(people.active - people.canBeWrittenTo, 'person is', 'people are')} not covered
              </Link>
            ) : (
              'Everybody'
            )
          }
        />
        <Figure
          name="Can sign"
          value={`${formatCount(people.canSign)} of ${formatCount(people.active)}`}
          part={percent(people.canSign, people.active)}
          detail={people.canSign < people.active ? 'The others have not collected their keys' : 'Everybody'}
        />
        <Figure
          name="Encryption keys in escrow"
          value={`${formatCount(escrow.covered)} of ${formatCount(escrow.encryptionCertificates)}`}
          part={percent(escrow.covered, escrow.encryptionCertificates)}
          detail={`${plural(escrow.keys, 'key', 'keys')} kept, old ones included`}
        />
        <Figure
          name="Proven to open"
          value={`${formatCount(drill.proven)} of ${formatCount(drill.keys)}`}
          part={percent(drill.proven, drill.keys)}
          detail={
            <Link to="/vault" className="quiet-link">
              {drill.lastAt === null ? (
                'No drill yet'
              ) : (
                <>
                  Last drill <When at={drill.lastAt} style="relative" />
                </>
              )}
            </Link>
          }
        />
        <Figure
          name="Open recoveries"
          value={formatCount(recoveries.open + recoveries.approved)}
          detail={
            <Link to="/recovery" className="quiet-link">
              {recoveries.open} waiting, {recoveries.approved} approved
            </Link>
          }
        />
      </SimpleGrid>
      <Suspense fallback={<ChartsSkeleton />}>
        <Charts overview={overview} />
      </Suspense>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Publication overview={overview} />
        <Machines overview={overview} />
      </SimpleGrid>
    </Stack>
  );
}

/** What to do in a new office, in the order that saves trouble later. */
function FirstSteps({ mayAdd }: { mayAdd: boolean }) {
  const mayInvite = useMay('operator:write');
  return (
    <Panel title="Your office is ready, and empty">
      <ol className="steps">
        <FirstStep
          title="Add the people whose mail you look after"
          detail="Each gets an encryption certificate at once, its key in escrow, and a link to collect both keys."
        >
          {mayAdd && (
            <>
              <LinkButton to="/people/import">Import people from CSV</LinkButton>
              <LinkButton to="/people" variant="default">
                Add one person
              </LinkButton>
            </>
          )}
        </FirstStep>
        <FirstStep
          title="Invite two recovery officers"
          detail="A lost key comes back only when two of them agree. You cannot be one: whoever administers never approves."
        >
          {mayInvite && (
            <LinkButton to="/operators" variant="default">
              Go to Operators
            </LinkButton>
          )}
        </FirstStep>
        <FirstStep
          title="Give your root certificate to those who write to you"
          detail="Mail programs outside trust your people’s certificates once they trust the root."
        >
          <LinkButton to="/authorities" variant="default">
            Go to Authorities
          </LinkButton>
        </FirstStep>
      </ol>
    </Panel>
  );
}

function FirstStep({ title, detail, children }: { title: string; detail: string; children: ReactNode }) {
  return (
    <li>
      <span className="step-mark badge" data-tone="wait">
        <IconArrowRight size={18} aria-hidden />
      </span>
      <div>
        <Text fw={600}>{title}</Text>
        <Text size="sm" c="dimmed" mb="xs">
          {detail}
        </Text>
        <Group gap="xs">{children}</Group>
      </div>
    </li>
  );
}

/** Only what somebody must do something about. */
function Needs({ overview }: { overview: Overview }) {
  const { certificates, escrow, publication, keyStores, drill } = overview;
  const status = useStatus(useMay('certificate:read')).data;
  const vault = useVault(useMay('recovery:read')).data;
  const targets = useAuditTargets(useMay('audit:read')).data;
  const missing = escrow.encryptionCertificates - escrow.covered;
  const needs: ShownFinding[] = publication
    .filter((target) => target.failed > 0)
    .map((target) => ({
      key: target.target,
      tone: 'bad',
      text: `${target.target} refuses ${plural(target.failed, 'certificate', 'certificates')}: ${reasonOf(target.lastError)}. Nothing is lost, it is tried again.`,
    }));
  for (const store of keyStores.filter((one) => one.state === 'unavailable')) {
    needs.unshift({
      key: store.name,
      tone: 'bad',
      text: `The keys in ${keyStoreName(store.name)} cannot be used: ${reasonOf(store.lastError?.message ?? null)}. Until they can, nothing is signed with them.`,
    });
  }
  if (drill.failed > 0) {
    needs.unshift({
      key: 'drill-failed',
      tone: 'bad',
      text: `${plural(drill.failed, 'key', 'keys')} in escrow did not open in a drill: mail encrypted to them would be lost with the device. Restore these records from a backup; the audit trail names them.`,
    });
  }
  if (drill.overdue) {
    needs.push({
      key: 'drill-overdue',
      tone: 'warn',
      text: (
        <>
          A drill is overdue: nobody has shown lately that keys in escrow open.{' '}
          <Link to="/vault" className="quiet-link">
            Go to the vault
          </Link>
        </>
      ),
    });
  }
  if (missing > 0) {
    needs.unshift({
      key: 'escrow',
      tone: 'bad',
      text: `${plural(missing, 'encryption certificate has', 'encryption certificates have')} no key in escrow: mail to them would be lost with the device.`,
    });
  }
  if (certificates.expiring > 0) {
    needs.push({
      key: 'expiring',
      tone: 'warn',
      text: (
        <>
          {plural(certificates.expiring, 'certificate runs', 'certificates run')} out soon.{' '}
          <Link to="/certificates" search={{ state: 'expiring' }} className="quiet-link">
            Show them
          </Link>
        </>
      ),
    });
  }
  if (overview.retention.ending > 0) {
    needs.push({
      key: 'retention',
      tone: 'warn',
      text: (
        <>
          The retention of {plural(overview.retention.ending, 'escrowed key', 'escrowed keys')} ends.{' '}
          <Link to="/retention" className="quiet-link">
            Show which
          </Link>
        </>
      ),
    });
  }
  return (
    <Findings
      label="Needs attention"
      findings={[
        ...findingsOfVaultHere(vault),
        ...findingsOfTargets(targets),
        ...needs,
        ...findingsOf(status?.authorities ?? [], Date.now()),
      ]}
    />
  );
}

/** What the name of a store begins with that holds the keys of OCSP responders alone. */
const STATUS = 'status ';

/** What a person can do something about only on the vault's own page. */
function findingsOfVaultHere(vault: Vault | undefined): ShownFinding[] {
  if (vault === undefined) return [];
  const toVault = (
    <Link to="/vault" className="quiet-link">
      Go to the vault
    </Link>
  );
  const found: ShownFinding[] = [];
  if (vault.ceremony?.yourTurn != null) {
    found.push({ key: 'ceremony', tone: 'warn', text: <>The vault ceremony waits for you. {toVault}</> });
  }
  if (vault.rounds.some(({ yours }) => yours > 0)) {
    const drill = vault.rounds.some(({ kind, yours }) => kind === 'drill' && yours > 0);
    found.push({
      key: 'round',
      tone: 'warn',
      text: (
        <>
          {drill ? 'A drill waits for your part.' : 'Keys wait for your part to move into the new vault.'} {toVault}
        </>
      ),
    });
  }
  if (vault.state === 'provisional') {
    found.push({
      key: 'not-founded',
      tone: 'warn',
      text: <>Keys are kept, but none can be recovered until officers have founded the vault. {toVault}</>,
    });
  }
  return vault.state === 'live' ? [...found, ...findingsOfVault(vault)] : found;
}

/** `software`, or `pkcs11:` and the label of a token. */
function keyStoreName(name: string): string {
  const own = name.replace(STATUS, '');
  return own.startsWith('pkcs11:') ? `the token ${own.slice('pkcs11:'.length)}` : 'the software key store';
}

const reasonOf = (error: string | null) => error?.replace(/\.$/, '') ?? 'it gave no reason';

function Figure({ name, value, part, detail }: { name: string; value: string; part?: number; detail: ReactNode }) {
  return (
    <section className="panel">
      <Text size="sm" c="dimmed" component="h2" fw={500}>
        {name}
      </Text>
      <Text fz={26} fw={650} lh={1.3}>
        {value}
      </Text>
      {part !== undefined && (
        <Progress
          value={part}
          size="sm"
          my={8}
          aria-label={`${name}: ${part} per cent`}
          color={part === 100 ? 'moss' : 'ink'}
        />
      )}
      <Text size="sm" c="dimmed" component="div">
        {detail}
      </Text>
    </section>
  );
}

function Publication({ overview }: { overview: Overview }) {
  return (
    <Panel title="Publication">
      {overview.publication.length === 0 ? (
        <Text c="dimmed" size="sm">
          No directory is configured. Name one under <code className="mono">[publication.ldap.NAME]</code> in the
          configuration, so that senders find your certificates.
        </Text>
      ) : (
        <Facts
          items={overview.publication.map((target) => [
            target.target,
            <Group key={target.target} gap="xs">
              <StateBadge state={[`${formatCount(target.published)} published`, 'ok']} />
              {target.pending > 0 && <StateBadge state={[`${formatCount(target.pending)} pending`, 'wait']} />}
              {target.failed > 0 && <StateBadge state={[`${formatCount(target.failed)} failed`, 'bad']} />}
            </Group>,
          ])}
        />
      )}
    </Panel>
  );
}

function Machines({ overview }: { overview: Overview }) {
  const { status, gateways, keyStores } = overview;
  return (
    <Panel title="Status">
      <Facts
        items={[
          [
            'Revocation list',
            status.crlNumber === null ? (
              'None yet'
            ) : (
              <>
                Number {status.crlNumber}
                {status.crlNextUpdate !== null && (
                  <>
                    , next <When at={status.crlNextUpdate} style="relative" />
                  </>
                )}
              </>
            ),
          ],
          ...keyStores.map(
            (store, index) =>
              [
                // New keys are made in the first.
                store.name.startsWith(STATUS) ? 'Keys of OCSP' : index === 0 ? 'Keys' : 'Older keys',
                <KeyStoreState key={store.name} store={store} />,
              ] as const,
          ),
          ...gateways.map(
            (gateway) =>
              [
                `Gateway ${gateway.name}`,
                gateway.lastSeenAt === null ? (
                  'Never seen'
                ) : (
                  <>
                    Seen <When at={gateway.lastSeenAt} style="relative" />
                  </>
                ),
              ] as const,
          ),
          ...(gateways.length === 0 ? ([['Gateways', 'None has enrolled']] as const) : []),
        ]}
      />
    </Panel>
  );
}

function KeyStoreState({ store }: { store: Overview['keyStores'][number] }) {
  const { name, state, since, device, sessions } = store;
  return (
    <Group gap="xs">
      <StateBadge state={state === 'available' ? ['Available', 'ok'] : ['Unavailable', 'bad']} />
      <Text size="sm" span>
        {name.endsWith('software') ? 'Software' : `Token ${name.replace(STATUS, '').slice('pkcs11:'.length)}`}
        {device !== null && `, ${device}`}
        {sessions !== null && state === 'available' && `, ${sessions.free} of ${sessions.total} sessions free`}
        {state === 'unavailable' && (
          <>
            , since <When at={since} style="relative" />
          </>
        )}
      </Text>
    </Group>
  );
}

function OverviewSkeleton() {
  return (
    <Stack aria-busy="true">
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 5 }}>
        {['a', 'b', 'c', 'd', 'e'].map((key) => (
          <Skeleton key={key} height={118} />
        ))}
      </SimpleGrid>
      <ChartsSkeleton />
    </Stack>
  );
}

function ChartsSkeleton() {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Skeleton height={320} />
      <Skeleton height={320} />
    </SimpleGrid>
  );
}
