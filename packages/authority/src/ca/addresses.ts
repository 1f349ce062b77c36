/** Where relying parties find an authority's certificate, its CRL and its OCSP responder. */
import type { AuthorityConfig } from '../config.ts';

export interface AuthorityAddresses {
  readonly certificate: string;
  readonly crl: string;
  readonly ocsp: string;
}

/**
 * Always `http`, also where the office itself is reached by `https`: whoever checks a certificate cannot first check
 * the one of the server that tells (RFC 5280 8). These documents are signed; they need no TLS.
 */
export function addressesOf(config: AuthorityConfig, slug: string): AuthorityAddresses {
  const base = relyingPartyBase(config);
  return { certificate: `${base}/ca/${slug}.cer`, crl: `${base}/crl/${slug}.crl`, ocsp: `${base}/ocsp` };
}

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
