/** The people of the library's README: their keys, certificates and a message in files, their CA's CRL and OCSP, and a key service. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  assembleSigned,
  authorityInfoAccess,
  authorityKeyIdentifier,
  buildOcspResponse,
  buildTbsCrl,
  type Certificate,
  createPkcs12,
  crlDistributionPoints,
  crlNumber,
  defaultHash,
  derToPem,
  keyIdentifier,
  parseOcspRequest,
  signatureAlgorithmFor,
} from '@chancery/smime';
import { createCa, issueFor, type SmallCa } from './small-ca.ts';

export interface ReadmePeople {
  /** Serves what the README calls `PKI`, and `KEY_SERVICE`. */
  readonly url: string;
  close(): void;
}

/** Writes the files that the examples read into `folder`, and serves what they fetch. */
export async function readmePeople(folder: string): Promise<ReadmePeople> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const root = await createCa('Example Root', 'ec');
  const issuing = await createCa('Example Issuing', 'ec', root, [crlDistributionPoints([`${url}/root.crl`])]);
  const pem = (name: string, certificate: Certificate) =>
    writeFileSync(path.join(folder, `${name}.pem`), derToPem(certificate.der, 'CERTIFICATE'));
  const person = async (id: string, name: string, key: KeyObject, file = id): Promise<Certificate> => {
    const certificate = await issueFor(issuing, key, {
      name,
      email: `${id}@example.com`,
      usage: key.asymmetricKeyType === 'ec' ? ['digitalSignature', 'keyAgreement'] : ['digitalSignature'],
      extensions: [authorityInfoAccess({ ocsp: [`${url}/ocsp`], caIssuers: [`${url}/issuing.cer`] })],
    });
    pem(file, certificate);
    writeFileSync(path.join(folder, `${file}.key`), key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    return certificate;
  };
  pem('root', root.certificate);
  pem('issuing', issuing.certificate);
  const annasKey = newKey();
  const anna = await person('anna', 'Anna Becker', annasKey);
  await person('anna', 'Anna Becker', generateKeyPairSync('ml-dsa-65').privateKey, 'anna.ml-dsa');
  await person('ben', 'Ben Okafor', newKey());
  const file = await createPkcs12({
    privateKey: annasKey.export({ format: 'der', type: 'pkcs8' }),
    certificate: anna.der,
    chain: [issuing.certificate.der],
    password: 'correct horse',
    profile: 'modern',
  });
  writeFileSync(path.join(folder, 'anna.p12'), file);
  writeFileSync(path.join(folder, 'message.eml'), message());
  serve(server, { root, issuing, annasKey });
  return { url, close: () => server.close() };
}

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

const message = (): string =>
  [
    'From: Anna Becker <anna@example.com>',
    'To: Ben Okafor <ben@example.com>',
    'Subject: The contract',
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    'Message-ID: <1@example.com>',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Grüße: we have a deal.',
    '',
  ].join('\r\n');

const hour = 3_600_000;

function serve(server: Server, { root, issuing, annasKey }: { root: SmallCa; issuing: SmallCa; annasKey: KeyObject }) {
  const answer = async (request: IncomingMessage): Promise<Uint8Array> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const body = await buffer(request);
    if (pathname === '/root.crl') return crlOf(root);
    if (pathname === '/issuing.cer') return issuing.certificate.der;
    if (pathname === '/sign/anna') return sign(searchParams.get('hash'), body, annasKey);
    if (!pathname.startsWith('/ocsp')) throw new Error(`Nothing at ${pathname}`);
    // RFC 6960 appendix A.1: a short request stands in the address.
    const asked = request.method === 'GET' ? Buffer.from(decodeURIComponent(pathname.slice(6)), 'base64') : body;
    const responses = parseOcspRequest(asked).requests.map((certId) => ({
      certId,
      status: 'good' as const,
      thisUpdate: new Date(),
      nextUpdate: new Date(Date.now() + hour),
    }));
    return buildOcspResponse({ signer: issuing.signer, responses, producedAt: new Date() });
  };
  server.on('request', (request, response) => {
    answer(request).then(
      (octets) => response.end(octets),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
}

async function crlOf({ certificate, signer }: SmallCa): Promise<Uint8Array> {
  const hash = defaultHash(signer.kind);
  const signatureAlgorithm = signatureAlgorithmFor(signer.kind, hash);
  const tbs = buildTbsCrl({
    signatureAlgorithm,
    issuer: certificate.subject,
    thisUpdate: new Date(Date.now() - hour),
    nextUpdate: new Date(Date.now() + hour),
    entries: [],
    extensions: [authorityKeyIdentifier(keyIdentifier(signer.spki)), crlNumber(1)],
  });
  return assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, hash));
}
