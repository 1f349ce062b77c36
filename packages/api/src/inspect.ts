/** A message or CMS object taken apart for a person. */
import { z } from 'zod';

export const Finding = z.object({
  code: z.string(),
  message: z.string(),
  clause: z.string().optional(),
  severity: z.enum(['error', 'warning', 'info']),
});
export type Finding = z.infer<typeof Finding>;

export interface InspectNode {
  kind: string;
  title: string;
  /** Octets of the original message: start and end. */
  range?: [number, number] | undefined;
  fields: { label: string; value: string }[];
  problems: Finding[];
  verdict?: 'valid' | 'invalid' | 'unsigned' | 'ambiguous' | undefined;
  children: InspectNode[];
}
export const InspectNode: z.ZodType<InspectNode> = z.object({
  kind: z.string(),
  title: z.string(),
  range: z.tuple([z.int(), z.int()]).optional(),
  fields: z.array(z.object({ label: z.string(), value: z.string() })),
  problems: z.array(Finding),
  verdict: z.enum(['valid', 'invalid', 'unsigned', 'ambiguous']).optional(),
  get children() {
    return z.array(InspectNode);
  },
});

/** The whole message or object, in base64; at most 25 MB of it. */
export const InspectRequest = z.object({ message: z.base64().max(34_000_000) });
