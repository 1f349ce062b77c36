/** What the address of the inventory says: a list and its filters. */
import { CoverageFilter, HoldingFilter } from '@chancery/api';
import { z } from 'zod';

const optional = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
const { use, search, department, state, keyOrigin, profile, proven, published } = HoldingFilter.shape;

export const InventorySearch = z.object({
  list: optional(z.enum(['holdings', 'coverage'])),
  use: optional(use.unwrap()),
  search: optional(search.unwrap()),
  department: optional(department.unwrap()),
  state: optional(state.unwrap()),
  endsWithinDays: optional(z.coerce.number().int().min(1).max(3650)),
  keyOrigin: optional(keyOrigin.unwrap()),
  profile: optional(profile.unwrap()),
  proven: optional(proven.unwrap()),
  published: optional(published.unwrap()),
  reason: optional(CoverageFilter.shape.reason.unwrap()),
  uncovered: optional(z.boolean()),
});
export type InventorySearch = z.output<typeof InventorySearch>;
