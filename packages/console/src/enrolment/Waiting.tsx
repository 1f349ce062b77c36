import type { DeviceEnrolment } from '@chancery/api';
import { Button, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { Decide } from './Decide.tsx';
import { Requester } from './Requester.tsx';

/** Requests that an operator has to decide on, the oldest first. */
export function Waiting({ items, mayDecide }: { items: readonly DeviceEnrolment[]; mayDecide: boolean }) {
  if (items.length === 0) return null;
  return (
    <Panel title={`${plural(items.length, 'request waits', 'requests wait')} for a decision`}>
      <PlainTable
        label="Requests that wait"
        head={['Person', 'Key', 'By', 'Asked', ...(mayDecide ? ['[Decide]'] : [])]}
      >
        {items.map((one) => (
          <tr key={one.id}>
            <Requester of={one} />
            {mayDecide && (
              <td className="act">
                <DecideButton on={one} />
              </td>
            )}
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function DecideButton({ on }: { on: DeviceEnrolment }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="xs" variant="default" onClick={open} aria-label={`Decide on the request of ${on.name}`}>
        Decide
      </Button>
      <Modal opened={opened} onClose={close} title={`A device of ${on.name}`} size="xl">
        <Decide on={on} onClose={close} />
      </Modal>
    </>
  );
}
