/** Encryption keys of one person that are about to reach them, and how they are packed. */
import type { Pkcs12Profile } from '@chancery/smime';

export interface CollectedKeys {
  readonly person: { readonly id: string; readonly name: string; readonly address: string };
  /** DER, newest first: one for each key and each certificate that it had. */
  readonly certificates: readonly Uint8Array[];
  /** Of the escrowed key that each of these belongs to. */
  readonly keyIds: readonly string[];
  /** PKCS#12 of all of them, or of the one at that place alone. */
  pack(how: {
    readonly password: string;
    readonly profile: Pkcs12Profile;
    readonly only?: number;
  }): Promise<Uint8Array>;
}
