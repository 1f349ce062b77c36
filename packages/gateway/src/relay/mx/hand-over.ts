/** One message, brought to one server: as securely as is owed, or not at all. */
import { reasonOf } from '../../errors.ts';
import { octetsOf } from '../../large-message.ts';
import type { Log } from '../../log.ts';
import { SmtpClient } from '../smtp-client.ts';
import { envelopeOf, type Parcel, type Receipt, receiptOf } from '../transport.ts';
import { type SecuredHost, secureHost } from './secure-host.ts';
import { isNamed } from './sts-policy.ts';
import type { Miss, Place } from './walk-places.ts';

export interface Answered {
  readonly receipts: readonly Receipt[];
  /** It may have the message although it did not say so: nobody else is given it before it has been asked again. */
  readonly uncertain: boolean;
}

/** @param name what we call ourselves */
export async function handOver(
  { address, owed }: Place,
  parcel: Parcel,
  { name, port, log }: { readonly name: string; readonly port: number; readonly log: Log },
): Promise<Answered | Miss> {
  const { host, domain, policy } = owed;
  const secured = secureHost(owed);
  const server = { host: address, port, ...secured.server };
  const missed = (error: unknown, kind: Miss['kind']): Miss => ({
    kind,
    reason: `${host} (${address}): ${reasonOf(error)}`,
  });
  let client: SmtpClient;
  try {
    client = await SmtpClient.connect(server, name);
  } catch (error) {
    // RFC 7435: where nothing is promised, a handshake that fails is no worse than none that is offered.
    if (server.tls !== 'opportunistic' || secured.stage() !== 'handshake')
      return missed(error, kindOf(error, server.tls === 'required', secured.stage()));
    try {
      client = await SmtpClient.connect({ ...server, tls: 'never' }, name);
    } catch (again) {
      return missed(again, kindOf(again, false, 'clear'));
    }
  }
  const objection = secured.objection();
  if (objection !== undefined || (policy?.mode === 'testing' && !(await isNamed(policy, host))))
    log.warn('mta-sts.would-refuse', { domain, host, reason: objection ?? 'the policy does not name it' });
  try {
    // Who brought the message to us is no business of a stranger's server, whatever it says that it can read (XFORWARD).
    const { forwarded: _, ...notes } = parcel.notes ?? {};
    const { replies, notifies } = await client.send(envelopeOf({ ...parcel, notes }), octetsOf(parcel.message));
    client.quit();
    const by = { host, security: secured.described() };
    const receipts = parcel.recipients.map((recipient, at) => {
      const { outcome, reply } = receiptOf(replies[at]);
      return { recipient, notifies, outcome, by, reply: `${reply} [${by.host}, ${by.security}]` };
    });
    const recipients = receipts.filter(({ outcome }) => outcome === 'accepted').length;
    if (recipients > 0) log.info('relay.handed-over', { id: parcel.id, domain, recipients, address, ...by });
    return { uncertain: false, receipts };
  } catch (error) {
    client.close();
    if (!client.handedOver) return missed(error, 'unknown');
    const reply = `451 4.4.2 ${host} (${address}): ${reasonOf(error)}`;
    return {
      uncertain: true,
      receipts: parcel.recipients.map((recipient) => ({ recipient, outcome: 'later', reply })),
    };
  }
}

/** Why there was no connection as it should be. @param tls it has to be one with TLS */
function kindOf(error: unknown, tls: boolean, stage: ReturnType<SecuredHost['stage']>): Miss['kind'] {
  const { code = '', message = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const late = message === 'The server does not answer in time';
  if (stage === 'clear' && (late || /^E(CONN|HOST|NET|ADDR|TIMEDOUT|PIPE)/.test(code))) return 'unreached';
  // What the server itself says against us begins with its code.
  return tls && (stage !== 'clear' || !/^\d/.test(message)) ? 'insecure' : 'unknown';
}
