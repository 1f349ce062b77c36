import type { Ceremony, Vault } from '@chancery/api';
import type { CeremonyPlan, Transcript } from '@chancery/vault';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';

/** While a ceremony or a round is open the officers' screens follow each other. */
const vaultQuery = queryOptions({
  queryKey: ['vault'],
  queryFn: () => api.vault(),
  refetchInterval: ({ state: { data } }) => (data?.ceremony == null && !data?.rounds.length ? 20_000 : 3_000),
});

export const useVault = (enabled = true) => useQuery({ ...vaultQuery, enabled });

/** The documents of a ceremony, or of the vault in use, as the officers' cryptography takes them. */
export const readPlan = ({ plan }: Pick<Ceremony, 'plan'>) => read<CeremonyPlan>(plan);
export const readTranscriptOf = ({ transcript }: Pick<Ceremony | Vault, 'transcript'>) => read<Transcript>(transcript);
export const readPrevious = ({ previousTranscript }: Pick<Ceremony, 'previousTranscript'>) =>
  read<Transcript>(previousTranscript);

const read = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T));
