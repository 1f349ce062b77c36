/** What is to be done with a message. A pure function: the relay, the simulator, the console and the tests call the same one. */
import { combine, type Effect, type Weighed, weigh } from './effect.ts';
import type { MessageFacts, RecipientFacts } from './facts.ts';
import { isNamed } from './patterns.ts';
import { type Hold, lastRule, type RuleSet } from './rules.ts';

/** What rules change in a message before it is protected. */
export type Changes = Pick<
  Effect,
  'addHeaders' | 'removeHeaders' | 'removeAttachments' | 'disclaimers' | 'subjectTags'
>;

/** One form of the message and who gets it. */
export interface Copy extends Pick<Effect, 'form' | 'cipher' | 'oaep' | 'header' | 'route' | 'banner' | 'reencrypt'> {
  readonly recipients: readonly string[];
  readonly sign: boolean;
  readonly encrypt: boolean;
  readonly changes: Changes;
}

export type Refusal =
  | { readonly kind: 'policy'; readonly text: string }
  | { readonly kind: 'encryption-impossible'; readonly recipients: readonly string[] }
  /** Others must get it encrypted, and no rule lets these have it in the clear beside them. */
  | { readonly kind: 'split-forbidden'; readonly recipients: readonly string[] }
  | { readonly kind: 'no-signing-key'; readonly sender: string }
  | { readonly kind: 'later'; readonly reason: string };

/** Recipients for whom the message waits here. */
export interface Held extends Hold {
  readonly recipients: readonly string[];
}

/** `passed`: mail from outside; what becomes of it is said by whoever opens and verifies it. */
export type Outcome =
  | 'signed'
  | 'signed-encrypted'
  | 'encrypted'
  | 'plain'
  | 'passed'
  | 'held'
  /** Mail from outside that is held. */
  | 'quarantined'
  | 'refused'
  | 'deferred';

/** The record of the decision for one recipient. */
export interface Decision {
  readonly recipient: string;
  /** Names of the rules that decided, in their order. */
  readonly rules: readonly string[];
  readonly outcome: Outcome;
  readonly detail: string;
  /** What would have happened with every rule in shadow on; absent where it would have been the same and none of them holds. */
  readonly shadow?: Pick<Decision, 'outcome' | 'detail'> & {
    /** Names of the rules in shadow that would have counted. */
    readonly rules: readonly string[];
  };
}

export interface Plan {
  /** When set, nothing of the message goes anywhere: one recipient's refusal refuses it for all, and the sender is told at once. */
  readonly refusal: Refusal | undefined;
  readonly copies: readonly Copy[];
  readonly held: readonly Held[];
  readonly decisions: readonly Decision[];
}

/** @param released a person has let a held message go: rules that hold mail no longer do */
export function decide(ruleSet: RuleSet, facts: MessageFacts, { released = false } = {}): Plan {
  const ruled = rule(ruleSet, facts, released, false);
  const plan = planFor(ruled, facts, released);
  if (!ruleSet.rules.some(({ enabled }) => enabled === 'shadow')) return plan;
  const shadowed = rule(ruleSet, facts, released, true);
  const would = planFor(shadowed, facts, released).decisions;
  const decisions = plan.decisions.map((decision, index): Decision => {
    const rules = shadowed[index]?.shadows ?? [];
    const { outcome, detail } = would[index] ?? decision;
    return rules.length === 0 && outcome === decision.outcome
      ? decision
      : { ...decision, shadow: { rules, outcome, detail } };
  });
  return { ...plan, decisions };
}

/** A recipient and what the rules say of them. */
interface Ruled {
  readonly recipient: RecipientFacts;
  readonly effect: Effect;
  readonly shadows: readonly string[];
}

function rule(ruleSet: RuleSet, facts: MessageFacts, released: boolean, shadows: boolean): Ruled[] {
  /** Recipients whom the same rules treat alike share one effect. */
  const effects = new Map<string, Effect>();
  return facts.recipients.map((recipient) => {
    const weighed = weigh(ruleSet, facts, recipient, shadows);
    const key = weighed.map(({ applied }) => applied[0]).join('');
    const effect = effects.get(key) ?? effectOf(weighed, released);
    effects.set(key, effect);
    const counting = weighed.filter(({ rule, applied }) => rule.enabled === 'shadow' && isCounted(applied));
    return { recipient, effect, shadows: counting.map(({ rule }) => rule.name) };
  });
}

function isCounted(applied: Weighed['applied']): boolean {
  return applied === 'whole' || applied === 'demands';
}

