/** People from a CSV file: every line judged first, then all of them or none. */
import { randomUUID } from 'node:crypto';
import { type ImportReport, NewPerson, PersonAttributes } from '@chancery/api';
import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Transaction } from '../store/database.ts';
import { requireOffice } from '../store/office.ts';
import { addressKey, lockPeopleNamed, type PersonRow } from '../store/people.ts';
import { lockSources, noteByHand } from '../store/sources.ts';
import type { World } from '../world.ts';
import { asciiAddress } from './ascii-address.ts';
import { changedFields, decidedElsewhere } from './decided-elsewhere.ts';
import { describeChanges } from './describe-changes.ts';
import { settle, type WantedPerson } from './end-entity.ts';
import { distinctAliases, presentedOf } from './onboarding.ts';

/** @throws AuthorityError `invalid-import`, one field a wrong line; `not-set-up` */
export const importPeople = operation({
  action: 'person.import',
  permission: 'person:write',
  input: z.object({ csv: z.string(), dryRun: z.boolean() }),
  subject: () => null,
  async run(tx, { csv, dryRun }, _by, world): Promise<{ result: ImportReport; audit: Record<string, unknown> }> {
    await requireOffice(tx);
    const lines = readLines(csv);
    await lockSources(tx);
    const plan = await planOf(tx, world, lines);
    if (!dryRun) {
      const moving = plan.filter(({ before, changes }) => before === undefined || changes.length > 0);
      await settle(tx, world, moving);
      await noteByHand(
        tx,
        'csv',
        moving.map(({ wanted }) => ({ personId: wanted.id, presented: presentedOf(wanted) })),
        world.clock(),
      );
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
  /** Undefined, as below, where the file has no such column. */
  readonly aliases: string[] | undefined;
  readonly externalId: string | null;
  /** Undefined where the file has no such column: then a person keeps what they have. */
  readonly signingKey: 'device' | 'gateway' | undefined;
  readonly gatewayDecrypts: boolean | undefined;
  /** Undefined where the file has no such column, null where the cell is empty: then the person has it no more. */
  readonly attributes: Readonly<Record<Attribute, string | null | undefined>>;
}

interface Planned {
  readonly line: number;
  readonly before: PersonRow | undefined;
  readonly wanted: WantedPerson;
  readonly changes: string[];
}

type Attribute = keyof PersonAttributes;
const ATTRIBUTE_COLUMNS: Readonly<Record<Attribute, string>> = {
  givenName: 'given_name',
  surname: 'surname',
  title: 'title',
  department: 'department',
  employeeId: 'employee_id',
  country: 'country',
  language: 'language',
  manager: 'manager',
};
const COLUMNS: readonly string[] = [
  'address',
  'name',
  'aliases',
  'external_id',
  'signing_key',
  'gateway_decrypts',
  ...Object.values(ATTRIBUTE_COLUMNS),
];
const REQUIRED = ['address', 'name'] as const;
const Address = NewPerson.shape.address;
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
  if (header.length === 0) throw invalid([{ path: 'line 1', message: 'The file is empty' }]);
  const unknown = header.filter((name) => !COLUMNS.includes(name));
  const lacking = REQUIRED.filter((name) => !header.includes(name));
  if (lacking.length > 0 || unknown.length > 0) {
    const what =
      lacking.length > 0 ? `lacks the column ${lacking.join(', ')}` : `has an unknown column ${unknown.join(', ')}`;
    throw invalid([{ path: 'line 1', message: `The header ${what}; it may have ${COLUMNS.join(', ')}` }]);
  }
  return parsed.map(({ record, info }) => ({ line: info.lines, record }));
}

function readLine({ line, record }: Row, faults: Faults): Line {
  const { name = '', aliases, external_id = '', signing_key, gateway_decrypts } = record;
  const address = asciiAddress(record.address ?? '');
  const given = (aliases ?? '')
    .split(';')
    .map((alias) => asciiAddress(alias.trim()))
    .filter((alias) => alias !== '');
  for (const one of [address, ...given]) {
    if (!Address.safeParse(one).success)
      faultIn(faults, line, one === '' ? 'has no address' : `${one} is not a mail address`);
  }
  if (Object.values(record).some((field) => field.includes('\uFFFD'))) {
    faultIn(faults, line, 'is not UTF-8: save the file as "CSV UTF-8"');
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
    aliases: aliases === undefined ? undefined : distinctAliases({ address, aliases: given }),
    externalId: external_id === '' ? null : external_id,
    signingKey: origin === 'gateway' ? 'gateway' : origin === 'device' ? 'device' : undefined,
    gatewayDecrypts: decrypts === undefined || decrypts === '' ? undefined : YES.has(decrypts),
    attributes: readAttributes(line, record, faults),
  };
}

function readAttributes(line: number, record: Record<string, string>, faults: Faults): Line['attributes'] {
  const read = (attribute: Attribute): string | null | undefined => {
    const column = ATTRIBUTE_COLUMNS[attribute];
    const value = record[column];
    if (value === undefined || value === '') return value === '' ? null : undefined;
    const parsed = PersonAttributes.shape[attribute].safeParse(value);
    if (!parsed.success) faultIn(faults, line, `${column} ${parsed.error.issues[0]?.message}: ${value}`);
    return value;
  };
  return {
    givenName: read('givenName'),
    surname: read('surname'),
    title: read('title'),
    department: read('department'),
    employeeId: read('employeeId'),
    country: read('country'),
    language: read('language'),
    manager: read('manager'),
  };
}

/** An address, or an external id, on two lines: neither can be meant. */
function refuseRepetition(lines: readonly Line[], faults: Faults): void {
  const first = new Map<string, number>();
  for (const { line, address, aliases = [], externalId } of lines) {
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
async function planOf(tx: Transaction, world: World, lines: readonly Line[]): Promise<Planned[]> {
  const known = await lockPeopleNamed(tx, {
    keys: lines.flatMap(({ address, aliases = [] }) => [address, ...aliases].map(addressKey)),
    externalIds: lines.flatMap(({ externalId }) => externalId ?? []),
  });
  const byExternalId = new Map(
    known.flatMap((one) => (one.external_id === null ? [] : [[one.external_id, one] as const])),
  );
  const byAddress = new Map(
    known.flatMap((one) => [one.address, ...one.aliases].map((a) => [addressKey(a), one] as const)),
  );
  // An alias names nobody: a line that begins with somebody's alias may well mean another person.
  const byPrimary = new Map(known.map((one) => [addressKey(one.address), one]));
  const matched = lines.map(
    (line) =>
      (line.externalId === null ? undefined : byExternalId.get(line.externalId)) ??
      byPrimary.get(addressKey(line.address)),
  );
  const inFile = new Map(
    matched.flatMap((person, index) => {
      const line = lines[index];
      return person === undefined || line === undefined ? [] : [[person.id, wantedOf(line, person)] as const];
    }),
  );

  const decided = await decidedElsewhere(tx, world.config, [...inFile.keys()], 'csv');
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
    const wanted = wantedOf(line, before);
    if (before !== undefined) {
      faults.push(...doubtsAbout(line, before));
      const what = changedFields(before, wanted).find((field) => decided.get(before.id)?.has(field));
      if (what !== undefined) {
        const source = decided.get(before.id)?.get(what);
        faultIn(faults, line.line, `${before.name} comes from ${source}, which decides the ${what}: change it there`);
      }
    }
    for (const address of [wanted.address, ...wanted.aliases]) {
      const owner = byAddress.get(addressKey(address));
      if (owner === undefined || owner.id === before?.id) continue;
      // The owner may give it up on a line of their own.
      const theirs = inFile.get(owner.id);
      const kept =
        theirs === undefined ||
        [theirs.address, ...theirs.aliases].some((one) => addressKey(one) === addressKey(address));
      if (kept) faultIn(faults, line.line, `${address} belongs to ${owner.name} <${owner.address}>`);
    }
    return { line: line.line, before, wanted, changes: before === undefined ? [] : describeChanges(before, wanted) };
  });
  if (faults.length > 0) throw invalid(faults);
  return plan;
}

function wantedOf(line: Line, before: PersonRow | undefined): WantedPerson {
  return {
    id: before?.id ?? randomUUID(),
    address: line.address,
    name: line.name,
    aliases: line.aliases ?? distinctAliases({ address: line.address, aliases: before?.aliases ?? [] }),
    externalId: line.externalId ?? before?.external_id ?? null,
    signingKey: line.signingKey ?? before?.signing_key ?? 'device',
    gatewayDecrypts: line.gatewayDecrypts ?? before?.gateway_decrypts ?? false,
    attributes: wantedAttributes(line.attributes, before?.attributes ?? {}),
    profiles: before?.profiles ?? {},
  };
}

function wantedAttributes(given: Line['attributes'], before: PersonAttributes): PersonAttributes {
  const wanted: Record<string, string | undefined> = { ...before };
  for (const [name, value] of Object.entries(given)) {
    if (value === null) delete wanted[name];
    else if (value !== undefined) wanted[name] = value;
  }
  return wanted;
}

/** An address that stayed while the person changed: nobody inherits somebody else's record. */
function doubtsAbout(line: Line, before: PersonRow): Faults {
  const faults: Faults = [];
  if (line.externalId !== null && before.external_id !== null && line.externalId !== before.external_id) {
    faultIn(
      faults,
      line.line,
      `${before.address} is ${before.name} with the external id ${before.external_id}, not ${line.externalId}`,
    );
  } else if (before.state === 'left' && line.name !== before.name && line.externalId !== before.external_id) {
    faultIn(
      faults,
      line.line,
      `${before.address} was ${before.name}, who has left, and whose keys stay in escrow under it; give ${line.name} another address`,
    );
  }
  return faults;
}

function invalid(faults: Faults): AuthorityError {
  const lines = new Set(faults.map(({ path }) => path)).size;
  return new AuthorityError(
    'invalid-import',
    `${lines === 1 ? 'One line' : `${lines} lines`} of the file cannot be imported. Nothing was imported. Correct the file and import it again.`,
    { fields: faults },
  );
}
