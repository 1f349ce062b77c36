import { Alert } from '@mantine/core';
import { TextLink } from '../pieces/Links.tsx';
import { useVault } from '../vault/use-vault.ts';

/** Says that nothing can be recovered before there is a vault, and where that is done. Renders nothing once there is. */
export function NotFounded() {
  const vault = useVault();
  if (vault.data?.state !== 'provisional') return null;
  return (
    <Alert color="ink" variant="outline" title="No key can be recovered yet">
      Keys are kept, but the recovery officers have not founded the vault.{' '}
      <TextLink to="/vault" underline="always">
        Go to the vault
      </TextLink>
    </Alert>
  );
}
