import type { ImportReport } from '@chancery/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { personByAddress } from '../store/people.ts';
import { importPeople } from './import.ts';
import { removePerson } from './offboarding.ts';

let office: EscrowOffice;
let now = new Date('2026-03-01T12:00:00Z');
beforeAll(async () => {
  // No keys here: what is imported is the matter.
  office = await escrowOffice({ clock: () => now, handlers: { 'fulfil-enrollment': async () => {} } });
});
afterAll(() => office.close());
beforeEach(async () => {
  now = new Date(now.getTime() + 1000);
  await office.query('DELETE FROM enrollments');
  await office.query('DELETE FROM person_addresses');
  await office.query('DELETE FROM people');
});

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const load = (csv: string, dryRun = false): Promise<ImportReport> =>
  perform(office.world, importPeople, local, { csv, dryRun });
const faults = async (csv: string): Promise<string[]> => {
  const before = await everybody();
  const error = await load(csv).then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toMatchObject({ code: 'invalid-import', message: expect.stringContaining('Nothing was imported') });
  expect(await everybody()).toEqual(before);
  return error.fields.map(({ path, message }: { path: string; message: string }) => `${path}: ${message}`);
};
const everybody = async () =>
  (
    await office.query(
      `SELECT name, external_id, state, signing_key, gateway_decrypts, (SELECT string_agg(address, ' ' ORDER BY NOT is_primary, key)
         FROM person_addresses a WHERE a.person_id = people.id) AS addresses FROM people ORDER BY name`,
    )
  ).map((row) => Object.values(row).join(' | '));
const find = (address: string) => office.world.database.snapshot((snapshot) => personByAddress(snapshot, address));

describe('a good file', () => {
  it('brings what certificates may say of a person; an empty cell forgets it, a column that is not there does not', async () => {
    const header = 'address,name,given_name,surname,department,employee_id,country\n';
    await load(`${header}ada@example.com,Ada King,Ada,King,Research,E7,GB\n`);
    expect((await find('ada@example.com'))?.attributes).toEqual({
      givenName: 'Ada',
      surname: 'King',
      department: 'Research',
      employeeId: 'E7',
      country: 'GB',
    });
    const report = await load('address,name,department,title\nada@example.com,Ada King,,Countess\n');
    expect(report.lines[0]?.changes).toEqual(['title: none → Countess', 'department: Research → none']);
    expect((await find('ada@example.com'))?.attributes).toEqual({
      givenName: 'Ada',
      surname: 'King',
      title: 'Countess',
      employeeId: 'E7',
      country: 'GB',
    });
    expect(await faults(`${header}bob@example.com,Bob,,,${'x'.repeat(65)},,gb\n`)).toEqual([
      expect.stringMatching(/^line 2: department .*64/),
      'line 2: country is not two capital letters of ISO 3166-1: gb',
    ]);
  });

  it('makes people, with two enrolments each, and again changes nothing', async () => {
    const csv =
      'address,name,aliases,external_id,signing_key,gateway_decrypts\nAda@Example.com,Ada Lovelace,a@example.com;countess@example.com,e1,gateway,yes\nbob@example.com,"Bob ""the"" Builder, Jr.",,,,\n';
    expect(await load(csv, true)).toMatchObject({ dryRun: true, created: 2, changed: 0, unchanged: 0 });
    expect(await everybody()).toEqual([]);
    expect(await load(csv)).toEqual({
      dryRun: false,
      created: 2,
      changed: 0,
      unchanged: 0,
      lines: [
        { line: 2, address: 'Ada@Example.com', action: 'created', changes: [] },
        { line: 3, address: 'bob@example.com', action: 'created', changes: [] },
      ],
    });
    const after = [
      'Ada Lovelace | e1 | active | gateway | true | Ada@Example.com a@example.com countess@example.com',
      'Bob "the" Builder, Jr. |  | active | device | false | bob@example.com',
    ];
    expect(await everybody()).toEqual(after);
    expect(await office.query('SELECT use, count(*)::int FROM enrollments GROUP BY 1 ORDER BY 1')).toEqual([
      { use: 'encryption', count: 2 },
      { use: 'signing', count: 2 },
    ]);
    expect(await load(csv)).toMatchObject({ created: 0, changed: 0, unchanged: 2, lines: [] });
    expect(await everybody()).toEqual(after);
  });

  it.each([
    ['a byte order mark', '\uFEFFaddress,name\nada@example.com,Ada\n'],
    ['CRLF', 'address,name\r\nada@example.com,Ada\r\n'],
    ['no newline at the end', 'address,name\nada@example.com,Ada'],
    ['empty lines and spaces', '\naddress , name\n\n ada@example.com , Ada \n\n'],
    ['another order and other case', 'NAME,Address\nAda,ada@example.com\n'],
    ['quoted fields', '"address","name"\n"ada@example.com","Ada"\n'],
  ])('may have %s', async (_, csv) => {
    expect(await load(csv)).toMatchObject({ created: 1 });
    expect(await everybody()).toEqual(['Ada |  | active | device | false | ada@example.com']);
  });

  it('counts lines as an editor does, over names of two lines', async () => {
    const report = await load('address,name\nada@example.com,"Ada\nLovelace"\nbob@example.com,Bob\n');
    expect(report.lines.map(({ line }) => line)).toEqual([3, 4]);
  });

  it('may name international domains: they are kept as A-labels', async () => {
    await load('address,name,aliases\nada@bücher.example,Ada,ada@пример.рф\n');
    expect(await everybody()).toEqual([
      'Ada |  | active | device | false | ada@xn--bcher-kva.example ada@xn--e1afmkfd.xn--p1ai',
    ]);
    expect(await load('address,name,aliases\nada@xn--bcher-kva.example,Ada,ada@пример.рф\n')).toMatchObject({
      unchanged: 1,
    });
  });
});

