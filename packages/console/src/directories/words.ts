/** What the states of a directory are called. */
import type { Directory } from '@chancery/api';
import type { Worded } from '../words.ts';

export const directoryStates: Record<Directory['state'], Worded> = {
  never: ['Not yet read', 'wait'],
  running: ['Being read', 'wait'],
  done: ['Followed', 'ok'],
  failed: ['Could not be read', 'bad'],
  asking: ['Asks', 'bad'],
  late: ['Late', 'bad'],
};

export const whys: Record<NonNullable<Directory['question']>['people'][number]['why'], string> = {
  gone: 'Not in the directory any more',
  inactive: 'Switched off there',
  'no-address': 'Without an address there',
};

export function tellProgress({ phase, count }: NonNullable<Directory['progress']>): string {
  return {
    listing: `Lists who is there: ${count}`,
    reading: `Reads what has changed: ${count}`,
    groups: `Reads groups: ${count}`,
    presenting: `Takes in people: ${count}`,
  }[phase];
}

/** Of the last pass, what there is to tell. */
export function tellCounts(counts: Directory['counts']): [string, string][] {
  const { listed } = counts;
  if (listed === undefined) return [];
  const told = (
    [
      ['joined', 'joined'],
      ['changed', 'changed'],
      ['left', 'left'],
      ['cameBack', 'came back'],
      ['suspended', 'suspended'],
      ['returned', 'returned'],
      ['conflicts', 'in conflict'],
    ] as const
  ).flatMap(([name, word]) => ((counts[name] ?? 0) > 0 ? [`${counts[name]} ${word}`] : []));
  return [
    ['People there', String(listed)],
    ...(counts.groups === undefined ? [] : ([['Groups there', String(counts.groups)]] as [string, string][])),
    ['What that pass did', told.length === 0 ? 'Nothing had changed' : told.join(', ')],
  ];
}
