/** The port of a directory in which certificates are published. */

export interface Directory {
  readonly name: string;
  /**
   * Makes one person's entry hold exactly `wanted` of `ours`; values that are not among `ours` are never touched.
   * @param ours every certificate of ours that the entry may hold, DER
   * @param wanted those of `ours` that should stand there
   * @throws Error with a sentence for a person when the directory is down, refuses, or has no such entry
   */
  reconcile(address: string, ours: readonly Uint8Array[], wanted: readonly Uint8Array[]): Promise<void>;
}
