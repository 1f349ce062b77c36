/** A place where certificates of people outside may be found. What it says is judged by `judge.ts`; how long it is believed, by `cached.ts`. */

/** DER, as they came: not judged yet. */
export interface Candidate {
  readonly certificate: Uint8Array;
  /** CA certificates that came along. */
  readonly chain: readonly Uint8Array[];
}

/** That a certificate is the right one for an address, said by the owner of its domain under DNSSEC (RFC 6698 section 2.1). */
export interface Association {
  readonly selector: 'certificate' | 'key';
  readonly matching: 'sha256' | 'sha512';
  readonly data: Uint8Array;
}

export type SourceAnswer =
  | {
      readonly said: 'found';
      readonly candidates: readonly Candidate[];
      /** Those that need no path: the source has vouched for each with its own authority (SMIMEA, usage 3). */
      readonly vouched?: readonly Candidate[];
      /** The same for certificates that are to be found elsewhere. */
      readonly associations?: readonly Association[];
      /** What was there and cannot be used, in a sentence. */
      readonly remark?: string;
      /** Milliseconds that the source itself says its answer may be kept. */
      readonly lifetime?: number;
    }
  | { readonly said: 'nothing'; readonly remark?: string; readonly lifetime?: number }
  /** It could not be asked, or did not answer: that is not the same as nothing. */
  | { readonly said: 'unknown'; readonly reason: string };

export interface RecipientSource {
  /** As explanations name it. */
  readonly name: string;
  /** Whether it is asked about addresses of that domain, in lower case. */
  serves(domain: string): boolean;
  /** Never throws. @param address as it was written, with an `@` */
  find(address: string, signal: AbortSignal): Promise<SourceAnswer>;
  close?(): Promise<void>;
}

/** One that answers in time, whatever happens. */
export interface PromptSource extends Omit<RecipientSource, 'find'> {
  find(address: string): Promise<SourceAnswer>;
}

/** Certificates that are taken of one answer, and octets of each: a stranger's directory says how much it likes. */
export const mostCertificates = 20;
export const mostOctets = 64 * 1024;

/** `partner.example`; `.partner.example` with everything below it; no list at all for every domain. */
export function servesAny(domains: readonly string[] | undefined): (domain: string) => boolean {
  if (domains === undefined) return () => true;
  return (domain) =>
    domains.some((one) => (one.startsWith('.') ? domain === one.slice(1) || domain.endsWith(one) : domain === one));
}
