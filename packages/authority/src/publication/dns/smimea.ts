/** Certificates in the DNS: SMIMEA (RFC 8162), put there and taken away by update (RFC 2136). */
import { createHash } from 'node:crypto';
import { type ResourceRecord, recordClass, recordType, responseCode, smimeaOwners } from '@chancery/dns';
import { readSecret } from '../../config.ts';
import type { DnsTarget } from '../../publication-config.ts';
import { type Holder, type OwnCertificate, type Sight, type Target, TargetDown, wantedOf } from '../target.ts';
import { DnsConnection } from './connection.ts';
import { TsigRefused } from './tsig.ts';

/** @param home the folder that the secret's file is relative to */
export function smimeaTarget(name: string, config: DnsTarget, home: string, clock: () => Date): Target {
  const where = `${config.host}:${config.port}: ${config.zones.join(', ')}`;
  return {
    name,
    kind: 'dns',
    where,
    async attend(holders, act) {
      const down = (error: unknown) =>
        error instanceof TsigRefused
          ? new TargetDown(`${config.host} does not let us in with the key ${config.key.name}: ${error.message}`)
          : new TargetDown(`${config.host} does not answer: ${error instanceof Error ? error.message : String(error)}`);
      let connection: DnsConnection | undefined;
      try {
        const { name: keyName, algorithm, secret } = config.key;
        const key = { name: keyName, algorithm, secret: Buffer.from(readSecret(secret, home), 'base64') };
        const server = { host: config.host, port: config.port, key, timeout: config.timeoutSeconds * 1000 };
        connection = await DnsConnection.open(server, clock);
        const sights: Sight[] = [];
        for (const holder of holders) sights.push(await attendOne(connection, config, holder, act));
        return sights;
      } catch (error) {
        throw down(error);
      } finally {
        connection?.close();
      }
    },
  };
}

async function attendOne(
  connection: DnsConnection,
  config: DnsTarget,
  holder: Holder,
  act: 'look' | 'mend',
): Promise<Sight> {
  const owners = ownersOf(config.zones, holder.addresses);
  const [first] = owners;
  const wanted = wantedOf(holder);
  const nothing = { missing: [], extra: [], others: 0, dropped: [] };
  if (first === undefined) {
    const detail = `none of ${holder.addresses.join(', ')} is in the zones ${config.zones.join(', ')}`;
    return { ...nothing, entry: null, problem: wanted.length === 0 ? null : { kind: 'not-found', detail } };
  }
  const missing: string[] = [];
  const extra: string[] = [];
  let others = 0;
  const changes = new Map<string, ResourceRecord[]>();
  for (const owner of owners) {
    const answer = await connection.ask('query', { name: owner.name, type: recordType.smimea });
    if (answer.responseCode !== responseCode.noError && answer.responseCode !== responseCode.noSuchName)
      return { ...nothing, entry: null, problem: refusal(`a query about ${owner.name}`, answer.responseCode) };
    const stands = answer.answers.filter(({ type, name }) => type === recordType.smimea && name === owner.name);
    const should = wanted
      .filter((one) => names(one, owner.address))
      .map((one) => [one, associationOf(config, one)] as const);
    const absent = should.filter(([, data]) => !stands.some((one) => one.data.equals(data)));
    const ours = stands.flatMap((record) => {
      const own = holder.own.find((one) => isAbout(record.data, one));
      return own === undefined ? [] : [{ own, record }];
    });
    const surplus = ours.filter(({ record }) => !should.some(([, data]) => data.equals(record.data)));
    missing.push(...absent.map(([one]) => one.serialNumber));
    extra.push(...surplus.map(({ own }) => own.serialNumber));
    others += stands.length - ours.length;
    const { name } = owner;
    const about = { name, type: recordType.smimea };
    changes.set(owner.zone, [
      ...(changes.get(owner.zone) ?? []),
      ...surplus.map(({ record }) => ({ ...about, class: recordClass.none, ttl: 0, data: record.data })),
      ...absent.map(([, data]) => ({ ...about, class: recordClass.in, ttl: config.ttl, data })),
    ]);
  }
  const sight = { entry: { id: null, place: first.name }, missing, extra, others, dropped: [] };
  for (const [zone, updates] of act === 'mend' ? changes : []) {
    if (updates.length === 0) continue;
    // All of them, or none (RFC 2136 section 3.4.2.7).
    const { responseCode: said } = await connection.ask('update', { name: zone, type: recordType.soa }, updates);
    if (said !== responseCode.noError) return { ...sight, problem: refusal(`an update of ${zone}`, said) };
  }
  return { ...sight, problem: null };
}

/** RFC 1035 section 4.1.1, RFC 2136 section 2.2. */
const CODES: readonly string[] = [
  '',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
];

const refusal = (what: string, code: number) =>
  ({ kind: 'refused', detail: `the server refuses ${what}: ${CODES[code] ?? `code ${code}`}` }) as const;

interface Owner {
  readonly address: string;
  readonly zone: string;
  readonly name: string;
}

/** The names under which those addresses are looked up, in the innermost of our zones that each lies in. */
export function ownersOf(zones: readonly string[], addresses: readonly string[]): Owner[] {
  const all = addresses.flatMap((address) => {
    const at = address.lastIndexOf('@');
    const [local, domain] = [address.slice(0, at), address.slice(at + 1).toLowerCase()];
    const zone = zones
      .filter((one) => domain === one || domain.endsWith(`.${one}`))
      .toSorted((one, other) => other.length - one.length)[0];
    if (zone === undefined || domain.split('.').some((label) => label.length > 63)) return [];
    return smimeaOwners(local, domain).map((name) => ({ address, zone, name }));
  });
  return [...new Map(all.map((one) => [one.name, one])).values()];
}

/** A certificate stands under the addresses that it names alone. */
const names = ({ addresses }: OwnCertificate, address: string): boolean =>
  addresses.some((one) => one.toLowerCase() === address.toLowerCase());

/** Usage 3: that certificate and no other, whoever issued it; selector 0: the whole of it. */
const USAGE = 3;
const MATCHING = { full: 0, sha256: 1, sha512: 2 } as const;

function associationOf({ association }: Pick<DnsTarget, 'association'>, { der }: OwnCertificate): Buffer {
  return Buffer.concat([Buffer.of(USAGE, 0, MATCHING[association]), contentOf(association, der)]);
}

const contentOf = (association: keyof typeof MATCHING, der: Buffer): Buffer =>
  association === 'full' ? der : createHash(association).update(der).digest();

/** In whichever form: the configuration may have said another before. */
function isAbout(data: Buffer, own: OwnCertificate): boolean {
  return (['full', 'sha256', 'sha512'] as const).some((association) =>
    associationOf({ association }, own).equals(data),
  );
}
