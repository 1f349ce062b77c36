/** Certificates, CRLs, requests and the envelopes of CMS, described for a person. */
import { nameOfOid } from '../asn1/oids.ts';
import type { DigestedData } from '../cms/digested-data.ts';
import type { SignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { digestLabel, keyKindLabel, modulusBits, parseSignatureAlgorithm } from '../keys/algorithms.ts';
import { type Problem, problem } from '../problem.ts';
import { type Certificate, certificateEmails, fingerprint, parseCertificate } from '../x509/certificate.ts';
import { parseCrl } from '../x509/crl.ts';
import { formatName } from '../x509/name.ts';
import { parseRequest, verifyRequestSignature } from '../x509/request.ts';
import type { SignerReport } from './judge-signers.ts';

/** One layer; only strings, numbers and arrays, so that it survives JSON. */
export interface InspectNode {
  kind:
    | 'mime'
    | 'signed-data'
    | 'enveloped-data'
    | 'auth-enveloped-data'
    | 'compressed-data'
    | 'certificate'
    | 'crl'
    | 'request';
  title: string;
  /** Octets of the input: start and end. Absent for what had to be decoded first. */
  range?: [number, number];
  fields: { label: string; value: string }[];
  problems: Problem[];
  verdict?: 'valid' | 'invalid' | 'unsigned' | 'ambiguous';
  children: InspectNode[];
}

export type Field = InspectNode['fields'][number];

export const field = (label: string, value: string): Field => ({ label, value });

export function describeCertificate(der: Uint8Array): InspectNode {
  const certificate = parseCertificate(der);
  const { basicConstraints, keyUsage, extendedKeyUsage } = certificate;
  return {
    kind: 'certificate',
    title: `Certificate of ${formatName(certificate.subject) || 'nobody named'}`,
    fields: [
      field('Subject', formatName(certificate.subject)),
      field('Issuer', formatName(certificate.issuer)),
      field('Serial number', certificate.serialNumber),
      ...optional('E-mail', certificateEmails(certificate).join(', ')),
      field('Valid from', certificate.notBefore.toISOString()),
      field('Valid until', certificate.notAfter.toISOString()),
      field('Key', describeKey(certificate)),
      ...optional('Key usage', keyUsage && [...keyUsage].join(', ')),
      ...optional('Extended key usage', extendedKeyUsage?.map(named).join(', ')),
      ...(basicConstraints?.ca
        ? [
            field(
              'CA',
              basicConstraints.pathLength === undefined ? 'yes' : `yes, path length ${basicConstraints.pathLength}`,
            ),
          ]
        : []),
      field('Signature algorithm', describeAlgorithm(certificate.signatureAlgorithm)),
      ...optional('CRL', certificate.crlDistributionPoints.join(', ')),
      ...optional('OCSP', certificate.ocspUrls.join(', ')),
      field('SHA-256 fingerprint', fingerprint(der)),
    ],
    problems: [],
    children: [],
  };
}

export function describeCrl(der: Uint8Array): InspectNode {
  const crl = parseCrl(der);
  return {
    kind: 'crl',
    title: `CRL of ${formatName(crl.issuer)}`,
    fields: [
      field('Issuer', formatName(crl.issuer)),
      field('This update', crl.thisUpdate.toISOString()),
      ...optional('Next update', crl.nextUpdate?.toISOString()),
      ...optional('Number', crl.crlNumber),
      field('Revoked certificates', String(crl.entryCount)),
      field('Signature algorithm', describeAlgorithm(crl.signatureAlgorithm)),
    ],
    problems: crl.unknownCritical.map((id) =>
      problem(
        'warning',
        'unknown-critical-extension',
        `The CRL has the critical extension ${id}, which is not known here.`,
        'RFC 5280 section 5.2',
      ),
    ),
    children: [],
  };
}

export function describeRequest(der: Uint8Array): InspectNode {
  const request = parseRequest(der);
  const possessed = verifyRequestSignature(request);
  return {
    kind: 'request',
    title: `Certificate request for ${formatName(request.subject) || 'nobody named'}`,
    fields: [
      field('Subject', formatName(request.subject)),
      ...optional('E-mail', request.emails.join(', ')),
      field('Key', describeKey(request)),
      field('Signature algorithm', describeAlgorithm(request.signatureAlgorithm)),
      field('Proof of possession', possessed ? 'valid' : 'invalid'),
      field('Challenge password', request.challengePassword === undefined ? 'none' : 'present, not shown'),
    ],
    problems: possessed
      ? []
      : [
          problem(
            'error',
            'proof-of-possession-invalid',
            'The request is not signed by the key it is for.',
            'RFC 2986 section 4.2',
          ),
        ],
    children: [],
  };
}

/** @param reports judged already, where trust anchors were at hand */
export function describeSignedData(data: SignedData, reports: readonly SignerReport[]): InspectNode {
  const node: InspectNode = {
    kind: 'signed-data',
    title:
      data.signers.length === 0
        ? 'Certificates in signed form'
        : `Signed data, ${data.signers.length} signer${data.signers.length === 1 ? '' : 's'}`,
    fields: [
      field('Content type', named(data.contentType)),
      field('Content', data.content === undefined ? 'detached' : `${data.content.length} octets`),
      ...optional('Digest algorithms', data.digestAlgorithms.map(named).join(', ')),
      ...reports.flatMap(describeSigner),
    ],
    problems: reports.flatMap(({ problems, path }) => [...problems, ...path.problems]),
    children: [],
  };
  for (const der of data.certificates) node.children.push(attempt(() => describeCertificate(der), 'certificate', node));
  for (const der of data.crls) node.children.push(attempt(() => describeCrl(der), 'crl', node));
  return node;
}

export function describeDigestedData({ contentType, content, digest, matches }: DigestedData): InspectNode {
  const verdict = matches === undefined ? 'not checked' : matches ? 'matches' : 'does not match';
  return {
    kind: 'mime',
    title: 'Content with its digest',
    fields: [
      field('Content type', named(contentType)),
      field('Content', content === undefined ? 'detached' : `${content.length} octets`),
      field('Digest', `${digest === undefined ? 'of a kind not known here' : digestLabel(digest)}, ${verdict}`),
    ],
    problems:
      matches === false
        ? [problem('error', 'digest-mismatch', 'The content is not the content of the digest.', 'RFC 5652 section 7')]
        : [],
    children: [],
  };
}

/** A child that cannot be read is a problem of its parent, and still stands in the tree. */
function attempt(describe: () => InspectNode, kind: 'certificate' | 'crl', parent: InspectNode): InspectNode {
  try {
    return describe();
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    const unreadable = problem('warning', 'carried-object-unreadable', `It cannot be read: ${error.message}.`);
    parent.problems.push(unreadable);
    return {
      kind,
      title: `A ${kind === 'crl' ? 'CRL' : kind} that cannot be read`,
      fields: [],
      problems: [unreadable],
      children: [],
    };
  }
}

function describeSigner(report: SignerReport, index: number): Field[] {
  const label = `Signer ${index + 1}`;
  return [
    field(
      label,
      report.emails.join(', ') ||
        (report.certificate ? formatName(report.certificate.subject) : 'certificate not at hand'),
    ),
    field(`${label}, signature`, `${report.signature} (${report.signatureAlgorithm}, ${report.digestAlgorithm})`),
    field(`${label}, path`, `${report.path.valid ? 'valid' : 'not valid'}, revocation ${report.path.revocation}`),
    field(`${label}, identity`, report.identity),
    ...optional(`${label}, signing time`, report.signingTime?.toISOString()),
    ...optional(`${label}, can decrypt`, report.capabilities?.map(({ algorithm }) => named(algorithm)).join(', ')),
  ];
}

export const optional = (label: string, value: string | undefined): Field[] => (value ? [field(label, value)] : []);

/** The table's name of an object identifier, else its dotted form. */
export const named = (oid: string): string => nameOfOid(oid) ?? oid;

function describeKey({ keyKind, spki }: Pick<Certificate, 'keyKind' | 'spki'>): string {
  if (keyKind === undefined) return 'of a kind not known here';
  const bits = keyKind.startsWith('rsa') ? `, ${modulusBits(spki) ?? '?'} bits` : '';
  return `${/^p\d/.test(keyKind) ? 'EC ' : ''}${keyKindLabel(keyKind)}${bits}`;
}

function describeAlgorithm(der: Uint8Array): string {
  try {
    return parseSignatureAlgorithm(der).label;
  } catch (error) {
    if (error instanceof SmimeError) return error.message;
    throw error;
  }
}
