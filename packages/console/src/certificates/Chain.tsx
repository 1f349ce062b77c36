import { Button, Group, Text } from '@mantine/core';
import { useMemo } from 'react';
import { save, toPem } from '../files.ts';
import { formatDate } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { tryDecode } from './Decoded.tsx';

/** From the root down to the certificate itself; `chain` is leaf's issuer first, root last, DER in base64. */
export function Chain({ leaf, chain }: { leaf: string; chain: readonly string[] }) {
  const links = useMemo(
    () => [leaf, ...chain].map((der) => ({ der, decoded: tryDecode(der) })).reverse(),
    [leaf, chain],
  );
  return (
    <Panel title="Chain">
      <ol className="chain">
        {links.map(({ der, decoded }, depth) => (
          <li key={der} style={{ marginInlineStart: Math.min(depth, 4) * 20 }}>
            <Group justify="space-between" gap="xs">
              <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
                <Text size="sm" fw={depth === links.length - 1 ? 600 : 400}>
                  {decoded?.subject ?? 'Unreadable'}
                </Text>
                {decoded !== null && (
                  <Text size="xs" c="dimmed">
                    {decoded.publicKey}, until {formatDate(decoded.notAfter)}
                  </Text>
                )}
              </div>
              {depth < links.length - 1 && (
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Download ${decoded?.subject ?? 'this authority'} as PEM`}
                  onClick={() => save('authority.pem', 'application/x-pem-file', toPem('CERTIFICATE', der))}
                >
                  PEM
                </Button>
              )}
            </Group>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
