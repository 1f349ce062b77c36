import { type RecoveryRequest, routes } from '@chancery/api';
import { collectOrigins } from '@chancery/vault';
import { Button, Checkbox, Group, Skeleton, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { api, useMe } from '../api.ts';
import { knownTrail, rememberTrail } from '../audit/known-trail.ts';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { InWords } from '../problem.ts';
import { useShareKey } from '../vault/use-share-key.tsx';
import { readTranscriptOf, useVault } from '../vault/use-vault.ts';
import { isShownAsAsked, keysOf } from './rules.ts';

/** An officer decides, with their share key: an approval is their part of the opening itself, a rejection is signed. */
export function Decide({ request }: { request: RecoveryRequest }) {
  const vault = useVault();
  if (vault.data === undefined) {
    return (
      <Panel title="Your decision">
        <ProblemAlert error={vault.error} onRetry={() => void vault.refetch()} />
        {vault.isPending && <Skeleton height={160} />}
      </Panel>
    );
  }
  return <DecideWith request={request} vault={vault.data} />;
}

interface DecideWithProps {
  request: RecoveryRequest;
  vault: NonNullable<ReturnType<typeof useVault>['data']>;
}

function DecideWith({ request, vault }: DecideWithProps) {
  const me = useMe();
  const [note, setNote] = useState('');
  const [acceptAttested, setAcceptAttested] = useState(false);
  // Of the vault that the keys lie in, which need not be the one of now.
  const transcript = readTranscriptOf(request.vault);
  const own = transcript?.plan.officers.find(({ id }) => id === me?.id);
  const key = useShareKey({ vault, encryption: own?.publicKeys.encryption });
  const decide = useAct(
    async (decision: 'approve' | 'reject') => {
      const { digest, opening } = request;
      const params = { id: request.id };
      if (decision === 'reject') {
        const { signature } = await key.run('reject', { digest });
        return api.decideRecovery({ params, body: { decision, digest, note, signature } });
      }
      if (transcript === null || opening === null || me === undefined) {
        throw new InWords('The vault is not in use. Nothing was decided.');
      }
      if (opening.request !== digest || !isShownAsAsked(request)) {
        throw new InWords(
          'The office asks to open something else than this page shows. Nothing was decided. Tell an auditor.',
        );
      }
      const known = knownTrail();
      const origins = await collectOrigins(known, (query) => api.recoveryOrigins({ params, query }));
      const points = { origins, known, acceptAttested };
      const asked = { officerId: me.id, transcript, opening, document: request.canonical, points };
      const evidence = await key.run('approve', asked);
      rememberTrail(evidence.known);
      const { signature, partial } = evidence;
      return api.decideRecovery({
        params,
        body: routes.decideRecovery.body.parse({ decision, digest, note, signature, partial }),
      });
    },
    {
      stale: ['recovery', 'overview'],
      said: (result) => (result.state === 'rejected' ? 'Rejected.' : 'Your approval is recorded.'),
    },
  );
  const busy = (decision: 'approve' | 'reject') => decide.isPending && decide.variables === decision;
  return (
    <Panel title="Your decision">
      <Stack>
        {request.mayApprove ? (
          <Text>
            Read the whole request below. If you approve, your browser checks on the audit trail whose key each one is,
            computes your part of the opening of {plural(keysOf(request), 'key', 'keys')} and proves that it did; it is
            good for exactly this request. Your name stands in the audit trail beside it.
          </Text>
        ) : (
          <Text>
            {request.why === null ? '' : `${request.why.why}. `}You may reject the request until it is released.
          </Text>
        )}
        <Textarea
          label="Note"
          description="Why you decide so. Optional"
          autosize
          minRows={2}
          maxLength={1000}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <div>
          <Text size="sm" fw={500} mb={6}>
            Your share key
          </Text>
          {key.fields}
        </div>
        <ProblemAlert error={decide.error} />
        {/were escrowed before there were proofs/.test(decide.error?.message ?? '') && (
          <Checkbox
            label="Open them on the word of the audit trail"
            description="Sure only where an auditor has compared the trail with a witness since this office was brought up to date."
            checked={acceptAttested}
            onChange={(event) => setAcceptAttested(event.currentTarget.checked)}
          />
        )}
        <Group>
          {request.mayApprove && (
            <Button
              disabled={!key.ready || busy('reject')}
              loading={busy('approve')}
              onClick={() => decide.mutate('approve')}
            >
              Approve
            </Button>
          )}
          <Button
            color="wax"
            variant="outline"
            disabled={!key.ready || busy('approve')}
            loading={busy('reject')}
            onClick={() => decide.mutate('reject')}
          >
            Reject
          </Button>
        </Group>
      </Stack>
    </Panel>
  );
}
