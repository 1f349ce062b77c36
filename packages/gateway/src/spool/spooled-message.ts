/** A message in the spool: what is fixed when it is accepted, and what changes for each recipient until all are done. */
import type { JournalEntry } from '@chancery/api';
import type { Message } from '../large-message.ts';
import type { EnvelopeNotes } from '../relay/envelope.ts';

export interface Draft {
  readonly id: string;
  readonly direction: 'outbound' | 'inbound';
  /** Envelope sender; empty for a notification. */
  readonly sender: string;
  /** `repetitionKey()` of the message as it arrived, or empty for one of our own. */
  readonly key: string;
  readonly copies: readonly DraftCopy[];
  readonly notes?: EnvelopeNotes;
  /** A failure may be reported to the sender: false where the sender may be forged. */
  readonly mayBounce: boolean;
  /** Written here too, so that no decision about an accepted message is lost. */
  readonly journal: readonly JournalEntry[];
}

export interface DraftCopy {
  readonly recipients: readonly string[];
  readonly message: Message;
  /** Where it goes instead of the direction's own next server: a name of `[gateway.route.NAME]`. */
  readonly route?: string;
}

interface SpooledRecipient {
  readonly address: string;
  readonly copy: number;
  /** `waiting` -> `delivered` | `failed`; only `waiting` is ever left. */
  readonly state: 'waiting' | 'delivered' | 'failed';
  readonly attempts: number;
  /** The last reply of the next server, or why there was none. */
  readonly reply: string;
}

export interface SpooledMessage extends Omit<Draft, 'copies'> {
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly recipients: readonly SpooledRecipient[];
  readonly copies: readonly {
    readonly offset: number;
    readonly length: number;
    readonly sha256: string;
    readonly route?: string | undefined;
  }[];
}

export interface StateChange {
  /** Index into `recipients`. */
  readonly recipient: number;
  readonly state: SpooledRecipient['state'];
  readonly reply: string;
}

/** The message after the changes; a state that is final stays. */
export function applyChanges(message: SpooledMessage, changes: readonly StateChange[]): SpooledMessage {
  const recipients = [...message.recipients];
  for (const { recipient, state, reply } of changes) {
    const before = recipients[recipient];
    if (before === undefined || before.state !== 'waiting') continue;
    recipients[recipient] = { ...before, state, reply, attempts: before.attempts + 1 };
  }
  return { ...message, recipients };
}
