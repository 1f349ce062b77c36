/** Correspondents outside, as the gateways know them from their signed mail: whose certificate is used, which others wait, and what became of each. */
import { z } from 'zod';
import { ById, Done, route } from './route.ts';
import { Id, Instant, PageQuery, pageOf } from './values.ts';

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const CorrespondentCertificate = z.object({
  /** DER in base64. */
  certificate: z.base64().max(20_000),
  /** Of the DER, hex. */
  sha256: Sha256,
  /** `pinned`: answers are encrypted with it. `waiting`: for somebody to accept it. `replaced`: it was pinned. */
  state: z.enum(['pinned', 'waiting', 'replaced']),
  firstSeen: Instant,
  /** To the day. */
  lastSeen: Instant,
  /** Message-ID of the message that it first came with. */
  message: z.string().max(998).nullable(),
  /** On whose word it was pinned. */
  approved: z
    .object({
      how: z.enum(['first', 'same-authority', 'administrator']),
      by: z.string().max(200).nullable(),
      at: Instant,
    })
    .nullable(),
  replacedBy: Sha256.nullable(),
  /** SMIMECapabilities that its owner's software announced, dotted. */
  capabilities: z.array(z.string().max(100)).max(50).nullable(),
});
export type CorrespondentCertificate = z.infer<typeof CorrespondentCertificate>;

/** As one gateway keeps it. */
export const CorrespondentStanding = z.object({
  address: z.string().max(320),
  /** The pinned one first. */
  certificates: z.array(CorrespondentCertificate).max(20),
  /** Signed messages, counted to three; and those without a signature since. */
  signed: z.int(),
  unsigned: z.int(),
  /** Whether they can be written to with the pinned certificate, as the gateway judged last; absent where it is older than this. */
  encryption: z
    .object({ state: z.enum(['good', 'none', 'unknown']), reason: z.string().max(500).nullable() })
    .optional(),
});
export type CorrespondentStanding = z.infer<typeof CorrespondentStanding>;

export const Correspondent = CorrespondentStanding.extend({
  id: Id,
  gateway: z.string(),
  reportedAt: Instant,
  /** What an operator decided and the gateway has not done yet. */
  decision: z.enum(['accept', 'forget']).nullable(),
});
export type Correspondent = z.infer<typeof Correspondent>;

/** `accept`: that certificate is pinned in the place of another. `forget`: everything that is known of them. */
const DecisionKind = z.enum(['accept', 'forget']);

export const CorrespondentReport = z.object({
  correspondents: z.array(CorrespondentStanding).max(100),
  /** Decisions that were carried out. */
  done: z.array(Id).max(1000),
});

/** What an operator decided, for the gateway to carry out. */
export const OpenDecision = z.object({
  id: Id,
  kind: DecisionKind,
  address: z.string(),
  sha256: Sha256.nullable(),
  /** For the history. */
  by: z.string(),
});

export const CorrespondentDecision = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accept'), sha256: Sha256 }),
  z.object({ kind: z.literal('forget') }),
]);

export const correspondentRoutes = {
  reportCorrespondents: route({
    method: 'POST',
    path: '/api/v1/gateway/correspondents',
    summary: 'What has changed of correspondents, and which decisions about them were carried out',
    access: 'authenticated',
    body: CorrespondentReport,
    response: Done,
  }),
  correspondents: route({
    method: 'GET',
    path: '/api/v1/correspondents',
    summary: 'Correspondents of all gateways, by address',
    access: 'authenticated',
    query: PageQuery.extend({ search: z.string().max(200).optional(), waiting: z.enum(['yes', 'no']).optional() }),
    response: pageOf(Correspondent),
  }),
  correspondent: route({
    method: 'GET',
    path: '/api/v1/correspondents/:id',
    summary: 'One correspondent, as one gateway knows them',
    access: 'authenticated',
    params: ById,
    response: Correspondent,
  }),
  decideCorrespondent: route({
    method: 'POST',
    path: '/api/v1/correspondents/:id/decisions',
    summary: 'Accept another certificate of a correspondent, or forget them',
    access: 'authenticated',
    params: ById,
    body: CorrespondentDecision,
    response: Done,
  }),
};
