/** Who runs which job. */
import { generateCrlIfDue } from '../ca/crl.ts';
import type { JobHandlers } from './queue.ts';

export const jobHandlers: Partial<JobHandlers> = {
  'generate-crl': (world, { authorityId }) => generateCrlIfDue(world, authorityId),
};
