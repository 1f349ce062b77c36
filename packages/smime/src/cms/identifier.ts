/** How CMS names a certificate: by issuer and serial number, or by subject key identifier (RFC 5652 section 5.3, 6.2). */
import { context, type DerReader, encodeSequence, tag } from '../asn1/der.ts';
import { type Certificate, serialInteger } from '../x509/certificate.ts';
import { keyIdentifier } from '../x509/extensions.ts';
import { formatName, type Name, namesEqual, readName } from '../x509/name.ts';
import { serialText } from '../x509/read-extensions.ts';

export type CertificateIdentifier =
  | { readonly issuer: Name; readonly serialNumber: string }
  | { readonly subjectKeyIdentifier: Buffer };

/** IssuerAndSerialNumber, or a primitive `[0]` with the key identifier. */
export function readIdentifier(reader: DerReader): CertificateIdentifier {
  if (reader.peek() === tag.sequence) return readIssuerAndSerial(reader);
  return { subjectKeyIdentifier: reader.octetString(context(0)) };
}

export function readIssuerAndSerial(reader: DerReader, expected: number = tag.sequence): CertificateIdentifier {
  const inner = reader.enter(expected);
  const issuer = readName(inner);
  const serialNumber = serialText(inner.integerContent());
  inner.finish('the issuer and serial number');
  return { issuer, serialNumber };
}

export function names(identifier: CertificateIdentifier, certificate: Certificate): boolean {
  if ('issuer' in identifier)
    return identifier.serialNumber === certificate.serialNumber && namesEqual(identifier.issuer, certificate.issuer);
  const own = certificate.subjectKeyIdentifier ?? keyIdentifier(certificate.spki);
  return identifier.subjectKeyIdentifier.equals(own);
}

export function encodeIssuerAndSerial(certificate: Certificate): Buffer {
  return encodeSequence(certificate.issuer.der, serialInteger(certificate.serialNumber));
}

/** For a person. */
export function formatIdentifier(identifier: CertificateIdentifier): string {
  return 'issuer' in identifier
    ? `serial number ${identifier.serialNumber} of ${formatName(identifier.issuer)}`
    : `key identifier ${identifier.subjectKeyIdentifier.toString('hex')}`;
}
