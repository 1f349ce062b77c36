import './vault.css';
import type { Vault } from '@chancery/api';
import { Alert, Button, Group, Modal, Skeleton, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconUsersPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useMay } from '../api.ts';
import { formatCount, plural } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { Findings } from '../pieces/Findings.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { vaultStates } from '../words.ts';
import { CeremonyPanel } from './CeremonyPanel.tsx';
import { Drills } from './Drills.tsx';
import { Fingerprint } from './Fingerprint.tsx';
import { findingsOfVault } from './judge-vault.ts';
import { KeyStoreHalf } from './KeyStoreHalf.tsx';
import { LostOfficer } from './LostOfficer.tsx';
import { MakeShareKey } from './MakeShareKey.tsx';
import { NewCeremony } from './NewCeremony.tsx';
import { PastCeremonies } from './PastCeremonies.tsx';
import { RoundPanel } from './RoundPanel.tsx';
import { useVault } from './use-vault.ts';
import { type PicturedOfficer, VaultPicture } from './VaultPicture.tsx';
import { YourPart } from './YourPart.tsx';

/** The vault: who holds it, what is in it, and the ceremony by which officers found it or share it anew. */
export function VaultPage() {
  const vault = useVault();
  const mayFound = useMay('vault:write');
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const close = () => setDialog(null);
  const current = vault.data;
  if (current === undefined) {
    return (
      <Page title="Vault">
        <ProblemAlert error={vault.error} onRetry={() => void vault.refetch()} />
        {vault.isPending && <Skeleton height={320} />}
      </Page>
    );
  }
  const invite = mayFound && current.ceremony === null;
  return (
    <Page
      title="Vault"
      lead={
        <Group gap="xs">
          <StateBadge state={vaultStates[current.state]} />
          <span>where the private keys of encryption certificates are kept</span>
        </Group>
      }
      actions={
        current.state === 'live' && (
          <Group gap="xs">
            <Button variant="default" onClick={() => setDialog({ kind: 'lost' })}>
              A share key is lost
            </Button>
            {invite && (
              <Button variant="default" onClick={() => setDialog({ kind: 'found' })}>
                New vault
              </Button>
            )}
            {invite && (
              <Button
                variant="default"
                onClick={() => setDialog({ kind: 'reshare' })}
                leftSection={<IconUsersPlus size={16} aria-hidden />}
              >
                Share anew
              </Button>
            )}
          </Group>
        )
      }
    >
      <ProblemAlert error={vault.error} onRetry={() => void vault.refetch()} />
      {current.ceremony !== null && <YourPart vault={current} ceremony={current.ceremony} />}
      {current.ceremony?.kind === 'found' && <CeremonyPanel ceremony={current.ceremony} />}
      {current.state === 'provisional' && (
        <Provisional
          vault={current}
          onInvite={invite ? () => setDialog({ kind: 'found' }) : undefined}
          mayInvite={mayFound}
        />
      )}
      {current.state === 'live' && <Live vault={current} />}
      {current.rounds.map((round) => (
        <RoundPanel key={round.id} vault={current} round={round} />
      ))}
      {current.ceremony?.kind === 'reshare' && <CeremonyPanel ceremony={current.ceremony} />}
      {current.state === 'live' && <Drills vault={current} />}
      {current.state === 'live' && <KeyStoreHalf vault={current} />}
      <YourShareKey vault={current} />
      <PastCeremonies vault={current} />
      <Modal opened={dialog !== null} onClose={close} title={dialog === null ? '' : titleOf(dialog, current)} size="lg">
        {dialog?.kind === 'lost' && (
          <LostOfficer
            vault={current}
            mayInvite={invite}
            onShareAnew={(dealers) => setDialog({ kind: 'reshare', dealers })}
            onNewVault={() => setDialog({ kind: 'found' })}
            onClose={close}
          />
        )}
        {dialog !== null && dialog.kind !== 'lost' && (
          <NewCeremony
            vault={current}
            anew={dialog.kind === 'found' && current.state === 'live'}
            dealers={dialog.kind === 'reshare' ? dialog.dealers : undefined}
            onClose={close}
          />
        )}
      </Modal>
    </Page>
  );
}

type Dialog = { readonly kind: 'found' | 'lost' } | { readonly kind: 'reshare'; readonly dealers?: readonly string[] };

function titleOf({ kind }: Dialog, { state }: Vault): string {
  if (kind === 'lost') return 'A share key is lost';
  if (kind === 'reshare') return 'Share the vault anew';
  return state === 'live' ? 'Found a new vault' : 'Invite officers to found the vault';
}

interface ProvisionalProps {
  vault: Vault;
  mayInvite: boolean;
  onInvite: (() => void) | undefined;
}