function effectOf(weighed: readonly Weighed[], released: boolean): Effect {
  const effect = combine(weighed);
  return released ? { ...effect, hold: undefined } : effect;
}

function planFor(ruled: readonly Ruled[], facts: MessageFacts, released: boolean): Plan {
  const refusal = refusalOf(ruled, facts);
  if (refusal !== undefined) return refusedPlan(ruled, refusal);
  const review = ruled.flatMap(({ effect }) => reviewOf(effect, facts, released));
  if (review.length > 0) return heldPlan(ruled, review, facts);
  const later = laterOf(ruled, facts);
  if (later !== undefined) return refusedPlan(ruled, later);

  const waiting = ruled.filter((one) => waits(one, facts));
  const going = ruled.filter((one) => !waits(one, facts));
  const missing = going.filter(
    (one) => one.effect.encrypt !== 'must' && wantsEncryption(one, facts) && one.recipient.certificate === 'none',
  );
  const treated = going.map((one): Treated => {
    const { effect, recipient } = one;
    const possible = wantsEncryption(one, facts) && recipient.certificate === 'good';
    const encrypt = possible && (effect.encrypt === 'must' || missing.length === 0 || effect.split);
    const sign =
      isOutbound(facts) && effect.sign !== 'never' && facts.protection === 'none' && facts.signer === 'ready';
    return { ...one, sign, encrypt };
  });
  const split = splitRefusal(treated, missing);
  if (split !== undefined) return refusedPlan(ruled, split);

  const decided = new Map<Ruled | undefined, Decision>();
  for (const one of waiting) decided.set(one, heldDecision(one, one.effect.hold?.reason ?? '', facts));
  going.forEach((one, index) => {
    const how = treated[index];
    if (how !== undefined) decided.set(one, decisionOf(how, facts, missing));
  });
  return {
    refusal: undefined,
    copies: copiesOf(treated, facts),
    held: waiting.flatMap(({ recipient, effect: { hold } }) =>
      hold === undefined ? [] : [{ ...hold, recipients: [recipient.address] }],
    ),
    decisions: ruled.flatMap((one) => decided.get(one) ?? []),
  };
}

interface Treated extends Ruled {
  readonly sign: boolean;
  readonly encrypt: boolean;
}

function isOutbound(facts: MessageFacts): boolean {
  return facts.direction === 'outbound';
}

function wantsEncryption({ effect }: Ruled, facts: MessageFacts): boolean {
  return isOutbound(facts) && effect.encrypt !== 'never' && facts.protection !== 'encrypted';
}

/** Mail from outside, and what is encrypted already, waits for no certificate. */
function mayInvite({ invite }: Hold, facts: MessageFacts): boolean {
  return invite && isOutbound(facts);
}

/** What a person is to look at before any of it goes anywhere. */
function reviewOf({ hold, removeAttachments }: Effect, facts: MessageFacts, released: boolean): Hold[] {
  const holds = hold === undefined || mayInvite(hold, facts) ? [] : [hold];
  // What comes encrypted can be looked into once it is opened: whoever does that asks again then.
  if (isOutbound(facts) || released || facts.protection === 'encrypted') return holds;
  const reason = whyNotStripped(removeAttachments, facts.content, facts.protection);
  return reason === undefined ? holds : [...holds, quarantine(reason)];
}

/** Of a message from outside that cannot go on as the rules want it. */
export function quarantine(reason: string): Hold {
  return { reason: reason.slice(0, 200), hours: 168, invite: false };
}

function waits(one: Ruled, facts: MessageFacts): boolean {
  const { hold } = one.effect;
  if (hold === undefined || !mayInvite(hold, facts)) return false;
  return wantsEncryption(one, facts) && one.recipient.certificate === 'none';
}

/** Refusals for good come before those for now: a client must not retry what can never pass. */
function refusalOf(ruled: readonly Ruled[], facts: MessageFacts): Refusal | undefined {
  const text = ruled.find(({ effect }) => effect.refuse !== undefined)?.effect.refuse;
  if (text !== undefined) return { kind: 'policy', text };

  const unstripped = isOutbound(facts)
    ? ruled.flatMap(({ effect }) => whyNotStripped(effect.removeAttachments, facts.content, facts.protection) ?? [])[0]
    : undefined;
  if (unstripped !== undefined) return { kind: 'policy', text: unstripped };

  const impossible = ruled.filter(
    (one) =>
      one.effect.encrypt === 'must' &&
      wantsEncryption(one, facts) &&
      one.recipient.certificate === 'none' &&
      !waits(one, facts),
  );
  if (impossible.length > 0) {
    return { kind: 'encryption-impossible', recipients: impossible.map(({ recipient }) => recipient.address) };
  }

  const toSign = isOutbound(facts) && facts.protection === 'none';
  if (toSign && facts.signer === 'none' && ruled.some(({ effect }) => effect.sign === 'must')) {
    return { kind: 'no-signing-key', sender: facts.sender };
  }
  return undefined;
}

