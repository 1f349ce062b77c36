/** A time-stamping authority on loopback (RFC 3161 3.4), and ways in which one can be wrong. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  type Certificate,
  DerReader,
  defaultHash,
  derToPem,
  extendedKeyUsage,
  localSigner,
  makeTimeStamp,
  oids,
  parseCertificate,
  type Signer,
  signatureAlgorithmFor,
} from '@chancery/smime';

type Mishap = 'none' | 'refused' | 'another nonce' | 'another file' | 'yesterday' | 'no stamp' | 'endless' | 'gone';

export class LoopbackStamper {
  mishap: Mishap = 'none';
  requests = 0;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));
  readonly #signer: Signer;
  readonly #certificate: Certificate;
  readonly #clock: () => Date;

  private constructor(signer: Signer, certificate: Certificate, clock: () => Date) {
    this.#signer = signer;
    this.#certificate = certificate;
    this.#clock = clock;
  }

  static async start(clock: () => Date): Promise<LoopbackStamper> {
    const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const hash = defaultHash(signer.kind);
    const algorithm = signatureAlgorithmFor(signer.kind, hash);
    const name = buildName([{ type: 'commonName', value: 'Clock of others' }]);
    const tbs = buildTbsCertificate({
      serialNumber: '4b',
      signatureAlgorithm: algorithm,
      issuer: name,
      subject: name,
      notBefore: new Date('2025-01-01'),
      notAfter: new Date('2035-01-01'),
      spki: signer.spki,
      extensions: [extendedKeyUsage([oids.timeStamping], true)],
    });
    const der = assembleSigned(tbs, algorithm, await signer.sign(tbs, hash));
    const stamper = new LoopbackStamper(signer, parseCertificate(der), clock);
    await new Promise<void>((resolve) => stamper.#server.listen(0, '127.0.0.1', resolve));
    return stamper;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/tsa`;
  }

  get pem(): string {
    return derToPem(this.#certificate.der, 'CERTIFICATE');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    if (this.mishap === 'gone') return void response.socket?.destroy();
    const isQuery = request.headers['content-type'] === 'application/timestamp-query';
    response.writeHead(isQuery ? 200 : 400, { 'content-type': 'application/timestamp-reply' });
    if (this.mishap === 'endless') {
      const more = () => !response.destroyed && response.write(Buffer.alloc(65_536), () => setImmediate(more));
      return void more();
    }
    const octets = this.mishap === 'no stamp' ? Buffer.from('<html>') : await this.#stamp(await buffer(request));
    response.end(octets);
  }

  async #stamp(query: Buffer): Promise<Uint8Array> {
    if (this.mishap === 'refused') return REFUSED;
    const reader = new DerReader(query).enter();
    reader.smallInteger();
    const imprint = reader.enter();
    imprint.skip();
    const asked = imprint.octetString();
    const nonce = reader.integerContent();
    const at = this.#clock().getTime() - (this.mishap === 'yesterday' ? 86_400_000 : 0);
    const token = await makeTimeStamp({
      policy: '1.3.6.1.4.1.32473.7',
      hash: 'sha256',
      hashed: this.mishap === 'another file' ? createHash('sha256').update('another').digest() : asked,
      serialNumber: Buffer.of(1, this.requests),
      time: new Date(at),
      nonce: this.mishap === 'another nonce' ? Buffer.of(1) : nonce,
      signer: { signer: this.#signer, certificate: this.#certificate },
    });
    return sequence(Buffer.from('3003020100', 'hex'), token);
  }
}

/** PKIStatusInfo: rejection, "closed". */
const REFUSED = Buffer.from('300f300d02010230080c06636c6f736564', 'hex');

/** DER SEQUENCE of at least 256 octets. */
function sequence(...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const header = Buffer.of(0x30, 0x82, content.length >> 8, content.length & 0xff);
  return Buffer.concat([header, content]);
}
