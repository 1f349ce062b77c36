/** What the gateway says about itself: an event and its fields. No bodies, subjects, keys or tokens: callers pass none. */

type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | null>>;
type LogLine = (event: string, fields?: LogFields) => void;

export interface Log {
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
}

/** JSON lines on standard error. */
export const logToStderr: Log = { info: line('info'), warn: line('warn'), error: line('error') };

function line(level: string): LogLine {
  return (event, fields = {}) => {
    process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`);
  };
}
