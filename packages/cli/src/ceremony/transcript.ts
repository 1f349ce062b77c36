/**
 * The transcript of a key ceremony: lines for people, signed by the root key that the ceremony is about. The signature is
 * over every octet above its own line.
 */
import { verify } from 'node:crypto';
import { type Certificate, defaultHash, type Signer } from '@chancery/smime';

const SIGNATURE = 'Signature: ';

export class Transcript {
  readonly #lines: string[] = [];
  readonly #say: (line: string) => void;

  /** @param say prints each line as it is written */
  constructor(title: string, witnesses: readonly string[], say: (line: string) => void) {
    this.#say = say;
    this.note(title);
    for (const witness of witnesses) this.note(`present: ${witness}`);
  }

  /** One line, with the instant in UTC. A line break in it would be a line that nobody wrote. */
  note(text: string): void {
    const line = `${new Date().toISOString()} ${text.replaceAll(/\p{Cc}/gu, ' ')}`;
    this.#lines.push(line);
    this.#say(line);
  }

  async sign(signer: Signer): Promise<string> {
    const body = `${this.#lines.join('\n')}\n`;
    const hash = defaultHash(signer.kind);
    const signature = await signer.sign(Buffer.from(body), hash);
    return `${body}${SIGNATURE}${Buffer.from(signature).toString('base64')}\n`;
  }
}

/** Whether the root's key signed this very text. */
export function verifyTranscript(text: string, root: Pick<Certificate, 'publicKey' | 'keyKind'>): boolean {
  const at = text.lastIndexOf(`\n${SIGNATURE}`);
  if (at < 0 || root.keyKind === undefined) return false;
  const signature = /^Signature: ([A-Za-z0-9+/=]+)\n?$/.exec(text.slice(at + 1))?.[1];
  if (signature === undefined) return false;
  // EdDSA and ML-DSA hash inside.
  const hashes = root.keyKind === 'rsa' || root.keyKind.startsWith('p');
  const algorithm = hashes ? defaultHash(root.keyKind) : null;
  return verify(algorithm, Buffer.from(text.slice(0, at + 1)), root.publicKey, Buffer.from(signature, 'base64'));
}
