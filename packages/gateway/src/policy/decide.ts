/** What is to be done with an outgoing message. A pure function: the relay, the simulator and the tests call the same one. */
import { type Actions, firstMatch, type Rule } from './rules.ts';

export interface MessageFacts {
  readonly direction: 'outbound' | 'inbound';
  /** Envelope sender, lower case; empty for a notification. */
  readonly sender: string;
  /** Names in lower case, values unfolded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** What the sender's own software did already. `encrypted` only when the body really is a CMS envelope. */
  readonly protection: 'none' | 'signed' | 'encrypted';
  /** `awaited`: this gateway is to sign for the sender and its certificate is not there yet. */
  readonly signer: 'ready' | 'awaited' | 'none';
  readonly recipients: readonly RecipientFacts[];
}

export interface RecipientFacts {
  readonly address: string;
  /** `unknown`: nobody who knows could be asked; that is not the same as none. */
  readonly certificate: 'good' | 'none' | 'unknown';
  /** Why there is none, or why it is unknown. */
  readonly reason?: string;
  /** Named in To or Cc. Others must not be found out from the recipient list of an envelope (Bcc). */
  readonly visible: boolean;
}

/** One form of the message and who gets it. */
export interface Copy {
  readonly recipients: readonly string[];
  readonly sign: boolean;
  readonly encrypt: boolean;
  readonly form: Actions['form'];
  readonly cipher: Actions['cipher'];
  /** What the rule says, where there is a header to protect: what its sender signed has its own. */
  readonly header: Actions['header'];
}

export type Refusal =
  | { readonly kind: 'policy'; readonly text: string }
  | { readonly kind: 'encryption-impossible'; readonly recipients: readonly string[] }
  | { readonly kind: 'no-signing-key'; readonly sender: string }
  | { readonly kind: 'later'; readonly reason: string };

/** The record of the decision for one recipient. */
export interface Decision {
  readonly recipient: string;
  readonly rule: string;
  readonly outcome: 'signed' | 'signed-encrypted' | 'encrypted' | 'plain' | 'refused' | 'deferred';
  readonly detail: string;
}

export interface Plan {
  /** When set, nothing of the message goes anywhere: one recipient's refusal refuses it for all, and the sender is told at once. */
  readonly refusal: Refusal | undefined;
  readonly copies: readonly Copy[];
  readonly decisions: readonly Decision[];
}

export function decide(rules: readonly Rule[], facts: MessageFacts): Plan {
  const ruled = facts.recipients.map((recipient) => ({
    recipient,
    rule: firstMatch(rules, {
      direction: facts.direction,
      sender: facts.sender,
      recipient: recipient.address,
      headers: facts.headers,
    }),
  }));

  const refusal = refusalOf(ruled, facts);
  if (refusal !== undefined) {
    const decisions = ruled.map(({ recipient, rule }): Decision => {
      const outcome = refusal.kind === 'later' ? 'deferred' : 'refused';
      return { recipient: recipient.address, rule: rule.name, outcome, detail: describeRefusal(refusal) };
    });
    return { refusal, copies: [], decisions };
  }

  const missing = ruled.filter(
    ({ recipient, rule }) => wantsEncryption(rule, facts) && recipient.certificate === 'none',
  );
  const treated = ruled.map(({ recipient, rule }) => {
    const encrypt = wantsEncryption(rule, facts) && (rule.do.encrypt === 'must' || missing.length === 0);
    const sign = rule.do.sign !== 'never' && facts.protection === 'none' && facts.signer === 'ready';
    return { recipient, rule, sign, encrypt };
  });
  return {
    refusal: undefined,
    copies: copiesOf(treated, facts.protection),
    decisions: treated.map(({ recipient, rule, sign, encrypt }) => ({
      recipient: recipient.address,
      rule: rule.name,
      outcome: outcomeOf(facts, sign, encrypt),
      detail: detailOf(
        facts,
        rule,
        encrypt,
        missing.map((one) => one.recipient),
      ),
    })),
  };
}

interface Ruled {
  readonly recipient: RecipientFacts;
  readonly rule: Rule;
}

function wantsEncryption(rule: Rule, facts: MessageFacts): boolean {
  return rule.do.encrypt !== 'never' && facts.protection !== 'encrypted';
}

