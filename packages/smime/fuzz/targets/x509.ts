/** Certificates, requests, CRLs, OCSP, and the paths and verdicts that follow from them. */
import {
  type Certificate,
  certificateEmails,
  checkRevocation,
  fingerprint,
  formatName,
  isIssuedBy,
  parseCertificate,
  parseCrl,
  parseName,
  parseOcspRequest,
  parseOcspResponse,
  parseRequest,
  SmimeError,
  validatePath,
  verifyCertificateSignature,
  verifyCrlSignature,
  verifyOcspResponse,
  verifyRequestSignature,
} from '../../src/index.ts';
import { corpusSeeds } from '../corpus-seeds.ts';
import { mutateDer } from '../mutate-der.ts';
import { mutateOctets } from '../mutate-octets.ts';
import { now } from '../people.ts';
import { certificateObjects, people } from '../seeds.ts';
import { must, type Target } from '../target.ts';

export const x509: Target = {
  name: 'x509',
  seeds: async () => [
    ...(await certificateObjects()),
    ...corpusSeeds('pkits/v1.0.1-2011/certs', /\.crt$/, 120),
    ...corpusSeeds('pkits/v1.0.1-2011/crls', /\.crl$/, 60),
    ...corpusSeeds('pyca-vectors/x509/ocsp', /\.der$/),
    ...corpusSeeds('fuzz-openssl/x509'),
    ...corpusSeeds('fuzz-openssl/crl'),
  ],
  mutate: (input, dice, other) => (dice.oneIn(6) ? mutateOctets(input, dice, other) : mutateDer(input, dice, other)),
  run: async (input) => {
    await allowed(() => certificate(input));
    await allowed(() => crl(input));
    await allowed(() => {
      const request = parseRequest(input);
      everyProperty(request);
      verifyRequestSignature(request);
    });
    await allowed(() => everyProperty(parseOcspRequest(input)));
    await allowed(() => ocsp(input));
  },
};

function certificate(input: Buffer): void {
  const found = parseCertificate(input);
  must(Buffer.from(found.der).equals(input), 'a certificate is what it was');
  everyProperty(found);
  const again = parseName(found.subject.der);
  must(formatName(again) === formatName(found.subject), 'a name is read the same alone');
  certificateEmails(found);
  fingerprint(found.der);
  const { ca, root, rsa } = people();
  const issued = isIssuedBy(found, ca.certificate);
  const genuine = verifyCertificateSignature(found, ca.certificate);
  must(!genuine || !issued || isOurs(found), 'nobody but the CA makes its certificates');
  for (const [leaf, intermediates] of [
    [found, [ca.certificate]],
    [rsa.certificate, [found, ca.certificate]],
  ] as const) {
    const report = validatePath({
      leaf,
      intermediates,
      anchors: [root.certificate],
      at: now,
      purpose: 'email',
      revocation: 'none',
    });
    must(!report.valid || report.path.every(isOurs), 'a valid path has our certificates only');
  }
}

/** Is it one that the seeds made? A mutation that is still valid must be the same certificate. */
function isOurs({ tbs }: Certificate): boolean {
  return Object.values(people()).some(
    (person) => 'certificate' in person && Buffer.from(person.certificate.tbs).equals(tbs),
  );
}

function crl(input: Buffer): void {
  const found = parseCrl(input);
  everyProperty(found);
  let count = 0;
  for (const entry of found.entries()) {
    everyProperty(entry);
    if (count++ < 20) must(found.find(entry.serialNumber, entry.certificateIssuer) !== undefined, 'an entry is found');
  }
  must(count === found.entryCount, 'entries are counted');
  const { ca, rsa } = people();
  verifyCrlSignature(found, ca.certificate);
  checkRevocation(rsa.certificate, ca.certificate, { crls: [found], at: now });
}

function ocsp(input: Buffer): void {
  const response = parseOcspResponse(input);
  everyProperty(response);
  const { ca, rsa } = people();
  verifyOcspResponse({ response, issuer: ca.certificate, at: now });
  checkRevocation(rsa.certificate, ca.certificate, { ocsp: [response], at: now });
}

/** Lazy getters are read too: each may find what the parser had not looked at. */
function everyProperty(found: object): void {
  for (let from: object | null = found; from && from !== Object.prototype; from = Object.getPrototypeOf(from))
    for (const name of Object.getOwnPropertyNames(from)) {
      const { get } = Object.getOwnPropertyDescriptor(from, name) ?? {};
      if (!get && from !== found) continue;
      try {
        Reflect.get(found, name);
      } catch (error) {
        if (!(error instanceof SmimeError)) throw error;
      }
    }
}

async function allowed(read: () => void | Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
  }
}
