import { type ExplainedMessage, ruleDocument } from '@chancery/api';
import type { RuleSet } from '@chancery/mail-policy';
import { Group, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api } from '../api.ts';
import { toBase64 } from '../files.ts';
import { formatBytes } from '../format.ts';
import { FileDrop } from '../pieces/FileDrop.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import type { Worded } from '../words.ts';
import { journalOutcomes } from '../words.ts';

const limit = 25_000_000;

interface Chosen {
  readonly name: string;
  readonly octets: Uint8Array;
}

/** What the rules under somebody's hands would decide about one message, and why. It is read by the office and not kept. */
export function MessageTrial({ set }: { set: RuleSet | undefined }) {
  const [file, setFile] = useState<Chosen>();
  const [tooLarge, setTooLarge] = useState<string>();
  const [direction, setDirection] = useState<'outbound' | 'inbound'>('outbound');
  const [sender, setSender] = useState('');
  const [recipients, setRecipients] = useState<string[]>([]);
  const [authentication, setAuthentication] = useState<'pass' | 'fail' | 'none'>('none');
  const run = useAct(({ rules, of }: { rules: RuleSet; of: Chosen }) =>
    api.explainMailRules({
      body: {
        ...{ document: ruleDocument(rules), message: toBase64(of.octets), direction, authentication },
        ...(sender.trim() === '' ? {} : { sender: sender.trim() }),
        ...(recipients.length === 0 ? {} : { recipients }),
      },
    }),
  );
  const take = async (taken: File) => {
    run.reset();
    setTooLarge(undefined);
    if (taken.size > limit) {
      setFile(undefined);
      setTooLarge(
        `${taken.name} has ${formatBytes(taken.size)}. The console takes ${formatBytes(limit)} at most: use chancery gateway simulate on the command line.`,
      );
      return;
    }
    const of = { name: taken.name, octets: new Uint8Array(await taken.arrayBuffer()) };
    setFile(of);
    if (set !== undefined) run.mutate({ rules: set, of });
  };
  return (
    <Panel title="Try it on a message">
      <Stack gap="sm">
        <Group grow align="flex-start" gap="sm">
          <Select
            label="Way"
            allowDeselect={false}
            value={direction}
            data={[
              { value: 'outbound', label: 'It goes out' },
              { value: 'inbound', label: 'It comes in' },
            ]}
            onChange={(way) => way !== null && setDirection(way as typeof direction)}
          />
          {direction === 'inbound' && (
            <Select
              label="SPF, DKIM, DMARC"
              allowDeselect={false}
              value={authentication}
              data={[
                { value: 'none', label: 'Say nothing' },
                { value: 'pass', label: 'Pass' },
                { value: 'fail', label: 'Fail' },
              ]}
              onChange={(word) => word !== null && setAuthentication(word as typeof authentication)}
            />
          )}
        </Group>
        <TextInput
          label="Envelope sender"
          placeholder="As From says"
          value={sender}
          onChange={({ currentTarget }) => setSender(currentTarget.value)}
        />
        <TagsInput
          label="Recipients"
          placeholder={recipients.length === 0 ? 'As To and Cc say' : ''}
          acceptValueOnBlur
          value={recipients}
          onChange={setRecipients}
        />
        <FileDrop
          label={file === undefined ? 'Drop a message here, or choose one' : file.name}
          hint={
            file === undefined
              ? 'An .eml file'
              : `${formatBytes(file.octets.length)}. Choose another, or the same again`
          }
          accept=".eml,message/rfc822"
          onFile={(taken) => void take(taken)}
        />
        <Text size="xs" c="dimmed">
          It goes to your own office and nowhere else, and is not kept. Groups and certificates are those that the
          office knows of now.
        </Text>
        {tooLarge !== undefined && (
          <Text size="sm" role="alert">
            {tooLarge}
          </Text>
        )}
        {set === undefined && (
          <Text size="sm" c="dimmed">
            The rules have to be complete first.
          </Text>
        )}
        <ProblemAlert error={run.error} />
        <div role="status">{run.data && <Explained of={run.data} />}</div>
      </Stack>
    </Panel>
  );
}

function Explained({ of: { message, recipients } }: { of: ExplainedMessage }) {
  return (
    <Stack gap="sm">
      <Text size="sm">
        {message.subject === '' ? 'Without a subject' : `“${message.subject}”`}, {formatBytes(message.size)}, from{' '}
        {message.sender === '' ? 'an empty sender' : message.sender}
        {message.protection === 'none' ? '' : `, ${message.protection} by its sender`}
        {message.attachments.length > 0 && `, with ${message.attachments.join(', ')}`}.
        {message.unseen !== null && ` Not all of it can be seen: ${message.unseen}.`}
      </Text>
      {recipients.map((one) => (
        <section key={one.recipient} aria-label={`Decision for ${one.recipient}`}>
          <Stack gap={4}>
            <div>
              <StateBadge state={outcomeWord(one.outcome)} />
            </div>
            <Text size="sm">{one.sentence}</Text>
            {one.shadow !== null && (
              <Text size="sm" c="dimmed">
                With the rules in shadow on: {outcomeWord(one.shadow.outcome)[0].toLowerCase()}
                {one.shadow.detail === '' ? '' : ` (${one.shadow.detail})`}.
              </Text>
            )}
            {one.explained.length > 0 && (
              <details>
                <summary className="quiet-link">Why, rule by rule</summary>
                <ol className="plain-list">
                  {one.explained.map((rule) => (
                    <li key={rule.rule}>
                      <Text size="sm" fw={600} component="span">
                        {rule.rule}
                      </Text>{' '}
                      <StateBadge state={results[rule.result]} />
                      <div>{rule.sentence}</div>
                      {rule.conditions.length > 0 && (
                        <ul className="plain-list">
                          {rule.conditions.map(({ condition, holds, sentence }) => (
                            <li key={condition}>
                              {holdsWords[holds]}: {sentence}
                            </li>
                          ))}
                        </ul>
                      )}
                    </li>
                  ))}
                </ol>
              </details>
            )}
          </Stack>
        </section>
      ))}
    </Stack>
  );
}

const results: Readonly<Record<ExplainedMessage['recipients'][number]['explained'][number]['result'], Worded>> = {
  decides: ['Decides', 'ok'],
  demands: ['In doubt, demands', 'warn'],
  no: ['Does not hold', 'quiet'],
  late: ['Comes too late', 'quiet'],
  shadow: ['In shadow', 'wait'],
  off: ['Off', 'quiet'],
};

const holdsWords = { yes: 'Yes', no: 'No', unknown: 'In doubt' } as const;

function outcomeWord(outcome: string): Worded {
  const words: Readonly<Record<string, Worded>> = journalOutcomes;
  return words[outcome] ?? [outcome, 'quiet'];
}