/** Refusals for good come before those for now: a client must not retry what can never pass. */
function refusalOf(ruled: readonly Ruled[], facts: MessageFacts): Refusal | undefined {
  const refused = ruled.find(({ rule }) => rule.do.refuse !== undefined);
  if (refused?.rule.do.refuse !== undefined) return { kind: 'policy', text: refused.rule.do.refuse };

  const impossible = ruled.filter(
    ({ recipient, rule }) =>
      rule.do.encrypt === 'must' && wantsEncryption(rule, facts) && recipient.certificate === 'none',
  );
  if (impossible.length > 0) {
    return { kind: 'encryption-impossible', recipients: impossible.map(({ recipient }) => recipient.address) };
  }

  const toSign = facts.protection === 'none';
  if (toSign && facts.signer === 'none' && ruled.some(({ rule }) => rule.do.sign === 'must')) {
    return { kind: 'no-signing-key', sender: facts.sender };
  }

  const unknown = ruled.find(
    ({ recipient, rule }) => wantsEncryption(rule, facts) && recipient.certificate === 'unknown',
  );
  if (unknown !== undefined) {
    const reason = unknown.recipient.reason ?? 'nobody could be asked';
    return { kind: 'later', reason: `the certificate of ${unknown.recipient.address} is unknown: ${reason}` };
  }
  if (toSign && facts.signer === 'awaited' && ruled.some(({ rule }) => rule.do.sign !== 'never')) {
    return { kind: 'later', reason: `the signing certificate of ${facts.sender} is still being made` };
  }
  return undefined;
}

function copiesOf(
  treated: readonly (Ruled & { sign: boolean; encrypt: boolean })[],
  protection: MessageFacts['protection'],
): Copy[] {
  const groups = new Map<string, Copy & { recipients: string[] }>();
  for (const { recipient, rule, sign, encrypt } of treated) {
    const { form, cipher } = rule.do;
    const header = protection === 'none' && (sign || encrypt) ? rule.do.header : 'none';
    // Every envelope lists its recipients: a hidden one gets an envelope of their own.
    const alone = encrypt && !recipient.visible ? recipient.address : '';
    const key = JSON.stringify([sign, encrypt, sign ? form : '', encrypt ? cipher : '', header, alone]);
    const group = groups.get(key) ?? { recipients: [], sign, encrypt, form, cipher, header };
    group.recipients.push(recipient.address);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function outcomeOf(facts: MessageFacts, sign: boolean, encrypt: boolean): Decision['outcome'] {
  if (facts.protection === 'encrypted') return 'encrypted';
  const signed = sign || facts.protection === 'signed';
  if (encrypt) return signed ? 'signed-encrypted' : 'encrypted';
  return signed ? 'signed' : 'plain';
}

function detailOf(facts: MessageFacts, rule: Rule, encrypt: boolean, missing: readonly RecipientFacts[]): string {
  const parts: string[] = [];
  if (facts.protection === 'encrypted') parts.push('encrypted by the sender, passed untouched');
  if (facts.protection === 'signed') parts.push('signed by the sender');
  if (facts.protection === 'none' && rule.do.sign !== 'never' && facts.signer === 'none') {
    parts.push(`no signing key for ${facts.sender === '' ? 'an empty sender' : facts.sender} here`);
  }
  if (!encrypt && missing.length > 0 && wantsEncryption(rule, facts)) {
    const named = missing.slice(0, 5).map(({ address, reason }) => (reason ? `${address} (${reason})` : address));
    const more = missing.length > 5 ? ` and ${missing.length - 5} more` : '';
    parts.push(`not encrypted: no good certificate for ${named.join(', ')}${more}`);
  }
  return parts.join('; ');
}

function describeRefusal(refusal: Refusal): string {
  switch (refusal.kind) {
    case 'policy':
      return refusal.text;
    case 'encryption-impossible':
      return `encryption required, no good certificate for ${refusal.recipients.slice(0, 10).join(', ')}`;
    case 'no-signing-key':
      return `a signature is required, and there is no signing key for ${refusal.sender}`;
    case 'later':
      return refusal.reason;
  }
}
