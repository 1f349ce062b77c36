/** Builds and signs a CRL with the engine: the same input and the same output as `openssl-crl.c`. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buildName, crlNumber, layOutCrl, localSigner, RevokedList, signatureAlgorithmFor } from '@chancery/smime';

const [count = '', file = ''] = process.argv.slice(2);
const entries = Number(count);
const serials = readFileSync(file);
const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
const usage = process.cpuUsage();
const began = performance.now();

const list = new RevokedList(entries);
for (let n = 0; n < entries; n++) {
  // As a database hands it over: text.
  const serial = serials.toString('hex', n * 16, n * 16 + 16);
  list.add(serial, (1_700_000_000 + n * 37) * 1_000, n % 2 === 1 ? 'keyCompromise' : undefined);
}
const algorithm = signatureAlgorithmFor('p256', 'sha256');
const crl = layOutCrl({
  signatureAlgorithm: algorithm,
  issuer: buildName([{ type: 'commonName', value: 'Benchmark CA' }]),
  thisUpdate: new Date(1_790_000_000_000),
  nextUpdate: new Date(1_790_600_000_000),
  entries: list,
  extensions: [crlNumber(1)],
});
const der = crl.withSignature(await signer.sign(crl.tbs, 'sha256'));

const wall = performance.now() - began;
const { user, system } = process.cpuUsage(usage);
console.log(
  `${wall.toFixed(1)} ${((user + system) / 1_000).toFixed(1)} ${process.resourceUsage().maxRSS} ${der.length}`,
);
