/** The part of the configuration that speaks of sockets: listeners, their clients, and the servers that mail is handed to. */
import path from 'node:path';
import { SecretReference } from '@chancery/keystore';
import { z } from 'zod';
import { MxDownstream, resolveMx } from './relay/mx/mx-config.ts';

/** SHA-256 of a certificate's DER, in hex; colons between octets are allowed. */
const Fingerprint = z
  .string()
  .transform((value) => value.replaceAll(':', '').toLowerCase())
  .refine((value) => /^[0-9a-f]{64}$/.test(value), 'is the SHA-256 of a certificate in hex');

/** Who of those with a certificate that holds may connect: all that is said must be so. */
const AllowedCertificate = z
  .strictObject({
    /** A DNS name of the certificate, or its common name where it has none; `*.example.com` for one label. */
    name: z.string().optional(),
    fingerprint: Fingerprint.optional(),
    /** Common name of the issuer. */
    issuer: z.string().optional(),
  })
  .refine((allowed) => Object.keys(allowed).length > 0, 'names nobody');
export type AllowedCertificate = z.output<typeof AllowedCertificate>;

const ListenerTls = z
  .strictObject({
    /** PEM files, the certificate with its chain. They are read again when they change. */
    certificate: z.string(),
    key: z.string(),
    /** `starttls` as RFC 3207; `implicit` from the first octet. */
    mode: z.enum(['starttls', 'implicit']).default('starttls'),
    /** No mail without TLS. */
    required: z.boolean().default(false),
    clientCertificates: z.enum(['none', 'optional', 'required']).default('none'),
    /** PEM files: the roots that clients' certificates are judged by. Without them only fingerprints count. */
    clientCa: z.array(z.string()).default([]),
    /** Empty: everybody whose certificate those roots vouch for. */
    allow: z.array(AllowedCertificate).default([]),
  })
  .refine(
    (tls) =>
      tls.clientCertificates === 'none' ||
      tls.clientCa.length > 0 ||
      (tls.allow.length > 0 && tls.allow.every(({ fingerprint }) => fingerprint !== undefined)),
    'asks for client certificates and says neither whose roots count (clientCa) nor which they are (fingerprints)',
  );
export type ListenerTls = z.output<typeof ListenerTls>;

const User = z
  .strictObject({
    name: z.string().min(1),
    /** `scrypt:N:r:p:SALT:HASH`, salt and hash in base64. */
    scrypt: z
      .string()
      .regex(/^scrypt:\d+:\d+:\d+:[A-Za-z0-9+/=]{8,}:[A-Za-z0-9+/=]{22,}$/, 'is scrypt:N:r:p:SALT:HASH')
      .optional(),
    password: SecretReference.optional(),
  })
  .refine((user) => (user.scrypt === undefined) !== (user.password === undefined), 'has either scrypt or password');
export type User = z.output<typeof User>;

const ListenerLogin = z.strictObject({ required: z.boolean().default(true), users: z.array(User).min(1) });
export type ListenerLogin = z.output<typeof ListenerLogin>;

export const ListenerSecurity = {
  tls: ListenerTls.optional(),
  /** AUTH PLAIN and LOGIN, over TLS only. */
  login: ListenerLogin.optional(),
};

/** For each client address; 0 is no limit. `trustedPeers` have none. */
export const ClientLimits = z
  .strictObject({
    connectionsAtOnce: z.int().min(0).default(50),
    connectionsPerMinute: z.int().min(0).default(300),
    messagesPerMinute: z.int().min(0).default(600),
    recipientsPerMinute: z.int().min(0).default(6000),
    /** Refused commands and messages of one connection, after which it is closed. */
    errorsPerConnection: z.int().min(0).default(20),
  })
  .prefault({});
export type ClientLimits = z.output<typeof ClientLimits>;

