/** What the gateway says about itself: one JSON line an event. No bodies, subjects, keys or tokens: callers pass none. */

export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | null>>;
export type Log = (level: 'info' | 'warning' | 'error', event: string, fields?: LogFields) => void;

/** Writes to standard error. */
export const logToStderr: Log = (level, event, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`);
};
