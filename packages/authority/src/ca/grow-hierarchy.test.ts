import { generateKeyPairSync } from 'node:crypto';
import { buildRequest, createPkcs12, localSigner, parseCertificate, parseRequest, validatePath } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCa } from '../../../../e2e/support/small-ca.ts';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { issuingAuthority, listAuthorities, trustAnchors } from '../store/authorities.ts';
import { generateDueCrls } from './due-crls.ts';
import {
  createAuthority,
  importAuthority,
  installAuthority,
  requestAuthority,
  retireIssuing,
} from './grow-hierarchy.ts';

let office: PkiOffice;
beforeAll(async () => {
  office = await pkiOffice();
});
afterAll(() => office.close());

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const authorities = () => office.world.database.snapshot(listAuthorities);
const issuing = () => office.world.database.snapshot(issuingAuthority);
const slug = async (name: string) => {
  const found = (await authorities()).find((one) => one.slug === name);
  if (found === undefined) throw new Error(`No authority ${name}`);
  return found;
};
const crlsOf = async (id: string) =>
  (await office.world.database.pool.query('SELECT number FROM crls WHERE authority_id = $1', [id])).rows.length;
const create = async (title: string, key: 'p256' | 'rsa-3072' = 'p256') =>
  perform(office.world, createAuthority, local, { title, key, parentId: (await slug('root')).id });

describe('a further issuing authority', () => {
  it('takes over issuing, while the one before goes on with CRLs for what it signed', async () => {
    const before = await office.signing(await office.person('before@example.com'));
    const old = await issuing();
    await create('Issuing CA 2', 'rsa-3072');
    const fresh = await issuing();
    expect(fresh.slug).toBe('issuing-ca-2');
    const after = await office.signing(await office.person('after@example.com'));
    const [leaf, ca, root] = [after.certificate, ...after.chain].map(parseCertificate);
    expect(ca?.der).toEqual(fresh.certificate.der);
    expect(leaf?.keyKind).toBe('p256');
    expect(parseCertificate(before.certificate).issuer.der).toEqual(old.certificate.subject.der);
    expect(root?.basicConstraints?.ca).toBe(true);
    const had = await crlsOf(old.id);
    await office.world.database.pool.query('DELETE FROM crls WHERE authority_id = $1', [old.id]);
    await generateDueCrls(office.world);
    expect(had).toBeGreaterThan(0);
    expect(await crlsOf(old.id)).toBeGreaterThan(0);
  });

  it('may be retired, but not the last one', async () => {
    for (const one of await authorities())
      if (one.role === 'issuing' && one.slug !== 'issuing')
        await perform(office.world, retireIssuing, local, { id: one.id });
    expect((await issuing()).slug).toBe('issuing');
    await expect(perform(office.world, retireIssuing, local, { id: (await issuing()).id })).rejects.toMatchObject({
      code: 'wrong-state',
    });
  });

  it('cannot stand below an issuing authority', async () => {
    const parentId = (await issuing()).id;
    await expect(
      perform(office.world, createAuthority, local, { title: 'Below', key: 'p256', parentId }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
  });
});

describe('a request to an outside root', () => {
  it('is answered with a certificate, which takes over issuing under that root', async () => {
    const outside = await createCa('Outside Root', 'ec');
    const { id, request } = await perform(office.world, requestAuthority, local, { title: 'Outside CA', key: 'p384' });
    const asked = parseRequest(request);
    const answer = await createCa('Outside Issued', 'ec', outside);
    // Another key's certificate is no answer.
    await expect(
      perform(office.world, installAuthority, local, {
        requestId: id,
        certificate: answer.certificate.der,
        chain: [outside.certificate.der],
      }),
    ).rejects.toMatchObject({ code: 'unusable-input', message: expect.stringContaining('another key') });
    const certificate = await outside.certifyAuthority(asked.subject, asked.spki);
    await expect(
      perform(office.world, installAuthority, local, { requestId: id, certificate: certificate.der, chain: [] }),
    ).rejects.toMatchObject({ message: expect.stringContaining('up to the root') });
    await perform(office.world, installAuthority, local, {
      requestId: id,
      certificate: certificate.der,
      chain: [outside.certificate.der],
      transcript: 'the words',
    });
    const { chain, certificate: leaf } = await office.signing(await office.person('outside@example.com'));
    expect(chain).toHaveLength(2);
    expect(chain[1]).toEqual(Buffer.from(outside.certificate.der));
    const anchors = await office.world.database.snapshot(trustAnchors);
    expect(anchors.map((der) => Buffer.from(der).toString('hex'))).toContain(
      Buffer.from(outside.certificate.der).toString('hex'),
    );
    const verdict = await validatePath({
      leaf: parseCertificate(leaf),
      intermediates: chain.slice(0, 1).map(parseCertificate),
      anchors: [outside.certificate],
      at: new Date(),
      purpose: 'email-signing',
      revocation: 'none',
    });
    expect(verdict).toMatchObject({ valid: true });
    await expect(
      perform(office.world, installAuthority, local, {
        requestId: id,
        certificate: certificate.der,
        chain: [outside.certificate.der],
      }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
  });
});

describe('an authority that has issued elsewhere', () => {
  it('comes with its key from PKCS#12 and issues', async () => {
    const root = await createCa('Old Root', 'ec');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signer = localSigner(privateKey);
    const asked = parseRequest(await buildRequest({ subject: root.certificate.subject, signer }));
    const certificate = await root.certifyAuthority(asked.subject, asked.spki);
    const file = await createPkcs12({
      privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
      certificate: certificate.der,
      chain: [root.certificate.der],
      password: 'old password',
      profile: 'modern',
    });
    const input = (password: string) => ({
      name: 'Old CA',
      source: { kind: 'pkcs12' as const, file, password },
      chain: [],
    });
    await expect(perform(office.world, importAuthority, local, input('wrong'))).rejects.toMatchObject({
      code: 'unusable-input',
    });
    await perform(office.world, importAuthority, local, input('old password'));
    const { chain } = await office.signing(await office.person('old@example.com'));
    expect(chain[0]).toEqual(Buffer.from(certificate.der));
    await expect(perform(office.world, importAuthority, local, input('old password'))).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
