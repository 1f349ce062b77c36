/**
 * Checkpoints: the size and the root of the trail at one moment, signed. Their form is C2SP `tlog-checkpoint`, a
 * `signed-note` with Ed25519 signatures, so that witnesses which nobody here wrote can read and cosign them.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Hash } from './merkle.ts';

export interface Checkpoint {
  /** Which trail this is: the office's own name for it, without spaces at the ends or line breaks. */
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

/** A key that signs notes, as C2SP `signed-note` names it. */
export interface VerifierKey {
  /** Without spaces and plus signs. */
  readonly name: string;
  readonly use: 'log' | 'witness';
  /** Ed25519, 32 octets. */
  readonly publicKey: Uint8Array;
}

export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** What the signatures cover, with its final line break. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface NoteSignature {
  readonly name: string;
  /** 4 octets that tell keys of one name apart. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

/** signed-note: Ed25519 has type 1; tlog-cosignature: a witness's Ed25519 with a time has type 4. */
const KEY_TYPE = { log: 1, witness: 4 } as const;

/** The note's text, which the log signs. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** SHA-256(name || LF || type || public key), the first four octets. */
export function keyId({ name, use, publicKey }: VerifierKey): Uint8Array {
  return sha256(concatBytes(utf8ToBytes(`${name}\n`), Uint8Array.of(KEY_TYPE[use]), publicKey)).slice(0, 4);
}

/** As it is handed to auditors: `name+hash+key`. */
export function formatVerifierKey(key: VerifierKey): string {
  const typed = concatBytes(Uint8Array.of(KEY_TYPE[key.use]), key.publicKey);
  return `${key.name}+${bytesToHex(keyId(key))}+${toBase64(typed)}`;
}

/** @throws RangeError for anything that `formatVerifierKey` did not write */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? [];
  const typed = encoded === undefined ? undefined : fromBase64(encoded);
  const use = typed?.[0] === KEY_TYPE.log ? 'log' : typed?.[0] === KEY_TYPE.witness ? 'witness' : undefined;
  if (name === undefined || typed?.length !== 33 || use === undefined)
    throw new RangeError('This is not a verifier key.');
  const key = { name, use, publicKey: typed.subarray(1) } as const;
  if (bytesToHex(keyId(key)) !== id) throw new RangeError('This verifier key was altered: its hash is another.');
  return key;
}

/** Those of the texts that are verifier keys: what else stands among an office's keys signs nothing. */
export function readVerifierKeys(texts: readonly string[]): VerifierKey[] {
  return texts.flatMap((text) => {
    try {
      return [parseVerifierKey(text)];
    } catch {
      return [];
    }
  });
}

/** The note, with one signature line for each. */
export function formatSignedCheckpoint(text: string, signatures: readonly NoteSignature[]): string {
  const lines = signatures.map(
    ({ name, keyId: id, signature }) => `— ${name} ${toBase64(concatBytes(id, signature))}\n`,
  );
  return `${text}\n${lines.join('')}`;
}

/** @returns undefined for what is no signed checkpoint */
export function parseSignedCheckpoint(note: string): SignedCheckpoint | undefined {
  // The text ends at the last empty line; signatures follow.
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || note.length > LONGEST_NOTE) return undefined;
  const text = note.slice(0, end + 1);
  const checkpoint = readText(text);
  const lines = note.slice(end + 2).split('\n');
  if (checkpoint === undefined || lines.pop() !== '' || lines.length === 0) return undefined;
  const signatures = lines.map(readSignature);
  return signatures.includes(undefined) ? undefined : { checkpoint, text, signatures: signatures as NoteSignature[] };
}

/** Is there a signature of that key? @returns for a witness, when it saw the checkpoint */
export function isSignedBy(signed: SignedCheckpoint, key: VerifierKey): boolean {
  const id = keyId(key);
  return signed.signatures.some(
    (one) => one.name === key.name && id.every((octet, at) => octet === one.keyId[at]) && holds(signed, one, key),
  );
}

/** What a witness signs: tlog-cosignature, with the time in seconds since 1970. */
export function cosignatureText(text: string, time: number): Uint8Array {
  return utf8ToBytes(`cosignature/v1\ntime ${time}\n${text}`);
}

function holds({ text }: SignedCheckpoint, { signature }: NoteSignature, key: VerifierKey): boolean {
  try {
    if (key.use === 'log') return ed25519.verify(signature, utf8ToBytes(text), key.publicKey, STRICT);
    // timestamped_signature: 8 octets of time, 64 of signature
    const time = Number(new DataView(signature.slice(0, 8).buffer).getBigUint64(0));
    return ed25519.verify(signature.subarray(8), cosignatureText(text, time), key.publicKey, STRICT);
  } catch {
    return false;
  }
}

const STRICT = { zip215: false } as const;
/** A checkpoint has three lines and as many signatures as it has witnesses. */
const LONGEST_NOTE = 64_000;

function readText(text: string): Checkpoint | undefined {
  // Lines after the third are extensions; there are none of ours, and none that change the meaning.
  const [origin, size, root] = text.split('\n');
  if (origin === undefined || origin === '' || size === undefined || root === undefined) return undefined;
  if (!/^(0|[1-9]\d{0,15})$/.test(size)) return undefined;
  const hash = fromBase64(root);
  return hash?.length === 32 ? { origin, size: Number(size), root: hash } : undefined;
}

function readSignature(line: string): NoteSignature | undefined {
  const [, name, encoded] = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  const octets = encoded === undefined ? undefined : fromBase64(encoded);
  if (name === undefined || octets === undefined || octets.length < 5) return undefined;
  return { name, keyId: octets.slice(0, 4), signature: octets.slice(4) };
}

function toBase64(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets));
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    const octets = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    // One text for one value: padding and stray bits as they should be.
    return toBase64(octets) === text ? octets : undefined;
  } catch {
    return undefined;
  }
}
