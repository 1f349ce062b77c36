/** Encrypts to the person's own key what would rest in the clear in their mailbox. What the gateway found out stays readable in the header. */
import { encryptMessage, encryptStream } from '@chancery/smime';
import { GatewayError, reasonOf } from './errors.ts';
import type { InboundPolicy } from './inbound-policy.ts';
import { LargeMessage, type Message, type Scratch } from './large-message.ts';
import type { OfficeView } from './office.ts';
import type { Lookup } from './recipients/lookup.ts';
import type { Form } from './unprotect.ts';

export interface AtRest {
  readonly recipients: readonly string[];
  readonly message: Message;
  /** For the journal; empty where nothing was to be done. */
  readonly detail: string;
}

/**
 * @param message as it would be delivered, labels and all
 * @param sealed the same labels on the message as it came: what goes to somebody without a certificate, where it came encrypted
 * @throws GatewayError `unavailable` when a certificate that may be there cannot be asked for: the sender tries again
 */
export async function reencrypt(
  form: Pick<Form, 'recipients' | 'encrypted' | 'opened' | 'handling'>,
  message: Message,
  sealed: () => Promise<Message>,
  policy: InboundPolicy['reencrypt'],
  view: OfficeView,
  lookup: Lookup,
  scratch: Pick<Scratch, 'keep'>,
): Promise<AtRest[]> {
  const { recipients, encrypted, opened, handling } = form;
  const wanted = policy === 'all' ? !encrypted || opened : policy === 'opened' && opened;
  if (!wanted || handling === 'shut') return [{ recipients, message, detail: '' }];
  const copies: AtRest[] = [];
  for (const recipient of recipients) {
    // Each an envelope of their own: one for all would tell each who else was written to.
    const found = view.personOf(recipient) === undefined ? undefined : await lookup.find(recipient, view);
    if (found?.state === 'unknown') {
      throw new GatewayError('unavailable', `the certificate of ${recipient} cannot be asked for: ${found.reason}`);
    }
    if (found?.state !== 'good') {
      const why = found === undefined ? 'not one of our people' : found.reason;
      const detail = `not encrypted again: ${why}${opened ? '; passed on as it came' : ''}`;
      copies.push({ recipients: [recipient], message: opened ? await sealed() : message, detail });
      continue;
    }
    try {
      const to = [found.certificate];
      const again =
        message instanceof LargeMessage
          ? await scratch.keep(encryptStream({ source: () => message.read(), recipients: to }))
          : await encryptMessage({ message, recipients: to });
      copies.push({ recipients: [recipient], message: again, detail: 'encrypted again to their own key' });
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw new GatewayError('key-unusable', `mail for ${recipient} cannot be encrypted: ${reasonOf(error)}`, error);
    }
  }
  return copies;
}
