/** DSA keys that take their domain parameters from the issuer's key (RFC 3279 2.3.2; RFC 5280 6.1.4 d to f). */
import { DerReader, encodeSequence, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { type Certificate, withPublicKey } from './certificate.ts';

/** True for a DSA key without parameters of its own. */
export function lacksParameters({ keyKind, spki }: Certificate): boolean {
  if (keyKind !== undefined) return false;
  const algorithm = new DerReader(spki).enter().enter();
  return algorithm.oid() === oids.dsa && (algorithm.atEnd || algorithm.peek() === tag.null);
}

/** The certificate with the issuer's parameters in its key, where it lacks its own and the issuer's key is DSA with parameters. */
export function inheritParameters(certificate: Certificate, issuer: Certificate): Certificate {
  if (!lacksParameters(certificate)) return certificate;
  const above = new DerReader(issuer.spki).enter();
  const algorithm = above.element(tag.sequence);
  if (new DerReader(algorithm).enter().oid() !== oids.dsa || lacksParameters(issuer)) return certificate;
  const own = new DerReader(certificate.spki).enter();
  own.skip(tag.sequence);
  return withPublicKey(certificate, encodeSequence(algorithm, own.element(tag.bitString)));
}
