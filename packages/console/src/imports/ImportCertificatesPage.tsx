import type { ImportedItem } from '@chancery/api';
import { Alert, Breadcrumbs, Button, Code, Group, Progress, Stack, Switch, Text } from '@mantine/core';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { formatBytes, plural } from '../format.ts';
import { FileDrop } from '../pieces/FileDrop.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Picture } from './Picture.tsx';
import { groupsOf, type ReadFile, readFile } from './read-file.ts';

interface Chosen {
  readonly name: string;
  readonly size: number;
  readonly content: ReadFile;
}

const shownRows = 300;

/** Certificates of another office in two acts: what would become of each, and then the import. Keys come by the command line alone. */
export function ImportCertificatesPage() {
  const mayAdd = useMay('person:write');
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [createPeople, setCreatePeople] = useState(false);
  const [done, setDone] = useState(0);
  const run = async (input: { chosen: Chosen; createPeople: boolean; dryRun: boolean }) => {
    const items: ImportedItem[] = [];
    setDone(0);
    for (const group of groupsOf(input.chosen.content.certificates)) {
      const { dryRun, createPeople: create } = input;
      const body = {
        dryRun,
        createPeople: create,
        items: group.map((certificate) => ({ certificate, source: input.chosen.name.slice(-300) })),
      };
      items.push(...(await api.importCertificates({ body })).items);
      setDone(items.length);
    }
    return items;
  };
  const rehearse = useAct(run);
  const perform = useAct(run, { stale: ['people', 'certificates', 'imported', 'overview'] });
  const choose = async (file: File) => {
    perform.reset();
    rehearse.reset();
    const next = { name: file.name, size: file.size, content: await readFile(file) };
    setChosen(next);
    if (next.content.certificates.length > 0) rehearse.mutate({ chosen: next, createPeople, dryRun: true });
  };
  const change = (create: boolean) => {
    setCreatePeople(create);
    if (chosen !== null && chosen.content.certificates.length > 0)
      rehearse.mutate({ chosen, createPeople: create, dryRun: true });
  };
  const busy = rehearse.isPending || perform.isPending;
  const items = perform.data ?? rehearse.data;
  const total = chosen?.content.certificates.length ?? 0;
  return (
    <Page
      title="Import certificates"
      trail={
        <Breadcrumbs mb={4}>
          <TextLink to="/certificates" size="sm">
            Certificates
          </TextLink>
          <TextLink to="/certificates/imported" size="sm">
            From another office
          </TextLink>
        </Breadcrumbs>
      }
      lead="Nothing changes until you have seen what would."
    >
      <Panel>
        <Stack>
          <FileDrop
            label={chosen === null ? 'Drop a file here, or choose one' : `${chosen.name}, ${formatBytes(chosen.size)}`}
            hint="A PEM bundle, a certificate, the CSV of AD CS, the JSON of EJBCA"
            accept=".pem,.crt,.cer,.der,.csv,.json,.txt,.ldif"
            onFile={(file) => void choose(file)}
          />
          {mayAdd && (
            <Switch
              label="Add people who are not here yet"
              description="With the name and the addresses of their certificate. They get certificates of this office too."
              checked={createPeople}
              disabled={busy || perform.data !== undefined}
              onChange={(event) => change(event.currentTarget.checked)}
            />
          )}
        </Stack>
      </Panel>
      {chosen !== null && <Doubts content={chosen.content} />}
      {busy && (
        <div role="status">
          <Text mb={6}>
            {rehearse.isPending ? 'Looking at' : 'Importing'} {plural(total, 'certificate', 'certificates')}…
          </Text>
          <Progress value={total === 0 ? 0 : (done / total) * 100} aria-label="How far it is" />
        </div>
      )}
      <ProblemAlert error={perform.error ?? rehearse.error} />
      {items !== undefined && !busy && chosen !== null && (
        <Outcome
          items={items}
          done={perform.data !== undefined}
          onImport={() => perform.mutate({ chosen, createPeople, dryRun: false })}
        />
      )}
      <Panel title="Keys">
        <Text size="sm">
          The keys behind encryption certificates come by the command line, on the machine where their files lie: they
          are opened there, and leave it sealed. <Code>chancery import keys FOLDER --passwords passwords.csv</Code>
        </Text>
      </Panel>
    </Page>
  );
}

function Doubts({ content: { certificates, broken, pkcs7 } }: { content: ReadFile }) {
  if (certificates.length > 0 && broken === 0 && pkcs7 === 0) return null;
  return (
    <Alert
      role="alert"
      color="wax"
      variant="outline"
      title={certificates.length === 0 ? 'No certificate in it' : 'Not all of it could be read'}
    >
      {broken > 0 && `${plural(broken, 'block is', 'blocks are')} cut off or damaged. `}
      {pkcs7 > 0 && 'PKCS#7 is taken apart by the command line: chancery import certificates FILE. '}
      {certificates.length === 0 &&
        broken === 0 &&
        pkcs7 === 0 &&
        'Choose a file with certificates in PEM, DER, CSV or JSON.'}
    </Alert>
  );
}

interface OutcomeProps {
  readonly items: readonly ImportedItem[];
  readonly done: boolean;
  readonly onImport: () => void;
}

function Outcome({ items, done, onImport }: OutcomeProps) {
  const count = items.filter(({ outcome }) => outcome === 'imported' || outcome === 'updated').length;
  const joining = items.filter(({ created }) => created).length;
  const out = items
    .map((item, index) => ({ place: index + 1, item }))
    .filter(({ item: { outcome } }) => outcome === 'nobody' || outcome === 'refused');
  return (
    <Panel
      title={done ? 'What became of them' : 'What would become of them'}
      actions={
        done ? (
          <LinkButton to="/certificates/imported" variant="default">
            See what was imported
          </LinkButton>
        ) : (
          <Button onClick={onImport} disabled={count === 0}>
            {count === 0 ? 'Nothing to import' : `Import ${plural(count, 'certificate', 'certificates')}`}
          </Button>
        )
      }
    >
      <Picture items={items} done={done} />
      {joining > 0 && (
        <Text size="sm" mt="sm">
          {plural(joining, 'person', 'people')} {done ? 'joined' : 'would join'}.
        </Text>
      )}
      {out.length > 0 && (
        <Stack gap="xs" mt="md">
          <PlainTable label="What stays out" head={['No.', 'Certificate', 'Why it stays out']}>
            {out.slice(0, shownRows).map(({ place, item }) => (
              <tr key={place}>
                <td>{place}</td>
                <td style={{ overflowWrap: 'anywhere' }}>{item.addresses[0] ?? item.subject ?? 'Unreadable'}</td>
                <td>
                  <Group gap={8}>
                    <StateBadge state={item.outcome === 'nobody' ? ['Nobody', 'warn'] : ['Refused', 'bad']} />
                    {item.reason}
                  </Group>
                </td>
              </tr>
            ))}
          </PlainTable>
          {out.length > shownRows && (
            <Text size="sm" c="dimmed">
              And {plural(out.length - shownRows, 'certificate', 'certificates')} more.
            </Text>
          )}
        </Stack>
      )}
    </Panel>
  );
}
