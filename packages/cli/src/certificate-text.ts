/** What a certificate says, one line a fact: to be read, and to be compared line by line. */
import { formatName, oids, parseCertificate } from '@chancery/smime';

/** @param der DER. Serial number and key are left out: they differ from one certificate to the next whatever their profile says. */
export function certificateLines(der: Uint8Array): string[] {
  const certificate = parseCertificate(der);
  const { emails, userPrincipalNames } = certificate.subjectAltNames;
  const line = (name: string, values: Iterable<string>) => [...values].map((value) => `${name.padEnd(20)} ${value}`);
  return [
    ...line('subject', [formatName(certificate.subject)]),
    ...line('issuer', [formatName(certificate.issuer)]),
    ...line('not before', [certificate.notBefore.toISOString()]),
    ...line('not after', [certificate.notAfter.toISOString()]),
    ...line('address', emails),
    ...line('user principal name', userPrincipalNames),
    ...line('key usage', certificate.keyUsage ?? []),
    ...line('purpose', (certificate.extendedKeyUsage ?? []).map(nameOf)),
    ...line(
      'policy',
      certificate.certificatePolicies.map(({ policy, cps }) => [policy, ...cps].join(' ')),
    ),
    ...line('CRL', certificate.crlDistributionPoints),
    ...line('OCSP', certificate.ocspUrls),
    ...line('issuer certificate', certificate.caIssuerUrls),
    ...line(
      'other extension',
      certificate.extensions
        .map(({ id }) => id)
        .filter((id) => !SHOWN.has(id))
        .map(nameOf),
    ),
  ];
}

/** Lines of both, `-` for those that go, `+` for those that come, a blank for those that stay. */
export function compareLines(before: readonly string[], after: readonly string[]): string[] {
  const nameOfLine = (line: string) => line.slice(0, 20);
  const names = [...new Set([...before, ...after].map(nameOfLine))];
  return names.flatMap((name) => {
    const was = before.filter((line) => nameOfLine(line) === name);
    const is = after.filter((line) => nameOfLine(line) === name);
    return [
      ...was.map((line) => `${is.includes(line) ? ' ' : '-'} ${line}`),
      ...is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`),
    ];
  });
}

const NAMES = new Map<string, string>(Object.entries(oids).map(([name, id]) => [id, name]));
const nameOf = (id: string): string => NAMES.get(id) ?? id;

const SHOWN = new Set<string>([
  oids.authorityKeyIdentifier,
  oids.subjectKeyIdentifier,
  oids.subjectAltName,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.certificatePolicies,
  oids.crlDistributionPoints,
  oids.authorityInfoAccess,
]);
