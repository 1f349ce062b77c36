/** `[evidence]` of the configuration: who says when a bundle was there. */
import { z } from 'zod';

export const EvidenceConfig = z.strictObject({
  /** A time-stamping authority elsewhere (RFC 3161 over HTTP); without it the office stamps with a key of its own. */
  timeStamp: z
    .strictObject({
      /** Plain HTTP will do: what comes back is signed. */
      url: z.url({ protocol: /^https?$/ }),
      /** What its certificate must lead to, PEM, relative to the data folder; without it, the reader of a bundle judges. */
      ca: z.string().min(1).optional(),
      /** Seconds until one that does not answer is given up. */
      timeoutSeconds: z.int().min(1).max(60).default(10),
    })
    .optional(),
});
export type TimeStampConfig = NonNullable<z.output<typeof EvidenceConfig>['timeStamp']>;
