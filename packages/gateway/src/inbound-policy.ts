/** What the office has decided about mail on its way in: the fields of `[gateway.inbound]` that are not about sockets. */
import { z } from 'zod';

const OneLine = z.string().regex(/^[\x20-\x7e]+$/, 'is one line of ASCII');

export const InboundPolicy = z.strictObject({
  /**
   * What came encrypted with nothing to show that it was not altered (CBC without a signature). `text`: its words as plain text, the message
   * as it came attached, unless it is plain text anyway; `shut`: passed on as it came; `hold`: quarantined, until somebody lets it go as
   * it came; `open`: passed on whole, as programs do that know nothing of EFAIL.
   */
  unauthenticated: z.enum(['text', 'shut', 'hold', 'open']).default('text'),
  /** Another certificate of a correspondent than the pinned one. `same-authority`: takes its place where the same CA made it for the same address. */
  changedCertificate: z.enum(['same-authority', 'ask']).default('same-authority'),
  /** Lines above the text of unsigned mail that has warnings (or any signal). Mail that is signed or encrypted is never touched. */
  banner: z.enum(['never', 'warnings', 'signals']).default('never'),
  /** Before the Subject of mail that has warnings, and of mail with a valid signature. */
  subjectTag: z.strictObject({ warning: OneLine.max(30).optional(), valid: OneLine.max(30).optional() }).prefault({}),
  /** Encrypts to the recipient's own certificate what was opened here (or all mail that is not encrypted), so that it rests encrypted. */
  reencrypt: z.enum(['never', 'opened', 'all']).default('never'),
});
export type InboundPolicy = z.infer<typeof InboundPolicy>;