describe('a second file', () => {
  beforeEach(async () => {
    await load(
      'address,name,aliases,external_id\nada@example.com,Ada,a1@example.com;a2@example.com,e1\nbob@example.com,Bob,b1@example.com,\n',
    );
  });

  it('changes what changed, and says so', async () => {
    expect(
      await load(
        'address,name,aliases,external_id\nada@example.com,Ada King,a2@example.com,e1\nbob@example.com,Bob,b1@example.com,\n',
      ),
    ).toEqual({
      dryRun: false,
      created: 0,
      changed: 1,
      unchanged: 1,
      lines: [
        {
          line: 2,
          address: 'ada@example.com',
          action: 'changed',
          changes: ['name: Ada → Ada King', 'aliases: a1@example.com; a2@example.com → a2@example.com'],
        },
      ],
    });
  });

  it('leaves what it has no column for', async () => {
    expect(await load('address,name\nada@example.com,Ada\n')).toMatchObject({ unchanged: 1 });
    expect((await find('a1@example.com'))?.name).toBe('Ada');
    expect((await find('bob@example.com'))?.state).toBe('active');
  });

  it('finds somebody by external id, under a new address', async () => {
    const report = await load('address,name,external_id\nada.king@example.com,Ada,e1\n');
    expect(report.lines[0]?.changes).toEqual(['address: ada@example.com → ada.king@example.com']);
    expect(await find('ada@example.com')).toBeUndefined();
  });

  it('may pass addresses and external ids from one to another, also in a circle', async () => {
    await load('address,name,external_id\nbob@example.com,Bob,e2\n');
    const before = [await find('ada@example.com'), await find('bob@example.com')];
    await load('address,name,aliases,external_id\nbob@example.com,Ada,,e1\nada@example.com,Bob,a1@example.com,e2\n');
    expect((await find('bob@example.com'))?.id).toBe(before[0]?.id);
    expect((await find('a1@example.com'))?.id).toBe(before[1]?.id);
    await load(
      'address,name,aliases\nbob@example.com,Ada,\nada@example.com,Bob,\ncarl@example.com,Carl,a1@example.com\n',
    );
    expect((await find('a1@example.com'))?.name).toBe('Carl');
  });

  it('brings back who had left, if it is the same person', async () => {
    const id = (await find('ada@example.com'))?.id ?? '';
    await perform(office.world, removePerson, local, { id });
    expect(await faults('address,name\nada@example.com,Adam\n')).toEqual([
      'line 2: ada@example.com was Ada, who has left, and whose keys stay in escrow under it; give Adam another address',
    ]);
    expect((await load('address,name\nada@example.com,Ada\n')).lines[0]?.changes).toEqual(['comes back']);
    expect(await find('ada@example.com')).toMatchObject({ id, state: 'active', left_at: null });
    expect(
      await office.query(`SELECT use FROM enrollments WHERE person_id = $1 AND state = 'waiting' ORDER BY use`, [id]),
    ).toEqual([{ use: 'encryption' }, { use: 'signing' }]);
  });
});

