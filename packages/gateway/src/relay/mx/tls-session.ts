/** How an attempt at TLS went, for each policy of the domain's that applied to it: what TLSRPT counts (RFC 8460 section 4). */
import { reasonOf } from '../../errors.ts';
import type { Owed, SecuredHost } from './secure-host.ts';
import { isNamed, policyLines } from './sts-policy.ts';
import { matchPromise, tlsaNumbers } from './tlsa.ts';

/** RFC 8460 section 4.3. */
type FailureType =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'
  | 'tlsa-invalid'
  | 'dnssec-invalid'
  | 'sts-policy-fetch-error'
  | 'sts-policy-invalid'
  | 'sts-webpki-invalid';

export interface SessionFailure {
  readonly type: FailureType;
  /** For whoever administers the other side; nothing of ours. */
  readonly reason?: string;
}

export interface PolicyOutcome {
  readonly type: 'tlsa' | 'sts' | 'no-policy-found';
  /** The recipient's domain; of TLSA records the name that they stand under. */
  readonly domain: string;
  /** The policy's lines, or its records. */
  readonly text: readonly string[];
  /** What an MTA-STS policy says of names. */
  readonly hosts: readonly string[];
  /** Undefined where TLS stands as the policy has it. */
  readonly failure: SessionFailure | undefined;
}

export interface TlsSession {
  /** The recipient's, in ASCII. */
  readonly domain: string;
  /** Absent where it did not come to one. */
  readonly server?: { readonly host: string; readonly address: string };
  readonly outcomes: readonly PolicyOutcome[];
}

/**
 * @param error why there is no connection, or no TLS
 * @returns undefined where it did not come to TLS: nobody answered, or the server would not speak with us
 */
export async function sessionOf(
  owed: Owed,
  address: string,
  secured: SecuredHost,
  error?: unknown,
): Promise<TlsSession | undefined> {
  const { domain, host, promise, policy } = owed;
  const shown = secured.shown();
  const without = shown === undefined ? withoutTls(secured.stage(), error) : undefined;
  if (shown === undefined && without === undefined) return undefined;
  const outcomes: PolicyOutcome[] = [];
  if (promise !== undefined) {
    const text = promise.records.map((one) => `${tlsaNumbers(one)} ${one.data.toString('hex')}`);
    const failure = without ?? daneFailure(owed, shown?.chain ?? []);
    outcomes.push({ type: 'tlsa', domain: promise.base, text, hosts: [], failure });
  }
  // As in `stsBinds`: DANE that holds for the whole way leaves nothing to MTA-STS.
  if (policy !== undefined && policy.mode !== 'none' && !(promise !== undefined && owed.proven)) {
    const named = (await isNamed(policy, host)) ? undefined : notNamed;
    const objection = shown?.objection === undefined ? undefined : certificateFailure(shown.objection);
    outcomes.push({ ...stsPolicyOf(domain, policy), failure: named ?? without ?? objection });
  }
  if (outcomes.length === 0) outcomes.push({ type: 'no-policy-found', domain, text: [], hosts: [], failure: without });
  return { domain, server: { host, address }, outcomes };
}

/** A server that the policy does not name: it was not spoken to, or only since the policy is being tested. */
export const notNamed: SessionFailure = {
  type: 'validation-failure',
  reason: 'the policy does not name this MX',
};

export function stsPolicyOf(domain: string, policy: NonNullable<Owed['policy']>) {
  return { type: 'sts', domain, text: policyLines(policy), hosts: policy.mx } as const;
}

function withoutTls(stage: ReturnType<SecuredHost['stage']>, error: unknown): SessionFailure | undefined {
  if (stage !== 'clear') return { type: 'validation-failure', reason: codeOf(error) };
  if (error === undefined || reasonOf(error).includes('offers no STARTTLS')) return { type: 'starttls-not-supported' };
  return undefined;
}

function daneFailure({ promise, proven, domain, now }: Owed, chain: readonly Buffer[]): SessionFailure | undefined {
  if (promise === undefined) return undefined;
  if (promise.records.length === 0) return { type: 'tlsa-invalid', reason: 'no TLSA record can be used' };
  try {
    matchPromise(promise, chain, proven ? domain : undefined, new Date(now()));
    return undefined;
  } catch {
    return { type: 'certificate-not-trusted', reason: 'no TLSA record matches' };
  }
}

/** @param code OpenSSL's, as Node hands it on */
function certificateFailure(code: string): SessionFailure {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { type: 'certificate-host-mismatch' };
  if (code === 'CERT_HAS_EXPIRED') return { type: 'certificate-expired' };
  return { type: 'certificate-not-trusted', reason: code };
}

/** A name of OpenSSL's or of the system's rather than words that may hold anything. */
function codeOf(error: unknown): string {
  const { code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return code ?? 'the handshake did not end';
}
