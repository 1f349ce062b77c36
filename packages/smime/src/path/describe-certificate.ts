import type { Certificate } from '../x509/certificate.ts';
import { formatName } from '../x509/name.ts';

/** A certificate in a sentence for a person. */
export function called(certificate: Certificate): string {
  const subject = formatName(certificate.subject);
  return subject === '' ? `the certificate ${certificate.serialNumber}` : `the certificate of "${subject}"`;
}
