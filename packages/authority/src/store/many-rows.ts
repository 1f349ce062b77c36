/** Many rows as one parameter: of a list of thousands, PostgreSQL takes longer to read the statement than to insert the rows. */
import { type Insertable, type RawBuilder, sql } from 'kysely';
import type { Schema } from './schema.ts';

type Table = keyof Schema & string;

/**
 * SQL: `INSERT INTO table (…) SELECT …` of these rows, for a clause like `ON CONFLICT` to follow. All of them name the
 * columns that the first one names; there is at least one.
 */
export function insertion<T extends Table>(table: T, rows: readonly Insertable<Schema[T]>[]): RawBuilder<unknown> {
  const [first] = rows;
  if (first === undefined) throw new Error(`No rows for ${table}`);
  const columns = sql.join(Object.keys(first).map((column) => sql.ref(column)));
  return sql`INSERT INTO ${sql.table(table)} (${columns})
    SELECT ${columns} FROM json_populate_recordset(NULL::${sql.table(table)}, ${asJson(rows)}::json)`;
}

/** PostgreSQL reads octets in JSON as it reads them anywhere, in hex; of everything else JSON's form will do. */
function asJson(rows: readonly object[]): string {
  return JSON.stringify(
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([column, value]) => [
          column,
          value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value,
        ]),
      ),
    ),
  );
}
