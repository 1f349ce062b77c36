import { z } from 'zod';
import { invitationLanguages } from './invitation.ts';

/** `[gateway.held]`: mail that rules hold. */
export const HeldConfig = z.strictObject({
  /** Of invitations, in this order, one below another: nobody knows which one a stranger reads. */
  languages: z.array(z.enum(invitationLanguages)).min(1).default(['en']),
  /** Seconds between two looks at what is held. */
  everySeconds: z.number().min(0.02).max(3600).default(10),
});
