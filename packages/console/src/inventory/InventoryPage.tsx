import type { InventoryList } from '@chancery/api';
import { Tabs } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMay } from '../api.ts';
import { ExportMenu } from '../pieces/ExportMenu.tsx';
import { Page } from '../pieces/Page.tsx';
import { CoverageList } from './CoverageList.tsx';
import { HoldingsList } from './HoldingsList.tsx';
import type { InventorySearch } from './search.ts';
import { Views } from './Views.tsx';

/** Who holds what, on which device, until when, escrowed and published where; and who is not covered, and why. */
export function InventoryPage() {
  const { list = 'holdings', ...filter } = useSearch({ from: '/office/inventory' });
  const navigate = useNavigate({ from: '/inventory' });
  const content = contentOf(list, filter);
  return (
    <Page
      title="Inventory"
      lead="Who holds what, until when, escrowed and published where; and who is not covered, and why."
      actions={<Export content={content} />}
    >
      <Views
        content={content}
        onChoose={(chosen) => void navigate({ search: { list: chosen.list, ...chosen.filter } })}
      />
      <Tabs
        value={list}
        keepMounted={false}
        onChange={(value) => void navigate({ search: { list: value as typeof list } })}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="holdings">What people hold</Tabs.Tab>
          <Tabs.Tab value="coverage">Who is covered, and who is not</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="holdings">
          {content.list === 'holdings' && <HoldingsList filter={content.filter} />}
        </Tabs.Panel>
        <Tabs.Panel value="coverage">
          {content.list === 'coverage' && <CoverageList filter={content.filter} />}
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

/** What the address says, as the contract has it: of each list its own filters, and nothing that is not said. */
function contentOf(list: 'holdings' | 'coverage', filter: Omit<InventorySearch, 'list'>): InventoryList {
  const { use, search, department, state, endsWithinDays, keyOrigin, profile, proven, published, reason, uncovered } =
    filter;
  const said = <T extends object>(values: T) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== '')) as {
      [K in keyof T]?: Exclude<T[K], undefined>;
    };
  const common = { use, search, department };
  return list === 'holdings'
    ? { list, filter: said({ ...common, state, endsWithinDays, keyOrigin, profile, proven, published }) }
    : { list, filter: said({ ...common, reason, uncovered }) };
}

function Export({ content }: { content: InventoryList }) {
  const mayRead = useMay('person:read');
  if (!mayRead) return null;
  const href = (format: 'csv' | 'jsonl') =>
    `/api/v1/inventory/export?${new URLSearchParams({ format, content: JSON.stringify(content) })}`;
  return <ExportMenu href={href} />;
}
