/** Reads a property list, and judges a profile by the keys that Apple documents (payload types by their published descriptions). */
import { z } from 'zod';

type Plist = string | number | boolean | Buffer | Plist[] | { [key: string]: Plist };

/** Strict: anything but the elements that a profile is made of throws. */
export function readPlist(xml: string): Plist {
  const tokens = xml.match(/<[^>]*>|[^<]+/g) ?? [];
  let at = tokens.findIndex((token) => token.startsWith('<plist'));
  if (at < 0) throw new Error('No property list');
  const text = (value: string) =>
    value.replace(/&(amp|lt|gt);/g, (_all, name: 'amp' | 'lt' | 'gt') => ({ amp: '&', lt: '<', gt: '>' })[name]);
  const next = (): string => {
    do at += 1;
    while (/^\s+$/.test(tokens[at] ?? ''));
    return tokens[at] ?? '';
  };
  const inside = (tag: string): string => {
    const first = tokens[at + 1] ?? '';
    if (first === `</${tag}>`) {
      at += 1;
      return '';
    }
    at += 2;
    if (tokens[at] !== `</${tag}>` || /&(?!amp;|lt;|gt;)/.test(first))
      throw new Error(`Not the text of ${tag}: ${first}`);
    return text(first);
  };
  const value = (tag: string): Plist => {
    switch (tag) {
      case '<string>':
        return inside('string');
      case '<integer>':
        return Number(inside('integer'));
      case '<data>':
        return Buffer.from(inside('data'), 'base64');
      case '<true/>':
        return true;
      case '<false/>':
        return false;
      case '<array>': {
        const items: Plist[] = [];
        for (let token = next(); token !== '</array>'; token = next()) items.push(value(token));
        return items;
      }
      case '<dict>': {
        const dictionary: { [key: string]: Plist } = {};
        for (let token = next(); token !== '</dict>'; token = next()) {
          if (token !== '<key>') throw new Error(`Not a key: ${token}`);
          const key = inside('key');
          if (key in dictionary) throw new Error(`${key} stands there twice`);
          dictionary[key] = value(next());
        }
        return dictionary;
      }
      default:
        throw new Error(`Not an element of a profile: ${tag}`);
    }
  };
  const root = value(next());
  if (next() !== '</plist>') throw new Error('Something stands behind the root');
  return root;
}

const Uuid = z.string().regex(/^[0-9A-Z]{8}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{12}$/);
const Data = z.instanceof(Buffer);
const common = {
  PayloadIdentifier: z.string().regex(/^[A-Za-z0-9.-]+$/),
  PayloadUUID: Uuid,
  PayloadVersion: z.literal(1),
  PayloadDisplayName: z.string().min(1),
  PayloadDescription: z.string().optional(),
};
const certificate = { ...common, PayloadCertificateFileName: z.string().optional(), PayloadContent: Data };
const authentication = z.enum([
  'EmailAuthNone',
  'EmailAuthPassword',
  'EmailAuthCRAMMD5',
  'EmailAuthNTLM',
  'EmailAuthHTTPMD5',
]);

const Payload = z.discriminatedUnion('PayloadType', [
  z.strictObject({ ...certificate, PayloadType: z.literal('com.apple.security.root') }),
  z.strictObject({ ...certificate, PayloadType: z.literal('com.apple.security.pkcs1') }),
  z.strictObject({
    ...certificate,
    PayloadType: z.literal('com.apple.security.pkcs12'),
    // Apple knows `Password` here too, and warns of it: no profile of ours has one.
    KeyIsExtractable: z.boolean().optional(),
  }),
  z.strictObject({
    ...common,
    PayloadType: z.literal('com.apple.security.scep'),
    PayloadContent: z.strictObject({
      URL: z.string(),
      Name: z.string().optional(),
      Subject: z.array(z.array(z.array(z.string()).length(2))).optional(),
      Challenge: z.string().optional(),
      Keysize: z.literal([1024, 2048, 4096]).optional(),
      'Key Type': z.literal('RSA').optional(),
      'Key Usage': z.literal([0, 1, 4, 5]).optional(),
      CAFingerprint: Data.optional(),
      Retries: z.int().optional(),
      RetryDelay: z.int().optional(),
      SubjectAltName: z.strictObject({ rfc822Name: z.string().optional() }).optional(),
      KeyIsExtractable: z.boolean().optional(),
      AllowAllAppsAccess: z.boolean().optional(),
    }),
  }),
  z.strictObject({
    ...common,
    PayloadType: z.literal('com.apple.mail.managed'),
    EmailAccountDescription: z.string().optional(),
    EmailAccountName: z.string().optional(),
    EmailAccountType: z.enum(['EmailTypeIMAP', 'EmailTypePOP']),
    EmailAddress: z.string().optional(),
    IncomingMailServerAuthentication: authentication,
    IncomingMailServerHostName: z.string(),
    IncomingMailServerPortNumber: z.int().optional(),
    IncomingMailServerUseSSL: z.boolean().optional(),
    IncomingMailServerUsername: z.string().optional(),
    OutgoingMailServerAuthentication: authentication,
    OutgoingMailServerHostName: z.string(),
    OutgoingMailServerPortNumber: z.int().optional(),
    OutgoingMailServerUseSSL: z.boolean().optional(),
    OutgoingMailServerUsername: z.string().optional(),
    OutgoingPasswordSameAsIncomingPassword: z.boolean().optional(),
    SMIMESigningEnabled: z.boolean().optional(),
    SMIMESigningCertificateUUID: Uuid.optional(),
    SMIMESigningUserOverrideable: z.boolean().optional(),
    SMIMESigningCertificateUUIDUserOverrideable: z.boolean().optional(),
    SMIMEEncryptionEnabled: z.boolean().optional(),
    SMIMEEncryptionCertificateUUID: Uuid.optional(),
    SMIMEEncryptByDefault: z.boolean().optional(),
    SMIMEEncryptByDefaultUserOverrideable: z.boolean().optional(),
    SMIMEEncryptionCertificateUUIDUserOverrideable: z.boolean().optional(),
    SMIMEEnableEncryptionPerMessageSwitch: z.boolean().optional(),
  }),
]);

export const AppleConfiguration = z.strictObject({
  PayloadType: z.literal('Configuration'),
  PayloadVersion: z.literal(1),
  PayloadIdentifier: z.string().regex(/^[A-Za-z0-9.-]+$/),
  PayloadUUID: Uuid,
  PayloadDisplayName: z.string(),
  PayloadDescription: z.string().optional(),
  PayloadOrganization: z.string().optional(),
  PayloadScope: z.enum(['System', 'User']).optional(),
  PayloadContent: z.array(Payload),
});
