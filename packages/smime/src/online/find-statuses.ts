/** The status of each certificate of a path: OCSP where it says where (RFC 6960, RFC 9919), else CRLs (RFC 5280 4.2.1.13, 4.2.1.15). */
import { createHash, randomBytes } from 'node:crypto';
import { oids } from '../asn1/oids.ts';
import { limits } from '../limits.ts';
import type { PathInput } from '../path/validate-path.ts';
import { checkRevocation } from '../revocation/check.ts';
import { buildOcspRequest, type OcspResponse, parseOcspResponse } from '../revocation/ocsp.ts';
import { verifyOcspResponse } from '../revocation/verify-ocsp.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Crl, parseCrl } from '../x509/crl.ts';
import { readDistributionPoints } from '../x509/read-extensions.ts';
import { readOnce } from '../x509/read-once.ts';
import type { GuardedFetch, OnlineInput } from './guarded-fetch.ts';

/** The CRLs and OCSP responses of the input with those that were fetched. */
export async function findStatuses(
  path: readonly Certificate[],
  input: PathInput,
  { nonce = false }: Pick<OnlineInput, 'nonce'>,
  guarded: GuardedFetch,
): Promise<{ crls: readonly Crl[]; ocspResponses: readonly OcspResponse[] }> {
  const crls = [...(input.crls ?? [])];
  const ocspResponses = [...(input.ocspResponses ?? [])];
  const isUnknown = (certificate: Certificate, issuer: Certificate): boolean =>
    checkRevocation(certificate, issuer, { at: input.at, crls, ocsp: ocspResponses }).status === 'unknown';
  // From the anchor down: a revoked CA makes the rest needless, and certificates of one CA often share its list.
  for (let index = path.length - 2; index >= 0; index--) {
    const certificate = path[index] as Certificate;
    const issuer = path[index + 1] as Certificate;
    for (const url of certificate.ocspUrls.slice(0, limits.fetchUrls)) {
      if (!isUnknown(certificate, issuer)) break;
      const response = await askResponder(url, certificate, issuer, input.at, nonce, guarded);
      if (response) ocspResponses.push(response);
    }
    for (const url of listUrls(certificate)) {
      if (!isUnknown(certificate, issuer)) break;
      const wanted = {
        url,
        kind: 'crl',
        accept: 'application/pkix-crl',
        key: url,
        octets: limits.fetchedCrlOctets,
      } as const;
      const crl = await guarded.get(wanted, (content) => {
        const object = parseCrl(content);
        return { object, until: object.nextUpdate };
      });
      if (crl) crls.push(crl);
    }
  }
  return { crls, ocspResponses };
}

async function askResponder(
  url: string,
  certificate: Certificate,
  issuer: Certificate,
  at: Date,
  withNonce: boolean,
  guarded: GuardedFetch,
): Promise<OcspResponse | undefined> {
  const nonce = withNonce ? randomBytes(32) : undefined;
  const request = Buffer.from(buildOcspRequest({ cert: certificate, issuer, ...(nonce && { nonce }) }));
  // RFC 9919 5: short requests by GET, which caches on the way can answer. A nonce is for this time alone.
  const get = `${url.replace(/\/$/, '')}/${encodeURIComponent(request.toString('base64'))}`;
  const byGet = !nonce && get.length <= 255;
  const wanted = {
    url: byGet ? get : url,
    kind: 'ocsp',
    accept: 'application/ocsp-response',
    octets: limits.fetchedOcspOctets,
    ...(!byGet && { post: request }),
    ...(!nonce && { key: byGet ? get : `${url} ${createHash('sha256').update(request).digest('hex')}` }),
  } as const;
  return guarded.get(wanted, (content) => {
    const object = parseOcspResponse(content);
    const { valid } = verifyOcspResponse({ response: object, issuer, at, ...(nonce && { nonce }) });
    if (!valid || (nonce && !object.basic?.nonce)) throw new Error('an answer that proves nothing');
    return { object, until: object.basic?.responses[0]?.nextUpdate };
  });
}

const freshestOf = readOnce(oids.freshestCrl, readDistributionPoints);

/** Where the complete list is, then where its delta is. */
function listUrls(certificate: Certificate): readonly string[] {
  const freshest = (freshestOf(certificate) ?? []).flatMap(({ fullName }) => fullName?.uris ?? []);
  const http = (url: string): boolean => /^https?:/i.test(url);
  return [
    ...certificate.crlDistributionPoints.filter(http).slice(0, limits.fetchUrls),
    ...freshest.filter(http).slice(0, 1),
  ];
}
