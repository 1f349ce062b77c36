import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type TemporaryOffice, temporaryOffice } from '../test/temporary-office.ts';
import { AuthorityError } from './errors.ts';
import { bulkOperation, consult, operation, perform, performAll } from './operation.ts';
import { anonymous, type Principal, system } from './principal.ts';
import { insertGateway } from './store/gateways.ts';

let office: TemporaryOffice;
beforeAll(async () => {
  office = await temporaryOffice();
});
afterAll(() => office.close());

const auditor: Principal = {
  kind: 'operator',
  id: '3f0f0b3e-7f0c-4e3c-8e0e-111111111111',
  name: 'Audrey',
  address: 'audrey@example.com',
  roles: ['auditor'],
};

const seen: string[] = [];
beforeEach(() => {
  seen.length = 0;
});

const define = (options: { irreversible?: boolean; after?: () => unknown } = {}) =>
  operation({
    action: 'test.add-gateway',
    permission: 'operator:write',
    ...(options.irreversible === undefined ? {} : { irreversible: options.irreversible }),
    input: z.object({ name: z.string().min(3) }),
    subject: (input) => `gateway-name:${input.name}`,
    async run(tx, input, _by, world) {
      seen.push(...(await trail(input.name)).map((record) => record.outcome));
      await insertGateway(tx, input.name, world.clock());
      await options.after?.();
      return { result: input.name.toUpperCase(), audit: { length: input.name.length } };
    },
  });

const local: Principal = { kind: 'local', id: 'local', name: 'here' };

async function trail(name: string) {
  return office.world.database.snapshot((snapshot) =>
    snapshot
      .selectFrom('audit_records')
      .select(['outcome', 'actor', 'actor_name', 'details', 'action'])
      .where('subject', '=', `gateway-name:${name}`)
      .orderBy('sequence')
      .execute(),
  );
}

async function exists(name: string): Promise<boolean> {
  const row = await office.world.database.snapshot((snapshot) =>
    snapshot.selectFrom('gateways').select('id').where('name', '=', name).executeTakeFirst(),
  );
  return row !== undefined;
}

