/**
 * A configuration profile for iPhone, iPad and Mac: what the person's mail program needs, in one file. The same person's
 * next profile has the same identifiers, so that it takes the place of the last.
 */
import { createHash } from 'node:crypto';
import { type Certificate, nameValues } from '@chancery/smime';
import type { DevicesConfig } from './devices-config.ts';
import { type PlistDictionary, writePlist } from './plist.ts';

export interface AppleProfile {
  readonly organisation: string;
  /** Where the office is: its host name makes the identifiers. */
  readonly publicUrl: string;
  readonly person: { readonly id: string; readonly name: string; readonly address: string };
  /** Trusted by whoever installs the profile. */
  readonly roots: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** The person's encryption keys, newest first: one PKCS#12 for each, all under one password that the device asks for. */
  readonly keys: readonly { readonly certificate: Certificate; readonly pkcs12: Uint8Array }[];
  /** Where the device gets a certificate for a signing key that it makes itself; the challenge is good once. */
  readonly scep?: { readonly url: string; readonly challenge: string } | undefined;
  /** Without `mail`, the profile brings keys to an account that is there already. */
  readonly devices: DevicesConfig;
}

/** The property list, not yet signed. No password stands in it. */
export function appleProfile(profile: AppleProfile): Buffer {
  const { organisation, person } = profile;
  const certificates = [...profile.roots.map(rootPayload), ...profile.intermediates.map(intermediatePayload)];
  const keys = profile.keys.map(keyPayload(person));
  const [newest] = keys;
  const signing = profile.scep === undefined ? [] : [signingPayload(profile, profile.scep)];
  const mail = profile.devices.mail === undefined ? [] : [mailPayload(profile, profile.devices.mail, newest)];
  const identifier = `${reversedHost(profile.publicUrl)}.chancery.${person.id}`;
  const finished = [...certificates, ...keys, ...signing, ...mail].map(({ name, ...payload }) => ({
    ...payload,
    PayloadIdentifier: `${identifier}.${name}`,
    PayloadUUID: uuidOf(person.id, name),
    PayloadVersion: 1,
  }));
  return writePlist({
    PayloadType: 'Configuration',
    PayloadVersion: 1,
    PayloadIdentifier: identifier,
    PayloadUUID: uuidOf(person.id, 'profile'),
    PayloadDisplayName: `Mail keys of ${person.address}`,
    PayloadDescription: `Lets Mail open what is sent encrypted to ${person.address}, and trust ${organisation}. The device asks for the password that was shown with this profile, once for each key.`,
    PayloadOrganization: organisation,
    PayloadScope: 'User',
    PayloadContent: finished,
  });
}

/** Payloads are told apart by a name that stays the same as long as what they bring does. */
type Payload = PlistDictionary & { readonly name: string };

const rootPayload = (certificate: Certificate): Payload => ({
  name: `root.${shortName(certificate)}`,
  PayloadType: 'com.apple.security.root',
  PayloadDisplayName: commonName(certificate),
  PayloadCertificateFileName: 'root.cer',
  PayloadContent: certificate.der,
});

const intermediatePayload = (certificate: Certificate): Payload => ({
  name: `authority.${shortName(certificate)}`,
  PayloadType: 'com.apple.security.pkcs1',
  PayloadDisplayName: commonName(certificate),
  PayloadCertificateFileName: 'authority.cer',
  PayloadContent: certificate.der,
});

const keyPayload =
  ({ address }: AppleProfile['person']) =>
  ({ certificate, pkcs12 }: AppleProfile['keys'][number]): Payload => {
    const since = certificate.notBefore.toISOString().slice(0, 10);
    return {
      name: `key.${shortName(certificate)}`,
      PayloadType: 'com.apple.security.pkcs12',
      PayloadDisplayName: `Encryption key since ${since}`,
      PayloadDescription: `Opens mail that was sent encrypted to ${address}.`,
      PayloadCertificateFileName: `encryption-${since}.p12`,
      PayloadContent: pkcs12,
      // On a Mac: what was brought here goes nowhere else.
      KeyIsExtractable: false,
    };
  };

