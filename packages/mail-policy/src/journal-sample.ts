/** Messages of a journal as samples. A journal keeps no header, subject or text: rules that ask for them are in doubt, and are told so. */
import type { RecipientFacts } from './facts.ts';
import { notInJournal } from './journal-facts.ts';
import type { Sample } from './simulate.ts';

/** What a journal has of one message and recipient. */
export interface JournalRecord {
  readonly at: string;
  readonly direction: 'outbound' | 'inbound';
  readonly messageId: string | null;
  readonly sender: string;
  readonly recipient: string;
  readonly outcome: string;
  readonly detail: string;
}

/** Records of one message, in one direction and within the same minute, are one sample; in the order of the records. */
export function samplesOf(records: readonly JournalRecord[]): Sample[] {
  const messages = new Map<string, JournalRecord[]>();
  for (const record of records) {
    const { messageId, sender, direction, at } = record;
    const key = JSON.stringify([messageId, sender.toLowerCase(), direction, messageId === null ? at : at.slice(0, 16)]);
    messages.set(key, [...(messages.get(key) ?? []), record]);
  }
  return [...messages.values()].flatMap((message) => {
    const [first] = message;
    return first === undefined ? [] : [sampleOf(first, message)];
  });
}

function sampleOf(first: JournalRecord, message: readonly JournalRecord[]): Sample {
  const protectedBySender = message.some(({ detail }) => /^(encrypted|signed) by the sender/.test(detail));
  const encrypted = message.some(({ detail }) => detail.startsWith('encrypted by the sender'));
  return {
    id: first.messageId ?? `${first.sender} at ${first.at}`,
    facts: {
      direction: first.direction,
      sender: first.sender.toLowerCase(),
      headers: [],
      ...notInJournal,
      size: undefined,
      protection: encrypted ? 'encrypted' : protectedBySender ? 'signed' : 'none',
      signer: message.some(({ detail }) => detail.includes('no signing key')) ? 'none' : 'ready',
      recipients: message.map((record) => recipientOf(record, message)),
    },
  };
}

/** What was known of the recipient's certificate when the message passed. */
function recipientOf({ recipient, outcome, detail }: JournalRecord, message: readonly JournalRecord[]): RecipientFacts {
  const missing = message.some(
    (record) => /no good certificate for /.test(record.detail) && names(record.detail, recipient),
  );
  const used =
    (outcome === 'encrypted' || outcome === 'signed-encrypted') && !detail.startsWith('encrypted by the sender');
  const certificate = missing ? 'none' : used ? 'good' : 'unknown';
  const reason = certificate === 'unknown' ? 'the journal does not say' : undefined;
  return { address: recipient, certificate, visible: true, ...(reason === undefined ? {} : { reason }) };
}

function names(detail: string, address: string): boolean {
  return detail
    .slice(detail.indexOf('no good certificate for '))
    .toLowerCase()
    .split(/[\s,;()]+/)
    .includes(address.toLowerCase());
}
