/** What the authority last told the gateway: whom it serves and whom it trusts. Kept on disk, so that an authority that is down stops no mail. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { domainToASCII } from 'node:url';
import { ApiError, type Client, GatewayConfiguration, type RulesInForce } from '@chancery/api';
import { domainOf } from '@chancery/mail-policy';
import { type Certificate, type Crl, parseCertificate, parseCrl, pemBlocks } from '@chancery/smime';
import { GatewayError, reasonOf } from './errors.ts';
import type { Log } from './log.ts';
import { readIfThere, writeDurably } from './spool/durable-file.ts';

export type Person = GatewayConfiguration['people'][number];

export interface OfficeView {
  readonly organisation: string;
  /** As the authority names them, in lower case. */
  readonly domains: readonly string[];
  readonly people: readonly Person[];
  /** By address or alias, in any case. */
  personOf(address: string): Person | undefined;
  /** Whose key opens mail for everybody of that address's domain: partners encrypt to it (RFC 3183 section 2.1.1). */
  domainHolder(address: string): Person | undefined;
  isOurs(address: string): boolean;
  /** Domains of all those addresses, in lower case and ASCII. */
  readonly mailDomains: readonly string[];
  /** Somebody outside to whom the authority has given a certificate. */
  isPartner(address: string): boolean;
  /** Mail to that address is the authority's own: replies to its ACME challenges. */
  isAcme(address: string): boolean;
  /** Our roots and the configured others. */
  readonly anchors: readonly Certificate[];
  /** Those that vouch for our own addresses: a correspondent's root does not. */
  readonly ownAnchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  readonly crls: readonly Crl[];
  /** What operators decided about correspondents. */
  readonly decisions: GatewayConfiguration['decisions'];
  /** And about mail that is held here. */
  readonly heldDecisions: GatewayConfiguration['heldDecisions'];
  /** In which words whoever was written to hears that a message to them was held too long. */
  readonly heldMailEnded: GatewayConfiguration['heldMailEnded'];
  /** Serial numbers of certificates that the authority wants replaced. */
  readonly renew: ReadonlySet<string>;
  /** The office's rules in force, as they came; null: it has none. */
  readonly rules: RulesInForce | null;
}

export interface Office {
  /** Undefined until the authority has answered for the first time in the life of this folder. */
  current(): OfficeView | undefined;
  /** When the authority last answered, ms since 1970; null since this start. */
  answeredAt(): number | null;
  /** Asks the authority now, or joins the asking under way. Never throws. */
  refresh(): Promise<void>;
  /** As `refresh`, unless it was just asked: for an address that is not known and could be new. */
  refreshIfOlder(milliseconds: number): Promise<void>;
  /** Ends the asking, and waits for an answer that is under way. */
  stop(): Promise<void>;
}

export interface OfficeOptions {
  /** Where the last answer is kept. */
  readonly folder: string;
  readonly client: Pick<Client, 'gatewayConfiguration'>;
  readonly extraAnchors: readonly Certificate[];
  /** Further roots of our own people. */
  readonly ownAnchors: readonly Certificate[];
  /** Milliseconds between two askings. */
  readonly interval: number;
  readonly now: () => number;
  readonly log: Log;
  /** Called after each answer, and once for the answer that was kept. */
  readonly onView: (view: OfficeView) => void;
}

