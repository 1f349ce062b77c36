/** Opens an incoming message for those who let the gateway do so, and verifies what can be seen of it. No mail is lost here: what cannot be opened goes on as it came. */
import type { MessageIdentity } from '@chancery/mail-facts';
import {
  type DecryptedMessage,
  decryptMessage,
  decryptStream,
  parseAddressHeader,
  SmimeError,
  sameMailbox,
  type VerifyReport,
  verifyMessage,
  verifyStream,
} from '@chancery/smime';
import { GatewayError, reasonOf } from './errors.ts';
import type { InboundPolicy } from './inbound-policy.ts';
import { digestOf, LargeMessage, type Message, type Scratch } from './large-message.ts';
import type { Log } from './log.ts';
import type { OfficeView } from './office.ts';
import type { OpenedKeys } from './opened-keys.ts';
import { isHarmless, textOnly } from './presentation/text-only.ts';
import type { Arrival } from './smtp/listener.ts';

/** One form in which the message goes on, and to whom. */
export interface Form {
  readonly recipients: readonly string[];
  readonly message: Message;
  /** It came encrypted. */
  readonly encrypted: boolean;
  /** It was opened here, whatever of it goes on. */
  readonly opened: boolean;
  /** The gateway has keys for it, and none of them opened it. */
  readonly failed?: true;
  /** `text`: its words alone, nobody vouching for the rest; `shut`: as it came, encrypted. */
  readonly handling: 'whole' | 'text' | 'shut';
  /** It came encrypted with a cipher that nobody should use any more, and was opened all the same: its name. */
  readonly oldCipher?: string;
  /** What was opened is what was sent: the cipher or a signature inside says so. Without that, CBC text may have been altered. */
  readonly authenticated: boolean;
  /** Undefined when it could not be looked into. */
  readonly report: VerifyReport | undefined;
  /** For the journal. */
  readonly detail: string;
}

/**
 * @param openLegacy open what is encrypted with Triple DES, DES or RC2 too
 * @param now milliseconds since 1970
 * @throws GatewayError `unavailable` when a key that may be here cannot be asked for: the sender tries again
 */
export async function unprotect(
  arrival: Pick<Arrival, 'message' | 'recipients'> & Pick<MessageIdentity, 'protection'>,
  view: OfficeView,
  openedKeys: Pick<OpenedKeys, 'keysOf' | 'newerKeysOf'>,
  openLegacy: boolean,
  policy: Pick<InboundPolicy, 'unauthenticated'>,
  now: number,
  log: Log,
  scratch: Pick<Scratch, 'keep'>,
): Promise<Form[]> {
  const { message, recipients, protection } = arrival;
  // Only a message that is an envelope as a whole is opened (EFAIL): one somewhere among its parts stays shut.
  if (protection !== 'encrypted') {
    const report = await verify(message, view, now);
    const clear = { encrypted: false, opened: false, handling: 'whole', authenticated: false } as const;
    return [{ recipients, message, ...clear, report, detail: describe(report) }];
  }
  const sealed = new Map<string, string[]>();
  const opened: (Opened & { recipients: string[] })[] = [];
  for (const recipient of recipients) {
    const result = await open(recipient, message, view, openedKeys, openLegacy, log, scratch);
    if ('why' in result) {
      sealed.set(result.why, [...(sealed.get(result.why) ?? []), recipient]);
      continue;
    }
    const same = await sameAs(opened, result);
    if (same === undefined) opened.push({ ...result, recipients: [recipient] });
    else same.recipients.push(recipient);
  }
  const forms: Form[] = [];
  for (const one of opened) {
    const readers = one.recipients.flatMap((recipient) => addressesOf(recipient, view));
    const report = forReaders(withHeader(await verify(one.message, view, now), one.header), readers);
    const authenticated = one.authenticated || report.verdict === 'valid';
    const oldCipher = one.cipher.startsWith('aes-') ? undefined : one.cipher;
    const handling = authenticated || (await isHarmless(one.message)) ? 'whole' : handlings[policy.unauthenticated];
    const byDomain = one.recipients.some((recipient) => view.personOf(recipient)?.decrypts !== true);
    const detail = [
      byDomain ? 'opened with the key of its domain' : '',
      authenticated ? '' : 'decrypted, not authenticated: it may have been altered on the way',
      handling === 'text' ? 'only its text was passed on' : handling === 'shut' ? 'passed on as it came' : '',
      oldCipher === undefined ? '' : `encrypted with ${oldCipher}, which is too weak for new mail`,
      describe(report),
    ];
    forms.push({
      recipients: one.recipients,
      message:
        handling === 'whole'
          ? one.message
          : handling === 'shut'
            ? message
            : await textOnly(one.message, message, scratch),
      ...{
        encrypted: true,
        opened: true,
        handling,
        authenticated,
        report,
        detail: detail.filter((part) => part !== '').join('; '),
      },
      ...(oldCipher !== undefined && { oldCipher }),
    });
  }
  for (const [why, for_] of sealed) {
    forms.push({
      recipients: for_,
      message,
      ...{ encrypted: true, opened: false, handling: 'shut', authenticated: false, report: undefined, detail: why },
      ...(why === notDecrypted && { failed: true }),
    });
  }
  return forms;
}

