/** Encrypts to the person's own key what would rest in the clear in their mailbox. What the gateway found out stays readable in the header. */
import { encryptMessage } from '@chancery/smime';
import { GatewayError, reasonOf } from './errors.ts';
import type { InboundPolicy } from './inbound-policy.ts';
import type { OfficeView } from './office.ts';
import type { Lookup } from './recipients/lookup.ts';
import type { Form } from './unprotect.ts';

export interface AtRest {
  readonly recipients: readonly string[];
  readonly message: Uint8Array;
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
  message: Uint8Array,
  sealed: () => Uint8Array,
  policy: InboundPolicy['reencrypt'],
  view: OfficeView,
  lookup: Lookup,
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
      copies.push({ recipients: [recipient], message: opened ? sealed() : message, detail });
      continue;
    }
    try {
      const again = await encryptMessage({ message, recipients: [found.certificate] });
      copies.push({ recipients: [recipient], message: again, detail: 'encrypted again to their own key' });
    } catch (error) {
      throw new GatewayError('key-unusable', `mail for ${recipient} cannot be encrypted: ${reasonOf(error)}`, error);
    }
  }
  return copies;
}
