/** One process with both: the OCSP endpoint of an office, and bare routes of Fastify that answer as many octets. */
import { buildOcspRequest, parseCertificate } from '@chancery/smime';
import Fastify from 'fastify';
import { ocspEndpoint } from '../../packages/authority/src/endpoints/ocsp/ocsp-endpoint.ts';
import { OcspResponder } from '../../packages/authority/src/status/ocsp-responder.ts';
import { renewResponder } from '../../packages/authority/src/status/renew-responder.ts';
import { issuingAuthority } from '../../packages/authority/src/store/authorities.ts';
import { pkiOffice } from '../../packages/authority/test/pki-office.ts';

const CERTIFICATES = 20;

const office = await pkiOffice();
const { world } = office;
const responder = new OcspResponder(world, (authority) => renewResponder(world, authority));
const issuer = (await world.database.snapshot(issuingAuthority)).certificate;
const requests: string[] = [];
for (let n = 0; n < CERTIFICATES; n++) {
  const { certificate } = await office.signing(await office.person(`bench${n}@example.com`));
  requests.push(Buffer.from(buildOcspRequest({ cert: parseCertificate(certificate), issuer })).toString('base64'));
}
const { der } = await responder.answer(Buffer.from(requests[0] ?? '', 'base64'));

const app = Fastify();
await app.register(ocspEndpoint(responder, world.clock));
await app.register(async (bare) => {
  bare.removeAllContentTypeParsers();
  bare.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const octets = Buffer.from(der);
  bare.post('/bare', async (_request, reply) => reply.type('application/ocsp-response').send(octets));
  bare.get('/bare/*', async (_request, reply) => reply.type('application/ocsp-response').send(octets));
});
await app.listen({ host: '127.0.0.1', port: 0 });
const address = app.server.address();
console.log(JSON.stringify({ port: typeof address === 'object' ? address?.port : 0, requests }));
process.once('SIGTERM', async () => {
  await app.close();
  await office.close();
});
