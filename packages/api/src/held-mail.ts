/** Mail that gateways hold: for somebody to look at, or until a recipient's certificate comes. Who wrote to whom and why it waits, nothing of what. */
import { z } from 'zod';
import { ById, Done, route } from './route.ts';
import { Id, Instant, PageQuery, pageOf } from './values.ts';

const directions = ['outbound', 'inbound'] as const;

/** As its gateway keeps it. */
export const HeldStanding = z.object({
  id: Id,
  /** Mail that came in is quarantined: it waits for somebody in every case. */
  direction: z.enum(directions),
  /** Of the envelope; empty for a notification. */
  sender: z.string().max(320),
  /** Addresses that the message says it is from. */
  from: z.array(z.string().max(320)).max(10),
  /** Those who wait; others of the same message may have had it. */
  recipients: z.array(z.string().max(320)).min(1).max(1000),
  /** Of these there are more than the thousand that are named. */
  moreRecipients: z.int().min(0),
  reason: z.string().max(2000),
  /** Names of the rules on one line. */
  rule: z.string().max(200),
  messageId: z.string().max(998).nullable(),
  /** Octets of the message. */
  size: z.int().min(0),
  heldAt: Instant,
  /** When it goes back, and whoever waits is told. */
  expiresAt: Instant,
  /** `decision`: somebody's word. `certificate`: a signed reply, for which its recipients are asked. */
  waitsFor: z.enum(['decision', 'certificate']),
  /** They have been asked. */
  invited: z.boolean(),
  /** Mail that came in: result words of RFC 8601, as it came. */
  authentication: z.object({ spf: z.string().max(20), dkim: z.string().max(20), dmarc: z.string().max(20) }).nullable(),
  /** Why it is still here after somebody released it. */
  problem: z.string().max(1000).nullable(),
});
export type HeldStanding = z.infer<typeof HeldStanding>;

/** `release`: let it go, as far as other rules allow. `refuse`: return it to its sender, where a notice to them is no backscatter. */
const heldActs = ['release', 'refuse'] as const;

/** What somebody decided, for the gateway to carry out. */
export const OpenHeldDecision = z.object({
  id: Id,
  message: Id,
  act: z.enum(heldActs),
  by: z.string().max(200),
  note: z.string().max(1000),
});

export const HeldReport = z.object({
  /** Of one start of the gateway. */
  run: Id,
  held: z.array(HeldStanding).max(100),
  /** No longer there. */
  gone: z.array(Id).max(1000),
  /** Decisions that were carried out. */
  done: z.array(Id).max(1000),
  /** With this, everything that is held has been told in this run: whatever else is known of this gateway is not there any more. */
  complete: z.boolean(),
});

const HeldMail = HeldStanding.extend({
  gateway: z.string(),
  reportedAt: Instant,
  /** What somebody decided and the gateway has not done yet. */
  decision: z.object({ act: z.enum(heldActs), by: z.string(), note: z.string(), at: Instant }).nullable(),
});
export type HeldMail = z.infer<typeof HeldMail>;

export const HeldDecision = z.object({ act: z.enum(heldActs), note: z.string().trim().max(1000).default('') });

export const heldMailRoutes = {
  reportHeldMail: route({
    method: 'POST',
    path: '/api/v1/gateway/held-mail',
    summary: 'What a gateway holds, and which decisions about it were carried out',
    access: 'authenticated',
    body: HeldReport,
    response: Done,
  }),
  heldMail: route({
    method: 'GET',
    path: '/api/v1/held-mail',
    summary: 'Mail that gateways hold, what has waited longest first',
    access: 'authenticated',
    query: PageQuery.extend({
      /** Part of the address of a sender or recipient. */
      search: z.string().trim().max(200).optional(),
      direction: z.enum(directions).optional(),
    }),
    response: pageOf(HeldMail),
  }),
  heldMessage: route({
    method: 'GET',
    path: '/api/v1/held-mail/:id',
    summary: 'One of them',
    access: 'authenticated',
    params: ById,
    response: HeldMail,
  }),
  decideHeldMail: route({
    method: 'POST',
    path: '/api/v1/held-mail/:id/decisions',
    summary: 'Let it go, or return it to its sender: its gateway does so within seconds',
    access: 'authenticated',
    params: ById,
    body: HeldDecision,
    response: Done,
  }),
} as const;
