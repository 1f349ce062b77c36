/** Held mail in the words of the console. */
import type { HeldMail } from '@chancery/api';
import type { Worded } from '../words.ts';

/** Whom or what it waits for, in two words. */
export function standingOf({ decision, waitsFor, invited, problem }: HeldMail): Worded {
  if (decision !== null) return decision.act === 'release' ? ['Being released', 'wait'] : ['Being returned', 'wait'];
  if (problem !== null) return ['Could not go', 'bad'];
  if (waitsFor === 'decision') return ['A decision', 'warn'];
  return invited ? ['A signed reply', 'wait'] : ['An invitation', 'wait'];
}

/** What has to happen, as a sentence. */
export function freedBy({ decision, waitsFor, invited, recipients, problem }: HeldMail): string {
  if (decision !== null) return `${decision.by} has decided; its gateway does it at its next look.`;
  if (problem !== null) return 'It was released, and other rules or the next server keep it.';
  if (waitsFor === 'decision') return 'Somebody here lets it go, or returns it.';
  const who = recipients.length === 1 ? 'Its recipient' : 'Each recipient';
  return invited
    ? `${who} was asked for a signed reply; the certificate that comes with it lets the message go by itself.`
    : `${who} is being asked for a signed reply.`;
}
