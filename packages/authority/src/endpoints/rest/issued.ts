/** Certificates as the contract has them: DER in base64. */
import type { SignedCertificate } from '../../ca/sign.ts';

export function issued({ serialNumber, certificate, chain }: SignedCertificate) {
  return { serialNumber, certificate: toBase64(certificate), chain: chain.map(toBase64) };
}

export function toBase64(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64');
}

export function octets(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64');
}
