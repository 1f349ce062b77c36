/** One way to a content key that is worth trying. */
import type { DerivationBudget } from '../../pkcs12/derive.ts';
import type { Certificate } from '../../x509/certificate.ts';

/** The content key, or octets that are none; rejects for some failures and not for others: the caller hides which. */
export type Unwrap = () => Promise<Uint8Array>;

/** What opening one message may use. */
export interface OpeningContext {
  /** Whether Triple DES is read. */
  readonly legacy: boolean;
  /** Certificates among which a sender is looked for who names his own key instead of sending one (RFC 5652 section 6.2.2). */
  readonly originators: readonly Certificate[];
  /** What deriving keys from passwords may cost in all. */
  readonly budget: DerivationBudget;
}
