/** Address headers (RFC 5322 section 3.4, RFC 6532): who a message says it is from, with every doubt named. */
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import { decodeHeaderText, decodeRaw } from './header-text.ts';
import { mixesScripts } from './mixed-scripts.ts';

/** One mailbox of an address field (RFC 5322 section 3.4). */
export interface Mailbox {
  /** Display name, decoded; undefined where there is none. */
  readonly name: string | undefined;
  /** `local-part@domain`, without comments, quotes or folding. */
  readonly address: string;
  /** Name of the group it stands in. */
  readonly group: string | undefined;
}

/** The mailboxes of an address field, and every doubt about them. */
export interface AddressList {
  readonly mailboxes: readonly Mailbox[];
  readonly problems: readonly Problem[];
}

/**
 * Reads an address field; never throws: what is doubtful is among the problems.
 * @param value the raw field value, one character per octet (`HeaderField.value`)
 */
export function parseAddressHeader(value: string): AddressList {
  const problems: Problem[] = [];
  const doubt = (code: string, message: string, severity: Problem['severity'] = 'error'): void => {
    if (!problems.some((known) => known.code === code))
      problems.push(problem(severity, code, message, 'RFC 5322 section 3.4'));
  };
  const mailboxes: Mailbox[] = [];
  let group: string | undefined;
  let item: Token[] = [];
  const finish = (): void => {
    const mailbox = item.length === 0 ? undefined : readMailbox(item, group, doubt);
    item = [];
    if (mailbox === undefined) return;
    if (mailboxes.length < limits.mailboxes) mailboxes.push(mailbox);
    else doubt('too-many-mailboxes', `The field names more than ${limits.mailboxes} mailboxes.`);
  };
  let angle = false;
  for (const token of tokenize(value, doubt)) {
    if (token.special === '<') angle = true;
    else if (token.special === '>') angle = false;
    if (angle || token.special === undefined || !',:;'.includes(token.special)) item.push(token);
    else if (token.special === ':') {
      if (group !== undefined)
        doubt('malformed-address', 'A group stands within a group, or a colon where none belongs.');
      group = textOf(item);
      item = [];
    } else {
      finish();
      if (token.special === ';') group = undefined;
    }
  }
  if (angle) doubt('malformed-address', 'An address that began with < never ends.');
  finish();
  return { mailboxes, problems };
}

interface Token {
  /** One of `< > , : ; @ .`; undefined for text. */
  readonly special?: string;
  readonly text: string;
  readonly quoted?: boolean;
}

type Doubt = (code: string, message: string, severity?: Problem['severity']) => void;

function tokenize(value: string, doubt: Doubt): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < value.length; ) {
    if (tokens.length >= limits.addressTokens) {
      doubt('address-field-too-long', `Only ${limits.addressTokens} words of the field were read.`);
      return tokens;
    }
    const c = value[at] as string;
    if (c === ' ' || c === '\t') at++;
    else if (c === '(') {
      doubt(
        'comment-in-address',
        'A comment stands in the field; some programs show it as the name, some as nothing.',
        'warning',
      );
      const end = skipComment(value, at, doubt);
      if (addressesIn(decodeHeaderText(value.slice(at, end))).length > 0)
        doubt(
          'address-in-comment',
          'A comment holds an e-mail address: some programs show it as the sender.',
          'warning',
        );
      at = end;
    } else if (c === '"') {
      const { text, end, closed } = readQuoted(value, at);
      if (!closed) doubt('unterminated-quote', 'A quoted string in the field never ends.');
      tokens.push({ text, quoted: true });
      at = end;
    } else if ('<>,:;@'.includes(c)) {
      tokens.push({ special: c, text: c });
      at++;
    } else {
      const start = at;
      while (at < value.length && !' \t("<>,:;@'.includes(value[at] as string)) at++;
      const text = value.slice(start, at);
      if (hasControl(text)) doubt('control-in-address', 'The field holds a control character.');
      tokens.push({ text });
    }
  }
  return tokens;
}

