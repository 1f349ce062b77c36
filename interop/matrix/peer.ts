/** What the matrix asks of every peer. */
import type { PeerName } from '../peers.ts';
import type { Sample } from './ours.ts';
import type { People } from './people.ts';
import type { Row } from './rows.ts';

/** `says` is the peer's own reason. */
export type Outcome = { readonly ok: true } | { readonly ok: false; readonly says: string };

export interface Peer {
  readonly title: string;
  readonly needs: readonly PeerName[];
  version(): string;
  /** Makes keys and databases, starts programs: once. */
  open(people: People): Promise<Session>;
}

export interface Session {
  /** Verifies or decrypts what we wrote, down to the text. Undefined where the peer has nothing of the kind. */
  read(row: Row, sample: Sample): Promise<Outcome | undefined>;
  /** Undefined where the peer has nothing of the kind, or cannot be asked for it. */
  write(row: Row): Promise<Sample | { readonly says: string } | undefined>;
  close(): Promise<void>;
}

/** Whether what a peer took out of a message is what went in. */
export function isEntity(octets: Buffer): boolean {
  return octets.toString('latin1').replaceAll('\r\n', '\n').includes('The Chancery sends gr=C3=BC=C3=9Fe.\n');
}