const handlings = { text: 'text', shut: 'shut', hold: 'shut', open: 'whole' } as const;

function addressesOf(recipient: string, view: OfficeView): string[] {
  const person = view.personOf(recipient);
  return person === undefined ? [recipient] : [recipient, person.address, ...person.aliases];
}

/** Whoever opens a signed message can encrypt it again to somebody else, who then takes it for theirs (Davis, 2001). */
function forReaders(report: VerifyReport, readers: readonly string[]): VerifyReport {
  if (report.verdict !== 'valid' || report.protectedHeaders === undefined) return report;
  const named = report.protectedHeaders.fields
    .filter(({ name }) => name === 'to' || name === 'cc' || name === 'bcc' || name === 'from')
    .flatMap(({ value }) => parseAddressHeader(value).mailboxes.map(({ address }) => address));
  if (named.some((address) => readers.some((reader) => sameMailbox(address, reader)))) return report;
  const problem = {
    code: 'recipient-not-named',
    message:
      'The signed header does not name its reader: somebody may have passed the message on as if it were meant for them',
    severity: 'error',
  } as const;
  return { ...report, verdict: 'invalid', problems: [problem, ...report.problems] };
}

const notDecrypted = 'encrypted, and could not be decrypted; passed on as it came';

type Opened = Pick<DecryptedMessage, 'authenticated' | 'cipher' | 'header'> & { readonly message: Message };

/** One that opened to the same octets: what several people can open is one message. */
async function sameAs<One extends Opened>(opened: readonly One[], { message }: Opened): Promise<One | undefined> {
  for (const one of opened) {
    if (one.message.length !== message.length) continue;
    const [ours, theirs] = await Promise.all([digestOf(one.message), digestOf(message)]);
    if (ours === theirs) return one;
  }
  return undefined;
}

async function open(
  recipient: string,
  message: Message,
  view: OfficeView,
  openedKeys: Pick<OpenedKeys, 'keysOf' | 'newerKeysOf'>,
  legacy: boolean,
  log: Log,
  scratch: Pick<Scratch, 'keep'>,
): Promise<Opened | { why: string }> {
  const holders = [view.personOf(recipient), view.domainHolder(recipient)].flatMap((holder) =>
    holder?.decrypts === true ? [holder.address] : [],
  );
  if (holders.length === 0) return { why: 'encrypted, and not for this gateway to open' };
  const keys = (await Promise.all(holders.map((holder) => openedKeys.keysOf(holder)))).flat();
  if (keys.length === 0) return { why: 'encrypted, and no key of the recipient is locked to this gateway' };
  const result =
    (await decrypt(message, keys, legacy, scratch)) ?? (await decrypt(message, await newerKeys(), legacy, scratch));
  if (result !== undefined) return result;
  // RFC 3218: one class for every failure, whatever it was; nothing of it reaches the sender.
  log.warn('inbound.not-decrypted', { recipient });
  return { why: notDecrypted };

  async function newerKeys() {
    const newer = await Promise.all(holders.map((holder) => openedKeys.newerKeysOf(holder)));
    return newer.every((some) => some === undefined) ? undefined : newer.flatMap((some) => some ?? []);
  }
}

