/** The gateway's composition root: opens what is on disk, then listens. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { ApiError, createClient } from '@chancery/api';
import { dnsResolver, type Resolve, warmAuthenticity } from './authenticity.ts';
import type { GatewayConfig } from './config.ts';
import type { Downstream } from './config-smtp.ts';
import { openDkim } from './dkim.ts';
import { openEnrolment } from './enrolment.ts';
import { GatewayError, reasonOf } from './errors.ts';
import { openHeldStore } from './held/held-store.ts';
import { type HeldReports, reportHeld } from './held/report-held.ts';
import { startHeldWork } from './held/work-on-held.ts';
import { inbound } from './inbound.ts';
import { openJournal } from './journal.ts';
import { withDeliveries } from './journal-deliveries.ts';
import { openKeyStores } from './key-stores.ts';
import { openScratch } from './large-message.ts';
import { largeOctets } from './limits.ts';
import { type Log, logToStderr } from './log.ts';
import { openLoopGuard } from './loop.ts';
import { openMadeDkimKeys } from './made-dkim-keys.ts';
import { confirm, type World } from './mail-flow.ts';
import { type OfficeView, openOffice, readTrustAnchors } from './office.ts';
import { openOfficeRules } from './office-rules.ts';
import { openKeys } from './opened-keys.ts';
import { outbound } from './outbound.ts';
import { readSecret } from './read-secret.ts';
import { openDirectory } from './recipients/directory.ts';
import { openDomainCertificates } from './recipients/domain-certificates.ts';
import { openHarvested } from './recipients/harvested.ts';
import { openLookup } from './recipients/lookup.ts';
import { openSources } from './recipients/open-sources.ts';
import { reportCorrespondents } from './recipients/report-correspondents.ts';
import { type MxWorld, openMxTransport } from './relay/mx/mx-transport.ts';
import { startQueue } from './relay/queue.ts';
import { openTlsReports } from './relay/tls-reports/open-tls-reports.ts';
import { type MailTransport, openTransport } from './relay/transport.ts';
import { listenInThread, type OpenDoors } from './smtp/listen-in-thread.ts';
import { lockFolder } from './spool/folder-lock.ts';
import { openSpool } from './spool/spool.ts';

export interface GatewayHealth {
  /** It knows whom it serves, from now or from the last run. Until then mail is put off with 451. */
  readonly configured: boolean;
  /** When the authority last answered, ISO 8601; null since this start. */
  readonly authorityAnsweredAt: string | null;
  /** Its own key is certified: it can be given keys to decrypt with. */
  readonly enrolled: boolean;
  /** People whose mail it signs: with a certificate, and still waiting for one. */
  readonly signers: { readonly ready: number; readonly awaited: number };
  readonly spool: { readonly waiting: number; readonly oldestAcceptedAt: string | null };
}

export interface RunningGateway {
  readonly outboundPort: number;
  readonly inboundPort: number;
  health(): GatewayHealth;
  /** Ends the transactions and deliveries under way; what is left waits in the spool. */
  stop(): Promise<void>;
}

/** Milliseconds. A client of ours waits meanwhile, and so does the end of the process. */
const authorityPatience = 8_000;

/** What a test or an embedding process puts in the place of the system's own. */
export interface GatewayPorts {
  readonly log?: Log;
  /** For SPF, DKIM and DMARC. */
  readonly resolve?: Resolve;
  readonly mx?: Pick<MxWorld, 'policyPort'> & { readonly reportEvery?: number };
  readonly fetch?: typeof fetch;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Octets above which a message goes through files. */
  readonly largeFrom?: number;
  /** Listens; without it in a thread of its own. */
  readonly openDoors?: OpenDoors;
}

/**
 * Starts the gateway, and resolves when it listens. It does not wait for the authority: until the authority has answered
 * once, mail is put off.
 * @throws GatewayError `configuration`, `folder-in-use`, `port-in-use`; KeyStoreError
 */
