import type { ScimToken, Source } from '@chancery/api';
import { Button, Group, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMay } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import type { Worded } from '../words.ts';
import { ChangeToken, RevokeToken } from './TokenDialogs.tsx';

/** The tokens with which one identity provider comes. */
export function Tokens({ source }: { source: Source }) {
  const mayWrite = useMay('source:write');
  return (
    <Panel title={`Tokens of ${source.name}`}>
      <PlainTable
        label={`Tokens of ${source.name}`}
        head={['Made', 'State', 'Ends', 'Last used', ...(mayWrite ? ['[Actions]'] : [])]}
      >
        {source.tokens.map((token) => (
          <tr key={token.id}>
            <td>
              <When at={token.createdAt} style="time" />
            </td>
            <td>
              <StateBadge state={stateOf(token)} />
            </td>
            <td>{token.expiresAt === null ? 'Never' : <When at={token.expiresAt} style="relative" />}</td>
            <td>{token.lastUsedAt === null ? 'Never' : <When at={token.lastUsedAt} style="relative" />}</td>
            {mayWrite && <td>{token.inForce && <Actions token={token} source={source.name} />}</td>}
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function stateOf(token: ScimToken): Worded {
  if (token.revokedAt !== null) return ['Revoked', 'bad'];
  return token.inForce ? ['In force', 'ok'] : ['Expired', 'quiet'];
}

function Actions({ token, source }: { token: ScimToken; source: string }) {
  const [changing, change] = useDisclosure(false);
  const [revoking, revoke] = useDisclosure(false);
  return (
    <Group gap="xs" wrap="nowrap">
      <Button size="compact-sm" variant="default" onClick={change.open}>
        Change
      </Button>
      <Button size="compact-sm" variant="default" onClick={revoke.open}>
        Revoke
      </Button>
      <Modal opened={changing} onClose={change.close} title={`Another token for ${source}`} size="lg">
        <ChangeToken token={token} onClose={change.close} />
      </Modal>
      <Modal opened={revoking} onClose={revoke.close} title={`Revoke a token of ${source}`}>
        <RevokeToken token={token} source={source} onClose={revoke.close} />
      </Modal>
    </Group>
  );
}
