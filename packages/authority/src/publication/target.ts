/** The port of a place in which people's certificates are published: a directory, a zone of the DNS, a mail service. */

export interface Target {
  readonly name: string;
  readonly kind: 'ldap' | 'active-directory' | 'dns' | 'exchange';
  /** Where it is, for a person to read. */
  readonly where: string;
  /**
   * Looks at what stands there of each holder; with `mend` it also makes that what should stand there. Values that are not
   * among a holder's own are never touched. One answer for each holder, in their order.
   * @throws TargetDown when it cannot be asked at all; with a sentence for a person. What concerns one holder is in their answer
   */
  attend(holders: readonly Holder[], act: 'look' | 'mend'): Promise<Sight[]>;
}

/** One person, as a target needs to know them. */
export interface Holder {
  readonly personId: string;
  /** The primary one first. */
  readonly addresses: readonly [string, ...string[]];
  /** Every certificate of ours that may stand there, the newest first. */
  readonly own: readonly OwnCertificate[];
  /** Serial numbers of those that should. */
  readonly wanted: ReadonlySet<string>;
  /** The target's own unchanging name of the entry that we published in last. */
  readonly entry: string | null;
}

export interface OwnCertificate {
  readonly serialNumber: string;
  readonly use: string;
  readonly der: Buffer;
  /** As the certificate has them. */
  readonly addresses: readonly string[];
  /** The certificates above it, DER, its issuer first. */
  readonly issuers: readonly Uint8Array[];
}

/** What stood there of one person. */
export interface Sight {
  /** Null where there is none for that person. */
  readonly entry: { readonly id: string | null; readonly place: string } | null;
  /** Ours that should stand there and did not: serial numbers, each as often as it was missing. */
  readonly missing: readonly string[];
  /** Ours that stood there and should not. */
  readonly extra: readonly string[];
  /** Values there that are not ours. */
  readonly others: number;
  /** Why it does not stand there now as it should, although the target answers. */
  readonly problem: Problem | null;
  /** Of those that should stand there: for which there is no room. */
  readonly dropped: readonly string[];
}

export interface Problem {
  readonly kind: 'not-found' | 'ambiguous' | 'no-room' | 'refused';
  /** A sentence for a person. */
  readonly detail: string;
}

/** Nobody can be published there just now. */
export class TargetDown extends Error {
  override readonly name = 'TargetDown';
  /** Milliseconds for which the target itself asks to be left alone. */
  readonly restFor: number | undefined;

  constructor(message: string, restFor?: number) {
    super(message);
    this.restFor = restFor;
  }
}

/** Those of `own` that should stand there; the newest first. */
export function wantedOf({ own, wanted }: Pick<Holder, 'own' | 'wanted'>): OwnCertificate[] {
  return own.filter(({ serialNumber }) => wanted.has(serialNumber));
}
