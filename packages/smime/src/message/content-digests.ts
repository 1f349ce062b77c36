/** Digests of signed content that goes by, as it stands and with its lines made to end at CRLF. */
import type { Hash } from 'node:crypto';
import type { SignedContent } from '../cms/check-signer.ts';
import type { DigestName } from '../keys/algorithms.ts';
import { startDigest } from '../keys/digest.ts';
import { limits } from '../limits.ts';
import { toCrlf } from '../mime/canonical.ts';
import { LineCheck } from '../mime/line-check.ts';
import { crlfConverter, type Stage } from '../mime/stream-encoding.ts';

type Hashes = ReadonlyMap<DigestName, Hash>;

export class ContentDigests {
  private readonly asItStands: Hashes;
  /** Both forms are the same until a CR or an LF stands alone. */
  private withCrlf: Hashes | undefined;
  private converter: Stage | undefined;
  private readonly check = new LineCheck();
  private last: number | undefined;
  private splitBreak = false;
  /** A small content is kept: a signature without signed attributes covers the octets themselves. */
  private kept: Buffer[] | undefined = [];
  private keptLength = 0;
  private readonly values = new Map<Hash, Buffer>();

  constructor(names: readonly DigestName[]) {
    this.asItStands = new Map([...new Set(names)].map((name) => [name, startDigest(name)]));
  }

  update(octets: Buffer): void {
    if (octets.length === 0) return;
    this.check.push(octets);
    if (this.check.bare) this.fork();
    const joined = this.splitBreak && octets[0] === 0x0a;
    this.splitBreak = false;
    this.converter?.push(joined ? octets.subarray(1) : octets);
    for (const hash of this.asItStands.values()) hash.update(octets);
    this.last = octets[octets.length - 1];
    this.keptLength += octets.length;
    if (this.keptLength > limits.streamKeptOctets) this.kept = undefined;
    this.kept?.push(Buffer.from(octets));
  }

  end(): void {
    this.check.end();
    if (this.check.bare) this.fork();
  }

  content(contentType: string): SignedContent {
    return this.form(contentType, this.asItStands, this.kept && Buffer.concat(this.kept));
  }

  /** Undefined where it is the same. */
  canonical(contentType: string): SignedContent | undefined {
    return this.withCrlf && this.form(contentType, this.withCrlf, this.kept && toCrlf(Buffer.concat(this.kept)));
  }

  private form(contentType: string, hashes: Hashes, octets: Buffer | undefined): SignedContent {
    return {
      contentType,
      octets,
      digest: (name) => {
        const hash = hashes.get(name);
        if (hash === undefined) return undefined;
        const value = this.values.get(hash) ?? hash.digest();
        this.values.set(hash, value);
        return value;
      },
    };
  }

  private fork(): void {
    if (this.withCrlf) return;
    const copies = new Map([...this.asItStands].map(([name, hash]) => [name, hash.copy()] as const));
    this.withCrlf = copies;
    this.converter = crlfConverter((octets) => {
      for (const hash of copies.values()) hash.update(octets);
    });
    // The CR that ended the piece before is in both; here it needs its LF.
    if (this.last !== 0x0d) return;
    for (const hash of copies.values()) hash.update('\n');
    this.splitBreak = true;
  }
}
