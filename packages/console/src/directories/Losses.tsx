import type { Directory } from '@chancery/api';
import { Address } from '../pieces/Address.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { whys } from './words.ts';

/** Who would leave, and what the directory says of them. */
export function Losses({ people }: { people: NonNullable<Directory['question']>['people'] }) {
  return (
    <PlainTable label="Who would leave" head={['Name', 'Address', 'Why']}>
      {people.map((one) => (
        <tr key={one.key}>
          <td>{one.name}</td>
          <td>
            <Address of={one.address} />
          </td>
          <td>{whys[one.why]}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
