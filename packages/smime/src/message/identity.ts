/** Whether the signer is who the message says it is from (RFC 8550 section 3). */
import { parseAddressHeader } from '../mime/addresses.ts';
import { headerFields, type MimeEntity } from '../mime/entity.ts';
import { type Problem, problem } from '../problem.ts';
import { mailboxKey } from '../x509/mailbox.ts';

export interface Originator {
  /** Addresses of the From field, in order. */
  readonly from: readonly string[];
  readonly sender: string | undefined;
  /** Errors among them make the origin ambiguous. */
  readonly problems: readonly Problem[];
}

/** Reads From and Sender of a header. */
export function originatorOf(root: Pick<MimeEntity, 'headers'>): Originator {
  const problems: Problem[] = [];
  const fromFields = headerFields(root, 'from').map(({ value }) => parseAddressHeader(value));
  for (const field of fromFields)
    problems.push(
      ...field.problems.map((one) => (shownAsSender.has(one.code) ? { ...one, severity: 'error' as const } : one)),
    );
  const from = fromFields.flatMap(({ mailboxes }) => mailboxes.map(({ address }) => address));
  if (fromFields.length === 0)
    problems.push(problem('error', 'from-missing', 'The message has no From field.', 'RFC 5322 section 3.6'));
  else if (from.length === 0)
    problems.push(problem('error', 'from-empty', 'The From field names no mailbox.', 'RFC 5322 section 3.6.2'));
  // Two fields are reported by the scan; two mailboxes in one field are legitimate and yet nobody shows both.
  if (from.length > 1 && fromFields.length === 1)
    problems.push(
      problem(
        'error',
        'several-from-mailboxes',
        'The From field names several mailboxes: programs show one or the other.',
        'RFC 5322 section 3.6.2',
      ),
    );
  if (fromFields.some(({ mailboxes }) => mailboxes.some(({ group }) => group !== undefined)))
    problems.push(problem('error', 'group-in-from', 'The From field holds a group.', 'RFC 6854 section 1'));
  const senders = headerFields(root, 'sender').flatMap(({ value }) => parseAddressHeader(value).mailboxes);
  return { from, sender: senders[0]?.address, problems };
}

/** In any other field a doubt only; in From it is what a person reads as the sender, whom nobody vouches for. */
const shownAsSender: ReadonlySet<string> = new Set([
  'address-in-display-name',
  'address-in-comment',
  'mixed-script-domain',
]);

/** @param named the addresses of the signer's certificate; @param expected those it must include, all of them */
export function judgeIdentity(
  named: readonly string[],
  expected: readonly string[],
  sender: string | undefined,
): { identity: 'match' | 'mismatch' | 'unknown'; problems: Problem[] } {
  if (expected.length === 0) return { identity: 'unknown', problems: [] };
  const keys = new Set(named.map(mailboxKey));
  if (named.length === 0)
    return {
      identity: 'mismatch',
      problems: [
        problem(
          'error',
          'certificate-without-address',
          'The certificate names no e-mail address, so that it vouches for no sender.',
          'RFC 8550 section 3',
        ),
      ],
    };
  if (expected.every((address) => keys.has(mailboxKey(address)))) return { identity: 'match', problems: [] };
  const asSender = sender !== undefined && keys.has(mailboxKey(sender));
  const message = `The message says it is from ${expected.join(', ')}, but the certificate belongs to ${named.join(', ')}${asSender ? ', who is only its Sender' : ''}.`;
  return {
    identity: 'mismatch',
    problems: [problem('error', asSender ? 'signer-is-only-sender' : 'from-mismatch', message, 'RFC 8550 section 3')],
  };
}
