/** What of an incoming message waits for a person once it has been opened: what no rule held at the door, and cannot go on as the rules want it. */
import { type Changes, whyNotStripped } from '@chancery/mail-policy';
import type { InboundPolicy } from './inbound-policy.ts';
import { readIdentity } from './message-facts.ts';
import type { Form } from './unprotect.ts';

/**
 * Why this form of the message waits; undefined: it goes on. Whoever sent it hears the same in both cases, so that nobody learns what was
 * within their ciphertext.
 */
export async function whyQuarantined(
  form: Pick<Form, 'message' | 'encrypted' | 'opened' | 'failed' | 'handling' | 'authenticated' | 'report'>,
  { removeAttachments }: Pick<Changes, 'removeAttachments'>,
  { unauthenticated }: Pick<InboundPolicy, 'unauthenticated'>,
): Promise<string | undefined> {
  // What could not be opened, too: how soon a message is answered must not tell whether an altered ciphertext could be (Vaudenay, 2002).
  const isDoubtful = form.encrypted && !form.authenticated;
  if (unauthenticated === 'hold' && isDoubtful && (form.opened || form.failed === true))
    return 'It came encrypted, and nothing shows that it was not altered on the way';
  // What came in the clear was looked into at the door.
  if (removeAttachments.length === 0 || !form.encrypted) return undefined;
  if (form.handling !== 'whole' || isDoubtful) {
    const files = removeAttachments.slice(0, 3).join(', ');
    return `Files named ${files} are taken out of mail here, and this came encrypted: what is in it cannot be relied on`;
  }
  const { content } = await readIdentity(form.message);
  return whyNotStripped(removeAttachments, content, isOpenText(form) ? 'none' : 'signed');
}

/** Its text may be changed: nobody has signed or encrypted it, and it can be read in one way only. */
export function isOpenText({ handling, report }: Pick<Form, 'handling' | 'report'>): boolean {
  return handling !== 'shut' && report?.verdict === 'unsigned';
}
