/** People from a CSV file: every line judged first, then all of them or none. */
import { randomUUID } from 'node:crypto';
import type { ImportReport } from '@chancery/api';
import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Transaction } from '../store/database.ts';
import { escrowedKeysOfPerson } from '../store/escrow.ts';
import { requireOffice } from '../store/office.ts';
import { addressKey, lockPeopleNamed, type PersonRow } from '../store/people.ts';
import { change, join, type WantedPerson } from './end-entity.ts';
import { distinctAliases } from './onboarding.ts';

/** @throws AuthorityError `invalid-import`, one field a wrong line; `not-set-up` */
export const importPeople = operation({
  action: 'person.import',
  permission: 'person:write',
  input: z.object({ csv: z.string(), dryRun: z.boolean() }),
  subject: () => null,
  async run(tx, { csv, dryRun }, _by, world): Promise<{ result: ImportReport; audit: Record<string, unknown> }> {
    await requireOffice(tx);
    const lines = readLines(csv);
    const plan = await planOf(tx, lines);
    if (!dryRun) {
      await join(
        tx,
        world,
        plan.flatMap(({ before, wanted }) => (before === undefined ? [wanted] : [])),
      );
      for (const { before, wanted, changes } of plan) {
        if (before === undefined || changes.length === 0) continue;
        const [newest] = await escrowedKeysOfPerson(tx, before.id);
        await change(tx, world, before, wanted, newest?.id);
      }
    }
    const created = plan.filter(({ before }) => before === undefined);
    const changed = plan.filter(({ before, changes }) => before !== undefined && changes.length > 0);
    const counts = {
      created: created.length,
      changed: changed.length,
      unchanged: plan.length - created.length - changed.length,
    };
    return {
      result: {
        dryRun,
        ...counts,
        lines: plan
          .filter(({ before, changes }) => before === undefined || changes.length > 0)
          .map(({ line, before, wanted, changes }) => ({
            line,
            address: wanted.address,
            action: before === undefined ? 'created' : 'changed',
            changes,
          })),
      },
      audit: { dryRun, ...counts },
    };
  },
});

interface Line {
  /** As an editor counts them; the header is line 1. */
  readonly line: number;
  readonly address: string;
  readonly name: string;
  readonly aliases: string[];
  readonly externalId: string | null;
  /** Undefined where the file has no such column: then a person keeps what they have. */
  readonly signingKey: 'device' | 'gateway' | undefined;
  readonly gatewayDecrypts: boolean | undefined;
}

interface Planned {
  readonly line: number;
  readonly before: PersonRow | undefined;
  readonly wanted: WantedPerson;
  readonly changes: string[];
}

const COLUMNS = ['address', 'name', 'aliases', 'external_id', 'signing_key', 'gateway_decrypts'] as const;
const REQUIRED = ['address', 'name'] as const;
const Address = z.email().max(254);
const YES = new Set(['true', 'yes', '1']);
const NO = new Set(['false', 'no', '0', '']);

type Faults = { path: string; message: string }[];
const faultIn = (faults: Faults, line: number, message: string) => faults.push({ path: `line ${line}`, message });

function readLines(csv: string): Line[] {
  const rows = readRows(csv);
  const faults: Faults = [];
  const lines = rows.map((row) => readLine(row, faults));
  refuseRepetition(lines, faults);
  if (faults.length > 0) throw invalid(faults);
  return lines;
}

interface Row {
  readonly line: number;
  readonly record: Record<string, string>;
}

