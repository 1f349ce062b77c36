/**
 * The quorum's cryptography, the same in the server, the command line and the browser: how officers make a vault key that
 * none of them holds, how a record is locked to it, and how M of them open one with proofs.
 */

export {
  acceptTranscript,
  type CeremonyPlan,
  checkDealing,
  checkPlan,
  type Dealing,
  deal,
  dealOn,
  fingerprintOf,
  isAcceptedBy,
  MOST_OFFICERS,
  type PlannedOfficer,
  readTranscript,
  receiveShare,
  type Share,
  type Transcript,
  type VaultKey,
} from './dealing.ts';
export { canonical, digestOf } from './encoding.ts';
export { VaultError, type VaultErrorCode } from './errors.ts';
export { dataKey, type LockBinding, newHalf, openHalf, type SealedHalf, sealHalf } from './lock.ts';
export { checkPartial, combinePartials, contribute, type Opening, type Partial } from './partial.ts';
export {
  deriveShareKey,
  forgetShareKey,
  isSignedBy,
  newSeed,
  PRF_INPUT,
  type ShareKey,
  type SharePublicKeys,
  seedFromPasskey,
  signDocument,
} from './share-key.ts';
export { isShareKeyFile, LEAST_PASSPHRASE, openShareKey, type ShareKeyFile, sealShareKey } from './share-key-file.ts';
