/** Who runs which job. */
import type { JobHandlers } from './queue.ts';

export const jobHandlers: Partial<JobHandlers> = {};
