/**
 * The quorum's cryptography, the same in the server, the command line and the browser: how officers make a vault key that
 * none of them holds, how a record is locked to it, and how M of them open one with proofs.
 */

export {
  type BatchDocument,
  type BatchKind,
  type BatchPart,
  contributeToBatches,
  MOST_IN_BATCH,
  type OfflineDocument,
  openingOfBatch,
  type RewrapTarget,
  readBatch,
  tookPart,
} from './batch.ts';
export {
  type CeremonyPlan,
  checkDealing,
  checkPlan,
  type Dealing,
  fingerprintOf,
  isAcceptedBy,
  MOST_OFFICERS,
  type PastCeremony,
  type PlannedOfficer,
  readTranscript,
  type Transcript,
  type VaultKey,
  vaultKeyOf,
} from './dealing.ts';
export { canonical, digestOf, fromBase64Url, toBase64Url } from './encoding.ts';
export { VaultError, type VaultErrorCode } from './errors.ts';
export { type LockBinding, lockKey, newHalf, openHalf, type SealedHalf, sealHalf, sealOwnedHalf } from './lock.ts';
export { acceptFor, approve, dealFor, type PointEvidence, PURPOSES, pointsOfRequest } from './officer.ts';
export {
  checkOrigins,
  collectOrigins,
  type KnownTrail,
  type LockedPoint,
  lockedPoint,
  type Origins,
  type WantedPoint,
} from './origins.ts';
export {
  checkOwnerPublicKey,
  deriveOwnerKey,
  OWNER_LOCK_LENGTH,
  OWNER_PRF_INPUT,
  type OwnerKey,
  openOwnerLock,
  sealOwnerLock,
} from './owner-key.ts';
export { isOwnedBy, type PointOwner } from './ownership.ts';
export { checkPartial, combinePartials, type Opening, openPoints, type Partial } from './partial.ts';
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
export {
  type Argon2id,
  argon2idInJavaScript,
  LEAST_PASSPHRASE,
  openShareKey,
  type ShareKeyFile,
  sealShareKey,
} from './share-key-file.ts';
