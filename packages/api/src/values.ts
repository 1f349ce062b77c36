/** The small shapes that every resource is made of. */
import { z } from 'zod';

/** An instant, ISO 8601 in UTC with `Z`. */
export const Instant = z.iso.datetime();
export const Id = z.uuid();
/** An SMTP mailbox address, its domain in ASCII (A-labels, `xn--`). Compared without regard to case; kept as typed. */
export const Address = z
  .email({
    pattern:
      /^(?!\.)(?!.*\.\.)[A-Za-z0-9_'+.-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9-]*\.)+(?:[A-Za-z]{2,}|[Xx][Nn]--[A-Za-z0-9-]+)$/,
  })
  .max(254);
/** Octets in base64 (RFC 4648 section 4, padded). */
export const Base64 = z.base64();
/** A certificate serial number: lower-case hex of the positive integer, no leading `00` octet. */
export const SerialNumber = z.string().regex(/^[0-9a-f]{2,40}$/);

/** Cursor pages: ask again with `after: next` until `next` is null. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), total: z.int(), next: z.string().nullable() });
/** The same of lists that are counted up to a thousand only: nobody reads a million to their end. */
export const countedPageOf = <T extends z.ZodType>(item: T) =>
  pageOf(item).extend({
    /** False where `total` is where the counting stopped: there are more. */
    totalIsExact: z.boolean(),
  });
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  after: z.string().optional(),
});
