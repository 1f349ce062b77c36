/** RecipientInfos (RFC 5652 section 6.2): one way for each recipient to the same content key. */
import {
  contextConstructed,
  type DerReader,
  encodeElement,
  encodeExplicit,
  encodeImplicit,
  encodeOctetString,
  tag,
} from '../../asn1/der.ts';
import { oids } from '../../asn1/oids.ts';
import { SmimeError } from '../../errors.ts';
import { encryptionSchemeOf, type HashName } from '../../keys/algorithms.ts';
import { limits } from '../../limits.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { keyIdentifier } from '../../x509/extensions.ts';
import { encodeIssuerAndSerial } from '../identifier.ts';
import { type KemRecipient, makeKem, readKem } from './kem.ts';
import { EphemeralKeys, type KeyAgreementRecipient, makeKeyAgreement, readKeyAgreement } from './key-agreement.ts';
import { type KeyTransport, type KeyTransportRecipient, makeKeyTransport, readKeyTransport } from './key-transport.ts';
import { makePassword, type Password, type PasswordRecipient, readPassword } from './password.ts';
import { makeSharedKey, readSharedKey, type SharedKey, type SharedKeyRecipient } from './shared-key.ts';

export type Recipient = KeyRecipient | SharedKeyRecipient | PasswordRecipient | DirectRecipient | OtherRecipient;
/** The kinds that a private key opens. */
export type KeyRecipient = KeyTransportRecipient | KeyAgreementRecipient | KemRecipient;

/** Whoever has the content key itself: EncryptedData has no other. */
interface DirectRecipient {
  readonly kind: 'direct';
}

/** An OtherRecipientInfo that is not for a KEM, or a choice that RFC 5652 does not know: reported, never opened. */
interface OtherRecipient {
  readonly kind: 'other';
  /** Dotted object identifier, where there is one. */
  readonly type: string | undefined;
}

/** Reads the SET OF RecipientInfo. */
export function readRecipients(reader: DerReader): Recipient[] {
  const set = reader.enter(tag.set);
  const recipients: Recipient[] = [];
  while (!set.atEnd) {
    if (recipients.length >= limits.recipients)
      throw new SmimeError('limit-exceeded', `more than ${limits.recipients} recipients`, { offset: set.position });
    const choice = set.peek();
    if (choice === tag.sequence) recipients.push(readKeyTransport(set.enter()));
    else if (choice === contextConstructed(1)) recipients.push(...readKeyAgreement(set.enter(choice)));
    else if (choice === contextConstructed(2)) recipients.push(readSharedKey(set.enter(choice)));
    else if (choice === contextConstructed(3)) recipients.push(readPassword(set.enter(choice)));
    else if (choice === contextConstructed(4)) recipients.push(readOther(set.enter(choice)));
    else {
      set.skip();
      recipients.push({ kind: 'other', type: undefined });
    }
  }
  return recipients;
}

/** @param info stands inside the OtherRecipientInfo */
function readOther(info: DerReader): Recipient {
  const type = info.oid();
  return type === oids.kemRecipientInfo ? readKem(info.enter()) : { kind: 'other', type };
}

/** A recipient by certificate, with what goes for this one alone. */
export interface CertificateRecipient {
  readonly certificate: Certificate;
  /** For an RSA key; default: what the message has for all. */
  readonly keyTransport?: KeyTransport;
  /** Hash of the key derivation, for elliptic curves and ML-KEM; default: the one that fits the curve, and SHA-256 for ML-KEM. */
  readonly derivationHash?: HashName;
  /** How the message names the recipient; default: by issuer and serial number, which every client reads. */
  readonly identifiedBy?: 'issuer-and-serial-number' | 'key-identifier';
}

/** A recipient who knows a password. */
export interface PasswordRecipientInput extends Password {
  /** Of PBKDF2 with HMAC-SHA-256; default 600,000, some 0.2 s of work. */
  readonly iterations?: number;
}

/** Who is to read a message: the holder of a certificate, of a key, or of a password. */
export type RecipientInput = Certificate | CertificateRecipient | SharedKey | PasswordRecipientInput;

/** SET OF RecipientInfo, and the version of EnvelopedData that it brings (RFC 5652 section 6.1). */
export async function makeRecipients(
  recipients: readonly RecipientInput[],
  contentKey: Uint8Array,
  keyTransport: KeyTransport,
): Promise<{ set: Buffer; version: 0 | 2 | 3 }> {
  if (recipients.length === 0) throw new SmimeError('invalid-argument', 'encryption needs at least one recipient');
  if (recipients.length > limits.recipients)
    throw new SmimeError('limit-exceeded', `more than ${limits.recipients} recipients`);
  const infos: Buffer[] = [];
  const ephemerals = new EphemeralKeys();
  let version: 0 | 2 | 3 = 0;
  for (const recipient of recipients) {
    if ('password' in recipient) {
      infos.push(await makePassword(recipient, recipient.iterations ?? defaultIterations, contentKey));
      version = 3;
    } else if ('keyEncryptionKey' in recipient) {
      infos.push(makeSharedKey(recipient, contentKey));
      if (version < 2) version = 2;
    } else {
      const input = 'certificate' in recipient ? recipient : { certificate: recipient };
      const made = encrypting(() => makeForCertificate(input, contentKey, keyTransport, ephemerals));
      infos.push(made.info);
      if (version < made.version) version = made.version;
    }
  }
  return { set: encodeElement(tag.set, ...infos.sort(Buffer.compare)), version };
}

/** node:crypto has errors of its own for a key that is malformed: an even modulus, a point beside the curve. */
function encrypting<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof SmimeError) throw cause;
    throw new SmimeError('invalid-argument', "the recipient's key is malformed", { cause });
  }
}

/** OWASP's figure of 2023 for PBKDF2 with HMAC-SHA-256. */
const defaultIterations = 600_000;

function makeForCertificate(
  { certificate, keyTransport, derivationHash, identifiedBy }: CertificateRecipient,
  contentKey: Uint8Array,
  usually: KeyTransport,
  ephemerals: EphemeralKeys,
): { info: Buffer; version: 0 | 2 | 3 } {
  const byKey = identifiedBy === 'key-identifier';
  const { keyKind } = certificate;
  const identifier = certificate.subjectKeyIdentifier ?? keyIdentifier(certificate.spki);
  const rid = byKey ? encodeImplicit(0, identifier) : encodeIssuerAndSerial(certificate);
  switch (keyKind && encryptionSchemeOf(keyKind)) {
    case 'key-transport':
      return {
        info: makeKeyTransport(certificate, rid, keyTransport ?? usually, contentKey),
        version: byKey ? 2 : 0,
      };
    case 'key-agreement': {
      // RFC 5652 6.2.2: a SEQUENCE here, for a date and an attribute to follow.
      const own = byKey ? encodeExplicit(0, encodeOctetString(identifier)) : rid;
      return { info: makeKeyAgreement(certificate, own, derivationHash, contentKey, ephemerals), version: 2 };
    }
    case 'kem':
      return { info: makeKem(certificate, rid, derivationHash ?? 'sha256', contentKey), version: 3 };
    case undefined:
      throw new SmimeError('invalid-argument', "nothing can be encrypted to the recipient's key");
  }
}