function readMailbox(tokens: readonly Token[], group: string | undefined, doubt: Doubt): Mailbox | undefined {
  const open = tokens.findIndex(({ special }) => special === '<');
  if (open < 0) {
    const address = addressOf(tokens, doubt);
    return address === undefined ? undefined : { name: undefined, address, group };
  }
  const close = tokens.findIndex(({ special }, index) => index > open && special === '>');
  const inside = tokens.slice(open + 1, close < 0 ? undefined : close);
  if (close < 0 || close < tokens.length - 1 || inside.some(({ special }) => special === '<'))
    doubt('malformed-address', 'Something stands around the address in a way that can be read twice.');
  // RFC 5322 4.4: an obsolete route before the address.
  const colon = inside.findIndex(({ special }) => special === ':');
  if (colon >= 0) doubt('address-route', 'The address has an obsolete route before it.');
  const address = addressOf(colon < 0 ? inside : inside.slice(colon + 1), doubt);
  const name = decodeHeaderText(textOf(tokens.slice(0, open)));
  if (hasControl(name))
    doubt(
      'control-in-display-name',
      'The display name holds a control character: some programs show nothing after it.',
    );
  if (addressesIn(name).some((shown) => shown !== address?.toLowerCase()))
    doubt('address-in-display-name', 'The display name holds an e-mail address that is not the sender’s.', 'warning');
  if (tokens.slice(0, open).some(({ special }) => special === '@'))
    doubt('malformed-address', 'An @ stands outside of quotes before the address.');
  return address === undefined ? undefined : { name: name === '' ? undefined : name, address, group };
}

function addressOf(tokens: readonly Token[], doubt: Doubt): string | undefined {
  const at = tokens.findIndex(({ special }) => special === '@');
  const local = tokens.slice(0, at);
  const domain = tokens.slice(at + 1);
  const well = at > 0 && domain.length > 0 && [...local, ...domain].every(({ special }) => special === undefined);
  // Several words make one address only with dots between them: "a b"@c is not a b@c.
  const whole =
    local.length === 1 && (domain.length === 1 || !domain.some(({ quoted }) => quoted)) && domain.length === 1;
  if (!well || !whole) {
    if (tokens.length > 0)
      doubt('malformed-address', 'What stands where an address should be is none, or can be read as several.');
    return undefined;
  }
  const localText = (local[0] as Token).text;
  const domainText = (domain[0] as Token).text;
  if (hasControl(localText) || localText.includes('@'))
    doubt('malformed-address', 'The address holds characters that make it two addresses to some programs.');
  // RFC 2047 5: never within an address; programs that decode it there show another sender.
  if (localText.includes('=?') || domainText.includes('=?'))
    doubt('encoded-word-in-address', 'The address holds an encoded word, which some programs decode and some do not.');
  const domainName = decodeRaw(domainText);
  if (mixesScripts(domainName))
    doubt('mixed-script-domain', 'A word of the domain mixes alphabets whose letters look alike.', 'warning');
  return `${decodeRaw(localText)}@${domainName}`;
}

const textOf = (tokens: readonly Token[]): string => tokens.map(({ text }) => text).join(' ');

function skipComment(value: string, start: number, doubt: Doubt): number {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    const c = value[at];
    if (c === '\\') at++;
    else if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return at + 1;
  }
  doubt('unterminated-comment', 'A comment in the field never ends.');
  return value.length;
}

function readQuoted(value: string, start: number): { text: string; end: number; closed: boolean } {
  let text = '';
  for (let at = start + 1; at < value.length; at++) {
    const c = value[at] as string;
    if (c === '"') return { text, end: at + 1, closed: true };
    if (c === '\\') at++;
    text += value[at] ?? '';
  }
  return { text, end: value.length, closed: false };
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20 || text.charCodeAt(i) === 0x7f) return true;
  return false;
}

/** Whether a mail program could show the text as an address: a word, an @ and a dotted word. */
/** What a person would take for an address in a text that is none, in lower case; full-width letters and signs count as the plain ones. */
function addressesIn(text: string): string[] {
  if (!/[@\uff20\ufe6b]/.test(text)) return [];
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[^\s@<>()[\]"',:;]{1,64}@[^\s@<>()[\]"',:;]*[^\s@<>()[\]"',:;.]\.[^\s@<>()[\]"',:;.]+/g) ?? []
  );
}
