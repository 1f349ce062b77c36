import type { RecoveryPreview } from '@chancery/api';
import { Alert } from '@mantine/core';

/** Whose decision it is where the keys lie in the vault before the one of now, and until when. Nothing for the one of now. */
export function ReplacedVault({ vault }: Pick<RecoveryPreview, 'vault'>) {
  if (!vault.replaced) return null;
  const here = vault.officers.filter(({ inOffice }) => inOffice).map(({ name }) => name);
  const gone = vault.officers.filter(({ inOffice }) => !inOffice).map(({ name }) => name);
  return (
    <Alert color="ink" variant="outline" title="These keys still lie in the vault before">
      Its officers decide{here.length === 0 ? '' : `: ${list.format(here)}`}.
      {gone.length > 0 && ` ${list.format(gone)} held a share, and can decide no more.`} They are also moving its keys
      into the vault of now. Once these keys have moved, the request ends; made anew, it goes to the officers of now.
    </Alert>
  );
}

const list = new Intl.ListFormat('en-GB', { type: 'conjunction' });
