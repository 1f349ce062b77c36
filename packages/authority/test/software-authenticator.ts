/** A passkey in software: enough of WebAuthn (level 3) and CBOR (RFC 8949) to make and use one P-256 credential. */
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';

type Json = Record<string, unknown>;

export class SoftwareAuthenticator {
  readonly #origin: string;
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #id = randomBytes(16);
  #counter = 0;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** The answer to registration options. */
  create(options: Json): Json {
    const clientData = this.#clientData('webauthn.create', String(options.challenge));
    const attestation = map([
      ['fmt', text('none')],
      ['attStmt', map([])],
      ['authData', bytes(this.#authenticatorData(true))],
    ]);
    return this.#credential({
      clientDataJSON: clientData.toString('base64url'),
      attestationObject: attestation.toString('base64url'),
      transports: ['internal'],
    });
  }

  /** The answer to authentication options. */
  get(options: Json): Json {
    const clientData = this.#clientData('webauthn.get', String(options.challenge));
    const authenticatorData = this.#authenticatorData(false);
    const signature = createSign('sha256')
      .update(authenticatorData)
      .update(createHash('sha256').update(clientData).digest())
      .sign(this.#keys.privateKey);
    return this.#credential({
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authenticatorData.toString('base64url'),
      signature: signature.toString('base64url'),
    });
  }

  #credential(response: Json): Json {
    const id = this.#id.toString('base64url');
    return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response };
  }

  #clientData(type: string, challenge: string): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.#origin, crossOrigin: false }));
  }

  /** User present and verified; with the credential's public key when it is made. */
  #authenticatorData(attested: boolean): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(++this.#counter);
    const rpIdHash = createHash('sha256').update(new URL(this.#origin).hostname).digest();
    const flags = Buffer.of(attested ? 0x45 : 0x05);
    if (!attested) return Buffer.concat([rpIdHash, flags, counter]);
    const { x, y } = this.#keys.publicKey.export({ format: 'jwk' });
    // COSE_Key (RFC 9052): EC2, ES256, P-256.
    const key = Buffer.concat([
      Buffer.from('a5010203262001', 'hex'),
      Buffer.from('21', 'hex'),
      bytes(Buffer.from(String(x), 'base64url')),
      Buffer.from('22', 'hex'),
      bytes(Buffer.from(String(y), 'base64url')),
    ]);
    const idLength = Buffer.alloc(2);
    idLength.writeUInt16BE(this.#id.length);
    return Buffer.concat([rpIdHash, flags, counter, Buffer.alloc(16), idLength, this.#id, key]);
  }
}

function head(major: number, length: number): Buffer {
  if (length < 24) return Buffer.of((major << 5) | length);
  if (length < 256) return Buffer.of((major << 5) | 24, length);
  return Buffer.of((major << 5) | 25, length >> 8, length & 0xff);
}
const bytes = (octets: Buffer) => Buffer.concat([head(2, octets.length), octets]);
const text = (string: string) => Buffer.concat([head(3, Buffer.byteLength(string)), Buffer.from(string)]);
const map = (entries: [string, Buffer][]) =>
  Buffer.concat([head(5, entries.length), ...entries.flatMap(([key, value]) => [text(key), value])]);
