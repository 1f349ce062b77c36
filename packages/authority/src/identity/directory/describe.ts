/** Directories as the console and the command line show them. */
import type { Directory, DirectoryPreview } from '@chancery/api';
import type { Snapshot } from '../../store/database.ts';
import { type DirectorySyncRow, directorySync } from '../../store/directory-syncs.ts';
import type { World } from '../../world.ts';
import type { DirectoryConfig } from './directory-config.ts';
import { Drop } from './judge-drop.ts';
import { type Preview, progressOf } from './synchronise.ts';

export async function describeDirectories(world: World, snapshot: Snapshot): Promise<Directory[]> {
  const items: Directory[] = [];
  for (const [name, config] of Object.entries(world.config.identity.ldap)) {
    const row = await directorySync(snapshot, name);
    const progress = progressOf(name) ?? null;
    items.push({
      name,
      kind: config.kind,
      url: config.url,
      everyMinutes: config.everyMinutes,
      state: stateOf(config, row, progress !== null, world.clock()),
      progress,
      begunAt: isoOf(row?.begun_at),
      doneAt: isoOf(row?.done_at),
      completeAt: isoOf(row?.complete_at),
      problem: row?.problem ?? null,
      counts: row?.counts ?? {},
      question: questionOf(row),
    });
  }
  return items;
}

export function describePreview({ people, joining, changed, losses, asks, groups }: Preview): DirectoryPreview {
  const seen = (all: Preview['people']) =>
    all.slice(0, FIRST).map(({ key, name, address, active }) => ({ key, name, address, active }));
  return {
    people: people.length,
    groups: groups.length,
    joining: joining.length,
    changed: changed.length,
    leaving: losses.length,
    asks,
    first: { joining: seen(joining), changed: seen(changed), leaving: [...losses.slice(0, FIRST)] },
  };
}

const FIRST = 100;
const MOST_SHOWN = 1_000;

function stateOf(
  config: DirectoryConfig,
  row: DirectorySyncRow | undefined,
  runs: boolean,
  at: Date,
): Directory['state'] {
  if (runs) return 'running';
  if (row === undefined) return 'never';
  if (row.outcome === 'asking') return 'asking';
  const since = row.done_at ?? row.failing_since ?? row.begun_at ?? at;
  if (at.getTime() - since.getTime() >= config.alarmAfterHours * 3_600_000) return 'late';
  return row.outcome ?? 'never';
}

function questionOf(row: DirectorySyncRow | undefined): Directory['question'] {
  const drop = Drop.nullable().parse(row?.question ?? null);
  if (drop === null) return null;
  const { askedAt, known, losses, answer } = drop;
  return {
    askedAt,
    known,
    total: losses.length,
    people: losses.slice(0, MOST_SHOWN),
    answer: answer?.kind ?? null,
  };
}

const isoOf = (date: Date | null | undefined): string | null => date?.toISOString() ?? null;
