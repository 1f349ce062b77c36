/** The inventory, and views of it that are kept. */

import { AuthorityError } from '../../errors.ts';
import {
  coverageCounts,
  coveragePage,
  describeView,
  holdingsPage,
  ownerOf,
  removeView,
  saveView,
} from '../../inventory/inventory.ts';
import { consult, perform } from '../../operation.ts';
import { viewById, viewsFor } from '../../store/inventory.ts';
import type { Handlers } from './handler.ts';

export const inventoryHandlers: Handlers<
  'holdings' | 'coverage' | 'coverageCounts' | 'inventoryViews' | 'saveInventoryView' | 'removeInventoryView'
> = {
  async holdings({ world, by }, { query }) {
    return consult(world, 'certificate:read', by, (snapshot) => holdingsPage(world, snapshot, query));
  },
  async coverage({ world, by }, { query }) {
    const { uncovered, ...rest } = query;
    return consult(world, 'person:read', by, (snapshot) =>
      coveragePage(world, snapshot, { ...rest, ...(uncovered !== undefined && { uncovered }) }),
    );
  },
  async coverageCounts({ world, by }) {
    return consult(world, 'person:read', by, (snapshot) => coverageCounts(world, snapshot));
  },
  async inventoryViews({ world, by }) {
    const rows = await consult(world, 'office:read', by, (snapshot) => viewsFor(snapshot, ownerOf(by)));
    return { items: rows.map((row) => describeView(row, by)) };
  },
  async saveInventoryView({ world, by }, { body }) {
    const { id } = await perform(world, saveView, by, body);
    const row = await consult(world, 'office:read', by, (snapshot) => viewById(snapshot, id));
    if (row === undefined) throw new AuthorityError('not-found', 'The view was removed in the meantime.');
    return describeView(row, by);
  },
  async removeInventoryView({ world, by }, { params }) {
    await perform(world, removeView, by, params);
    return { done: true };
  },
};
