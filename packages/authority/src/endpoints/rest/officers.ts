/** Who holds a share of a vault. */
import type { Vault } from '@chancery/api';
import { planOfVault } from '../../kra/vault.ts';
import type { Snapshot } from '../../store/database.ts';
import { operatorById } from '../../store/operators.ts';
import type { VaultRow } from '../../store/vaults.ts';

/** In the order of their shares; nobody of a provisional vault. */
export async function officersOf(snapshot: Snapshot, vault: VaultRow): Promise<Vault['officers']> {
  const officers = [];
  for (const { id, name } of planOfVault(vault)?.officers ?? []) {
    const operator = await operatorById(snapshot, id);
    const inOffice = operator?.state === 'active' && operator.roles.includes('recovery-officer');
    officers.push({ id, name, inOffice });
  }
  return officers;
}
