/** An officer's part in a ceremony as steps that they can follow. The authority enforces their order; this shows it. */
import type { Ceremony } from '@chancery/api';

export type PartName = 'share-key' | 'deal' | 'compare' | 'accept';

export interface PartStep {
  readonly name: PartName;
  readonly title: string;
  readonly detail: string;
  readonly state: 'done' | 'now' | 'later';
}

type Seen = Pick<Ceremony, 'kind' | 'state' | 'officers' | 'dealers' | 'threshold'>;

/** Null where the officer has no part. @param compared whether the officer has said that the fingerprint is the others' */
export function partOf(ceremony: Seen, officerId: string, compared: boolean): PartStep[] | null {
  const holder = ceremony.officers.find(({ id }) => id === officerId);
  const dealer = ceremony.dealers.find(({ id }) => id === officerId);
  if (holder === undefined && dealer === undefined) return null;
  const { gathering, dealing, accepting } = waitedFor(ceremony);
  const steps: PartStep[] = [];
  if (holder !== undefined) {
    steps.push({
      name: 'share-key',
      title: 'Make your share key',
      detail: holder.hasShareKey
        ? ceremony.state === 'gathering'
          ? `You have one. ${waiting(gathering)}`
          : 'You have one'
        : 'The one thing that you keep: it opens your share, and signs for you',
      state: holder.hasShareKey ? 'done' : 'now',
    });
  }
  if (dealer !== undefined) {
    steps.push({
      name: 'deal',
      title: ceremony.kind === 'found' ? 'Deal your part of the vault key' : 'Deal your share on',
      detail: dealer.dealt
        ? ceremony.state === 'dealing'
          ? `You have dealt. ${waiting(dealing)}`
          : 'Everybody has dealt'
        : ceremony.kind === 'found'
          ? 'The vault key is the sum of what everybody deals: nobody ever has it'
          : 'The vault key stays what it is; the shares become new ones',
      state: dealer.dealt ? 'done' : ceremony.state === 'dealing' ? 'now' : 'later',
    });
  }
  if (holder !== undefined) {
    const here = ceremony.state === 'accepting' && !holder.accepted;
    steps.push({
      name: 'compare',
      title: 'Compare the fingerprint with the other officers',
      detail:
        ceremony.state === 'dealing' && dealer === undefined
          ? waiting(dealing)
          : 'So that everybody has the same vault, and nobody in between has slipped in another',
      state: holder.accepted || (here && compared) ? 'done' : here ? 'now' : 'later',
    });
    steps.push({
      name: 'accept',
      title: 'Accept',
      detail: holder.accepted
        ? `You have accepted. ${waiting(accepting)}`
        : 'Your browser checks everything that was dealt, takes your share, and proves that it opens',
      state: holder.accepted ? 'done' : here && compared ? 'now' : 'later',
    });
  }
  return steps;
}

/** Whom each stage of it still waits for, by name. */
export function waitedFor({ officers, dealers }: Pick<Seen, 'officers' | 'dealers'>) {
  return {
    gathering: officers.filter(({ hasShareKey }) => !hasShareKey).map(({ name }) => name),
    dealing: dealers.filter(({ dealt }) => !dealt).map(({ name }) => name),
    accepting: officers.filter(({ accepted }) => !accepted).map(({ name }) => name),
  };
}

/** Has this officer done what the ceremony waits for now? */
export function hasDoneStage({ state, dealers }: Pick<Seen, 'state' | 'dealers'>, officer: Seen['officers'][number]) {
  if (state === 'gathering') return officer.hasShareKey;
  if (state === 'dealing') return dealers.find(({ id }) => id === officer.id)?.dealt ?? true;
  return officer.accepted;
}

const list = new Intl.ListFormat('en-GB', { type: 'conjunction' });

export const named = (names: readonly string[]): string => list.format(names);

const waiting = (names: readonly string[]) => (names.length === 0 ? '' : `Waiting for ${named(names)}`);
