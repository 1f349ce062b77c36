/** Certificates in what a directory hands out: DER, PEM, or the certificates of a PKCS #7 (RFC 5652), as `userSMIMECertificate` and downloads hold them. */
import { type Certificate, DerReader, oids, parseCertificate, pemBlocks, SmimeError, tag } from '@chancery/smime';
import { type Candidate, mostCertificates, mostOctets } from './source.ts';

/**
 * Those that may be somebody's, each with the CA certificates that stood beside it; what cannot be read is passed over.
 * @param values each DER or PEM
 */
export function candidatesIn(values: readonly Uint8Array[]): Candidate[] {
  const found = new Map<string, Certificate>();
  for (const value of values.slice(0, mostCertificates)) {
    for (const certificate of certificatesIn(value).slice(0, mostCertificates)) {
      found.set(Buffer.from(certificate.der).toString('base64'), certificate);
    }
  }
  const all = [...found.values()].slice(0, mostCertificates);
  const chain = all.filter(isAuthority).map(({ der }) => der);
  return all.filter((one) => !isAuthority(one)).map(({ der }) => ({ certificate: der, chain }));
}

function certificatesIn(value: Uint8Array): Certificate[] {
  if (value.length > mostOctets) return [];
  if (value[0] === tag.sequence) return fromDer(value);
  try {
    return pemBlocks(Buffer.from(value).toString('latin1')).flatMap(({ label, der }) =>
      ['CERTIFICATE', 'X509 CERTIFICATE', 'PKCS7', 'CMS'].includes(label) ? fromDer(der) : [],
    );
  } catch (error) {
    if (error instanceof SmimeError) return [];
    throw error;
  }
}

function fromDer(der: Uint8Array): Certificate[] {
  try {
    const inSignedData = signedDataCertificates(der);
    return (inSignedData ?? [der]).flatMap((one) => readable(one));
  } catch (error) {
    if (error instanceof SmimeError) return [];
    throw error;
  }
}

function readable(der: Uint8Array): Certificate[] {
  try {
    return [parseCertificate(der)];
  } catch (error) {
    if (error instanceof SmimeError) return [];
    throw error;
  }
}

/** Undefined where it is no SignedData. Its signature vouches for nothing here: the certificates are judged by themselves. */
function signedDataCertificates(der: Uint8Array): Uint8Array[] | undefined {
  const info = new DerReader(der).enter();
  if (info.peek() !== tag.oid || info.oid() !== oids.signedData) return undefined;
  const signed = info.enter(context0).enter();
  signed.smallInteger();
  signed.skip(tag.set);
  signed.skip(tag.sequence);
  const found: Uint8Array[] = [];
  const set = signed.enterIf(context0);
  while (set !== undefined && !set.atEnd && found.length < mostCertificates) found.push(set.element());
  return found;
}

const context0 = 0xa0;

function isAuthority({ basicConstraints, keyUsage }: Certificate): boolean {
  return basicConstraints?.ca === true || keyUsage?.has('keyCertSign') === true;
}
