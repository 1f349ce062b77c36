/** Serialized certificate stores of Windows (`.sst`), as `Set-SmimeConfig -SMIMECertificateIssuingCA` takes them. */

/** @param certificates DER */
export function serializedStore(certificates: readonly Uint8Array[]): Buffer {
  return Buffer.concat([
    uint32(0),
    Buffer.from('CERT', 'latin1'),
    ...certificates.flatMap((der) => [uint32(CERTIFICATE), uint32(X509), uint32(der.length), der]),
    Buffer.alloc(12),
  ]);
}

const CERTIFICATE = 0x20;
/** X509_ASN_ENCODING. */
const X509 = 1;

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32LE(value);
  return octets;
}
