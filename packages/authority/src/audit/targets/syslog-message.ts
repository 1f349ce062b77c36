/** One audit record as a syslog message (RFC 5424). */
import type { AuditRecord } from '@chancery/api';

export interface SyslogStyle {
  /** 0 to 23. */
  readonly facility: number;
  /** Of the office; printable ASCII. */
  readonly hostName: string;
  /** Of the structured data: `name@enterprise number`. */
  readonly dataId: string;
  /** Octets of one message: collectors cut longer ones, wherever that falls. */
  readonly maxOctets: number;
}

/**
 * The message, UTF-8. Its structured data name the record and its hash; its text is the details as JSON, left out where the
 * message would be too long: the hash says which they are.
 */
export function syslogMessage(record: AuditRecord, style: SyslogStyle): Buffer {
  const priority = style.facility * 8 + SEVERITY[record.outcome];
  const data = Object.entries({
    sequence: String(record.sequence),
    actor: record.actor,
    actorName: record.actorName,
    action: record.action,
    outcome: record.outcome,
    ...(record.subject === null ? {} : { subject: record.subject }),
    hash: record.hash,
    previousHash: record.previousHash,
  }).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  const head = [
    `<${priority}>1`,
    record.at,
    asciiField(style.hostName, 255),
    'chancery',
    '-',
    asciiField(record.action, 32),
    `[${style.dataId} ${data.join(' ')}]`,
  ].join(' ');
  const details = JSON.stringify(record.details);
  const whole = Buffer.from(`${head} ${BOM}${details}`, 'utf8');
  if (whole.length <= style.maxOctets) return whole;
  const omitted = JSON.stringify({ omitted: Buffer.byteLength(details) });
  return Buffer.from(`${head} ${BOM}${omitted}`, 'utf8');
}

/** RFC 6587 section 3.4.1 and RFC 5425 section 4.3: the length, a space, the message. */
export function counted(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `, 'latin1'), message]);
}

/** RFC 5424 section 6.2.1: informational, notice, warning, error. */
const SEVERITY: Record<AuditRecord['outcome'], number> = { succeeded: 6, attempted: 5, denied: 4, failed: 3 };

/** RFC 5424 section 6.4: text in UTF-8 begins with it. */
const BOM = '\u{feff}';

/** RFC 5424 section 6.3.3. A line break would end the message for some collectors, and nobody's name has one. */
function escapeValue(value: string): string {
  return value.replaceAll(/[\\"\]]/g, '\\$&').replaceAll(/\p{Cc}/gu, ' ');
}

/** Printable ASCII without spaces, or nothing (`-`). */
function asciiField(text: string, longest: number): string {
  return text.replaceAll(/[^\u0021-\u007e]/g, '').slice(0, longest) || '-';
}
