import { CommandError } from './exit-codes.ts';

/** The value of an option, ISO 8601. Throws `CommandError` for what is no instant. */
export function instant(text: string, option = '--at'): Date {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new CommandError(`${option} ${text} is not an instant; write it like 2026-11-24T10:00:00Z.`);
  return at;
}
