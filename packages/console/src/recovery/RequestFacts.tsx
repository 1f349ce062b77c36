import type { RecoveryRequest } from '@chancery/api';
import { Code, Text } from '@mantine/core';
import { formatDate, plural, shortHex } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { When } from '../pieces/When.tsx';
import { recoveryReasons } from '../words.ts';
import { keysOf } from './rules.ts';

/** What was asked, as the officers sign it. */
export function RequestFacts({ request }: { request: RecoveryRequest }) {
  const { delivery, period, people } = request;
  const [only, ...more] = people;
  return (
    <Panel title="The request">
      <Facts
        items={[
          [
            'Whose keys',
            only !== undefined && more.length === 0 ? (
              <TextLink key="person" to="/people/$id" params={{ id: only.id }} size="sm">
                {only.name}, {only.address}
              </TextLink>
            ) : (
              plural(people.length, 'person', 'people')
            ),
          ],
          ['Keys', plural(keysOf(request), 'key', 'keys')],
          ...(period === null
            ? []
            : ([['Valid in', `${formatDate(period.from)} to ${formatDate(period.until)}`]] as const)),
          ['Reason', recoveryReasons[request.reason]],
          [
            'Explanation',
            <span key="why" style={{ whiteSpace: 'pre-wrap' }}>
              {request.explanation}
            </span>,
          ],
          ['Case number', request.caseNumber === '' ? 'None' : request.caseNumber],
          ['Leaves as', <LeavesAs key="delivery" delivery={delivery} />],
          ['Owner is told', request.withholdNotice ? 'Not until somebody lifts that' : 'Yes'],
          ['Asked by', request.requestedBy.name],
          ['Asked', <When key="asked" at={request.requestedAt} style="time" />],
          ['Lapses', <When key="lapses" at={request.expiresAt} style="time" />],
          ...(request.releasedAt === null
            ? []
            : ([['Released', <When key="released" at={request.releasedAt} style="time" />]] as const)),
          ['Digest', <CopyField key="digest" label="digest of the request" value={request.digest} />],
        ]}
      />
      <KeyTable people={people} />
      {delivery.kind === 'decrypt' && (
        <div style={{ marginTop: 16 }}>
          <PlainTable label="Messages" head={['Message', 'SHA-256']}>
            {delivery.messages.map(({ sha256, name }) => (
              <tr key={sha256}>
                <td>{name === '' ? '–' : name}</td>
                <td>
                  <Code title={sha256}>{shortHex(sha256)}</Code>
                </td>
              </tr>
            ))}
          </PlainTable>
        </div>
      )}
    </Panel>
  );
}

function LeavesAs({ delivery }: Pick<RecoveryRequest, 'delivery'>) {
  const words = {
    pkcs12: 'PKCS#12 file, password apart',
    certificate: `Encrypted to ${delivery.recipient ?? 'the named certificate'}`,
    owner: 'A link for the owner, by mail to them alone',
    decrypt: `${plural(delivery.messages.length, 'message is', 'messages are')} decrypted; no key leaves`,
  };
  return words[delivery.kind];
}

/** As many as one looks at; a legal case may have thousands. */
const SHOWN = 50;

/** Whose keys, and from when: officers see which years they open. */
export function KeyTable({ people }: Pick<RecoveryRequest, 'people'>) {
  const rows = people.flatMap(({ id, name, address, keys }) => keys.map((key) => ({ id, name, address, key })));
  if (rows.every(({ key }) => key.serialNumber === null)) return null;
  return (
    <div style={{ marginTop: 16 }}>
      <PlainTable label="Keys" head={['Whose', 'Certificate', 'Valid from', 'Until']}>
        {rows.slice(0, SHOWN).map(({ id, name, address, key }) => (
          <tr key={`${id} ${key.id}`}>
            <td>
              {name}
              <Text size="xs" c="dimmed">
                {address}
              </Text>
            </td>
            <td>
              {key.serialNumber === null ? '–' : <Code title={key.serialNumber}>{shortHex(key.serialNumber)}</Code>}
            </td>
            <td>{key.notBefore === null ? '–' : <When at={key.notBefore} />}</td>
            <td>{key.notAfter === null ? '–' : <When at={key.notAfter} />}</td>
          </tr>
        ))}
      </PlainTable>
      {rows.length > SHOWN && (
        <Text size="sm" c="dimmed" mt="xs">
          And {plural(rows.length - SHOWN, 'more key', 'more keys')}.
        </Text>
      )}
    </div>
  );
}
