import { ApiError, type ImportReport } from '@chancery/api';
import { Alert, Breadcrumbs, Button, Group, Stack, Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api.ts';
import { save } from '../files.ts';
import { formatBytes, plural } from '../format.ts';
import { FileDrop } from '../pieces/FileDrop.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { lineOf } from './import-lines.ts';

const template =
  'address,name,aliases,external_id,signing_key,gateway_decrypts\n' +
  'ada@example.com,Ada Example,a.example@example.com;ada.e@example.com,1001,device,false\n';

const shownLines = 500;

/** CSV in two acts: what would change, and then the change, all or nothing. */
export function ImportPage() {
  const navigate = useNavigate();
  const [file, setFile] = useState<{ name: string; size: number; csv: string } | null>(null);
  const [unreadable, setUnreadable] = useState<string | null>(null);
  const rehearse = useAct((csv: string) => api.importPeople({ body: { csv, dryRun: true } }));
  const perform = useAct((csv: string) => api.importPeople({ body: { csv, dryRun: false } }), {
    stale: ['people', 'overview'],
    said: (report) => `Imported: ${report.created} added, ${report.changed} changed.`,
    onDone: () => void navigate({ to: '/people', search: {} }),
  });
  const choose = async (chosen: File) => {
    perform.reset();
    const csv = await chosen.text();
    setUnreadable(csv.includes('\ufffd') ? chosen.name : null);
    if (csv.includes('\ufffd')) {
      setFile(null);
      rehearse.reset();
      return;
    }
    setFile({ name: chosen.name, size: chosen.size, csv });
    rehearse.mutate(csv);
  };
  const error = perform.error ?? rehearse.error;
  return (
    <Page
      title="Import people"
      trail={
        <Breadcrumbs mb={4}>
          <TextLink to="/people" size="sm">
            People
          </TextLink>
        </Breadcrumbs>
      }
      lead="Nothing changes until you have seen what would."
    >
      <Panel>
        <Stack>
          <FileDrop
            label={file === null ? 'Drop a CSV file here, or choose one' : `${file.name}, ${formatBytes(file.size)}`}
            hint="Columns: address, name, aliases (split by ;), external_id, and if you like signing_key, gateway_decrypts"
            accept=".csv,text/csv"
            onFile={(chosen) => void choose(chosen)}
          />
          <Group>
            <Button variant="default" size="compact-sm" onClick={() => save('people.csv', 'text/csv', template)}>
              Download an example
            </Button>
          </Group>
        </Stack>
      </Panel>
      {unreadable !== null && (
        <Alert role="alert" color="wax" variant="outline" title={`${unreadable} is not in UTF-8`}>
          Names would arrive garbled, so nothing was read. Save it again as “CSV UTF-8” and choose it once more.
        </Alert>
      )}
      {rehearse.isPending && <Text role="status">Reading the file…</Text>}
      {error !== null && <ImportProblem error={error} />}
      {file !== null && rehearse.data !== undefined && error === null && (
        <Rehearsal report={rehearse.data} busy={perform.isPending} onImport={() => perform.mutate(file.csv)} />
      )}
    </Page>
  );
}

function ImportProblem({ error }: { error: unknown }) {
  if (!(error instanceof ApiError) || error.code !== 'invalid-import') return <ProblemAlert error={error} />;
  return (
    <Stack gap="sm">
      <ProblemAlert error={error} placed={error.fields.map((field) => field.path)} />
      <PlainTable label="Lines that cannot be imported" head={['Line', 'What is wrong']}>
        {error.fields.slice(0, shownLines).map((field) => (
          <tr key={`${field.path} ${field.message}`}>
            <td>{lineOf(field.path)}</td>
            <td>{field.message}</td>
          </tr>
        ))}
      </PlainTable>
    </Stack>
  );
}

function Rehearsal({ report, busy, onImport }: { report: ImportReport; busy: boolean; onImport: () => void }) {
  const count = report.created + report.changed;
  return (
    <Panel
      title="What would change"
      actions={
        <Button onClick={onImport} loading={busy} disabled={count === 0}>
          {count === 0 ? 'Nothing to import' : `Import ${plural(count, 'person', 'people')}`}
        </Button>
      }
    >
      <Group mb="md" role="status">
        <StateBadge state={[`${report.created} new`, 'ok']} />
        <StateBadge state={[`${report.changed} changed`, 'wait']} />
        <StateBadge state={[`${report.unchanged} unchanged`, 'quiet']} />
      </Group>
      {report.lines.length > 0 && (
        <PlainTable label="What would change" head={['Line', 'Address', 'Change']}>
          {report.lines.slice(0, shownLines).map((line) => (
            <tr key={line.line}>
              <td>{line.line}</td>
              <td>{line.address}</td>
              <td>
                <Group gap={8}>
                  <StateBadge state={line.action === 'created' ? ['New', 'ok'] : ['Changed', 'wait']} />
                  {line.changes.join(', ')}
                </Group>
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
      {report.lines.length > shownLines && (
        <Text size="sm" c="dimmed" mt="sm">
          And {plural(report.lines.length - shownLines, 'line', 'lines')} more.
        </Text>
      )}
    </Panel>
  );
}
