/** The servers of a partner, as small as they can be: LDAP, DNS over TCP and HTTPS, each with what was published in it. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  derToPem,
  localSigner,
  signatureAlgorithmFor,
  subjectAltName,
} from '@chancery/smime';
import { openHttpDirectory } from '../../src/recipients/http-directory.ts';
import { openLdapSource } from '../../src/recipients/ldap.ts';
import { openSmimeaSource, ownerNames } from '../../src/recipients/smimea.ts';
import type { RecipientSource } from '../../src/recipients/source.ts';

export interface Peer {
  readonly source: RecipientSource;
  /** DER; what is there already is replaced. */
  publish(address: string, values: readonly Uint8Array[]): void;
  /** From now on it takes questions and answers none; false: it answers again. */
  hang(yes?: boolean): void;
  /** Questions that came. */
  readonly asked: string[];
  stop(): Promise<void>;
}

export async function ldapPeer(): Promise<Peer & { readonly url: string }> {
  const { entries, asked, state, common } = board();
  const server = await listening((socket) => {
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (let whole = element(received); whole !== undefined; whole = element(received)) {
        received = received.subarray(whole.length);
        const [id, operation] = parts(whole.content);
        if (state.hangs || id === undefined || operation === undefined) return;
        if (operation.tag === 0x42) return socket.end();
        if (operation.tag !== 0x63) continue;
        // equalityMatch (RFC 4511 4.5.1): attribute, value.
        const [, , , , , , filter] = parts(operation.content);
        const value = parts(filter?.content ?? Buffer.alloc(0))[1]?.content.toString('utf8') ?? '';
        asked.push(value);
        const found = entries.get(value.toLowerCase());
        const reply = (body: Buffer) => socket.write(tlv(0x30, tlv(0x02, id.content), body));
        if (found !== undefined) {
          const attribute = tlv(
            0x30,
            tlv(0x04, Buffer.from('userCertificate;binary')),
            tlv(0x31, ...found.map((one) => tlv(0x04, one))),
          );
          reply(tlv(0x64, tlv(0x04, Buffer.from('cn=x')), tlv(0x30, attribute)));
        }
        reply(tlv(0x65, tlv(0x0a, Buffer.of(0)), tlv(0x04), tlv(0x04)));
      }
    });
  });
  const url = `ldap://127.0.0.1:${portOf(server)}`;
  const source = openLdapSource(
    {
      ...{ kind: 'ldap', name: 'partner-ldap', domains: ['partner.example'], ignoreFailures: false, startTls: false },
      ...{
        url,
        baseDn: 'dc=partner',
        filter: '(mail={address})',
        timeoutSeconds: 2,
      },
      ...{ ca: undefined, bindDn: undefined, password: undefined },
    },
    undefined,
  );
  return { ...common, url, source, stop: ending(server, source) };
}

/** What a record says of the certificate that follows: usage 3, the whole of it. */
export const daneEe = Buffer.of(3, 0, 0);

export interface DnsPeer extends Peer {
  /** Whether the resolver says that it has validated. */
  prove(proven: boolean): void;
  /** Whole records under the address. */
  records(address: string, data: readonly Uint8Array[]): void;
  /** The response code of every answer. */
  answer(code: number): void;
  ttl(seconds: number): void;
}

export async function dnsPeer(): Promise<DnsPeer> {
  const { asked, state, common } = board();
  const names = new Map<string, readonly Uint8Array[]>();
  let [proven, code, ttl] = [true, 0, 300];
  const server = await listening((socket) => {
    socket.on('data', (chunk: Buffer) => {
      const query = chunk.subarray(2);
      const end = query.indexOf(0, 12) + 1;
      const name = nameIn(query);
      asked.push(name);
      if (state.hangs) return;
      const found = names.get(name) ?? [];
      const head = Buffer.alloc(12);
      query.copy(head, 0, 0, 2);
      head.writeUInt16BE(0x8180 | (proven ? 0x20 : 0) | (found.length === 0 && code === 0 ? 3 : code), 2);
      head.writeUInt16BE(1, 4);
      head.writeUInt16BE(code === 0 ? found.length : 0, 6);
      const records = (code === 0 ? found : []).map((data) => {
        const record = Buffer.from([0xc0, 12, 0, 53, 0, 1, 0, 0, 0, 0, 0, 0]);
        record.writeUInt32BE(ttl, 6);
        record.writeUInt16BE(data.length, 10);
        return Buffer.concat([record, data]);
      });
      const answer = Buffer.concat([head, query.subarray(12, end + 4), ...records]);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    });
  });
  const source = openSmimeaSource({
    ...{ kind: 'smimea', name: 'dns', domains: undefined, ignoreFailures: false, timeoutSeconds: 2 },
    resolver: { host: '127.0.0.1', port: portOf(server) },
  });
  const records = (address: string, data: readonly Uint8Array[]) => {
    // As its own office does: under the address as it is written.
    names.set(ownerNames(address)[0] ?? '', data);
  };
  return {
    ...common,
    source,
    publish: (address, values) =>
      records(
        address,
        values.map((der) => Buffer.concat([daneEe, der])),
      ),
    records,
    prove(value) {
      proven = value;
    },
    answer(value) {
      code = value;
    },
    ttl(value) {
      ttl = value;
    },
    stop: ending(server, source),
  };
}

