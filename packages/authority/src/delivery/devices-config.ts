/** What the configuration says of people's mail programs, for the profiles and kits that they are handed. */

import { SecretReference } from '@chancery/keystore';
import { z } from 'zod';

const host = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'is a host name');
const port = z.int().min(1).max(65_535);

const Mail = z.strictObject({
  imap: z.strictObject({ host, port: port.default(993), tls: z.boolean().default(true) }),
  smtp: z.strictObject({ host, port: port.default(465), tls: z.boolean().default(true) }),
  /** With which name people sign in: `{address}` is theirs, `{local}` what stands before its @. */
  user: z.string().min(1).max(200).default('{address}'),
});

const Lookup = z.strictObject({
  /** What people see in their address book. */
  name: z.string().min(1).max(60).default('Colleagues'),
  host,
  port: port.default(636),
  /** LDAPS. Without it names and certificates are read in the clear; both are public. */
  tls: z.boolean().default(true),
  baseDn: z.string().min(1).max(500),
});

const address = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''));

const Intune = z.strictObject({
  /** Directory (tenant) and application (client) in Entra, which may write `DeviceManagementConfiguration.ReadWrite.All`. */
  tenant: z.string().min(1).max(100),
  clientId: z.string().min(1).max(100),
  clientSecret: SecretReference,
  /** Public half of the key of Intune's certificate connector, PEM or RSAPUBLICBLOB; relative to the data folder. */
  connectorKey: z.string().min(1),
  /** As the connector calls that key, and where it keeps it. */
  keyName: z.string().min(1).max(200),
  providerName: z.string().min(1).max(200).default('Microsoft Software Key Storage Provider'),
  /** `{address}` is the person's. */
  userPrincipalName: z.string().min(1).max(200).default('{address}'),
  loginUrl: address.default('https://login.microsoftonline.com'),
  graphUrl: address.default('https://graph.microsoft.com'),
  timeoutSeconds: z.int().min(1).max(300).default(30),
});
export type IntuneConfig = z.output<typeof Intune>;

const Gmail = z.strictObject({
  /** Of a web application in the organisation's Google Cloud project, with this office's `/me/gmail` among its redirect addresses. */
  clientId: z.string().min(1).max(200),
  authorizationUrl: address.default('https://accounts.google.com/o/oauth2/v2/auth'),
  apiUrl: address.default('https://gmail.googleapis.com'),
});

export const DevicesConfig = z.strictObject({
  /** Encryption keys to phones that Intune manages, for the people whom the office allows it. */
  intune: Intune.optional(),
  /** Google Workspace with hosted S/MIME: people hand their keys to Gmail themselves, from their own page. */
  gmail: Gmail.optional(),
  /** What people write is signed unless they turn it off. */
  signByDefault: z.boolean().default(true),
  /** And encrypted, where their mail program has a certificate of everyone it goes to. */
  encryptByDefault: z.boolean().default(false),
  /** The account that a phone gets with its profile. */
  mail: Mail.optional(),
  /** Where mail programs look for the certificates of those whom people write to. */
  directory: Lookup.optional(),
});
export type DevicesConfig = z.output<typeof DevicesConfig>;
