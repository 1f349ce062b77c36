/** Everything of the gateway that a stranger's octets reach before a next server does, one message at a time, with what must hold of it. */
import { MailVerdict } from '@chancery/api';
import { factsOf, identityIn, leavesOf, namesIn } from '@chancery/mail-facts';
import { decodeHeaderText, type MimeEntity, scanMessage } from '@chancery/smime';
import type { Dice } from '../../../smime/fuzz/dice.ts';
import { now } from '../../../smime/fuzz/people.ts';
import { people } from '../../../smime/fuzz/seeds.ts';
import { must } from '../../../smime/fuzz/target.ts';
import { changeMessage } from '../../src/change-message.ts';
import { headerBlockEnd, headerFields, withHeaders } from '../../src/header-block.ts';
import { hostileQuotation } from '../../src/hostile-html.ts';
import { headOf, type LargeMessage, type Message, octetsOf, type Scratch } from '../../src/large-message.ts';
import { readIdentity } from '../../src/message-facts.ts';
import type { OfficeView } from '../../src/office.ts';
import { present } from '../../src/presentation/present.ts';
import { textOnly } from '../../src/presentation/text-only.ts';
import { senderSignals } from '../../src/signals/sender-signals.ts';
import { type Form, unprotect } from '../../src/unprotect.ts';
import { isForged, verdictFields, verdictOf } from '../../src/verdict.ts';

/** The same octets in a file, read so many at a time; undefined where their header is too long for that. */
export type Filed = (message: Buffer, piece: number) => Promise<LargeMessage | undefined>;

const name = 'gateway.example.com';
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const tag = { warning: '[CAUTION]', valid: '[SIGNED]' };
const nothing = { spf: 'none', dmarc: 'none', dkim: [], arc: 'none', results: ['spf=none'], senderVouched: false };

const person = {
  ...{ personId: '00000000-0000-4000-8000-000000000000', name: 'Anna Muster', address: 'anna@example.com' },
  ...{ aliases: [], signingKey: 'gateway' as const, decrypts: true, groups: [] },
};
const view = {
  ...{ organisation: 'Example', domains: ['example.com'], people: [person] },
  ...{ personOf: (address: string) => (address === person.address ? person : undefined) },
  ...{ domainHolder: () => undefined, isOurs: (address: string) => address.endsWith('@example.com') },
  ...{ isPartner: () => false, isAcme: () => false, intermediates: [], crls: [] },
  get anchors() {
    return [people().root.certificate];
  },
} as unknown as OfficeView;

const keysOf = async () =>
  people().keys.flatMap((key) => ('certificate' in key && key.certificate !== undefined ? [key as never] : []));

/** As a client must hand it over: CRLF alone ends a line, there is no NUL, and it ends with its line. */
export function asSent(octets: Buffer): Buffer {
  const text = octets
    .toString('latin1')
    .replace(/\r\n|\r|\n/g, '\r\n')
    .replaceAll('\0', '');
  return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
}

/**
 * @param scratch where what is made of a message in a file is kept
 * @param next called after each step. Throws where something does not hold, or anything at all.
 */
export async function lookThrough(
  message: Buffer,
  dice: Dice,
  filed: Filed,
  scratch: Scratch,
  next: (step: string) => void,
): Promise<void> {
  const fields = headerFields(message);
  const root = scanMessage(message);
  next('header');
  if (!isDoubtful(root)) {
    // The first line of a mailbox file is no field to either.
    const ours = fields.filter((field) => field.name !== '').map(written);
    must(ours.join('\n') === root.headers.map(written).join('\n'), 'gateway and engine read the same header');
  }
  labelled(message);
  next('labels');

  const identity = identityIn(message);
  factsOf({ sender: 'a@b.example', message }, fields, identity);
  const open = identity.content.unseen === undefined && identity.protection === 'none';
  next('facts');
  hostileQuotation(identity.bodyOf, identity.root);
  next('quotation');
  const large = dice.oneIn(3)
    ? await filed(message, Math.max(dice.few(5_000), Math.ceil(message.length / 500)))
    : undefined;
  if (large !== undefined) {
    const other = await readIdentity(large);
    const seen = (one: typeof identity) =>
      JSON.stringify([one.author, [...one.named], one.protection, one.subject, one.content]);
    must(seen(other) === seen(identity), 'a message in a file says the same as in memory');
    next('facts of a file');
  }

  const policy = { unauthenticated: dice.pick(['text', 'shut', 'open'] as const) };
  const keys = { keysOf, newerKeysOf: async () => undefined };
  const whom = { recipients: [person.address, 'b@x.example'], protection: identity.protection };
  const opened = (one: Buffer | LargeMessage) =>
    unprotect({ message: one, ...whom }, view, keys, true, policy, now.getTime(), quiet, scratch);
  const forms = await opened(message);
  next('unprotect');
  must(forms.flatMap(({ recipients }) => recipients).length === 2, 'everybody gets it once');
  const largeForms = large === undefined ? undefined : await opened(large);
  next('unprotect of a file');
  for (const [index, form] of forms.entries()) {
    const { report } = form;
    if (!form.encrypted && identity.author !== undefined && report?.from.length === 1)
      must(report.from[0]?.toLowerCase() === identity.author, 'policy and signature have one author');
    if (report?.verdict === 'valid')
      must(!isDoubtful(scanMessage(await whole(form.message))), 'what is valid is read in one way');
    const signals = senderSignals({
      ...form,
      ...{ fields: headerFields(headOf(form.message)), authenticity: { dmarc: 'none' }, view, changed: undefined },
      ...{ habitOf: () => undefined, correspondents: new Set(['x.example']) },
    });
    must(MailVerdict.safeParse(verdictOf(nothing, form, signals)).success, 'the journal takes the verdict');
    const labels = verdictFields(name, nothing, form, signals);
    const read = headerFields(Buffer.from(`${labels.join('\r\n')}\r\n\r\n`, 'latin1'));
    must(read.length === labels.length && labels.every((one) => /^[\x20-\x7e\r\n]*$/.test(one)), 'labels are fields');
    const presented = async (one: typeof form) =>
      whole(await present(one, signals, policyOf, labels, (field) => isForged(field, name), scratch));
    const shown = await presented(form);
    next('present');
    asShown(shown, labels, report?.verdict === 'valid');
    const twin = largeForms?.[index];
    if (twin !== undefined) {
      must(said(twin) === said(form), 'a file is judged as what is in memory');
      must(sameOctets(await presented(twin), shown), 'a file is shown as what is in memory');
      next('present of a file');
    }
    if (form.encrypted && !form.opened) continue;
    const text = await whole(await textOnly(form.message, message, scratch));
    const types = [...leavesOf(scanMessage(text))].map(({ contentType: { type } }) => type);
    must(!types.includes('text/html'), 'text alone has no HTML');
    if (twin !== undefined && large !== undefined)
      must(sameOctets(await whole(await textOnly(twin.message, large, scratch)), text), 'a file has the same text');
    next('text alone');
  }
  const out = await whole(await changeMessage(message, changes, false, scratch));
  next('changed');
  asChanged(message, out, open);
  next('changed, looked at');
  if (large === undefined) return;
  must(
    sameOctets(await whole(await changeMessage(large, changes, false, scratch)), out),
    'a file changes as octets do',
  );
  next('changed in a file');
}

