/** Directories whose people are the office's: how each is followed, what it would do, and what it asks before it goes on. */
import { z } from 'zod';
import type { RouteDefinition } from './routes.ts';
import { Instant } from './values.ts';

const DirectoryName = z.string().regex(/^[a-z0-9-]{1,40}$/);
const ByName = z.object({ name: DirectoryName });

const Loss = z.object({
  key: z.string(),
  name: z.string(),
  address: z.string(),
  /** Not there, switched off there, or without an address there. */
  why: z.enum(['gone', 'inactive', 'no-address']),
});
/** More people would leave at once than the configuration lets pass. */
const DirectoryQuestion = z.object({
  askedAt: Instant,
  /** Of how many people who are here. */
  known: z.int(),
  total: z.int(),
  /** The first thousand. */
  people: z.array(Loss),
  answer: z.enum(['confirmed', 'dismissed']).nullable(),
});

export const Directory = z.object({
  name: DirectoryName,
  kind: z.enum(['active-directory', 'openldap']),
  url: z.string(),
  everyMinutes: z.int(),
  /** `late`: no pass has come to its end for longer than the configuration lets pass. */
  state: z.enum(['never', 'running', 'done', 'failed', 'asking', 'late']),
  /** Of a pass on the node that answers. */
  progress: z.object({ phase: z.enum(['listing', 'reading', 'groups', 'presenting']), count: z.int() }).nullable(),
  begunAt: Instant.nullable(),
  /** When a pass last came to its end. */
  doneAt: Instant.nullable(),
  completeAt: Instant.nullable(),
  problem: z.string().nullable(),
  /** Of that pass: people listed, read, joined, changed, left, … */
  counts: z.record(z.string(), z.int()),
  question: DirectoryQuestion.nullable(),
});
export type Directory = z.infer<typeof Directory>;

const Seen = z.object({ key: z.string(), name: z.string(), address: z.string().nullable(), active: z.boolean() });
export const DirectoryPreview = z.object({
  people: z.int(),
  groups: z.int(),
  joining: z.int(),
  /** Name, primary address, or whether they are active; other attributes may change besides. */
  changed: z.int(),
  leaving: z.int(),
  /** A pass would stop and ask. */
  asks: z.boolean(),
  /** The first hundred of each. */
  first: z.object({ joining: z.array(Seen), changed: z.array(Seen), leaving: z.array(Loss) }),
});
export type DirectoryPreview = z.infer<typeof DirectoryPreview>;

const Done = z.object({ done: z.literal(true) });

export const directoryRoutes = {
  directories: {
    method: 'GET',
    path: '/api/v1/directories',
    summary: 'Directories that are followed, and how far',
    access: 'authenticated',
    response: z.object({ items: z.array(Directory) }),
  },
  previewDirectory: {
    method: 'POST',
    path: '/api/v1/directories/:name/preview',
    summary: 'Read a directory whole, and say what would become of it',
    access: 'authenticated',
    params: ByName,
    response: DirectoryPreview,
  },
  runDirectory: {
    method: 'POST',
    path: '/api/v1/directories/:name/passes',
    summary: 'Follow a directory now',
    access: 'authenticated',
    params: ByName,
    response: Done,
  },
  answerDirectory: {
    method: 'POST',
    path: '/api/v1/directories/:name/answer',
    summary: 'Let those people leave, or keep them whatever the directory says',
    access: 'authenticated',
    params: ByName,
    body: z.object({ answer: z.enum(['confirmed', 'dismissed']), askedAt: Instant }),
    response: Done,
  },
} as const satisfies Record<string, RouteDefinition>;
