/** [status.keys]: `chancery status` answers with the keys of responders alone, and the office moves them there by itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type KeyStore, parseKeyReference } from '@chancery/keystore';
import { buildOcspRequest, parseCertificate, parseOcspResponse } from '@chancery/smime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { type AuthorityConfig, parseAuthorityConfig } from '../config.ts';
import { openKeyStoresForStatus, openOfficeKeys } from '../key-stores.ts';
import { type RunningStatus, startStatus } from '../status-main.ts';
import { issuingAuthority } from '../store/authorities.ts';
import { responderCertificates } from '../store/certificates.ts';
import type { World } from '../world.ts';
import { renewDueResponders } from './renew-responder.ts';

const SECRETS = { CHANCERY_TEST_KEYS: 'of the office', CHANCERY_TEST_STATUS_KEYS: 'of the responders' };
const keys = '[keys]\nsecret = { env = "CHANCERY_TEST_KEYS" }\n';
const statusKeys = '[status]\nport = 0\n[status.keys]\nsecret = { env = "CHANCERY_TEST_STATUS_KEYS" }\n';
const home = mkdtempSync(path.join(tmpdir(), 'chancery-status-keys-'));
const config: AuthorityConfig = parseAuthorityConfig(keys + statusKeys, home);
/** Of the public host: it has the folder of the responders' keys, and the secret for it, and no other. */
const publicConfig: AuthorityConfig = parseAuthorityConfig(statusKeys, home);

let office: PkiOffice;
let world: World;
let onlyResponders: KeyStore;
let status: RunningStatus;
beforeAll(async () => {
  Object.assign(process.env, SECRETS);
  const opened = await openOfficeKeys(config, { info() {}, warn() {}, error() {} });
  office = await pkiOffice({ keyStore: opened.keyStore });
  // As it was before the office was told to keep responders' keys apart.
  await renewDueResponders(office.world);
  world = { ...office.world, ...opened, config };
  onlyResponders = await openKeyStoresForStatus(publicConfig, office.world.log);
  status = await startStatus({
    config: publicConfig,
    connection: office.connection,
    keyStore: onlyResponders,
    log: office.world.log,
  });
});
afterAll(async () => {
  await status?.stop();
  await onlyResponders?.close();
  await office?.close();
  rmSync(home, { recursive: true, force: true });
  for (const name of Object.keys(SECRETS)) delete process.env[name];
});

const health = async () => {
  const answer = await fetch(`http://127.0.0.1:${status.port}/health`);
  return { code: answer.status, ...((await answer.json()) as { problems: string[] }) };
};

it('a process that has them alone cannot answer by a key of the office’s store', async () => {
  expect(await health()).toMatchObject({ code: 503, problems: [expect.stringContaining('whose key is here')] });
  expect(office.logged.some(({ event }) => event === 'ocsp.key-missing')).toBe(true);
});

it('the office makes the next key there, and the process answers by it', async () => {
  await renewDueResponders(world);
  const { issuer, references } = await world.database.snapshot(async (snapshot) => {
    const authority = await issuingAuthority(snapshot);
    const rows = await responderCertificates(snapshot, authority.id, world.clock());
    return { issuer: authority, references: rows.map(({ keyReference }) => keyReference) };
  });
  // Made within the same second they come in any order.
  expect(references.map((one) => one.startsWith('status:')).sort()).toEqual([false, true]);
  // Nothing is due any more.
  await renewDueResponders(world);
  expect((await onlyResponders.list()).map(({ label }) => label)).toEqual(['OCSP responder']);

  const leaf = parseCertificate((await office.signing(await office.person('ada@example.com'))).certificate);
  const request = buildOcspRequest({ cert: leaf, issuer: issuer.certificate });
  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${status.port}/ocsp`, { method: 'POST', body: Buffer.from(request) });
    return parseOcspResponse(Buffer.from(await answer.arrayBuffer())).basic?.responses[0]?.status;
  };
  // A question about an authority that it did not know is looked into again after ten seconds.
  const deadline = Date.now() + 20_000;
  while ((await ask()) === undefined && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await ask()).toBe('good');

  // The keys of the authorities are not there, whoever asks for them.
  expect(issuer.keyReference).toMatch(/^software:/);
  await expect(onlyResponders.signer(parseKeyReference(issuer.keyReference ?? ''))).rejects.toMatchObject({
    code: 'key-not-found',
  });
});

it('is refused without what unseals them, or without the token', () => {
  expect(() => parseAuthorityConfig('[status.keys]\n', home)).toThrow(/status\.keys\.secret/);
  expect(() => parseAuthorityConfig('[status.keys]\nstore = "pkcs11"\n', home)).toThrow(/status\.keys\.pkcs11/);
});