describe('wrong lines', () => {
  beforeEach(() => load('address,name,aliases,external_id\nada@example.com,Ada,countess@example.com,e1\n'));
  const header = 'address,name,aliases,external_id,signing_key,gateway_decrypts\n';

  it('are all told at once, and nothing is half done', async () => {
    expect(
      await faults(
        `${header}good@example.com,Good,,,,\nnot an address,N,,,,\n,Nameless,,,,\nx@example.com,,,,,\ny@example.com,Y,odd;y2@example.com,,phone,perhaps\n`,
      ),
    ).toEqual([
      'line 3: not an address is not a mail address',
      'line 4: has no address',
      'line 5: has no name',
      'line 6: odd is not a mail address',
      'line 6: signing_key is phone; it may be device or gateway',
      'line 6: gateway_decrypts is perhaps; it may be true or false',
    ]);
  });

  it.each([
    [
      'an address twice',
      'b@example.com,B,,,,\nB@example.com,C,,,,\n',
      ['line 3: B@example.com stands on line 2 already'],
    ],
    [
      'an alias twice',
      'b@example.com,B,x@example.com,,,\nc@example.com,C,X@example.com,,,\n',
      ['line 3: X@example.com stands on line 2 already'],
    ],
    [
      'an external id twice',
      'b@example.com,B,,7,,\nc@example.com,C,,7,,\n',
      ['line 3: the external id 7 stands on line 2 already'],
    ],
    [
      "somebody's alias as address",
      'countess@example.com,Cora,,,,\n',
      ['line 2: countess@example.com belongs to Ada <ada@example.com>'],
    ],
    [
      "somebody's address as alias",
      'b@example.com,B,ADA@example.com,,,\n',
      ['line 2: ADA@example.com belongs to Ada <ada@example.com>'],
    ],
    [
      'another external id',
      'ada@example.com,Ada,,e9,,\n',
      ['line 2: ada@example.com is Ada with the external id e1, not e9'],
    ],
    [
      'one person on two lines',
      'ada@example.com,Ada,,,,\nada.king@example.com,Ada,,e1,,\n',
      ['line 3: is Ada <ada@example.com>, whom line 2 means too'],
    ],
    ['a local part beyond ASCII', 'ädä@example.com,B,,,,\n', ['line 2: ädä@example.com is not a mail address']],
  ])('%s', async (_, lines, expected) => {
    expect(await faults(header + lines)).toEqual(expected);
  });

  it.each([
    ['an unknown column', 'address,name,e-mail\n', /^line 1: The header has an unknown column e-mail/],
    ['a missing column', 'address\nb@example.com\n', /^line 1: The header lacks the column name/],
    ['a quote that is never closed', 'address,name\nb@example.com,"B\n', /^line \d+: is not CSV/],
    ['a line with a field too many', 'address,name\nb@example.com,B,more\n', /^line 2: is not CSV/],
    ['semicolons', 'address;name\nb@example.com;B\n', /^line 1: The header lacks the column address/],
    ['no line at all', '', /^line 1: /],
    ['another encoding', 'address,name\nb@example.com,M\uFFFDller\n', /^line 2: .*UTF-8/],
  ])('%s', async (_, csv, expected) => {
    const [first, ...more] = await faults(csv);
    expect(first).toMatch(expected);
    expect(more).toEqual([]);
  });

  it('leave a failed record without the people in it', async () => {
    await faults('address,name\nsecret.person@example.com,\n');
    const [record] = await office.query(
      `SELECT action, outcome, canonical FROM audit_records ORDER BY sequence DESC LIMIT 1`,
    );
    expect(record).toMatchObject({ action: 'person.import', outcome: 'failed' });
    expect(String(record?.canonical)).not.toContain('secret.person');
  });
});

it('imports five thousand people', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `p${i}@example.com,Person ${i},alias${i}@example.com,x${i}`);
  const csv = `address,name,aliases,external_id\n${lines.join('\n')}\n`;
  expect(await load(csv)).toMatchObject({ created: 5000 });
  expect(await load(csv)).toMatchObject({ unchanged: 5000 });
});