export async function openOffice(options: OfficeOptions): Promise<Office> {
  const { client, log, now } = options;
  const file = path.join(options.folder, 'office.json');
  let kept = (await readIfThere(file))?.toString('utf8') ?? '';
  let view: OfficeView | undefined;
  let askedAt = 0;
  let answeredAt: number | null = null;
  let asking: Promise<void> | undefined;
  let failedBefore = false;

  if (kept !== '') {
    try {
      view = viewOf(GatewayConfiguration.parse(JSON.parse(kept)), options);
    } catch (error) {
      // It is only a copy: the authority has the original.
      log.warn('office.unreadable', { file, reason: reasonOf(error) });
    }
  }

  async function ask(): Promise<void> {
    askedAt = now();
    try {
      const configuration = await client.gatewayConfiguration();
      const text = JSON.stringify(configuration);
      if (text !== kept) {
        view = viewOf(configuration, options);
        await writeDurably(file, [text]);
        kept = text;
      }
      answeredAt = now();
      if (failedBefore) log.info('office.answers');
      failedBefore = false;
    } catch (error) {
      // Before its set-up an office has nobody to serve: nothing is wrong.
      const level = error instanceof ApiError && error.code === 'not-set-up' ? 'info' : 'warn';
      if (!failedBefore) log[level]('office.unreachable', { reason: reasonOf(error), known: view !== undefined });
      failedBefore = true;
      return;
    }
    if (view !== undefined) options.onView(view);
  }

  const office: Office = {
    current: () => view,
    answeredAt: () => answeredAt,
    async refresh() {
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      await asking;
    },
    async refreshIfOlder(milliseconds) {
      if (asking !== undefined || now() - askedAt > milliseconds) await office.refresh();
    },
    async stop() {
      clearInterval(timer);
      await asking;
    },
  };
  const timer = setInterval(() => void office.refresh(), options.interval);
  timer.unref();
  if (view !== undefined) options.onView(view);
  return office;
}

/** @throws GatewayError `configuration` naming the file */
export async function readTrustAnchors(files: readonly string[]): Promise<Certificate[]> {
  const anchors: Certificate[] = [];
  for (const file of files) {
    try {
      const blocks = pemBlocks(await readFile(file, 'utf8')).filter(({ label }) => label === 'CERTIFICATE');
      if (blocks.length === 0) throw new Error('it holds no CERTIFICATE');
      anchors.push(...blocks.map(({ der }) => parseCertificate(der)));
    } catch (error) {
      throw new GatewayError('configuration', `The trust anchor file ${file} cannot be used: ${reasonOf(error)}`);
    }
  }
  return anchors;
}

/** What pipeline and explanations ask of a configuration. */
export function viewOf(
  configuration: GatewayConfiguration,
  further: Pick<OfficeOptions, 'extraAnchors' | 'ownAnchors'>,
): OfficeView {
  const people = new Map<string, Person>();
  for (const person of configuration.people) {
    for (const address of [person.address, ...person.aliases]) people.set(address.toLowerCase(), person);
  }
  const domains = new Set(configuration.domains.map((domain) => domain.toLowerCase()));
  const partners = new Set(configuration.partners);
  const acme = configuration.acmeAddress?.toLowerCase();
  const addresses = [...people.keys(), ...(acme === undefined ? [] : [acme])];
  const der = (base64: string) => Buffer.from(base64, 'base64');
  const ownAnchors = [...configuration.trustAnchors.map((one) => parseCertificate(der(one))), ...further.ownAnchors];
  return {
    organisation: configuration.organisation,
    domains: [...domains],
    people: configuration.people,
    personOf: (address) => people.get(address.toLowerCase()),
    domainHolder: (address) => people.get(`domain-confidentiality-authority@${domainOf(address)}`),
    mailDomains: [...new Set([...domains, ...addresses.map(domainOf)])].map((one) => domainToASCII(one) || one),
    isOurs: (address) => domains.has(domainOf(address)) || people.has(address.toLowerCase()),
    isPartner: (address) => partners.has(address.toLowerCase()),
    isAcme: (address) => acme !== undefined && address.toLowerCase() === acme,
    anchors: [...ownAnchors, ...further.extraAnchors],
    ownAnchors,
    intermediates: configuration.intermediates.map((one) => parseCertificate(der(one))),
    crls: configuration.crls.map((one) => parseCrl(der(one))),
    decisions: configuration.decisions,
    heldDecisions: configuration.heldDecisions,
    heldMailEnded: configuration.heldMailEnded,
    renew: new Set(configuration.renew),
    rules: configuration.rules,
  };
}
