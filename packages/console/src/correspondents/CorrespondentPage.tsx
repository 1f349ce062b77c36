import type { Correspondent, CorrespondentCertificate } from '@chancery/api';
import { Breadcrumbs, Button, Group, Modal, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { type DecodedCertificate, decodeCertificate } from '../certificates/decode-certificate.ts';
import { fromBase64 } from '../files.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { announced, approvedBy, certificateStates, encryptionState, whyWritable } from './words.ts';

type Decision = { kind: 'forget' } | { kind: 'accept'; sha256: string };

/** One correspondent: whether they can be written to encrypted and why not, and every certificate that ever came from them. */
export function CorrespondentPage() {
  const { id } = useParams({ from: '/office/correspondents/$id' });
  const known = useQuery({
    queryKey: ['correspondents', 'one', id],
    queryFn: () => api.correspondent({ params: { id } }),
    refetchInterval: ({ state }) => (state.data?.decision == null ? false : 3_000),
  });
  const mayDecide = useMay('partner:write');
  const [asked, setAsked] = useState<Decision>();
  const one = known.data;
  return (
    <Page
      title={one?.address ?? 'A correspondent'}
      trail={
        <Breadcrumbs mb={4}>
          <TextLink to="/correspondents" size="sm">
            Correspondents
          </TextLink>
        </Breadcrumbs>
      }
      lead={one && `As the gateway ${one.gateway} knows them.`}
      actions={
        one && (
          <>
            <LinkButton to="/mail" search={{ address: one.address }} variant="default">
              Their mail
            </LinkButton>
            {mayDecide && (
              <Button variant="default" disabled={one.decision !== null} onClick={() => setAsked({ kind: 'forget' })}>
                Forget them
              </Button>
            )}
          </>
        )
      }
    >
      <ProblemAlert error={known.error} onRetry={() => void known.refetch()} />
      {known.isPending && <Skeleton height={320} />}
      {one && (
        <Stack gap="lg">
          <Panel title="Can they be written to encrypted?">
            <Stack gap="xs" align="flex-start">
              <StateBadge state={encryptionState(one)} />
              <Text size="sm">{whyWritable(one)}</Text>
              {one.decision !== null && (
                <Text size="sm" c="dimmed" role="status">
                  It was decided to {one.decision === 'forget' ? 'forget them' : 'use another certificate'}; the gateway
                  does it at its next look.
                </Text>
              )}
              <Text size="sm" c="dimmed">
                {habitOf(one)}
              </Text>
            </Stack>
          </Panel>
          {one.certificates.map((certificate) => (
            <Certificate
              key={certificate.sha256}
              of={certificate}
              onAccept={
                mayDecide && one.decision === null && certificate.state !== 'pinned'
                  ? () => setAsked({ kind: 'accept', sha256: certificate.sha256 })
                  : undefined
              }
            />
          ))}
        </Stack>
      )}
      <Modal
        opened={asked !== undefined}
        onClose={() => setAsked(undefined)}
        size="lg"
        title={asked?.kind === 'forget' ? `Forget ${one?.address}` : 'Use this certificate'}
      >
        {asked !== undefined && one && <Confirm one={one} decision={asked} onClose={() => setAsked(undefined)} />}
      </Modal>
    </Page>
  );
}

function habitOf({ signed, unsigned }: Correspondent): string {
  if (signed < 3) return 'Too few of their messages were signed for it to be a habit.';
  return unsigned < 3
    ? 'They always sign: a message without a signature is told to its reader.'
    : 'They used to sign, and no longer do: a message without a signature is not told.';
}

function Certificate({ of, onAccept }: { of: CorrespondentCertificate; onAccept: (() => void) | undefined }) {
  const read = decoded(of.certificate);
  return (
    <Panel
      title={read === undefined ? 'A certificate' : nameOf(read)}
      actions={
        <Group gap="xs">
          <StateBadge state={certificateStates[of.state]} />
          {onAccept !== undefined && (
            <Button
              size="xs"
              variant="default"
              aria-label={`Use it: the certificate ${of.sha256.slice(0, 8)}`}
              onClick={onAccept}
            >
              Use it
            </Button>
          )}
        </Group>
      }
    >
      <Facts
        items={[
          ...(read === undefined
            ? []
            : ([
                ['Issuer', read.issuer],
                [
                  'Valid',
                  <span key="valid">
                    <When at={read.notBefore} /> to <When at={read.notAfter} />
                  </span>,
                ],
                ['Key', read.publicKey],
              ] as const)),
          ['Their software reads', announced(of)],
          ['First seen', <When key="first" at={of.firstSeen} style="time" />],
          ['Last seen', <When key="last" at={of.lastSeen} />],
          [
            'Came with',
            <span key="message" className="mono">
              {of.message ?? 'a message without an id'}
            </span>,
          ],
          [
            'On whose word',
            of.approved === null ? (
              approvedBy(of)
            ) : (
              <span key="word">
                {approvedBy(of)}, <When at={of.approved.at} style="time" />
              </span>
            ),
          ],
          ['SHA-256', <CopyField key="print" label="SHA-256 fingerprint" value={of.sha256} />],
        ]}
      />
    </Panel>
  );
}

function decoded(base64: string): DecodedCertificate | undefined {
  try {
    return decodeCertificate(fromBase64(base64));
  } catch {
    return undefined;
  }
}

/** The common name, else the whole subject. */
function nameOf({ subject }: DecodedCertificate): string {
  return /(?:^|, )CN=([^,]+)/.exec(subject)?.[1] ?? (subject === '' ? 'Without a name' : subject);
}

function Confirm({ one, decision, onClose }: { one: Correspondent; decision: Decision; onClose: () => void }) {
  const decide = useAct(() => api.decideCorrespondent({ params: { id: one.id }, body: decision }), {
    stale: ['correspondents'],
    said: () => `Decided. ${one.gateway} does it at its next look, within seconds.`,
    onDone: onClose,
  });
  return (
    <Stack>
      {decision.kind === 'forget' ? (
        <Text size="sm">
          The gateway {one.gateway} forgets their certificates and their habit. Mail to them cannot be encrypted with
          them any more; the next signed mail of theirs begins anew.
        </Text>
      ) : (
        <>
          <Text size="sm">
            Mail to {one.address} is encrypted with this certificate from then on, and the one before is kept as
            replaced. Ask them by telephone first whether it is theirs: they read out the SHA-256.
          </Text>
          <CopyField label="SHA-256 fingerprint" value={decision.sha256} />
        </>
      )}
      <ProblemAlert error={decide.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          {...(decision.kind === 'forget' ? { color: 'red' } : {})}
          loading={decide.isPending}
          onClick={() => decide.mutate(undefined)}
        >
          {decision.kind === 'forget' ? 'Forget them' : 'Use this certificate'}
        </Button>
      </Group>
    </Stack>
  );
}
