/** Turns whatever a call threw into words for a person and messages beside the fields. */
import { ApiError } from '@chancery/api';
import { ZodError } from 'zod';

export interface Shown {
  title: string;
  /** By form path (`credential.password`); empty when the whole request is meant. */
  fields: Record<string, string>;
}

/** An error whose message says in a person's words what happened and what to do: it is shown as it stands. */
export class InWords extends Error {
  override readonly name = 'InWords';
}

/** Never throws; an unknown error becomes a sentence that says nothing was lost. */
export function describe(error: unknown): Shown {
  if (error instanceof ApiError) {
    return { title: withStop(error.message), fields: byPath(error.fields) };
  }
  if (error instanceof ZodError) {
    return {
      title: 'Some fields need another look. Nothing was sent.',
      fields: byPath(error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }))),
    };
  }
  if (error instanceof InWords) return { title: withStop(error.message), fields: {} };
  const reason = error instanceof Error && error.message !== '' ? error.message : 'no reason given';
  return { title: `This page could not finish: ${withStop(reason)} Reload to try again.`, fields: {} };
}

/** The messages whose path no input of this form shows; they belong in the alert. */
export function unplaced(shown: Shown, placed: readonly string[]): string[] {
  return Object.entries(shown.fields)
    .filter(([path]) => !placed.some((name) => path === name || path.startsWith(`${name}.`)))
    .map(([path, message]) => (path === '' ? message : `${path}: ${message}`));
}

/** Server paths may carry the part of the request they are in (`body.address`, `/address`). */
function byPath(fields: readonly { path: string; message: string }[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { path, message } of fields) {
    const name = path
      .replace(/^\//, '')
      .replaceAll('/', '.')
      .replace(/^body\./, '');
    result[name] ??= message;
  }
  return result;
}

function withStop(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
