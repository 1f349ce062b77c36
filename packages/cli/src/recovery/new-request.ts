/** What `chancery escrow request` asks for, from its options. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Client, recoveryReasons } from '@chancery/api';
import { type Command, Option } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { instant } from '../instant.ts';

export interface RequestOptions {
  readonly address: string[];
  readonly key: string[];
  readonly from?: string;
  readonly until?: string;
  readonly reason: (typeof recoveryReasons)[number];
  readonly explanation: string;
  readonly case: string;
  readonly toCertificate?: string;
  readonly toOwner?: boolean;
  readonly decrypt?: string[];
  readonly compat?: boolean;
  readonly expiresIn: number;
  readonly notBefore?: string;
  readonly withholdNotice?: boolean;
}

export function withRequestOptions(command: Command): Command {
  return command
    .requiredOption('--address <address...>', 'whose keys: one person, or several of one case')
    .addOption(new Option('--reason <reason>').choices(recoveryReasons).makeOptionMandatory())
    .requiredOption('--explanation <text>', 'what the officers need to know')
    .option('--case <number>', 'case number', '')
    .option('--key <id...>', 'only these escrowed keys', [])
    .option('--from <instant>', 'only keys whose certificate was valid after this (ISO 8601)')
    .option('--until <instant>', 'only keys whose certificate was valid before this')
    .option('--to-certificate <file>', 'deliver re-wrapped to this certificate (PEM) instead of as PKCS#12')
    .option('--to-owner', 'deliver to the owner alone, by a claim link that goes to them by mail')
    .option('--decrypt <file...>', 'release no key: decrypt these messages instead')
    .option('--compat', 'PKCS#12 that old systems read')
    .option('--expires-in <hours>', 'until the request lapses', Number, 72)
    .option('--not-before <instant>', 'not released before this, whoever approves')
    .option('--withhold-notice', 'do not tell the owners, for a legal hold or an investigation');
}

export async function newRequest(client: Client, options: RequestOptions) {
  const ids = [];
  for (const address of options.address) ids.push(await personIdOf(client, address));
  const [only, ...more] = ids;
  const { from, until, notBefore } = options;
  if ((from === undefined) !== (until === undefined)) {
    throw new CommandError('Give --from and --until together. Nothing was asked for.');
  }
  return {
    ...(only !== undefined && more.length === 0 ? { personId: only } : { personIds: ids }),
    escrowedKeyIds: options.key,
    ...(from !== undefined &&
      until !== undefined && { period: { from: utc(from, '--from'), until: utc(until, '--until') } }),
    reason: options.reason,
    explanation: options.explanation,
    caseNumber: options.case,
    delivery: deliveryOf(options),
    expiresInHours: options.expiresIn,
    ...(notBefore !== undefined && { notBefore: utc(notBefore, '--not-before') }),
    withholdNotice: options.withholdNotice === true,
  };
}

function deliveryOf({ toCertificate, toOwner, decrypt, compat }: RequestOptions) {
  if ([toCertificate, toOwner, decrypt, compat].filter((one) => one !== undefined).length > 1) {
    throw new CommandError(
      'Choose one of --to-certificate, --to-owner, --decrypt and --compat. Nothing was asked for.',
    );
  }
  if (toCertificate !== undefined) {
    return { kind: 'certificate' as const, certificate: readFileSync(toCertificate, 'utf8') };
  }
  if (toOwner === true) return { kind: 'owner' as const };
  if (decrypt !== undefined) {
    const messages = decrypt.map((file) => ({
      sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
      name: path.basename(file),
    }));
    return { kind: 'decrypt' as const, messages };
  }
  return { kind: 'pkcs12' as const, profile: compat === true ? ('compat' as const) : ('modern' as const) };
}

async function personIdOf(client: Client, address: string): Promise<string> {
  const page = await client.people({ query: { search: address, limit: 500 } });
  const person = page.items.find((one) => one.address.toLowerCase() === address.toLowerCase());
  if (person === undefined) throw new CommandError(`Nobody here has the address ${address}. Nothing was asked for.`);
  return person.id;
}

const utc = (text: string, option: string): string => instant(text, option).toISOString();
