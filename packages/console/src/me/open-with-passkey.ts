import { api } from '../api.ts';
import { InWords } from '../problem.ts';
import { inOwnerWorker } from './in-owner-worker.ts';
import { askOwnerPasskey } from './owner-passkey.ts';

/** Opens every key that one passkey is locked to. @throws InWords */
export async function openWithPasskey(personId: string, credentialId: string) {
  const { items } = await api.ownerLocks({ query: { credentialId } });
  if (items.length === 0) throw new InWords('This passkey opens none of your keys. Nothing was done.');
  const output = await askOwnerPasskey(credentialId);
  return { credentialId, keys: await inOwnerWorker('open', { output, personId, locks: items }) };
}
