/** What figures were measured on. */
import { availableParallelism, cpus, totalmem } from 'node:os';

/** Processor, cores, memory, platform. */
export function machine(): string {
  const [first] = cpus();
  return `${first?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 1_073_741_824)} GB, ${process.platform} ${process.arch}`;
}