describe('perform', () => {
  it('does the act and writes its record in one commit', async () => {
    expect(await perform(office.world, define(), local, { name: 'one' })).toBe('ONE');
    expect(await exists('one')).toBe(true);
    expect(await trail('one')).toEqual([
      { action: 'test.add-gateway', outcome: 'succeeded', actor: 'local', actor_name: 'here', details: { length: 3 } },
    ]);
  });

  it('records a refusal, and does nothing', async () => {
    await expect(perform(office.world, define(), auditor, { name: 'two' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(await exists('two')).toBe(false);
    expect(seen).toEqual([]);
    expect(await trail('two')).toMatchObject([{ outcome: 'denied', actor: `operator:${auditor.id}` }]);
  });

  it('asks a stranger to sign in', async () => {
    await expect(perform(office.world, define(), anonymous, { name: 'three' })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    expect(await trail('three')).toMatchObject([{ outcome: 'denied', actor: 'anonymous' }]);
  });

  it('refuses input that does not fit, and says where', async () => {
    await expect(perform(office.world, define(), local, { name: 'x' })).rejects.toMatchObject({
      code: 'invalid-request',
      fields: [{ path: 'name' }],
    });
  });

  it('leaves neither act nor success when the act fails, and records the failure', async () => {
    const failing = define({
      after: () => {
        throw new Error('the secret is 1234');
      },
    });
    await expect(perform(office.world, failing, local, { name: 'four' })).rejects.toThrow('the secret is 1234');
    expect(await exists('four')).toBe(false);
    const records = await trail('four');
    expect(records).toMatchObject([{ outcome: 'failed', details: { code: 'internal' } }]);
    expect(JSON.stringify(records)).not.toContain('1234');
  });

  it('leaves neither act nor success when the record cannot be written', async () => {
    const unwritable = operation({
      ...define(),
      async run(tx, input: { name: string }, _by, world) {
        await insertGateway(tx, input.name, world.clock());
        // PostgreSQL's jsonb cannot hold U+0000.
        return { result: undefined, audit: { note: 'a\u0000b' } };
      },
    });
    await expect(perform(office.world, unwritable, local, { name: 'five' })).rejects.toThrow();
    expect(await exists('five')).toBe(false);
    expect((await trail('five')).map((record) => record.outcome)).toEqual(['failed']);
  });

  it('records an attempt before an irreversible act, and what became of it', async () => {
    await perform(office.world, define({ irreversible: true }), local, { name: 'six' });
    expect(seen).toEqual(['attempted']);
    expect((await trail('six')).map((record) => record.outcome)).toEqual(['attempted', 'succeeded']);
  });

  it('does not act irreversibly where the attempt cannot be recorded', async () => {
    const client = new pg.Client(office.connection);
    await client.connect();
    await client.query('ALTER TABLE audit_records RENAME TO audit_records_away');
    try {
      await expect(perform(office.world, define({ irreversible: true }), local, { name: 'seven' })).rejects.toThrow();
      expect(await exists('seven')).toBe(false);
    } finally {
      await client.query('ALTER TABLE audit_records_away RENAME TO audit_records');
      await client.end();
    }
  });

  it('records what a rule of the office refused as denied', async () => {
    const refused = define({
      after: () => {
        throw new AuthorityError('quorum-refused', 'One approval is not enough.');
      },
    });
    await expect(perform(office.world, refused, local, { name: 'eight' })).rejects.toMatchObject({
      code: 'quorum-refused',
    });
    expect(await trail('eight')).toMatchObject([
      { outcome: 'denied', details: { code: 'quorum-refused', reason: 'One approval is not enough.' } },
    ]);
  });

  it('lets the jobs of the office do everything', async () => {
    expect(await perform(office.world, define(), system, { name: 'nine' })).toBe('NINE');
  });
});

describe('consult', () => {
  it('reads with the permission, refuses without, and leaves no record', async () => {
    const count = () =>
      office.world.database.snapshot((snapshot) =>
        snapshot
          .selectFrom('audit_records')
          .select((select) => select.fn.countAll().as('count'))
          .executeTakeFirstOrThrow(),
      );
    const before = await count();
    expect(await consult(office.world, 'operator:read', auditor, async () => 'read')).toBe('read');
    await expect(consult(office.world, 'person:write', auditor, async () => 'read')).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(await count()).toEqual(before);
  });
});

describe('performAll', () => {
  const defineBulk = (options: { irreversible?: boolean } = {}) =>
    bulkOperation({
      action: 'test.add-gateways',
      permission: 'operator:write',
      ...options,
      input: z.object({ name: z.string().min(3) }),
      subject: (input) => `gateway-name:${input.name}`,
      async runAll(tx, inputs, _by, world) {
        if (inputs.some(({ name }) => name === 'breaks')) throw new Error('secret text');
        const done = [];
        for (const { name } of inputs) {
          seen.push(...(await trail(name)).map((record) => record.outcome));
          if (name === 'refused') done.push(new AuthorityError('wrong-state', 'No room for it.'));
          else {
            await insertGateway(tx, name, world.clock());
            done.push({ result: name.toUpperCase(), audit: { length: name.length } });
          }
        }
        return done;
      },
    });
  const names = (...all: string[]) => all.map((name) => ({ name }));

  it('does all in one transaction, with a record for each, and lets a refusal stand alone', async () => {
    const [first, second, third] = await performAll(
      office.world,
      defineBulk(),
      local,
      names('many-1', 'refused', 'many-2'),
    );
    expect([first, third]).toEqual(['MANY-1', 'MANY-2']);
    expect(second).toMatchObject({ code: 'wrong-state' });
    expect(await trail('many-1')).toMatchObject([{ outcome: 'succeeded', details: { length: 6 } }]);
    expect(await trail('refused')).toMatchObject([{ outcome: 'failed', details: { code: 'wrong-state' } }]);
    expect(await exists('many-2')).toBe(true);
  });

  it('commits every attempted record of an irreversible act before any of it', async () => {
    await performAll(office.world, defineBulk({ irreversible: true }), local, names('grave-1', 'grave-2'));
    expect(seen).toEqual(['attempted', 'attempted']);
    expect((await trail('grave-2')).map(({ outcome }) => outcome)).toEqual(['attempted', 'succeeded']);
  });

  it('does nothing at all where one breaks, and records that for each', async () => {
    await expect(performAll(office.world, defineBulk(), local, names('whole-1', 'breaks'))).rejects.toThrow(
      'secret text',
    );
    expect(await exists('whole-1')).toBe(false);
    expect(await trail('whole-1')).toMatchObject([{ outcome: 'failed', details: { code: 'internal' } }]);
    expect(JSON.stringify(await trail('breaks'))).not.toContain('secret');
  });

  it('refuses whoever may not, with a record for each', async () => {
    await expect(performAll(office.world, defineBulk(), auditor, names('no-1', 'no-2'))).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(await trail('no-2')).toMatchObject([{ outcome: 'denied' }]);
  });

  it('may be performed on one alone, whose refusal is thrown', async () => {
    expect(await perform(office.world, defineBulk(), local, { name: 'alone' })).toBe('ALONE');
    await expect(perform(office.world, defineBulk(), local, { name: 'refused' })).rejects.toMatchObject({
      code: 'wrong-state',
    });
  });
});
