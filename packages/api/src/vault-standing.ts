/** What can still be done with a vault whose officers have left, or have lost their share keys. The same words everywhere. */
import type { Vault } from './vault.ts';

type Officer = Vault['officers'][number];

export interface VaultStanding {
  /**
   * `spare`: one more may be lost; `no-spare`: none may; `reinstate`: not enough are in office, but with those who are not,
   * there are; `lost`: no quorum is left, and what is in the vault opens no more.
   */
  readonly state: 'spare' | 'no-spare' | 'reinstate' | 'lost';
  /** In office, with their share keys. */
  readonly left: readonly Officer[];
  /** Hold a share, and are not in office. */
  readonly away: readonly Officer[];
  /** Who may deal the shares on, as many as it takes; empty where nobody can. */
  readonly dealers: readonly Officer[];
  /** What to do, in order, a sentence each. */
  readonly steps: readonly string[];
}

/** @param lostIds of officers whose share key is lost, or whom nobody reaches */
export function standAfterLoss(
  vault: Pick<Vault, 'officers' | 'threshold'>,
  lostIds: readonly string[],
): VaultStanding {
  const { threshold } = vault;
  const holding = vault.officers.filter(({ id }) => !lostIds.includes(id));
  const left = holding.filter(({ inOffice }) => inOffice);
  const away = holding.filter(({ inOffice }) => !inOffice);
  const missing = threshold - left.length;
  if (missing > away.length)
    return { state: 'lost', left, away, dealers: [], steps: whenLost(threshold, holding.length) };
  if (missing > 0) {
    return {
      state: 'reinstate',
      left,
      away,
      dealers: [],
      steps: [
        `${threshold} share keys are needed, and ${counted(left.length)} with officers in office. Invite ${names(away)} as recovery officers again: their share keys are still good.`,
        'Then share the vault anew at once, among officers who stay.',
      ],
    };
  }
  const dealers = left.slice(0, threshold);
  const sharing = `Share the vault anew: ${names(dealers)} deal, with the share keys that they have now. Whoever lost theirs may have a share again: they make a new share key first.`;
  if (left.length > threshold) {
    return {
      state: 'spare',
      left,
      away,
      dealers,
      steps: [
        `Keys can be recovered: ${threshold} share keys are needed, and ${counted(left.length)} there.`,
        lostIds.length + away.length === 0 ? 'There is nothing to do.' : sharing,
      ],
    };
  }
  return {
    state: 'no-spare',
    left,
    away,
    dealers,
    steps: [
      'Keys can be recovered, but every share key that is left is needed: lose one more, and nothing in the vault ever opens again. Do this today.',
      sharing,
      'Name at least one officer more than it takes, and have everybody keep a copy of a share-key file.',
    ],
  };
}

function whenLost(threshold: number, left: number): string[] {
  return [
    `${threshold} share keys are needed, and ${counted(left)} left. What is in this vault can not be recovered by anybody, and sharing anew is not possible either.`,
    'Look again: a copy of a share-key file, a passkey that is synchronised, a colleague who has left. One that is found makes it possible.',
    'Found a new vault now, so that keys from today on can be recovered (a new vault, not a re-sharing).',
    'People still have their own keys and gateways theirs: have everybody whose only copy was in escrow get a new certificate.',
  ];
}

const counted = (count: number): string => (count === 0 ? 'none is' : count === 1 ? 'one is' : `${count} are`);
const names = (officers: readonly Officer[]): string =>
  new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(officers.map(({ name }) => name));
