import { Button, Menu } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';

/** A list as a file. */
export function ExportMenu({ href }: { href: (format: 'csv' | 'jsonl') => string }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={href('csv')} download>
          CSV, for a spreadsheet
        </Menu.Item>
        <Menu.Item component="a" href={href('jsonl')} download>
          JSON Lines, for a program
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
