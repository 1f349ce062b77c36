import type { AuditRecord } from '@chancery/api';
import { parseSignedCheckpoint } from '@chancery/trail';
import { Button, Group, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconShieldCheck } from '@tabler/icons-react';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { knownTrail, rememberTrail } from './known-trail.ts';
import { type Check, verifyRecord } from './verify-record.ts';

/** Checks in this browser that a record stands on the trail. */
export function VerifyRecord({ record }: { record: AuditRecord }) {
  const verify = useAct(() => checkHere(record));
  const good = verify.data?.every(({ holds }) => holds) === true;
  return (
    <section aria-label="Verification">
      <ProblemAlert error={verify.error} />
      {verify.data === undefined ? (
        <Group>
          <Button
            variant="default"
            loading={verify.isPending}
            onClick={() => verify.mutate(undefined)}
            leftSection={<IconShieldCheck size={16} aria-hidden />}
          >
            Verify in this browser
          </Button>
        </Group>
      ) : (
        <>
          <Text fw={600} role="status" {...(!good && { c: 'wax' })}>
            {good ? 'This record stands on the trail' : 'This record does not stand on the trail as it is shown'}
          </Text>
          <ol className="steps">
            {verify.data.map((check) => (
              <Outcome key={check.what} check={check} />
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function Outcome({ check: { what, holds, detail } }: { check: Check }) {
  const Icon = holds ? IconCheck : IconAlertTriangle;
  return (
    <li>
      <span className="step-mark badge" data-tone={holds ? 'ok' : 'bad'}>
        <Icon size={18} aria-hidden />
        <span className="visually-hidden">{holds ? 'Holds' : 'Does not hold'}</span>
      </span>
      <div className="step-body">
        <Text fw={500}>{what}</Text>
        <Text size="sm" c="dimmed">
          {detail}
        </Text>
      </div>
    </li>
  );
}

async function checkHere(record: AuditRecord): Promise<Check[]> {
  const proof = await api.auditProof({ params: { sequence: record.sequence } });
  const known = knownTrail();
  const seen = known === null ? undefined : parseSignedCheckpoint(known.checkpoint)?.checkpoint.size;
  const before =
    known === null || seen === undefined
      ? null
      : { known, consistency: await consistency(seen, proof.checkpoint.size) };
  const { keys } = await api.auditCheckpoints({ query: { limit: 1 } });
  const { checks, known: now } = verifyRecord({ record, proof, keys, before });
  if (now !== null) rememberTrail(now);
  return checks;
}

/** None where the trail has become shorter: then nothing proves anything. */
async function consistency(from: number, to: number): Promise<readonly string[]> {
  if (from > to) return [];
  return (await api.auditConsistency({ query: { from, to } })).proof;
}
