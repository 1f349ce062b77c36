/** One message, brought to one server: as securely as is owed, or not at all. */
import { reasonOf } from '../../errors.ts';
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
  const missed = (error: unknown): Miss => ({
    kind: kindOf(error, secured.stage(), server.tls),
    reason: `${host} (${address}): ${reasonOf(error)}`,
  });
  let client: SmtpClient;
  try {
    client = await SmtpClient.connect(server, name);
  } catch (error) {
    // RFC 7435: where nothing is promised, a handshake that fails is no worse than none that is offered.
    if (server.tls !== 'opportunistic' || secured.stage() !== 'handshake') return missed(error);
    try {
      client = await SmtpClient.connect({ ...server, tls: 'never' }, name);
    } catch (again) {
      return missed(again);
    }
  }
  const objection = secured.objection();
  if (objection !== undefined || (policy?.mode === 'testing' && !(await isNamed(policy, host))))
    log.warn('mta-sts.would-refuse', { domain, host, reason: objection ?? 'the policy does not name it' });
  try {
    // Who brought the message to us is no business of a stranger's server, whatever it says that it can read (XFORWARD).
    const { forwarded: _, ...notes } = parcel.notes ?? {};
    const { replies, notifies } = await client.send(envelopeOf({ ...parcel, notes }), parcel.message);
    client.quit();
    log.info('relay.handed-over', { id: parcel.id, domain, host, address, security: secured.described() });
    const by = { host, security: secured.described() };
    return {
      uncertain: false,
      receipts: parcel.recipients.map((recipient, at) => {
        const { outcome, reply } = receiptOf(replies[at]);
        return { recipient, notifies, outcome, by, reply: `${reply} [${by.host}, ${by.security}]` };
      }),
    };
  } catch (error) {
    client.close();
    if (!client.handedOver) return missed(error);
    const reply = `451 4.4.2 ${host} (${address}): ${reasonOf(error)}`;
    return {
      uncertain: true,
      receipts: parcel.recipients.map((recipient) => ({ recipient, outcome: 'later', reply })),
    };
  }
}

function kindOf(error: unknown, stage: ReturnType<SecuredHost['stage']>, tls: string): Miss['kind'] {
  if (stage !== 'clear') return 'insecure';
  const { code = '', message = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (/^E(CONN|HOST|NET|ADDR|TIMEDOUT|PIPE)/.test(code) || message === 'The server does not answer in time')
    return 'unreached';
  // What the server itself says against us begins with its code.
  return tls === 'required' && !/^\d/.test(message) ? 'insecure' : 'unknown';
}
