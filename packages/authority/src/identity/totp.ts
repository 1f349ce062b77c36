/** Time-based one-time passwords (RFC 6238): SHA-1, six digits, thirty seconds, as every authenticator app has them. */
import * as OTPAuth from 'otpauth';

const PERIOD_MS = 30_000;

/** What the QR code says. `secret` in base32. */
export function totpUri(secret: string, issuer: string, label: string): string {
  return new OTPAuth.TOTP({ secret, issuer, label }).toString();
}

/**
 * The time step that a code belongs to, one step of clock skew allowed either way.
 * @param secret base32
 * @param lastStep the step of the last code that was taken: it and older ones are refused (RFC 6238 section 5.2)
 * @returns undefined for a wrong or used code
 */
export function totpStep(secret: string, code: string, at: Date, lastStep: number | null): number | undefined {
  const delta = new OTPAuth.TOTP({ secret }).validate({ token: code, timestamp: at.getTime(), window: 1 });
  if (delta === null) return undefined;
  const step = Math.floor(at.getTime() / PERIOD_MS) + delta;
  return lastStep !== null && step <= lastStep ? undefined : step;
}

/** @returns base32, without padding */
export function base32(octets: Uint8Array): string {
  return new OTPAuth.Secret({ buffer: Uint8Array.from(octets).buffer }).base32;
}