export interface HttpPeer extends Peer {
  /** Of every answer: its status, its header fields, and its body in place of what is published. */
  answer(status: number, headers?: Record<string, string>, body?: Buffer): void;
}

export async function httpPeer(): Promise<HttpPeer> {
  const { entries, asked, state, common } = board();
  const { certificate, key } = await serverCertificate();
  let fixed: { status: number; headers: Record<string, string>; body: Buffer } | undefined;
  const server = createHttps({ cert: certificate, key }, (request, response) => {
    asked.push(request.url ?? '');
    if (state.hangs) return;
    const address = decodeURIComponent((request.url ?? '').slice('/certificates/'.length));
    const found = entries.get(address.toLowerCase());
    const pem = (found ?? []).map((der) => derToPem(der, 'CERTIFICATE')).join('');
    response.writeHead(fixed?.status ?? (found === undefined ? 404 : 200), fixed?.headers ?? {});
    response.end(fixed?.body ?? pem);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(path.join(tmpdir(), 'directory-'));
  const ca = path.join(folder, 'ca.pem');
  writeFileSync(ca, certificate);
  const source = openHttpDirectory(
    {
      ...{ kind: 'http', name: 'partner-http', domains: ['partner.example'], ignoreFailures: false, timeoutSeconds: 2 },
      ...{ url: `https://localhost:${portOf(server)}/certificates/{address}`, ca, token: undefined },
    },
    undefined,
  );
  rmSync(folder, { recursive: true });
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const answer: HttpPeer['answer'] = (status, headers = {}, body = Buffer.alloc(0)) => {
    fixed = { status, headers, body };
  };
  return { ...common, source, answer, stop };
}

function board() {
  const entries = new Map<string, readonly Uint8Array[]>();
  const asked: string[] = [];
  const state = { hangs: false };
  const common = {
    asked,
    publish: (address: string, values: readonly Uint8Array[]) => void entries.set(address.toLowerCase(), values),
    hang(yes = true) {
      state.hangs = yes;
    },
  };
  return { entries, asked, state, common };
}

function listening(take: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    take(socket);
  });
  server.on('ending', () => {
    for (const socket of sockets) socket.destroy();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const ending = (server: Server, source: RecipientSource) => async () => {
  await source.close?.();
  server.emit('ending');
  await new Promise((resolve) => server.close(resolve));
};

function portOf(server: { address(): ReturnType<Server['address']> }): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function serverCertificate() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = localSigner(privateKey);
  const name = buildName([{ type: 'commonName', value: 'localhost' }]);
  const algorithm = signatureAlgorithmFor(signer.kind, 'sha256');
  const tbs = buildTbsCertificate({
    serialNumber: `5a${randomBytes(8).toString('hex')}`,
    signatureAlgorithm: algorithm,
    issuer: name,
    subject: name,
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    extensions: [subjectAltName({ dns: ['localhost'] })],
  });
  const der = assembleSigned(tbs, algorithm, await signer.sign(tbs, 'sha256'));
  return { certificate: derToPem(der, 'CERTIFICATE'), key: privateKey.export({ format: 'pem', type: 'pkcs8' }) };
}

/** One element of BER with a definite length: all that LDAP has (RFC 4511 5.1). */
function element(octets: Buffer): { tag: number; content: Buffer; length: number } | undefined {
  if (octets.length < 2) return undefined;
  const first = octets.readUInt8(1);
  const more = first < 0x80 ? 0 : first & 0x7f;
  if (octets.length < 2 + more) return undefined;
  const size = more === 0 ? first : octets.readUIntBE(2, more);
  const length = 2 + more + size;
  return octets.length < length
    ? undefined
    : { tag: octets.readUInt8(0), content: octets.subarray(2 + more, length), length };
}

function parts(octets: Buffer): { tag: number; content: Buffer }[] {
  const found = element(octets);
  return found === undefined ? [] : [found, ...parts(octets.subarray(found.length))];
}

function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([Buffer.of(tag, 0x84), length, content]);
}

function nameIn(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query.readUInt8(at) !== 0; at += 1 + query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query.readUInt8(at)));
  }
  return labels.join('.').toLowerCase();
}
