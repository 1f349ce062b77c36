/** The gateway's configuration: one TOML file, one schema, parsed once, frozen. Every field has a usable default. */
import { isIPv4, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import { Pkcs11Token, SecretReference } from '@chancery/keystore';
import { Rule, RuleMode, type RuleSet } from '@chancery/mail-policy';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import {
  ClientLimits,
  DkimKey,
  Downstream,
  FixedDownstream,
  ListenerSecurity,
  ReceivedDomains,
  Routes,
  resolveDownstream,
  resolveListener,
} from './config-smtp.ts';
import { GatewayError, reasonOf } from './errors.ts';
import { HeldConfig } from './held/held-config.ts';
import { InboundPolicy } from './inbound-policy.ts';
import { Network } from './network.ts';
import { RecipientsConfig } from './recipients/recipients-config.ts';
import { TlsReportsConfig } from './relay/tls-reports/tls-reports-config.ts';

/** `host:port`; an IPv6 address in brackets. Port 0 takes a free one. */
const ListenAddress = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):\d{1,5}$/, 'is host:port, such as 127.0.0.1:2525')
  .transform((value) => {
    const colon = value.lastIndexOf(':');
    return { host: value.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(value.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, 'has a port above 65535');

/** As `dns.setServers` takes it: an address, and a port where it is not 53. */
const DnsServer = z
  .string()
  .refine(
    (value) => isIPv4(value.replace(/:\d{1,5}$/, '')) || isIPv6(value.replace(/^\[(.*)\](:\d{1,5})?$/, '$1')),
    'is the address of a DNS server, such as 127.0.0.1 or [::1]:5353',
  );

const SecretField = z.strictObject({
  header: z.string().regex(/^X-[A-Za-z0-9-]{1,60}$/, 'is X- and a name'),
  value: SecretReference,
});

const GatewayConfigSchema = z.strictObject({
  gateway: z
    .strictObject({
      /** Its name in greetings, Received lines and Authentication-Results (RFC 8601 authserv-id). */
      name: z
        .string()
        .regex(/^[A-Za-z0-9.-]+$/, 'is a host name')
        .default(() => hostname().replace(/[^A-Za-z0-9.-]/g, '-') || 'localhost'),
      /** Spool, keys and state, unless they are put elsewhere. */
      data: z.string().default('data/gateway'),
      spool: z.string().optional(),
      keys: z.string().optional(),
      /** Unseals the gateway's key store. Without it the first start makes one in the data folder, and says where. */
      keySecret: SecretReference.optional(),
      /** Where new keys are made. Keys that are elsewhere are used where they are. */
      keyStore: z.enum(['software', 'pkcs11']).default('software'),
      pkcs11: Pkcs11Token.optional(),
      /** Kind of the keys it makes for itself and for people whose mail it signs. */
      keyAlgorithm: z.enum(['p256', 'p384', 'rsa-2048', 'rsa-3072']).default('p256'),
      outbound: z
        .strictObject({
          listen: ListenAddress.prefault('127.0.0.1:2525'),
          /** Who may hand in mail to be signed in our people's names: the mail server that has checked who they are. */
          clients: z.array(Network).default(['127.0.0.0/8', '::1']),
          ...ListenerSecurity,
          /** A field that tells the server which gets its mail back that it has been here; the value is nobody else's to know. */
          processed: SecretField.optional(),
          /** A field without which no mail is taken: written by a server whose address and certificate others share; the value is as secret. */
          origin: SecretField.optional(),
          /** Where protected mail goes on its way out: to a server, or to those that the recipients' domains name (`mx`). */
          downstream: Downstream.prefault({ port: 10_025 }),
        })
        .prefault({}),
      inbound: z
        .strictObject({
          listen: ListenAddress.prefault('127.0.0.1:2526'),
          clients: z.array(Network).default(['0.0.0.0/0', '::/0']),
          /** Domains that mail is taken for, beside those of the office; `*`: any, where a server in front has decided. */
          domains: ReceivedDomains,
          ...ListenerSecurity,
          /** Where mail for our own people goes: never by MX, which leads back here. */
          downstream: FixedDownstream.prefault({ port: 10_026 }),
          /** Open what is encrypted with Triple DES, DES or RC2 too, and say so: old mail, and correspondents who know nothing newer. */
          openLegacy: z.boolean().default(true),
          ...InboundPolicy.shape,
        })
        .prefault({}),
      authority: z
        .strictObject({
          url: z.url().default('http://127.0.0.1:8080'),
          token: SecretReference.prefault({ env: 'CHANCERY_GATEWAY_TOKEN' }),
          refreshSeconds: z.number().min(0.05).max(3600).default(15),
        })
        .prefault({}),
      /** Octets. */
      maxMessageSize: z
        .int()
        .min(10_000)
        .max(500_000_000)
        .default(50 * 1024 * 1024),
      maxRecipients: z.int().min(1).max(50_000).default(1000),
      maxConnections: z.int().min(1).max(10_000).default(200),
      limits: ClientLimits,
      /** Signs outgoing mail, after everything else. */
      dkim: z.array(DkimKey).default([]),
      /** What other domains are told of TLS with their servers, where mail is delivered by MX. */
      tlsReports: TlsReportsConfig.prefault({}),
      /** Further next servers, by the names that rules know them by. */
      route: Routes,
      /** Peers whose XFORWARD is believed: the MTA in front of us. */
      trustedPeers: z.array(z.string()).default(['127.0.0.1', '::1']),
      /** PEM files: further roots that correspondents' certificates are judged by. */
      trustAnchors: z.array(z.string()).default([]),
      /** The same for our own people, where another authority than ours has made some of their certificates. */
      ownTrustAnchors: z.array(z.string()).default([]),
      retry: z
        .strictObject({
          firstSeconds: z.number().min(0.01).default(5),
          longestSeconds: z.number().min(0.01).default(3600),
          /** A message that cannot be delivered for so long is returned to its sender. */
          expireSeconds: z.number().min(0.1).default(172_800),
        })
        .prefault({}),
      /** Where certificates of people outside are looked for, besides what their own signed mail brought. */
      recipients: RecipientsConfig.prefault({}),
      /** Mail that rules hold. */
      held: HeldConfig.prefault({}),
      /** Seconds that an answer about a recipient is good for; none found counts as an answer. */
      directoryCacheSeconds: z.number().min(0).default(30),
      /** Seconds that an opened decryption key stays in memory. */
      openKeySeconds: z.number().min(0).default(600),
      /** How `[[rule]]` are read: the first that holds, or all that hold. */
      ruleMode: RuleMode.default('first-match'),
      /** Apply the office's rules, after those of this file. */
      officeRules: z.boolean().default(true),
      /** For SPF, DKIM and DMARC. */
      dnsTimeoutSeconds: z.number().min(0.05).default(4),
      /** For the same, in place of the operating system's: such as a resolver on this machine that validates DNSSEC. */
      dnsServers: z.array(DnsServer).default([]),
    })
    .refine(({ keyStore, pkcs11 }) => keyStore !== 'pkcs11' || pkcs11 !== undefined, {
      path: ['pkcs11'],
      message: 'keyStore = "pkcs11" needs the table [gateway.pkcs11] with module, token and pin',
    })
    .prefault({}),
  rule: z.array(Rule).default([]),
});

/** The shape of the file, for a reference page and for `check-config`. */
export { GatewayConfigSchema };

export type GatewayConfigInput = z.input<typeof GatewayConfigSchema>;
export type GatewayConfig = Omit<z.output<typeof GatewayConfigSchema>['gateway'], 'spool' | 'keys' | 'ruleMode'> & {
  /** All paths are absolute. */
  readonly spool: string;
  readonly keys: string;
  readonly ruleSet: RuleSet;
  /** What relative paths were relative to. */
  readonly baseDirectory: string;
};

/**
 * Parses `gateway.toml`; relative paths are relative to `baseDirectory`. Secrets are not read yet.
 * @throws GatewayError `configuration`, naming every field that cannot be used
 */
export function parseGatewayConfig(toml: string, baseDirectory: string, file = 'gateway.toml'): GatewayConfig {
  let raw: unknown;
  try {
    raw = parseToml(toml);
  } catch (error) {
    throw new GatewayError('configuration', `${file} is not TOML: ${reasonOf(error)}`);
  }
  return resolveGatewayConfig(raw as GatewayConfigInput, baseDirectory, file);
}

/** The same from an object instead of a file: `{}` is the default gateway. */
export function resolveGatewayConfig(
  input: GatewayConfigInput,
  baseDirectory: string,
  file = 'gateway.toml',
): GatewayConfig {
  const parsed = GatewayConfigSchema.safeParse(input);
  if (!parsed.success) {
    const lines = parsed.error.issues.flatMap((issue) => objections(issue));
    throw new GatewayError('configuration', `${file} cannot be used:\n${lines.join('\n')}`);
  }
  const { ruleMode, ...gateway } = parsed.data.gateway;
  const base = path.resolve(baseDirectory);
  const data = path.resolve(base, gateway.data);
  return deepFreeze({
    ...gateway,
    data,
    spool: gateway.spool === undefined ? path.join(data, 'spool') : path.resolve(base, gateway.spool),
    keys: gateway.keys === undefined ? path.join(data, 'keys') : path.resolve(base, gateway.keys),
    outbound: {
      ...resolveListener(gateway.outbound, base),
      downstream: resolveDownstream(gateway.outbound.downstream, base),
    },
    inbound: {
      ...resolveListener(gateway.inbound, base),
      downstream: resolveDownstream(gateway.inbound.downstream, base),
    },
    route: Object.fromEntries(
      Object.entries(gateway.route).map(([name, downstream]) => [name, resolveDownstream(downstream, base)]),
    ),
    trustAnchors: gateway.trustAnchors.map((file) => path.resolve(base, file)),
    ownTrustAnchors: gateway.ownTrustAnchors.map((file) => path.resolve(base, file)),
    recipients: resolveRecipients(gateway.recipients, base),
    ruleSet: { version: 1, mode: ruleMode, rules: parsed.data.rule },
    baseDirectory: base,
  });
}

/** In a line each. Of several forms that a field may have, those of the one that was meant: the others do not know its fields. */
function objections(issue: z.core.$ZodIssue, before: readonly PropertyKey[] = []): string[] {
  const at = [...before, ...issue.path];
  const meant =
    issue.code === 'invalid_union'
      ? issue.errors.find((branch) => branch.length > 0 && branch.every(({ code }) => code !== 'unrecognized_keys'))
      : undefined;
  return meant?.flatMap((inner) => objections(inner, at)) ?? [`  ${at.join('.')}: ${issue.message}`];
}

/** What `check-config` prints: everything, with secrets as the references they are. */
export function describeConfig(config: GatewayConfig): Record<string, unknown> {
  const { ruleSet, ...gateway } = structuredClone(config);
  return {
    gateway: {
      ...gateway,
      ruleMode: ruleSet.mode,
      outbound: { ...describeListener(gateway.outbound), downstream: describeNext(gateway.outbound.downstream) },
      route: Object.fromEntries(Object.entries(gateway.route).map(([name, next]) => [name, describeNext(next)])),
      inbound: describeListener(gateway.inbound),
      authority: { ...gateway.authority, url: withoutCredentials(gateway.authority.url) },
      recipients: {
        ...gateway.recipients,
        source: gateway.recipients.source.map((one) =>
          one.kind === 'smimea' ? { ...one, resolver: formatListen(one.resolver) } : one,
        ),
      },
    },
    rule: ruleSet.rules,
  };
}

function describeListener<T extends Pick<GatewayConfig['inbound'], 'listen' | 'login'>>(listener: T) {
  // A hash can be guessed at.
  const users = listener.login?.users.map((user) =>
    user.scrypt === undefined ? user : { ...user, scrypt: 'scrypt:…' },
  );
  return {
    ...listener,
    listen: formatListen(listener.listen),
    ...(users === undefined ? {} : { login: { ...listener.login, users } }),
  };
}

function describeNext(next: Downstream) {
  return 'mx' in next ? { mx: { ...next.mx, resolver: formatListen(next.mx.resolver) } } : next;
}

function resolveRecipients(recipients: RecipientsConfig, base: string): RecipientsConfig {
  return {
    ...recipients,
    source: recipients.source.map((one) =>
      one.kind === 'smimea' || one.ca === undefined ? one : { ...one, ca: path.resolve(base, one.ca) },
    ),
    domain: recipients.domain.map((one) => ({ ...one, certificate: path.resolve(base, one.certificate) })),
  };
}

function formatListen({ host, port }: { host: string; port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function withoutCredentials(address: string): string {
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') {
    url.username = '';
    url.password = '';
  }
  return url.href;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