async function decrypt(
  message: Message,
  keys: Awaited<ReturnType<OpenedKeys['newerKeysOf']>>,
  legacy: boolean,
  scratch: Pick<Scratch, 'keep'>,
): Promise<Opened | { why: string } | undefined> {
  if (keys === undefined) return undefined;
  try {
    if (!(message instanceof LargeMessage)) return await decryptMessage({ message, keys, legacy });
    const opened = await decryptStream({ source: () => message.read(), keys, legacy });
    const { message: octets, authenticated, cipher, header } = opened;
    return { message: await scratch.keep(octets), authenticated, cipher, ...(header && { header }) };
  } catch (error) {
    // Said before any key is used, of what everybody can read.
    if (error instanceof SmimeError && error.code === 'legacy-algorithm')
      return { why: `encrypted, and not opened: ${error.message}` };
    // The disk is full: nothing is said of the message by that. A header without end is one more way in which it does not open.
    if (error instanceof GatewayError && error.code !== 'unreadable') throw error;
    return undefined;
  }
}

/**
 * What was wrong with the header as it was delivered, where the protected one stands in its place now (RFC 9788 section 4): whoever
 * altered it on the way must not be helped by our putting it right.
 */
function withHeader(report: VerifyReport, header: Opened['header']): VerifyReport {
  const known = new Set(report.problems.map(({ code, message }) => code + message));
  const problems = (header?.problems ?? []).filter(({ code, message }) => !known.has(code + message));
  if (!problems.some(({ severity }) => severity === 'error')) return report;
  // The journal and the labels are no place for a Subject that came encrypted.
  const discreet = problems.map((one) =>
    one.code === 'outer-field-differs'
      ? { ...one, message: `What was delivered differs from the protected header in: ${header?.differing.join(', ')}` }
      : one,
  );
  return { ...report, verdict: 'ambiguous', problems: [...discreet, ...report.problems] };
}

/** A signature never throws, and neither may anything else in a stranger's message. */
async function verify(message: Message, view: OfficeView, now: number): Promise<VerifyReport> {
  try {
    const report = await verifyBy(view.anchors, message, view, now);
    if (report.verdict !== 'valid' || !report.from.some(view.isOurs)) return report;
    // Whoever is trusted to say who their own people are does not say who ours are.
    const ours = new Set(view.ownAnchors.map(({ der }) => Buffer.from(der).toString('base64')));
    const anchorOf = ({ path }: VerifyReport['signers'][number]) => Buffer.from(path.path.at(-1)?.der ?? []);
    if (report.signers.every((signer) => ours.has(anchorOf(signer).toString('base64')))) return report;
    return await verifyBy(view.ownAnchors, message, view, now);
  } catch (error) {
    const problem = {
      code: 'not-read',
      message: `The message cannot be read: ${reasonOf(error)}`,
      severity: 'error',
    } as const;
    return {
      verdict: 'ambiguous',
      layers: [],
      signers: [],
      from: [],
      covers: 'none',
      content: undefined,
      problems: [problem],
    };
  }
}

async function verifyBy(
  anchors: OfficeView['anchors'],
  message: Message,
  { intermediates, crls }: OfficeView,
  now: number,
): Promise<VerifyReport> {
  const trust = {
    ...{ anchors: [...anchors], intermediates: [...intermediates], crls: [...crls] },
    at: new Date(now),
    revocation: 'if-present' as const,
  };
  if (!(message instanceof LargeMessage)) return verifyMessage({ message, ...trust });
  await using verifying = verifyStream({ source: () => message.read(), ...trust });
  return await verifying.report();
}

/** The first error of a report, wherever in it. */
export function reasonAgainst({ problems, signers }: VerifyReport): string | undefined {
  const all = [...problems, ...signers.flatMap((signer) => [...signer.problems, ...signer.path.problems])];
  return all.find(({ severity }) => severity === 'error')?.message;
}

function describe(report: VerifyReport): string {
  if (report.verdict === 'unsigned') return '';
  const signer = report.signers[0]?.emails[0];
  const by = signer === undefined ? '' : ` by ${signer}`;
  const reason = reasonAgainst(report);
  return `${report.verdict} signature${by}${report.verdict === 'valid' || reason === undefined ? '' : `: ${reason}`}`;
}
