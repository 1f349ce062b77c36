/** The audit trail as its readers check it, the same in the server, the command line and the browser. */
export {
  type Checkpoint,
  checkpointText,
  cosignatureText,
  formatSignedCheckpoint,
  formatVerifierKey,
  isSignedBy,
  keyId,
  type NoteSignature,
  parseSignedCheckpoint,
  parseVerifierKey,
  readVerifierKeys,
  type SignedCheckpoint,
  type VerifierKey,
} from './checkpoint.ts';
export {
  consistencyProof,
  EMPTY_ROOT,
  GrowingTree,
  type Hash,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  type Node,
  type NodeReader,
  nodeHash,
  peaksOf,
  rootOf,
} from './merkle.ts';
export {
  isProven,
  type ProvenRecord,
  RECORD_FILE,
  type RecordFile,
  signedCheckpoint,
  verifyRecordFile,
} from './record-file.ts';