/** A file that a rule takes out must not go by because it cannot be taken out. @returns why it cannot be, for its sender or a person here */
export function whyNotStripped(
  removeAttachments: readonly string[],
  content: MessageFacts['content'],
  protection: MessageFacts['protection'],
): string | undefined {
  if (removeAttachments.length === 0) return undefined;
  const files = removeAttachments.slice(0, 3).join(', ');
  if (content.unseen !== undefined) {
    return `Files named ${files} are taken out of mail here, and this cannot be looked into: ${content.unseen}`;
  }
  const named = content.attachments.some(
    ({ name }) => name !== undefined && removeAttachments.some((pattern) => isNamed(pattern, name)),
  );
  return named && protection !== 'none'
    ? `Files named ${files} are taken out of mail here, and its sender's own software has ${protection} this`
    : undefined;
}

function laterOf(ruled: readonly Ruled[], facts: MessageFacts): Refusal | undefined {
  const unknown = ruled.find((one) => wantsEncryption(one, facts) && one.recipient.certificate === 'unknown');
  if (unknown !== undefined) {
    const { address, reason = 'nobody could be asked' } = unknown.recipient;
    return { kind: 'later', reason: `the certificate of ${address} is unknown: ${reason}` };
  }
  const toSign = isOutbound(facts) && facts.protection === 'none';
  if (toSign && facts.signer === 'awaited' && ruled.some(({ effect }) => effect.sign !== 'never')) {
    return {
      kind: 'later',
      reason: `the signing key of ${facts.sender} is not ready: its certificate is being made, or what holds it does not answer`,
    };
  }
  return undefined;
}

/** What must be encrypted for one must not go to another in the clear for want of a certificate, unless the rule says so. */
function splitRefusal(treated: readonly Treated[], missing: readonly Ruled[]): Refusal | undefined {
  const strict = treated.some(({ effect, encrypt }) => encrypt && effect.encrypt === 'must' && !effect.split);
  if (!strict || missing.length === 0) return undefined;
  return { kind: 'split-forbidden', recipients: missing.map(({ recipient }) => recipient.address) };
}

function refusedPlan(ruled: readonly Ruled[], refusal: Refusal): Plan {
  const outcome = refusal.kind === 'later' ? 'deferred' : 'refused';
  const detail = describeRefusal(refusal);
  const decisions = ruled.map(
    ({ recipient, effect }): Decision => ({ recipient: recipient.address, rules: effect.rules, outcome, detail }),
  );
  return { refusal, copies: [], held: [], decisions };
}

/** A person is to look at it before any of it goes anywhere. */
function heldPlan(ruled: readonly Ruled[], holds: readonly Hold[], facts: MessageFacts): Plan {
  const reason = [...new Set(holds.map((hold) => hold.reason))].join('; ');
  const hours = Math.max(...holds.map((hold) => hold.hours));
  const recipients = ruled.map(({ recipient }) => recipient.address);
  return {
    refusal: undefined,
    copies: [],
    held: [{ recipients, reason, hours, invite: false }],
    decisions: ruled.map((one) => heldDecision(one, reason, facts)),
  };
}

function heldDecision({ recipient, effect }: Ruled, reason: string, facts: MessageFacts): Decision {
  const outcome = isOutbound(facts) ? 'held' : 'quarantined';
  return { recipient: recipient.address, rules: effect.rules, outcome, detail: reason };
}

function copiesOf(treated: readonly Treated[], facts: MessageFacts): Copy[] {
  const groups = new Map<string, Copy & { recipients: string[] }>();
  const keys = new Map<Effect, string>();
  for (const { recipient, effect, sign, encrypt } of treated) {
    const { form, cipher, oaep, route } = effect;
    const { banner, reencrypt } = isOutbound(facts) ? unsaid : effect;
    const header = facts.protection === 'none' && (sign || encrypt) ? effect.header : 'none';
    const changes = changesOf(effect, facts);
    // Every envelope lists its recipients: a hidden one gets an envelope of their own.
    const alone = encrypt && !recipient.visible ? recipient.address : '';
    const changed = keys.get(effect) ?? JSON.stringify([changes, route, banner, reencrypt]);
    keys.set(effect, changed);
    const how = [sign, encrypt, sign ? form : '', encrypt ? [cipher, oaep] : '', header, alone];
    const key = `${JSON.stringify(how)}${changed}`;
    const fresh = {
      ...{ sign, encrypt, form, cipher, oaep, header, route, banner, reencrypt, changes },
      recipients: [],
    };
    const group = groups.get(key) ?? fresh;
    group.recipients.push(recipient.address);
    groups.set(key, group);
  }
  return [...groups.values()];
}

