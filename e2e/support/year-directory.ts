/**
 * The organisation's directory in the year: an entry for everybody, which others write to as well. It outlives the office's process,
 * and is held against the inventory at each month's end.
 */
import { createHash } from 'node:crypto';
import { LoopbackDirectory } from '../../packages/authority/test/loopback-directory.ts';
import { addressOf } from './year-plan.ts';

/** Of one person at a month's end: SHA-256 of certificates, hex. */
export interface Published {
  readonly person: number;
  /** That must stand there, all of them. */
  readonly must: readonly string[];
  /** That may stand there yet: they have ended since the directory was last compared as a whole. */
  readonly may: readonly string[];
}

export class YearDirectory {
  readonly #directory: LoopbackDirectory;
  /** What somebody else has written into each entry. */
  readonly #others = new Map<number, Buffer[]>();

  private constructor(directory: LoopbackDirectory) {
    this.#directory = directory;
  }

  static async open(): Promise<YearDirectory> {
    return new YearDirectory(await LoopbackDirectory.open(PASSWORD));
  }

  /** For the office's `authority.toml`; its environment holds the password. */
  get toml(): string {
    return `[publication]
reconcileEveryHours = ${COMPARED_EVERY_DAYS * 24}
[publication.ldap.staff]
url = "${this.#directory.url}"
bindDn = "cn=chancery,${BASE}"
password = { env = "${VARIABLE}" }
baseDn = "${BASE}"
`;
  }

  get environment(): Readonly<Record<string, string>> {
    return { [VARIABLE]: PASSWORD };
  }

  /** Changes that the office has made there. */
  get changes(): number {
    return this.#directory.changes;
  }

  /** Somebody joins: their entry is there before the office hears of them, with a value that is not the office's. */
  admit(person: number): void {
    if (this.#others.has(person)) return;
    const foreign = Buffer.from(`issued by somebody else to ${person}`);
    this.#others.set(person, [foreign]);
    this.#directory.add(entryOf(person), { mail: [addressOf(person, 0)], [ATTRIBUTE]: [foreign] });
  }

  /** What happens to directories: of one entry in ten all is deleted that is the office's, and something is added. */
  tamper(turn: number): void {
    for (const [person, others] of this.#others) {
      if ((person + turn) % 10 !== 0) continue;
      others.push(Buffer.from(`added in turn ${turn} to ${person}`));
      this.write(person, others);
    }
  }

  /** Whatever is to stand in an entry, beside the protocol. */
  write(person: number, values: readonly Buffer[]): void {
    this.#directory.entries.get(entryOf(person))?.set(ATTRIBUTE.toLowerCase(), [...values]);
  }

  /** In sentences; nothing where each entry holds what it must, nothing else of ours, and all that is others'. */
  compare(published: readonly Published[]): string[] {
    const broken: string[] = [];
    const wanted = new Map(published.map((one) => [one.person, one]));
    for (const [person, others] of this.#others) {
      const values = this.#directory.values(entryOf(person), ATTRIBUTE);
      const { must = [], may = [] } = wanted.get(person) ?? {};
      const say = (what: string) => broken.push(`the entry of person ${person} ${what}`);
      const lost = others.filter((other) => !values.some((value) => value.equals(other)));
      if (lost.length > 0) say(`lacks ${lost.length} values of others`);
      const own = values
        .filter((value) => !others.some((other) => other.equals(value)))
        .map((value) => createHash('sha256').update(value).digest('hex'));
      const lacking = must.filter((one) => !own.includes(one));
      const extra = own.filter((one) => !must.includes(one) && !may.includes(one));
      if (lacking.length > 0) say(`lacks ${lacking.length} certificates`);
      if (extra.length > 0) say(`has ${extra.length} certificates that should not stand there`);
    }
    return broken;
  }

  close(): Promise<void> {
    return this.#directory.close();
  }
}

/** As the inventory has it: every certificate for encryption that is good, of whoever is here and can decrypt. @param stride days of a step */
export async function toBePublished(
  query: (text: string, values: unknown[]) => Promise<Record<string, unknown>[]>,
  { at, stride }: { at: Date; stride: number },
): Promise<Published[]> {
  const compared = new Date(at.getTime() - (COMPARED_EVERY_DAYS + stride) * 86_400_000);
  const rows = await query(
    `SELECT p.external_id, encode(sha256(c.certificate), 'hex') AS digest, c.not_after > $1 AS good
     FROM certificates c JOIN people p ON p.id = c.person_id JOIN escrowed_keys e ON e.id = c.escrowed_key_id
     WHERE p.state = 'active' AND c.use = 'encryption' AND c.revoked_at IS NULL AND c.not_after > $2
       AND (e.delivered_at IS NOT NULL OR EXISTS (
         SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = e.id AND l.kind = 'gateway'))`,
    [at, compared],
  );
  const published = new Map<number, { must: string[]; may: string[] }>();
  for (const { external_id, digest, good } of rows) {
    const one = published.get(Number(external_id)) ?? { must: [], may: [] };
    one[good === true ? 'must' : 'may'].push(String(digest));
    published.set(Number(external_id), one);
  }
  return [...published].map(([person, one]) => ({ person, ...one }));
}

/** Days from one comparison of the whole directory to the next. */
const COMPARED_EVERY_DAYS = 7;
const BASE = 'dc=example,dc=com';
const ATTRIBUTE = 'userCertificate;binary';
const VARIABLE = 'CHANCERY_YEAR_DIRECTORY';
const PASSWORD = 'of the directory of the year';

const entryOf = (person: number): string => `cn=${person},${BASE}`;
