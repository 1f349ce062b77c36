/** Everybody in the matrix, in the order of its columns. */
import { bouncyCastle } from './bouncy-castle.ts';
import { gnutls } from './gnutls.ts';
import { gpgsm } from './gpgsm.ts';
import { nss, nssOfThunderbird } from './nss.ts';
import { openssl } from './openssl.ts';
import type { Peer } from './peer.ts';
import { thunderbird } from './thunderbird.ts';

export const matrixPeers = {
  openssl,
  bouncyCastle,
  gpgsm,
  nss,
  nssOfThunderbird,
  thunderbird,
  gnutls,
} as const satisfies Record<string, Peer>;

export type MatrixPeerName = keyof typeof matrixPeers;
