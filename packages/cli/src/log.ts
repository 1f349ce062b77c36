/** Log lines on standard error: one JSON object each, or a short line for a person at a terminal. */

type Fields = Record<string, unknown>;

export interface ProcessLog {
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
}

/** `CHANCERY_LOG=json` for a log collector; otherwise warnings and errors only, readable. */
export function processLog(): ProcessLog {
  const json = process.env.CHANCERY_LOG === 'json';
  const write =
    (level: 'info' | 'warn' | 'error') =>
    (event: string, fields: Fields = {}) => {
      const at = new Date().toISOString();
      if (json) process.stderr.write(`${JSON.stringify({ at, level, event, ...fields })}\n`);
      else if (level !== 'info') process.stderr.write(`${at} ${level} ${event} ${JSON.stringify(fields)}\n`);
    };
  return { info: write('info'), warn: write('warn'), error: write('error') };
}