function readRows(csv: string): Row[] {
  let header: string[] = [];
  let parsed: { record: Record<string, string>; info: { lines: number } }[];
  try {
    parsed = parse(csv, {
      bom: true,
      columns: (names: string[]) => {
        header = names.map((name) => name.trim().toLowerCase());
        return header;
      },
      info: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as typeof parsed;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error.lines === 'number' ? error.lines : 1;
    throw invalid([{ path: `line ${line}`, message: `is not CSV: ${error.message}` }]);
  }
  const unknown = header.filter((name) => !(COLUMNS as readonly string[]).includes(name));
  const lacking = REQUIRED.filter((name) => !header.includes(name));
  if (lacking.length > 0 || unknown.length > 0) {
    const what =
      lacking.length > 0 ? `lacks the column ${lacking.join(', ')}` : `has an unknown column ${unknown.join(', ')}`;
    throw invalid([{ path: 'line 1', message: `The header ${what}; it may have ${COLUMNS.join(', ')}` }]);
  }
  return parsed.map(({ record, info }) => ({ line: info.lines, record }));
}

function readLine({ line, record }: Row, faults: Faults): Line {
  const { address = '', name = '', aliases = '', external_id = '', signing_key, gateway_decrypts } = record;
  const given = aliases
    .split(';')
    .map((alias) => alias.trim())
    .filter((alias) => alias !== '');
  for (const one of [address, ...given]) {
    if (!Address.safeParse(one).success)
      faultIn(faults, line, one === '' ? 'has no address' : `${one} is not a mail address`);
  }
  if (name === '') faultIn(faults, line, 'has no name');
  if (name.length > 200) faultIn(faults, line, 'has a name of more than 200 characters');
  if (external_id.length > 200) faultIn(faults, line, 'has an external id of more than 200 characters');
  if (given.length > 50) faultIn(faults, line, 'has more than 50 aliases');
  const origin = signing_key?.toLowerCase();
  if (origin !== undefined && !['', 'device', 'gateway'].includes(origin)) {
    faultIn(faults, line, `signing_key is ${signing_key}; it may be device or gateway`);
  }
  const decrypts = gateway_decrypts?.toLowerCase();
  if (decrypts !== undefined && !YES.has(decrypts) && !NO.has(decrypts)) {
    faultIn(faults, line, `gateway_decrypts is ${gateway_decrypts}; it may be true or false`);
  }
  return {
    line,
    address,
    name,
    aliases: distinctAliases({ address, aliases: given }),
    externalId: external_id === '' ? null : external_id,
    signingKey: origin === 'gateway' ? 'gateway' : origin === 'device' ? 'device' : undefined,
    gatewayDecrypts: decrypts === undefined || decrypts === '' ? undefined : YES.has(decrypts),
  };
}

/** An address, or an external id, on two lines: neither can be meant. */
function refuseRepetition(lines: readonly Line[], faults: Faults): void {
  const first = new Map<string, number>();
  for (const { line, address, aliases, externalId } of lines) {
    const names = [address, ...aliases]
      .filter((one) => one !== '')
      .map((one) => ({ key: addressKey(one), shown: one }));
    if (externalId !== null) names.push({ key: `\0${externalId}`, shown: `the external id ${externalId}` });
    for (const { key, shown } of names) {
      const before = first.get(key);
      if (before === undefined) first.set(key, line);
      else faultIn(faults, line, `${shown} stands on line ${before} already`);
    }
  }
}

/** Who of them is here already, and what would change. @throws AuthorityError `invalid-import` */
async function planOf(tx: Transaction, lines: readonly Line[]): Promise<Planned[]> {
  const known = await lockPeopleNamed(tx, {
    keys: lines.flatMap(({ address, aliases }) => [address, ...aliases].map(addressKey)),
    externalIds: lines.flatMap(({ externalId }) => externalId ?? []),
  });
  const byExternalId = new Map(
    known.flatMap((one) => (one.external_id === null ? [] : [[one.external_id, one] as const])),
  );
  const byAddress = new Map(
    known.flatMap((one) => [one.address, ...one.aliases].map((a) => [addressKey(a), one] as const)),
  );
  const matched = lines.map(
    (line) =>
      (line.externalId === null ? undefined : byExternalId.get(line.externalId)) ??
      byAddress.get(addressKey(line.address)),
  );
  const inFile = new Map(
    matched.flatMap((person, index) => (person === undefined ? [] : [[person.id, lines[index]] as const])),
  );

  const faults: Faults = [];
  const seen = new Map<string, number>();
  const plan = lines.map((line, index): Planned => {
    const before = matched[index];
    if (before !== undefined) {
      const other = seen.get(before.id);
      if (other !== undefined)
        faultIn(faults, line.line, `is ${before.name} <${before.address}>, whom line ${other} means too`);
      seen.set(before.id, line.line);
    }
    for (const address of [line.address, ...line.aliases]) {
      const owner = byAddress.get(addressKey(address));
      if (owner === undefined || owner.id === before?.id) continue;
      // The owner may give it up on a line of their own.
      const theirs = inFile.get(owner.id);
      const kept =
        theirs === undefined ||
        [theirs.address, ...theirs.aliases].some((one) => addressKey(one) === addressKey(address));
      if (kept) faultIn(faults, line.line, `${address} belongs to ${owner.name} <${owner.address}>`);
    }
    const wanted: WantedPerson = {
      id: before?.id ?? randomUUID(),
      address: line.address,
      name: line.name,
      aliases: line.aliases,
      externalId: line.externalId ?? before?.external_id ?? null,
      signingKey: line.signingKey ?? before?.signing_key ?? 'device',
      gatewayDecrypts: line.gatewayDecrypts ?? before?.gateway_decrypts ?? false,
    };
    return { line: line.line, before, wanted, changes: before === undefined ? [] : changesOf(before, wanted) };
  });
  if (faults.length > 0) throw invalid(faults);
  return plan;
}

function changesOf(before: PersonRow, wanted: WantedPerson): string[] {
  const changes: string[] = [];
  const compare = (what: string, was: string, is: string) => {
    if (was !== is) changes.push(`${what}: ${was === '' ? 'none' : was} → ${is === '' ? 'none' : is}`);
  };
  compare('address', before.address, wanted.address);
  compare('name', before.name, wanted.name);
  compare('aliases', before.aliases.join('; '), wanted.aliases.join('; '));
  compare('external id', before.external_id ?? '', wanted.externalId ?? '');
  compare('signing key', before.signing_key, wanted.signingKey);
  compare('gateway decrypts', String(before.gateway_decrypts), String(wanted.gatewayDecrypts));
  if (before.state === 'left') changes.push('comes back');
  return changes;
}

function invalid(faults: Faults): AuthorityError {
  const lines = new Set(faults.map(({ path }) => path)).size;
  return new AuthorityError(
    'invalid-import',
    `${lines === 1 ? 'One line' : `${lines} lines`} of the file cannot be imported. Nothing was imported. Correct the file and import it again.`,
    { fields: faults },
  );
}
