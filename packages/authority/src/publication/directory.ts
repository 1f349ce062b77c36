/** The port of a directory in which certificates are published. */

export interface Directory {
  readonly name: string;
  /**
   * Makes one person's entry hold exactly `wanted` of `ours`; values that are not among `ours` are never touched. Where
   * nothing is wanted, an entry that is gone is as good as one that holds nothing.
   * @param ours every certificate of ours that the entry may hold, DER
   * @param wanted those of `ours` that should stand there
   * @throws DirectoryDown when the directory cannot be asked at all, Error when it refuses or has no such entry; with a
   *   sentence for a person
   */
  reconcile(address: string, ours: readonly Uint8Array[], wanted: readonly Uint8Array[]): Promise<void>;
}

/** Nobody can be published there just now. */
export class DirectoryDown extends Error {
  override readonly name = 'DirectoryDown';
}
