/** A certificate request as the office takes it: PEM as it stands, DER in base64. */
import { toBase64 } from '../files.ts';
import { InWords } from '../problem.ts';

/** Octets of a file that may hold a request; one for a key of 16,384 bits has 10,000 in PEM. */
const MOST = 15_000;

/** @throws InWords for a file that is none */
export async function requestText(file: File): Promise<string> {
  if (file.size > MOST) throw new InWords(`${file.name} is too large for a certificate request.`);
  const octets = new Uint8Array(await file.arrayBuffer());
  const text = new TextDecoder('latin1').decode(octets);
  const begins = text.indexOf('-----BEGIN');
  // Some programs write what the request says in words before it.
  if (begins >= 0) return text.slice(begins);
  if (octets[0] !== 0x30) throw new InWords(`${file.name} is no certificate request: neither PEM nor DER.`);
  return toBase64(octets);
}