export async function startGateway(config: GatewayConfig, ports: GatewayPorts = {}): Promise<RunningGateway> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.reverse().splice(0)) await closer();
  };
  try {
    return await assemble(config, ports, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function assemble(
  config: GatewayConfig,
  ports: GatewayPorts,
  closers: (() => unknown)[],
  close: () => Promise<void>,
): Promise<RunningGateway> {
  const log = ports.log ?? logToStderr;
  const now = ports.now ?? Date.now;
  const { data: folder, name } = config;

  await mkdir(folder, { recursive: true, mode: 0o700 });
  closers.push(lockFolder(folder));
  const extraAnchors = await readTrustAnchors(config.trustAnchors);
  const ownAnchors = await readTrustAnchors(config.ownTrustAnchors);
  const client = createClient({
    baseUrl: config.authority.url.replace(/\/+$/, ''),
    token: readSecret(config.authority.token, config.baseDirectory),
    timeout: authorityPatience,
    ...(ports.fetch === undefined ? {} : { fetch: ports.fetch }),
  });
  const keys = await openKeyStores(config, log);
  closers.push(() => keys.close());

  const journal = await openJournal(
    path.join(folder, 'journal'),
    (entries) => client.writeJournal({ body: { entries } }),
    (error) => error instanceof ApiError && (error.code === 'invalid-request' || error.code === 'unusable-input'),
    1_000,
    log,
  );
  closers.push(() => journal.stop());
  const enrolment = await openEnrolment({ folder, keys, algorithm: config.keyAlgorithm, client, name, now, log });
  closers.push(() => enrolment.stop());
  const rules = await openOfficeRules({
    ...{ folder, own: config.ruleSet, alone: !config.officeRules, client, log },
  });
  closers.push(() => rules.settle());
  const harvested = await openHarvested(path.join(folder, 'harvested'), () => new Date(now()), log);
  const reports = reportCorrespondents(client, harvested, now, log);
  closers.push(() => reports.stop());
  let heldReports: HeldReports | undefined;
  let takeFor: ((view: OfficeView) => void) | undefined;
  const office = await openOffice({
    folder,
    client,
    extraAnchors,
    ownAnchors,
    interval: config.authority.refreshSeconds * 1000,
    now,
    log,
    onView: (view) => {
      rules.take(view.rules);
      enrolment.run(view);
      reports.run(view);
      heldReports?.run(view);
      takeFor?.(view);
    },
  });
  closers.push(() => office.stop());
  const openedKeys = openKeys({ client, own: enrolment.own, lifetime: config.openKeySeconds * 1000, now, log });
  closers.push(() => openedKeys.close());
  const lookup = openLookup({
    directory: openDirectory(client, config.directoryCacheSeconds * 1000, now),
    harvested,
    domains: openDomainCertificates(config.recipients.domain),
    sources: openSources(config.recipients, config.baseDirectory, now),
    now,
  });
  closers.push(() => lookup.close());

  const spool = await openSpool(config.spool, now, log, ports.largeFrom);
  // A crash may have come between the spool and the journal: ids make writing twice harmless.
  await journal.write(spool.decidedBefore).catch((error: unknown) => {
    // What waits here must go out for the disk to have room again.
    log.error('journal.failed', { reason: reasonOf(error) });
  });
  const tlsReports = openTlsReports(config, { now, log, ...ports.mx }, ports.mx?.reportEvery);
  closers.push(() => tlsReports?.stop());
  const mxWorld = { name, policyFolder: path.join(folder, 'mta-sts'), now, log, onSession: tlsReports?.onSession };
  const toNext = (next: Downstream): MailTransport =>
    'mx' in next
      ? openMxTransport(next.mx, { ...mxWorld, ...ports.mx })
      : openTransport(next, name, config.baseDirectory);
  const transports = { outbound: toNext(config.outbound.downstream), inbound: toNext(config.inbound.downstream) };
  const configured = Object.entries(config.route).map(([route, next]) => [route, toNext(next)] as const);
  const routes = new Map([...configured, ...(tlsReports?.routes ?? [])]);
  closers.push(() => Promise.all([...Object.values(transports), ...routes.values()].map((one) => one.close())));
  const directionTo = (address: string) => (office.current()?.isOurs(address) === true ? 'inbound' : 'outbound');
  const queue = startQueue({
    spool,
    transports,
    route: (route) => routes.get(route),
    retry: config.retry,
    name,
    onDelivered: (message, receipts) => {
      const told = withDeliveries(message.journal, receipts, now()).filter(({ delivery }) => delivery !== undefined);
      journal.write(told).catch((error: unknown) => log.error('journal.failed', { reason: reasonOf(error) }));
    },
    directionTo,
    now,
    log,
  });
  closers.push(() => queue.stop());

  const resolve = ports.resolve ?? dnsResolver(config.dnsTimeoutSeconds * 1000, config.dnsServers);
  const madeDkimKeys = await openMadeDkimKeys({ folder, dkim: config.dkim, keys, resolve, now, log });
  closers.push(() => madeDkimKeys.settle());
  // Made now, so that its record can be put into the DNS before a mail waits for it.
  for (const one of config.dkim) if ('generate' in one.key) void madeDkimKeys.signerFor(one).catch(() => undefined);

  const world: World = {
    ...{
      name,
      rules,
      ruleSet: () => rules.current()?.set ?? config.ruleSet,
      dnsTimeout: config.dnsTimeoutSeconds * 1000,
      openLegacy: config.inbound.openLegacy,
      inboundPolicy: config.inbound,
      office,
      takeAcmeReply: (message) => client.acmeReply({ body: { message: Buffer.from(message).toString('base64') } }),
      enrolment,
      harvested,
      openedKeys,
    },
    ...{ spool, queue, journal, now, log },
    hasRoute: (route) => routes.has(route),
    held: await openHeldStore(path.join(folder, 'held'), enrolment.own, now, log, ports.largeFrom),
    lookup,
    loopGuard: await openLoopGuard(folder),
    processed: secretField(config, 'processed'),
    origin: secretField(config, 'origin'),
    scratch: () => openScratch(config.spool),
    signDkim: openDkim(config.dkim, config.baseDirectory, now, madeDkimKeys.signerFor),
    resolve,
  };
  tlsReports?.start(world, directionTo);
  const heldWork = startHeldWork(world, {
    interval: config.held.everySeconds * 1000,
    languages: config.held.languages,
    onRound: () => {
      const view = office.current();
      if (view !== undefined) heldReports?.run(view);
    },
  });
  closers.push(() => heldWork.stop());
  const heldTold = reportHeld(client, world.held, heldWork, log);
  heldReports = heldTold;
  closers.push(() => heldTold.stop());
  const { maxMessageSize, maxRecipients, maxConnections, trustedPeers, limits, baseDirectory } = config;
  const common = {
    scratchFolder: config.spool,
    largeFrom: ports.largeFrom ?? largeOctets,
    name,
    maxMessageSize,
    maxRecipients,
    maxConnections,
    trustedPeers,
    limits,
    baseDirectory,
    log,
  };
  const door = ({ listen: where, clients, tls, login }: GatewayConfig['inbound' | 'outbound']) => ({
    ...where,
    clients,
    tls,
    login,
  });
  const openDoors = ports.openDoors ?? listenInThread;
  const confirmed = (id: string) => confirm(world, id);
  const listeners = await openDoors([
    {
      options: { ...common, ...door(config.outbound) },
      handler: { answer: (arrival) => outbound(world, arrival), confirmed },
    },
    {
      options: { ...common, ...door(config.inbound) },
      handler: { answer: (arrival) => inbound(world, arrival), confirmed },
    },
  ]);
  closers.push(() => Promise.all(listeners.map((one) => one.stop())));
  const [outboundPort = 0, inboundPort = 0] = listeners.map(({ port }) => port);
  const { domains } = config.inbound;
  let known: OfficeView | undefined;
  takeFor = (view) => {
    if (view !== known && !domains.includes('*')) listeners[1]?.takeFor([...view.mailDomains, ...domains]);
    known = view;
  };
  const view = office.current();
  if (view !== undefined) takeFor(view);

  void office.refresh();
  // Not while whatever else lives in this process is starting too.
  const warming = setTimeout(() => {
    warmAuthenticity().catch((error: unknown) => log.error('authenticity.failed', { reason: reasonOf(error) }));
  }, 3_000);
  warming.unref();
  closers.push(() => clearTimeout(warming));
  log.info('gateway.started', { outbound: outboundPort, inbound: inboundPort, waiting: queue.state().waiting });

  return {
    outboundPort,
    inboundPort,
    health() {
      const { ready, awaited, ownReady } = enrolment.state();
      const { waiting, oldest } = queue.state();
      return {
        configured: office.current() !== undefined,
        authorityAnsweredAt: isoOf(office.answeredAt()),
        enrolled: ownReady,
        signers: { ready, awaited },
        spool: { waiting, oldestAcceptedAt: isoOf(oldest) },
      };
    },
    stop: close,
  };
}

function secretField({ outbound, baseDirectory }: GatewayConfig, which: 'processed' | 'origin'): string | undefined {
  const field = outbound[which];
  if (field === undefined) return undefined;
  const value = readSecret(field.value, baseDirectory);
  if (/^[!-~]{16,200}$/.test(value)) return `${field.header}: ${value}`;
  throw new GatewayError('configuration', `The value of outbound.${which} is not 16 to 200 visible ASCII characters`);
}

function isoOf(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
