/** The port of a place where an authority's documents are published. */
import type { StatusDocument } from '../status/documents.ts';

export interface DocumentTarget {
  readonly name: string;
  /** Does a document of that kind belong there at all? */
  takes(document: StatusDocument): boolean;
  /**
   * Puts the document in the place of the one before, whole or not at all.
   * @param octets DER
   * @throws Error with a sentence for a person
   */
  put(document: StatusDocument, octets: Buffer): Promise<void>;
}
