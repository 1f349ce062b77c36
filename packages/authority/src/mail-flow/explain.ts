/** What rules would decide about one message that somebody has at hand: read by the code that the gateway reads with, and not kept. */
import type { ExplainedMessage } from '@chancery/api';
import { readFacts } from '@chancery/mail-facts';
import { explain, type MessageFacts, type RecipientFacts, type RuleSet } from '@chancery/mail-policy';
import { SmimeError } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import { usableCertificates } from '../ra/gateways.ts';
import { listCorrespondents } from '../store/correspondents.ts';
import type { Snapshot } from '../store/database.ts';
import { personByAddress } from '../store/people.ts';
import { groupNamesOfPeople } from '../store/sources.ts';

interface Asked {
  readonly message: Uint8Array;
  readonly direction: MessageFacts['direction'];
  readonly sender?: string | undefined;
  readonly recipients?: readonly string[] | undefined;
  readonly authentication: 'pass' | 'fail' | 'none';
}

/** Recipients of one message that are looked up. */
const mostRecipients = 100;

/** @throws AuthorityError `unusable-input` (it is no message, or names no recipient) */
export async function explainMessage(
  snapshot: Snapshot,
  ruleSet: RuleSet,
  asked: Asked,
  at: Date,
): Promise<ExplainedMessage> {
  const { author, named, ...said } = read(asked.message);
  const sender = (asked.sender ?? author ?? '').toLowerCase();
  const addresses = [...new Set(asked.recipients ?? named)].slice(0, mostRecipients);
  if (addresses.length === 0)
    throw new AuthorityError('unusable-input', 'The message names nobody in To and Cc. Say who gets it.');
  const groups = await groupNamesOfPeople(snapshot);
  const groupsOf = async (address: string) => {
    const person = address === '' ? undefined : await personByAddress(snapshot, address);
    return { person, groups: person === undefined ? [] : (groups.get(person.id) ?? []) };
  };
  const from = await groupsOf(sender);
  const isOutbound = asked.direction === 'outbound';
  const recipients: RecipientFacts[] = [];
  for (const address of addresses)
    recipients.push({
      ...{ address, groups: (await groupsOf(address)).groups, visible: named.has(address.toLowerCase()) },
      ...(isOutbound ? await certificateOf(snapshot, address, at) : { certificate: 'unknown' as const }),
    });
  const facts: MessageFacts = {
    ...said,
    ...{ direction: asked.direction, sender, senderGroups: from.groups, recipients },
    signer: isOutbound && from.person?.state === 'active' && from.person.signing_key === 'gateway' ? 'ready' : 'none',
    ...(isOutbound ? {} : { authentication: allSay(asked.authentication) }),
  };
  const { subject, size, protection, content } = facts;
  return {
    message: {
      ...{ sender, subject: subject.slice(0, 1000), size: size ?? 0, protection },
      attachments: content.attachments.flatMap(({ name }) => name ?? []).slice(0, 50),
      unseen: content.unseen ?? null,
    },
    recipients: explain(ruleSet, facts).recipients.map(
      ({ recipient, rules, outcome, sentence, shadow, explained }) => ({
        ...{ recipient, rules: [...rules], outcome, sentence },
        shadow: shadow === undefined ? null : { ...shadow, rules: [...shadow.rules] },
        explained: explained.map(({ enabled: _, conditions, ...one }) => ({
          ...one,
          conditions: conditions.map((condition) => ({ ...condition })),
        })),
      }),
    ),
  };
}

function read(message: Uint8Array): ReturnType<typeof readFacts> {
  try {
    return readFacts(message);
  } catch (error) {
    if (error instanceof SmimeError)
      throw new AuthorityError('unusable-input', `The message cannot be read: ${error.message}. Nothing was kept.`);
    throw error;
  }
}

const allSay = (word: Asked['authentication']) => ({ spf: word, dkim: word, dmarc: word });

/** What the office knows: its own certificates, and those of correspondents that a gateway could use when it last said so. */
async function certificateOf(
  snapshot: Snapshot,
  address: string,
  at: Date,
): Promise<Pick<RecipientFacts, 'certificate' | 'reason'>> {
  if ((await usableCertificates(snapshot, address, at)).length > 0) return { certificate: 'good' };
  const { rows } = await listCorrespondents(snapshot, { search: address, limit: 50 });
  const known = rows.filter((row) => row.address === address.toLowerCase());
  if (known.some(({ standing }) => standing.encryption?.state === 'good')) return { certificate: 'good' };
  return { certificate: 'none', reason: 'the office knows of none; a gateway asks its directories as well' };
}
