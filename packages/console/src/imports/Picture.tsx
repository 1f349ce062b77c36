import type { ImportedItem } from '@chancery/api';
import { Group } from '@mantine/core';
import { StateBadge } from '../pieces/StateBadge.tsx';
import type { Worded } from '../words.ts';

/** What became of how many, as one bar and in words: the words carry it, the bar shows the shares. */
export function Picture({ items, done }: { items: readonly ImportedItem[]; done: boolean }) {
  const parts = partsOf(items, done).filter(({ count }) => count > 0);
  return (
    <div>
      <div className="shares" aria-hidden>
        {parts.map(({ state: [word, tone], count }) => (
          <div key={word} className="share" data-tone={tone} style={{ flexGrow: count }} />
        ))}
      </div>
      <Group mt="sm" gap="sm" role="status">
        {parts.map(({ state: [word, tone], count }) => (
          <StateBadge key={word} state={[`${count} ${word}`, tone]} />
        ))}
      </Group>
    </div>
  );
}

function partsOf(items: readonly ImportedItem[], done: boolean): { state: Worded; count: number }[] {
  const count = (holds: (item: ImportedItem) => boolean) => items.filter(holds).length;
  return [
    { state: [done ? 'imported' : 'to import', 'ok'], count: count(({ outcome }) => outcome === 'imported') },
    { state: ['with news', 'wait'], count: count(({ outcome }) => outcome === 'updated') },
    { state: ['known already', 'quiet'], count: count(({ outcome }) => outcome === 'known') },
    { state: ['for nobody here', 'warn'], count: count(({ outcome }) => outcome === 'nobody') },
    { state: ['refused', 'bad'], count: count(({ outcome }) => outcome === 'refused') },
  ];
}
