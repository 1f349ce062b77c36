import { parseCertificate, parseCrl, verifyCertificateSignature, verifyCrlSignature } from '@chancery/smime';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../../test/pki-office.ts';
import { generateCrl } from '../../ca/crl.ts';
import { perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { issuingAuthority } from '../../store/authorities.ts';
import { repositoryEndpoint } from './repository-endpoint.ts';

let now = new Date('2026-03-01T12:00:00Z');
let office: PkiOffice;
let app: FastifyInstance;

beforeAll(async () => {
  office = await pkiOffice({ clock: () => now });
  app = Fastify();
  await app.register(repositoryEndpoint(office.world));
});
afterAll(async () => {
  await app.close();
  await office.close();
});

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });

describe('the repository', () => {
  it('has both certificates and their CRLs, each of which the other verifies', async () => {
    const root = parseCertificate((await get('/ca/root.cer')).rawPayload);
    const reply = await get('/ca/issuing.cer');
    expect(reply.headers['content-type']).toBe('application/pkix-cert');
    const issuing = parseCertificate(reply.rawPayload);
    expect(verifyCertificateSignature(issuing, root)).toBe(true);
    for (const [slug, issuer] of [
      ['root', root],
      ['issuing', issuing],
    ] as const) {
      const crl = await get(`/crl/${slug}.crl`);
      expect(crl.headers['content-type']).toBe('application/pkix-crl');
      expect(verifyCrlSignature(parseCrl(crl.rawPayload), issuer)).toBe(true);
    }
  });

  it('has the chain as PKCS#7', async () => {
    const reply = await get('/ca/chain.p7c');
    expect(reply.headers['content-type']).toBe('application/pkcs7-mime; smime-type=certs-only');
    for (const name of ['root', 'issuing'])
      expect(reply.rawPayload.includes((await get(`/ca/${name}.cer`)).rawPayload)).toBe(true);
  });

  it('answers 304 until there is a new CRL', async () => {
    // Within the second in which it was made another might be.
    expect((await get('/crl/issuing.crl')).headers['last-modified']).toBeUndefined();
    now = new Date(now.getTime() + 1000);
    const first = await get('/crl/issuing.crl');
    const etag = String(first.headers.etag);
    const known = await get('/crl/issuing.crl', { 'if-none-match': etag });
    expect([known.statusCode, known.rawPayload.length]).toEqual([304, 0]);
    const since = await get('/crl/issuing.crl', { 'if-modified-since': String(first.headers['last-modified']) });
    expect(since.statusCode).toBe(304);
    now = new Date(now.getTime() + 5000);
    const { id: authorityId } = await office.world.database.snapshot(issuingAuthority);
    await perform(office.world, generateCrl, system, { authorityId });
    expect((await get('/crl/issuing.crl', { 'if-none-match': etag })).statusCode).toBe(200);
    const modified = await get('/crl/issuing.crl', { 'if-modified-since': String(first.headers['last-modified']) });
    expect(parseCrl(modified.rawPayload).crlNumber).toBe('02');
  });

  it.each(['/crl/other.crl', '/crl/issuing.pem', '/ca/other.cer', '/ca/issuing', '/crl/..%2Fissuing.crl'])(
    'has nothing at %s',
    async (url) => {
      const reply = await get(url);
      expect(reply.json()).toMatchObject({ code: 'not-found' });
    },
  );
});
