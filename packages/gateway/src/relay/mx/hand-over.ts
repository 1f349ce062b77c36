/** One message, brought to one server: as securely as is owed, or not at all. */
import { reasonOf } from '../../errors.ts';
import { octetsOf } from '../../large-message.ts';
import type { Log } from '../../log.ts';
import { type Sent, SmtpClient } from '../smtp-client.ts';
import { envelopeOf, type Parcel, type Receipt, receiptOf } from '../transport.ts';
import type { KeptConnection, KeptConnections } from './kept-connections.ts';
import { type Owed, type SecuredHost, secureHost } from './secure-host.ts';
import { isNamed } from './sts-policy.ts';
import { sessionOf, type TlsSession } from './tls-session.ts';
import type { Miss, Place } from './walk-places.ts';

export interface Answered {
  readonly receipts: readonly Receipt[];
  /** It may have the message although it did not say so: nobody else is given it before it has been asked again. */
  readonly uncertain: boolean;
  /** Absent where the connection is counted for this domain already. */
  readonly session?: TlsSession | undefined;
}

export interface Way {
  /** What we call ourselves. */
  readonly name: string;
  readonly port: number;
  readonly kept: KeptConnections;
  readonly now: () => number;
  readonly log: Log;
}

export async function handOver(place: Place, parcel: Parcel, way: Way): Promise<Answered | Miss> {
  const { address, owed } = place;
  for (;;) {
    const secured = secureHost(owed, address, way.port);
    const connection = way.kept.take(keyOf(owed, secured), secured.accepts);
    if (connection === undefined) break;
    const answer = await sendOver({ connection, secured }, place, parcel, way);
    // The server gave the kept connection up: it was handed nothing, and another will do.
    if ('reason' in answer) continue;
    if (connection.client.handedOver || answer.receipts.some(({ outcome }) => outcome !== 'later')) return answer;
    // It may take no more over this one.
    break;
  }
  const opened = await open(place, way);
  return 'reason' in opened ? opened : sendOver(opened, place, parcel, way);
}

interface Opened {
  readonly connection: Omit<KeptConnection, 'shown'> & { readonly shown: KeptConnection['shown'] | undefined };
  readonly secured: SecuredHost;
  readonly session?: TlsSession | undefined;
}

async function open({ address, owed }: Place, { name, port, now }: Way): Promise<Opened | Miss> {
  const secured = secureHost(owed, address, port);
  const { server } = secured;
  const missed = async (error: unknown, kind: Miss['kind'], failure = error): Promise<Miss> => ({
    ...{ kind, reason: `${owed.host} (${address}): ${reasonOf(error)}` },
    session: await sessionOf(owed, address, secured, failure),
  });
  const opened = async (client: SmtpClient, failure?: unknown): Promise<Opened> => ({
    connection: {
      ...{ key: keyOf(owed, secured), client, shown: secured.shown(), openedAt: now(), messages: 0 },
      counted: new Set<string>(),
    },
    secured,
    session: await sessionOf(owed, address, secured, failure),
  });
  try {
    return await opened(await SmtpClient.connect(server, name));
  } catch (error) {
    // RFC 7435: where nothing is promised, a handshake that fails is no worse than none that is offered.
    if (server.tls !== 'opportunistic' || secured.stage() !== 'handshake')
      return missed(error, kindOf(error, server.tls === 'required', secured.stage()));
    try {
      return await opened(await SmtpClient.connect({ ...server, tls: 'never' }, name), error);
    } catch (again) {
      return missed(again, kindOf(again, false, 'clear'), error);
    }
  }
}

async function sendOver(opened: Opened, place: Place, parcel: Parcel, { kept, log }: Way): Promise<Answered | Miss> {
  const { connection, secured, session: first } = opened;
  const { client } = connection;
  const { address, owed } = place;
  const { host, domain, policy } = owed;
  const session = first ?? (connection.counted.has(domain) ? undefined : await sessionOf(owed, address, secured));
  const objection = secured.objection();
  if (objection !== undefined || (policy?.mode === 'testing' && !(await isNamed(policy, host))))
    log.warn('mta-sts.would-refuse', { domain, host, reason: objection ?? 'the policy does not name it' });
  let sent: Sent;
  try {
    // Who brought the message to us is no business of a stranger's server, whatever it says that it can read (XFORWARD).
    const { forwarded: _, ...notes } = parcel.notes ?? {};
    sent = await client.send(envelopeOf({ ...parcel, notes }), octetsOf(parcel.message));
  } catch (error) {
    client.close();
    const reason = `${host} (${address}): ${reasonOf(error)}`;
    if (!client.handedOver) return { kind: 'unknown', reason, session };
    const reply = `451 4.4.2 ${reason}`;
    const receipts = parcel.recipients.map((recipient) => ({ recipient, outcome: 'later', reply }) as const);
    return { uncertain: true, receipts, session };
  }
  connection.messages += 1;
  connection.counted.add(domain);
  const by = { host, security: secured.described() };
  const receipts = parcel.recipients.map((recipient, at) => {
    const { outcome, reply } = receiptOf(sent.replies[at]);
    return { recipient, notifies: sent.notifies, outcome, by, reply: `${reply} [${by.host}, ${by.security}]` };
  });
  const recipients = receipts.filter(({ outcome }) => outcome === 'accepted').length;
  const message = { id: parcel.id, domain, recipients, address, ...by, messageOfConnection: connection.messages };
  if (recipients > 0) log.info('relay.handed-over', message);
  // One in the clear is not worth keeping: the next message asks again whether there is TLS.
  if (connection.shown === undefined || !client.handedOver) client.quit();
  else kept.keep({ ...connection, shown: connection.shown });
  return { uncertain: false, receipts, session };
}

function keyOf({ host }: Owed, { server }: SecuredHost): string {
  return JSON.stringify([server.host, server.port, host, server.serverName]);
}

/** Why there was no connection as it should be. @param tls it has to be one with TLS */
function kindOf(error: unknown, tls: boolean, stage: ReturnType<SecuredHost['stage']>): Miss['kind'] {
  const { code = '', message = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const late = message === 'The server does not answer in time';
  if (stage === 'clear' && (late || /^E(CONN|HOST|NET|ADDR|TIMEDOUT|PIPE)/.test(code))) return 'unreached';
  // What the server itself says against us begins with its code.
  return tls && (stage !== 'clear' || !/^\d/.test(message)) ? 'insecure' : 'unknown';
}
