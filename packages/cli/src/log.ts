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
      if (json) {
        process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`);
      } else if (level !== 'info') {
        process.stderr.write(`${level}  ${event}  ${describe(fields)}\n`);
      }
    };
  return { info: write('info'), warn: write('warn'), error: write('error') };
}

/** `file: /data/keys.secret; advice: back it up`. */
function describe(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('; ');
}
