/** What a domain promises by MTA-STS (RFC 8461 section 3), as mailauth reads it by the letter. */

export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Host names; `*.` before one stands for one label. Small letters. */
  readonly mx: readonly string[];
  /** Seconds. */
  readonly maxAge: number;
}

/** Only here, since few gateways deliver by MX. */
const mailauth = () => import('mailauth/lib/mta-sts.js');

/** @param records data of the TXT records of `_mta-sts.DOMAIN`. @returns the policy's id; undefined where none is announced, or by several */
export async function announcedId(records: readonly Buffer[]): Promise<string | undefined> {
  const { resolvePolicy } = await mailauth();
  const resolver = async () => records.map(stringsOf);
  const id = await resolvePolicy('found.invalid', { resolver, strict: true }).catch(() => false);
  return typeof id === 'string' ? id : undefined;
}

/** @param data of a TXT record, whose strings are one text (RFC 7208 section 3.3) */
export function textOf(data: Buffer): string {
  return stringsOf(data).join('');
}

/** RFC 1035 section 3.3.14: each with its length before it. */
function stringsOf(data: Buffer): string[] {
  const strings: string[] = [];
  for (let at = 0; at < data.length; at += 1 + (data[at] ?? 0))
    strings.push(data.toString('latin1', at + 1, at + 1 + (data[at] ?? 0)));
  return strings;
}

/** @throws Error that says what is wrong with it */
export async function parsePolicy(text: string): Promise<StsPolicy> {
  const { parsePolicy: parse } = await mailauth();
  const { mode, mx = [], maxAge = 0 } = parse(text, { strict: true });
  return { mode, mx, maxAge };
}

/** @param host in small letters */
export async function isNamed({ mode, mx }: StsPolicy, host: string): Promise<boolean> {
  const { validateMx } = await mailauth();
  return validateMx(host, { mode, mx: [...mx] }).valid;
}

/** As its file would have it, without extensions. */
export function policyLines({ mode, mx, maxAge }: StsPolicy): string[] {
  return ['version: STSv1', `mode: ${mode}`, ...mx.map((host) => `mx: ${host}`), `max_age: ${maxAge}`];
}
