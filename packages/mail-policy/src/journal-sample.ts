/** Messages of a journal as samples: decided again from what its records say they were decided from. */
import { type JournalFacts, sampleOfRecords } from './journal-facts.ts';
import type { Sample } from './simulate.ts';

/** What an export of the journal has of one message and recipient. */
export interface JournalRecord {
  readonly at: string;
  readonly direction: 'outbound' | 'inbound';
  readonly messageId: string | null;
  readonly sender: string;
  readonly recipient: string;
  /** Shared by the records of one message as it arrived; null: of a gateway of before. */
  readonly arrival: string | null;
  /** Null: its gateway wrote down nothing that it was decided from. */
  readonly facts: JournalFacts | null;
}

/** Records of one message are one sample, in the order of the records; those without facts are none. */
export function samplesOf(records: readonly JournalRecord[]): Sample[] {
  const messages = new Map<string, (JournalRecord & { facts: JournalFacts })[]>();
  records.forEach((record, index) => {
    const { facts, arrival } = record;
    if (facts === null) return;
    const key = arrival ?? `record ${index}`;
    messages.set(key, [...(messages.get(key) ?? []), { ...record, facts }]);
  });
  return [...messages.values()].flatMap((message) => {
    const [first] = message;
    if (first === undefined) return [];
    const id = first.messageId ?? `${first.sender} at ${first.at}`;
    return (
      sampleOfRecords(
        id,
        message.map((one) => ({ ...one, sender: one.sender.toLowerCase() })),
      ) ?? []
    );
  });
}
