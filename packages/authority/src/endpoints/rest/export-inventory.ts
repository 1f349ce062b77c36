/** The inventory as a file, as it is read: CSV or JSON Lines, page after page, whatever its length. */
import { Readable } from 'node:stream';
import { type CoverageItem, type Holding, type InventoryList, inventoryFormats, SaveView } from '@chancery/api';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { coveragePage, describeView, exportInventory, holdingsPage, ownerOf } from '../../inventory/inventory.ts';
import { perform } from '../../operation.ts';
import { viewById } from '../../store/inventory.ts';
import type { World } from '../../world.ts';
import { authenticate } from './caller.ts';
import { csvLine } from './csv.ts';

const Query = z.strictObject({
  format: z.enum(inventoryFormats).default('csv'),
  /** A view that is kept; or a list with its filter, as JSON. */
  view: z.uuid().optional(),
  content: z.string().max(4_000).optional(),
});

/** A route of its own: what it answers is no JSON, and never held whole. */
export function serveInventoryExport(
  app: FastifyInstance,
  { world, localTokenHash }: { readonly world: World; readonly localTokenHash: Buffer },
): void {
  app.get('/api/v1/inventory/export', { schema: { hide: true } }, async (request, reply) => {
    const { by } = await authenticate(world, localTokenHash, request);
    const query = Query.safeParse(request.query);
    if (!query.success) throw unusable(query.error.issues[0]?.message ?? 'is not understood');
    const { format, view: viewId } = query.data;
    const view = viewId === undefined ? undefined : await world.database.snapshot((s) => viewById(s, viewId));
    if (viewId !== undefined && (view === undefined || (!view.shared && view.owner_id !== ownerOf(by)))) {
      throw new AuthorityError('not-found', 'There is no such view.');
    }
    const content = view === undefined ? readContent(query.data.content) : describeView(view, by).content;
    await perform(world, exportInventory, by, { format, content });
    const day = world.clock().toISOString().slice(0, 10);
    return reply
      .header('content-type', format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8')
      .header('content-disposition', `attachment; filename="${content.list}-${day}.${format}"`)
      .header('cache-control', 'no-store')
      .send(Readable.from(lines(world, content, format)));
  });
}

function readContent(text: string | undefined): InventoryList {
  let raw: unknown = { list: 'holdings', filter: {} };
  try {
    if (text !== undefined) raw = JSON.parse(text);
  } catch {
    throw unusable('content is no JSON');
  }
  const parsed = SaveView.shape.content.safeParse(raw);
  if (!parsed.success) throw unusable(`content: ${parsed.error.issues[0]?.message}`);
  return parsed.data;
}

function unusable(why: string): AuthorityError {
  return new AuthorityError('invalid-request', `The request cannot be used: ${why}. Nothing was exported.`);
}

/** Rows that are read at a time: whoever reads slowly holds no more, and no connection of the database. */
const PAGE = 500;

async function* lines(world: World, content: InventoryList, format: 'csv' | 'jsonl'): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(content.list === 'holdings' ? HOLDING_HEAD : COVERAGE_HEAD);
  for (let after: string | undefined; ; ) {
    const page = await world.database.snapshot(async (snapshot) =>
      content.list === 'holdings'
        ? pageOf(await holdingsPage(world, snapshot, { ...content.filter, limit: PAGE, after }), holdingCells)
        : pageOf(await coveragePage(world, snapshot, { ...content.filter, limit: PAGE, after }), coverageCells),
    );
    yield page.items
      .map(({ item, cells }) => (format === 'csv' ? csvLine(cells) : `${JSON.stringify(item)}\n`))
      .join('');
    if (page.next === null) return;
    after = page.next;
  }
}

function pageOf<T>({ items, next }: { items: T[]; next: string | null }, cellsOf: (item: T) => string[]) {
  return { next, items: items.map((item) => ({ item, cells: cellsOf(item) })) };
}

const HOLDING_HEAD = [
  ...['name', 'address', 'department', 'use', 'state', 'serial_number', 'profile', 'key_algorithm', 'key_origin'],
  ...['devices', 'issued_at', 'not_after', 'renew_from', 'escrowed_in', 'escrowed_at', 'delivered_at', 'proven_at'],
  'published',
];

function holdingCells(one: Holding): string[] {
  const { escrow } = one;
  return [
    ...[one.name, one.address, one.department ?? '', one.use, one.state, one.serialNumber, one.profile],
    ...[one.keyAlgorithm, one.keyOrigin, one.devices.join('; '), one.issuedAt, one.notAfter, one.renewFrom],
    ...[escrow?.vault ?? '', escrow?.since ?? '', escrow?.deliveredAt ?? '', escrow?.provenAt ?? ''],
    one.published.map(({ target, state }) => `${target}: ${state}`).join('; '),
  ];
}

const COVERAGE_HEAD = ['name', 'address', 'department', 'use', 'covered', 'reason', 'why', 'until'];

function coverageCells(one: CoverageItem): string[] {
  return [
    ...[one.name, one.address, one.department ?? '', one.use, one.covered ? 'yes' : 'no', one.reason, one.why ?? ''],
    one.until ?? '',
  ];
}