function Provisional({ vault, mayInvite, onInvite }: ProvisionalProps) {
  const { ceremony, keys } = vault;
  return (
    <Panel>
      <div className={ceremony === null ? 'vault-view' : undefined}>
        {ceremony === null && (
          <VaultPicture officers={[]} threshold={0} shut={false} label="A vault without officers" />
        )}
        <Stack gap="sm">
          <Text component="h2" fz="lg" fw={650}>
            Keys are kept, but none can be recovered yet
          </Text>
          <Text>
            {keys.inVault === 0 ? 'New keys go' : `${plural(keys.inVault, 'key is', 'keys are')} kept and new ones go`}{' '}
            into a provisional vault, which only this server can open. Recovery begins when officers have founded the
            vault: they make its key together, each in their own browser, so that nobody has it alone; not an
            administrator, and not this server.
          </Text>
          <Text c="dimmed" size="sm">
            Nothing is lost by waiting. Once the officers have founded the vault, the keys move into it by themselves
            and the provisional one is destroyed.
          </Text>
          {onInvite !== undefined && (
            <Group>
              <Button onClick={onInvite} leftSection={<IconUsersPlus size={18} aria-hidden />}>
                Invite officers to found the vault
              </Button>
            </Group>
          )}
          {ceremony === null && !mayInvite && (
            <Text size="sm">An administrator invites the officers, on this page.</Text>
          )}
        </Stack>
      </div>
    </Panel>
  );
}

function Live({ vault }: { vault: Vault }) {
  const { officers, threshold, keys } = vault;
  const present = officers.filter(({ inOffice }) => inOffice).length;
  const pictured: PicturedOfficer[] = officers.map(({ id, name, inOffice }) => ({
    id,
    name,
    look: inOffice ? 'set' : 'gone',
  }));
  return (
    <>
      <Findings label="Needs attention" findings={findingsOfVault(vault)} />
      <Panel>
        <div className="vault-view">
          <VaultPicture
            officers={pictured}
            threshold={threshold}
            shut
            label={`A vault with ${officers.length} officers around it, of whom ${present} are in office and ${threshold} are needed`}
          />
          <Facts
            items={[
              [
                'Opens with',
                `Any ${threshold} of ${officers.length} officers together. ${threshold === 2 ? 'One alone opens' : `${threshold - 1} together open`} nothing, and neither does this server`,
              ],
              ['Officers', <OfficerList key="officers" officers={officers} />],
              ['Keys in it', formatCount(keys.inVault)],
              ...(keys.elsewhere === 0
                ? []
                : ([
                    [
                      'Still on their way',
                      `${plural(keys.elsewhere, 'key', 'keys')}${vault.rounds.some(({ kind }) => kind === 'rewrap') ? ', moving as officers of the vault before contribute' : ', moving by themselves'}`,
                    ],
                  ] as const)),
              ['Epoch', vault.epoch === 1 ? '1, as founded' : `${vault.epoch}: shared anew ${timesAnew(vault.epoch)}`],
              [
                'Fingerprint',
                vault.fingerprint === null ? 'None' : <Fingerprint key="fingerprint" value={vault.fingerprint} />,
              ],
            ]}
          />
        </div>
      </Panel>
    </>
  );
}

const timesAnew = (epoch: number) => (epoch === 2 ? 'once' : `${epoch - 1} times`);

function OfficerList({ officers }: { officers: Vault['officers'] }) {
  return (
    <Group gap="xs" component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
      {officers.map(({ id, name, inOffice }) => (
        <li key={id}>
          {inOffice ? <StateBadge state={[name, 'ok']} /> : <StateBadge state={[`${name}, not in office`, 'warn']} />}
        </li>
      ))}
    </Group>
  );
}

/** Not while the ceremony asks for one: there it stands in its step. */
function YourShareKey({ vault }: { vault: Vault }) {
  const officer = useMay('recovery:approve');
  const [making, { open, close }] = useDisclosure(false);
  const { yourShareKey: own, ceremony } = vault;
  if (!officer || ceremony?.yourTurn === 'share-key') return null;
  const done = () => {
    close();
    notifications.show({ message: 'Your share key is registered.' });
  };
  return (
    <Panel title="Your share key">
      <Stack>
        {own === null ? (
          <Text size="sm">
            A share key is the one thing that an officer keeps. It opens your share of the vault, and signs what you
            decide. You have none yet; you can make it now, or when you are invited to a ceremony.
          </Text>
        ) : (
          <Text size="sm">
            {own.kind === 'passkey' ? 'In a passkey' : 'In a file under your passphrase'}, registered{' '}
            <When at={own.createdAt} style="time" />.
          </Text>
        )}
        {own !== null && making && (
          <Alert color="ink" variant="outline" title="Keep the old one">
            A new share key counts from the next ceremony on. Until that is complete you approve, and deal on, with the
            share key that you have now.
          </Alert>
        )}
        {making && <MakeShareKey onDone={done} />}
        {/* An open ceremony goes by the share keys that it began with. */}
        {!making && (own === null || ceremony === null) && (
          <Group>
            <Button variant="default" onClick={open}>
              {own === null ? 'Make your share key' : 'Make a new one'}
            </Button>
          </Group>
        )}
      </Stack>
    </Panel>
  );
}