const SmtpDownstream = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.int().min(1).max(65_535),
    /**
     * `implicit`: TLS from the first octet. STARTTLS: `required` fails without it, `opportunistic` uses it where offered,
     * `never` for the same machine.
     */
    tls: z.enum(['implicit', 'required', 'opportunistic', 'never']).default('opportunistic'),
    /** The name that its certificate must be for, where it is not `host`. */
    certificateName: z.string().optional(),
    /** PEM files: the only roots that its certificate is judged by, in place of the system's. */
    ca: z.array(z.string()).default([]),
    /** Its certificate must be this one, whoever issued it. */
    fingerprint: Fingerprint.optional(),
    /** PEM files: what we show it. Read for each connection. */
    certificate: z.string().optional(),
    key: z.string().optional(),
    login: z.strictObject({ user: z.string().min(1), password: SecretReference }).optional(),
  })
  .refine(
    ({ tls, certificateName, ca, fingerprint }) =>
      tls === 'required' ||
      tls === 'implicit' ||
      (certificateName === undefined && ca.length === 0 && fingerprint === undefined),
    'says how to judge a certificate that is not judged: set tls to required or implicit',
  )
  .refine(
    ({ tls, login }) => login === undefined || tls === 'required' || tls === 'implicit',
    'sends a password: set tls to required or implicit',
  )
  .refine(
    (one) => (one.certificate === undefined) === (one.key === undefined),
    'has a certificate without its key, or the other way round',
  );
/** A folder that takes each message as a file, for an MTA that picks mail up from one, and for looking at mail. */
const FolderDownstream = z.strictObject({ folder: z.string().min(1) });
/** One that the configuration names. */
export const FixedDownstream = z.union([SmtpDownstream, FolderDownstream]);
export type FixedDownstream = z.output<typeof FixedDownstream>;
export const Downstream = z.union([SmtpDownstream, FolderDownstream, MxDownstream]);
export type Downstream = z.output<typeof Downstream>;
export type SmtpDownstream = z.output<typeof SmtpDownstream>;

const Label = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;

export const ReceivedDomains = z
  .array(z.union([z.literal('*'), z.string().regex(Label, 'is a domain in ASCII, or *').toLowerCase()]))
  .default([]);

export const DkimKey = z.strictObject({
  /** The domain of the author's address; mail of other domains is not signed with this key. */
  domain: z.string().regex(Label, 'is a domain').toLowerCase(),
  selector: z.string().regex(Label, 'is a selector'),
  /**
   * PEM, RSA of 2048 bits and more or Ed25519 (RFC 8463); or `generate`: the gateway makes one in its key store, which it never leaves.
   * Two keys of one domain sign both.
   */
  key: z.union([SecretReference, z.strictObject({ generate: z.enum(['rsa-2048', 'rsa-3072', 'ed25519']) })]),
});
export type DkimKey = z.output<typeof DkimKey>;

/** Next servers that a rule's action `route` names. */
export const Routes = z
  .record(z.string().regex(/^[a-z0-9-]{1,40}$/, 'is a-z, 0-9 and hyphens'), Downstream)
  .default({});

export function resolveDownstream<T extends Downstream>(downstream: T, base: string): T;
export function resolveDownstream(downstream: Downstream, base: string): Downstream {
  if ('folder' in downstream) return { folder: path.resolve(base, downstream.folder) };
  if ('mx' in downstream) return resolveMx(downstream, base);
  const { certificate, key } = downstream;
  return {
    ...downstream,
    ca: downstream.ca.map((file) => path.resolve(base, file)),
    ...(certificate === undefined ? {} : { certificate: path.resolve(base, certificate) }),
    ...(key === undefined ? {} : { key: path.resolve(base, key) }),
  };
}

export function resolveListener<T extends { tls?: ListenerTls | undefined }>(listener: T, base: string): T {
  if (listener.tls === undefined) return listener;
  const { certificate, key, clientCa } = listener.tls;
  const tls = {
    ...listener.tls,
    certificate: path.resolve(base, certificate),
    key: path.resolve(base, key),
    clientCa: clientCa.map((file) => path.resolve(base, file)),
  };
  return { ...listener, tls };
}
