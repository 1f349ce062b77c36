/**
 * How a copy is encrypted: what the rule says, else the best that everybody's software has announced in a signature (RFC 8551 section
 * 2.5.2), and never less than AES-256-CBC, which every program reads. What a certificate announces (RFC 4262) is its CA's word about
 * programs that it does not know: Thunderbird opens no AES-GCM, whatever the certificate of its user says.
 */
import type { Copy } from '@chancery/mail-policy';
import { type Certificate, oids, type RecipientInput, type SmimeCapability } from '@chancery/smime';

export interface Reader {
  readonly certificate: Certificate;
  /** As their last signed message said; absent where it said nothing, or none is known. */
  readonly capabilities?: readonly SmimeCapability[] | undefined;
}

export interface Algorithms {
  readonly cipher: 'aes-256-cbc' | 'aes-256-gcm';
  /** With the way that the key of the message reaches each. */
  readonly recipients: readonly RecipientInput[];
}

export function chooseAlgorithms(
  { cipher, oaep }: Pick<Copy, 'cipher' | 'oaep'>,
  readers: readonly Reader[],
): Algorithms {
  const everybodyReadsGcm = readers.length > 0 && readers.every((reader) => announces(reader, oids.aes256Gcm));
  return {
    cipher: cipher ?? (everybodyReadsGcm ? 'aes-256-gcm' : 'aes-256-cbc'),
    recipients: readers.map((reader) => ({
      certificate: reader.certificate,
      keyTransport: oaep === 'must' || announcesOaep(reader) ? ('oaep' as const) : ('pkcs1' as const),
    })),
  };
}

function announces({ capabilities = [] }: Reader, oid: string): boolean {
  return capabilities.some(({ algorithm }) => algorithm === oid);
}

/** DER of the object identifier of SHA-256. Without parameters RSA-OAEP is with SHA-1 (RFC 4055 section 4.1), and that is not what we write. */
const sha256 = Buffer.from('0609608648016503040201', 'hex');

function announcesOaep({ capabilities = [] }: Reader): boolean {
  return capabilities.some(
    ({ algorithm, parameters }) =>
      algorithm === oids.rsaOaep && parameters !== undefined && Buffer.from(parameters).includes(sha256),
  );
}
