/** Messages for the simulator: files and folders of mail, and journals. What mail does not say of itself is given by options. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { readFacts } from '@chancery/mail-facts';
import { isNamed, JournalFacts, type MessageFacts, type Sample, samplesOf } from '@chancery/mail-policy';
import { z } from 'zod';
import { CommandError } from './exit-codes.ts';
import { readInput } from './input-files.ts';
import { wholeOctets } from './message-file.ts';

export interface SampleOptions {
  readonly direction: 'outbound' | 'inbound';
  /** In place of what the message says. */
  readonly from?: string;
  readonly to?: readonly string[];
  /** Addresses and patterns (`*@partner.example`) of who has a good certificate. */
  readonly certificate: readonly string[];
  /** `NAME=ADDRESS`; without any, groups are unknown. */
  readonly group: readonly string[];
  /** False: there is no key to sign with. */
  readonly signingKey: boolean;
  readonly spf?: string;
  readonly dkim?: string;
  readonly dmarc?: string;
}

/** @param source a message, a folder of messages (and folders), or a journal (`.json`, `.jsonl`) */
export function readSamples(source: string, options: SampleOptions): Sample[] {
  if (/\.jsonl?$/.test(source)) return journalSamples(source);
  const files = filesIn(source);
  if (files.length === 0) throw new CommandError(`${source} holds no message.`);
  return files.map((file) => {
    const message = readInput(file);
    return { id: files.length === 1 ? file : path.relative(source, file), facts: factsOf(message, file, options) };
  });
}

function filesIn(source: string): string[] {
  if (source === '-') return [source];
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw new CommandError(`${source} is not there.`);
  if (!stat.isDirectory()) return [source];
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).size <= wholeOctets)
    .sort();
}

function factsOf(message: Uint8Array, file: string, options: SampleOptions): MessageFacts {
  const { author, named, ...said } = readFacts(message);
  const sender = options.from?.toLowerCase() ?? author ?? '';
  const recipients = options.to ?? [...named];
  if (recipients.length === 0) throw new CommandError(`${file} names no recipient in To and Cc; name them with --to.`);
  const groups = groupsOf(options.group);
  return {
    ...said,
    direction: options.direction,
    sender,
    senderGroups: groups(sender),
    signer: options.signingKey ? 'ready' : 'none',
    ...(options.direction === 'inbound' ? { authentication: authenticationOf(options) } : {}),
    recipients: recipients.map((address) => ({
      address,
      groups: groups(address),
      certificate: options.certificate.some((pattern) => isNamed(pattern, address)) ? 'good' : 'none',
      visible: named.has(address.toLowerCase()),
    })),
  };
}

function authenticationOf({ spf = 'none', dkim = 'none', dmarc = 'none' }: SampleOptions) {
  return { spf, dkim, dmarc };
}

function groupsOf(members: readonly string[]): (address: string) => readonly string[] | undefined {
  if (members.length === 0) return () => undefined;
  const pairs = members.map((member) => {
    const at = member.indexOf('=');
    if (at < 1) throw new CommandError(`--group ${member} is not NAME=ADDRESS.`);
    return { name: member.slice(0, at), pattern: member.slice(at + 1) };
  });
  return (address) => pairs.flatMap(({ name, pattern }) => (isNamed(pattern, address) ? [name] : []));
}

const JournalRecord = z.object({
  at: z.string(),
  direction: z.enum(['outbound', 'inbound']),
  messageId: z.string().nullable(),
  sender: z.string(),
  recipient: z.string(),
  arrival: z.string().nullable().default(null),
  facts: JournalFacts.nullable().default(null),
});

function journalSamples(file: string): Sample[] {
  const text = readInput(file).toString('utf8');
  const records = asLines(text, file).map((value, index) => {
    const parsed = JournalRecord.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new CommandError(
      `Record ${index + 1} of ${file} is no record of the journal: ${parsed.error.issues[0]?.path.join('.')}`,
    );
  });
  if (records.length === 0) throw new CommandError(`${file} holds no record.`);
  const samples = samplesOf(records);
  if (samples.length === 0)
    throw new CommandError(
      `No record of ${file} says what it was decided from. Export them as JSON Lines: "chancery journal --json", or the page Mail.`,
    );
  return samples;
}

/** One JSON document (a list, or an object with `entries`), or one on each line. */
function asLines(text: string, file: string): unknown[] {
  try {
    if (/^\s*\[/.test(text)) return z.array(z.unknown()).parse(JSON.parse(text));
    if (!file.endsWith('.jsonl')) return z.object({ entries: z.array(z.unknown()) }).parse(JSON.parse(text)).entries;
    return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]));
  } catch (error) {
    throw new CommandError(`${file} is not JSON of a journal: ${(error as Error).message}`);
  }
}
