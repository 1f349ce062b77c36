/** Where relying parties find an authority's certificate, its CRLs and its OCSP responder. */
import type { AuthorityConfig } from '../config.ts';
import type { CrlKind } from '../store/crls.ts';

export interface AuthorityAddresses {
  readonly certificate: string;
  /** All certificates from its own up to the roots, cross-certificates among them. */
  readonly chain: string;
  /** The complete list of all its certificates. */
  readonly crl: string;
  readonly ocsp: string;
}

/**
 * Always `http`, also where the office itself is reached by `https`: whoever checks a certificate cannot first check
 * the one of the server that tells (RFC 5280 8). These documents are signed; they need no TLS.
 */
export function addressesOf(config: AuthorityConfig, slug: string): AuthorityAddresses {
  const base = relyingPartyBase(config);
  return {
    certificate: `${base}/${certificatePath(slug)}`,
    chain: `${base}/${chainPath(slug)}`,
    crl: `${base}/${crlPath(slug, null, 'complete')}`,
    ocsp: `${base}/ocsp`,
  };
}

/** @param shard null: the list of all certificates */
export function crlAddress(config: AuthorityConfig, slug: string, shard: number | null, kind: CrlKind): string {
  return `${relyingPartyBase(config)}/${crlPath(slug, shard, kind)}`;
}

/** Below the address of the office, and below a folder that is published. */
export function crlPath(slug: string, shard: number | null, kind: CrlKind): string {
  if (kind === 'complete') return shard === null ? `crl/${slug}.crl` : `crl/${slug}/${shard}.crl`;
  return shard === null ? `crl/${slug}/delta.crl` : `crl/${slug}/${shard}-delta.crl`;
}

export const certificatePath = (slug: string): string => `ca/${slug}.cer`;
/** The certificates from that authority's own up to the roots, cross-certificates among them, as PKCS#7. */
export const chainPath = (slug: string): string => `ca/${slug}.p7c`;

function relyingPartyBase({ server }: AuthorityConfig): string {
  if (server.publicUrl === undefined) {
    const host = server.host.includes(':') ? `[${server.host}]` : server.host;
    return `http://${host}:${server.port}`;
  }
  const url = new URL(server.publicUrl);
  // URL drops a default port by itself once the protocol is set.
  url.protocol = 'http:';
  return url.href.replace(/[/?#]+$/, '');
}