const policyOf = { banner: 'signals', subjectTag: tag } as const;
const changes = {
  ...{ addHeaders: [{ name: 'X-Added', value: 'yes' }], removeHeaders: ['x-*'], removeAttachments: ['*'] },
  ...{ disclaimers: [{ text: 'This stands at the end.' }], subjectTags: ['[OUT]'] },
};

const written = (field: { name: string; value: string }) => `${field.name}:${field.value.replace(/\s+/g, ' ')}`;

/** Of a form, all that counts: which of several flaws of an object is named is another matter. */
function said({ recipients, encrypted, opened, handling, authenticated, report }: Form): string {
  const { verdict, from, covers, layers } = report ?? {};
  const kinds = layers?.map(({ kind }) => kind);
  return JSON.stringify([recipients, encrypted, opened, handling, authenticated, verdict, from, covers, kinds]);
}

async function whole(message: Message): Promise<Buffer> {
  const octets = octetsOf(message);
  if (octets instanceof Uint8Array) return Buffer.from(octets);
  const pieces: Buffer[] = [];
  for await (const piece of octets) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** But for the boundaries, which are ever others. */
function sameOctets(one: Buffer, other: Buffer): boolean {
  const plain = (octets: Buffer) => octets.toString('latin1').replace(/[0-9a-f-]{24,40}/g, '#');
  return one.length === other.length && plain(one) === plain(other);
}

function labelled(message: Buffer): void {
  const clean = withHeaders(message, (field) => isForged(field, name), ['X-Chancery-Verdict: ours']);
  for (const fields of [headerFields(clean), scanMessage(clean).headers]) {
    const claimed = fields.filter((field) => field.name === 'x-chancery-verdict');
    must(claimed.length === 1 && claimed[0]?.value === 'ours', 'one verdict, and it is ours');
  }
  must(
    clean.subarray(headerBlockEnd(clean)).equals(message.subarray(headerBlockEnd(message))),
    'the body is as it was',
  );
}

function asShown(octets: Buffer, labels: readonly string[], valid: boolean): void {
  const first = labels.join('\r\n');
  must(octets.toString('latin1', 0, first.length) === first, 'labels come first');
  if (valid) return;
  const subjects = scanMessage(octets).headers.filter((field) => field.name === 'subject');
  must(
    subjects.every(({ value }) => !decodeHeaderText(value).includes(tag.valid)),
    'nobody but us says that it is signed',
  );
}

/** What rules take out is out, and what they add is there. */
function asChanged(message: Buffer, octets: Buffer, open: boolean): void {
  const root = scanMessage(octets);
  must(headerFields(octets).filter(({ name: one }) => one === 'x-added').length === 1, 'the field is added once');
  if (!open) return;
  for (const leaf of leavesOf(root)) must(namesIn(leaf).length === 0, 'files that a rule takes out are out');
  const { text } = identityIn(octets).content;
  if (/^multipart\/(signed|encrypted|report)|pkcs7|pgp/.test(scanMessage(message).contentType.type)) return;
  must(text.includes('This stands at the end.') || text.length >= 1024 * 1024, 'the disclaimer is there');
}

function isDoubtful(root: MimeEntity): boolean {
  return root.ambiguities.some(({ severity }) => severity === 'error');
}