const unsaid = { banner: undefined, reencrypt: undefined };

/** Mail that comes in is changed once it has been opened and verified; what its sender wrote gets no disclaimer of ours. */
function changesOf(effect: Effect, facts: MessageFacts): Changes {
  const { addHeaders, removeHeaders, removeAttachments, disclaimers, subjectTags } = effect;
  const ours = isOutbound(facts) ? disclaimers : [];
  return { addHeaders, removeHeaders, removeAttachments, disclaimers: ours, subjectTags };
}

function decisionOf(treated: Treated, facts: MessageFacts, missing: readonly Ruled[]): Decision {
  return {
    recipient: treated.recipient.address,
    rules: treated.effect.rules,
    outcome: outcomeOf(treated, facts),
    detail: detailOf(treated, facts, missing),
  };
}

function outcomeOf({ sign, encrypt }: Treated, facts: MessageFacts): Outcome {
  if (!isOutbound(facts)) return 'passed';
  if (facts.protection === 'encrypted') return 'encrypted';
  const signed = sign || facts.protection === 'signed';
  if (encrypt) return signed ? 'signed-encrypted' : 'encrypted';
  return signed ? 'signed' : 'plain';
}

function detailOf(treated: Treated, facts: MessageFacts, missing: readonly Ruled[]): string {
  const { effect, encrypt } = treated;
  const parts: string[] = [];
  if (isOutbound(facts)) {
    if (facts.protection === 'encrypted') parts.push('encrypted by the sender, passed untouched');
    if (facts.protection === 'signed') parts.push('signed by the sender');
    if (facts.protection === 'none' && effect.sign !== 'never' && facts.signer === 'none') {
      parts.push(`no signing key for ${facts.sender === '' ? 'an empty sender' : facts.sender} here`);
    }
  }
  if (!encrypt && missing.length > 0 && wantsEncryption(treated, facts)) {
    const named = missing
      .slice(0, 5)
      .map(({ recipient: { address, reason } }) => (reason ? `${address} (${reason})` : address));
    const more = missing.length > 5 ? ` and ${missing.length - 5} more` : '';
    parts.push(`not encrypted: no good certificate for ${named.join(', ')}${more}`);
  }
  return [...parts, ...describeChanges(effect, facts)].join('; ');
}

function describeChanges(effect: Effect, facts: MessageFacts): string[] {
  const { addHeaders, removeHeaders, removeAttachments, disclaimers, subjectTags } = changesOf(effect, facts);
  const { route, banner, reencrypt } = { ...effect, ...(isOutbound(facts) ? unsaid : {}) };
  const names = (of: readonly string[]) => of.slice(0, 3).join(', ') + (of.length > 3 ? ' and more' : '');
  return [
    addHeaders.length > 0 ? `adds ${names(addHeaders.map(({ name }) => name))}` : '',
    removeHeaders.length > 0 ? `removes ${names(removeHeaders)}` : '',
    removeAttachments.length > 0 ? `removes files named ${names(removeAttachments)}` : '',
    disclaimers.length > 0 ? 'adds a disclaimer' : '',
    subjectTags.length > 0 ? `tags the subject ${names(subjectTags)}` : '',
    banner === undefined ? '' : `banner: ${banner}`,
    reencrypt === undefined ? '' : `encrypted again: ${reencrypt}`,
    route === undefined ? '' : `goes by ${route}`,
  ].filter((part) => part !== '');
}

export function describeRefusal(refusal: Refusal): string {
  const some = (addresses: readonly string[]) => addresses.slice(0, 10).join(', ');
  switch (refusal.kind) {
    case 'policy':
      return refusal.text;
    case 'encryption-impossible':
      return `encryption required, no good certificate for ${some(refusal.recipients)}`;
    case 'split-forbidden':
      return `encryption required for others, and no rule lets ${some(refusal.recipients)} have it in the clear`;
    case 'no-signing-key':
      return `a signature is required, and there is no signing key for ${refusal.sender}`;
    case 'later':
      return refusal.reason;
  }
}

/** The rules of a record on one line. */
export function namesOf(rules: readonly string[]): string {
  return (rules.length === 0 ? lastRule : rules.join(', ')).slice(0, 200);
}
