/** What a domain promises by MTA-STS: the record that announces a policy, and the policy (RFC 8461 section 3). */

export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Host names; `*.` before one stands for one label. Small letters. */
  readonly mx: readonly string[];
  /** Seconds. */
  readonly maxAge: number;
}

/** RFC 8461 section 3.2: about a year. */
const longestAge = 31_557_600;
/** A policy of more has no meaning. */
const mostPatterns = 100;

/** @param records data of the TXT records of `_mta-sts.DOMAIN`. @returns the policy's id; undefined where none is announced, or by several */
export function announcedId(records: readonly Buffer[]): string | undefined {
  const announcing = records.map(textOf).filter((text) => text.startsWith('v=STSv1;'));
  const [only] = announcing;
  if (only === undefined || announcing.length > 1) return undefined;
  const fields = only.split(';').map((field) => field.trim());
  return fields.map((field) => /^id\s*=\s*([A-Za-z0-9]{1,32})$/.exec(field)?.[1]).find((id) => id !== undefined);
}

/** RFC 1035 section 3.3.14: strings with their length before each, one text together. */
function textOf(data: Buffer): string {
  const parts: string[] = [];
  for (let at = 0; at < data.length; at += 1 + (data[at] ?? 0))
    parts.push(data.toString('latin1', at + 1, at + 1 + (data[at] ?? 0)));
  return parts.join('');
}

/** @throws Error that says what is wrong with it */
export function parsePolicy(text: string): StsPolicy {
  const fields = text.split(/\r?\n/).flatMap((line) => {
    const [, key, value] = /^([A-Za-z0-9_.-]+)[ \t]*:[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key, value }];
  });
  // Of a field that comes twice the first counts.
  const first = (name: string) => fields.find(({ key }) => key === name)?.value;
  if (first('version') !== 'STSv1') throw new Error('its version is not STSv1');
  const mode = first('mode');
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') throw new Error('it has no mode');
  const age = first('max_age') ?? '';
  if (!/^\d{1,10}$/.test(age)) throw new Error('it does not say for how long it holds');
  const mx = fields.filter(({ key }) => key === 'mx').map(({ value }) => value.toLowerCase().replace(/\.$/, ''));
  if (mx.some((pattern) => !/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(pattern)))
    throw new Error('it names a server by what is no host name');
  if (mx.length > mostPatterns) throw new Error('it names too many servers');
  if (mx.length === 0 && mode !== 'none') throw new Error('it names no server');
  return { mode, mx, maxAge: Math.min(Number(age), longestAge) };
}

/** RFC 8461 section 4.1: `*.` stands for the first label, and for no more than one. @param host in small letters */
export function isNamed({ mx }: StsPolicy, host: string): boolean {
  const parent = /^[^.]+\.(.+)$/.exec(host)?.[1];
  return mx.some((pattern) => (pattern.startsWith('*.') ? parent === pattern.slice(2) : host === pattern));
}