function signingPayload({ person, organisation }: AppleProfile, scep: NonNullable<AppleProfile['scep']>): Payload {
  return {
    name: 'signing',
    PayloadType: 'com.apple.security.scep',
    PayloadDisplayName: 'Signing key',
    PayloadDescription: `The device makes a key of its own, with which ${person.address} signs.`,
    PayloadContent: {
      URL: scep.url,
      Name: organisation,
      // The office writes the certificate from its own register; what is asked for here says whose it is to whoever looks.
      Subject: [[['CN', person.name]]],
      SubjectAltName: { rfc822Name: person.address },
      Challenge: scep.challenge,
      Keysize: 2048,
      'Key Type': 'RSA',
      'Key Usage': 1,
      KeyIsExtractable: false,
      // Where an operator decides first: asked for an hour.
      Retries: 60,
      RetryDelay: 60,
    },
  };
}

function mailPayload(
  { person, organisation, scep, devices: { encryptByDefault, signByDefault } }: AppleProfile,
  { imap, smtp, user }: NonNullable<DevicesConfig['mail']>,
  newest: Payload | undefined,
): Payload {
  const userName = user
    .replaceAll('{address}', person.address)
    .replaceAll('{local}', person.address.replace(/@.*/, ''));
  return {
    name: 'mail',
    PayloadType: 'com.apple.mail.managed',
    PayloadDisplayName: `${organisation} mail`,
    EmailAccountDescription: organisation,
    EmailAccountName: person.name,
    EmailAccountType: 'EmailTypeIMAP',
    EmailAddress: person.address,
    IncomingMailServerAuthentication: 'EmailAuthPassword',
    IncomingMailServerHostName: imap.host,
    IncomingMailServerPortNumber: imap.port,
    IncomingMailServerUseSSL: imap.tls,
    IncomingMailServerUsername: userName,
    OutgoingMailServerAuthentication: 'EmailAuthPassword',
    OutgoingMailServerHostName: smtp.host,
    OutgoingMailServerPortNumber: smtp.port,
    OutgoingMailServerUseSSL: smtp.tls,
    OutgoingMailServerUsername: userName,
    OutgoingPasswordSameAsIncomingPassword: true,
    // Without SCEP the signing key is made elsewhere: whoever brings one to the device may choose it.
    SMIMESigningEnabled: scep !== undefined && signByDefault,
    ...(scep !== undefined && { SMIMESigningCertificateUUID: uuidOf(person.id, 'signing') }),
    SMIMESigningUserOverrideable: true,
    SMIMESigningCertificateUUIDUserOverrideable: true,
    ...(newest !== undefined && {
      SMIMEEncryptionEnabled: encryptByDefault,
      SMIMEEncryptionCertificateUUID: uuidOf(person.id, newest.name),
      SMIMEEncryptByDefault: encryptByDefault,
      SMIMEEncryptByDefaultUserOverrideable: true,
      SMIMEEnableEncryptionPerMessageSwitch: true,
    }),
  };
}

/** `pki.example.com` is `com.example.pki`. */
function reversedHost(url: string): string {
  const host = new URL(url).hostname;
  return /^[a-z0-9.-]+$/i.test(host) && !/^[\d.]+$/.test(host) ? host.split('.').reverse().join('.') : 'local';
}

const shortName = ({ der }: Certificate): string => createHash('sha256').update(der).digest('hex').slice(0, 16);

const commonName = ({ subject }: Certificate): string => nameValues(subject, '2.5.4.3')[0] ?? 'Authority';

/** The same for the same person and name, for ever (RFC 9562 section 5.8). */
function uuidOf(personId: string, name: string): string {
  const octets = createHash('sha256').update(`chancery:apple-profile:${personId}:${name}`).digest().subarray(0, 16);
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x80;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  const hex = octets.toString('hex').toUpperCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
