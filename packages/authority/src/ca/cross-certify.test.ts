import { buildRequest, parseCertificate, parseCrl, parseRequest, validatePath } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCa } from '../../../../e2e/support/small-ca.ts';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { documentsOf, octetsOf } from '../status/documents.ts';
import { listAuthorities } from '../store/authorities.ts';
import { latestCrl, readCrl } from '../store/crls.ts';
import { listCrossCertificates } from '../store/cross-certificates.ts';
import { crossCertify, installCross, requestCross, revokeCross } from './cross-certify.ts';
import { generateDueCrls } from './due-crls.ts';
import { createAuthority, createRoot, retireIssuing } from './grow-hierarchy.ts';

let office: PkiOffice;
beforeAll(async () => {
  office = await pkiOffice();
});
afterAll(() => office.close());

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const slug = async (name: string) => {
  const found = (await office.world.database.snapshot(listAuthorities)).find((one) => one.slug === name);
  if (found === undefined) throw new Error(`No authority ${name}`);
  return found;
};
const crossed = () => office.world.database.snapshot(listCrossCertificates);
const sign = async (root: string, subject: string) =>
  parseCertificate(
    (
      await perform(office.world, crossCertify, local, {
        issuerId: (await slug(root)).id,
        subject: { kind: 'authority', authorityId: (await slug(subject)).id },
      })
    ).certificate,
  );
const chainDocument = async (name: string) =>
  office.world.database.snapshot(async (snapshot) => {
    const document = (await documentsOf(snapshot, await slug(name))).find(({ kind }) => kind === 'chain');
    return document && (await octetsOf(snapshot, document));
  });
const judge = (leaf: Uint8Array, intermediates: readonly Uint8Array[], anchor: Uint8Array) =>
  validatePath({
    leaf: parseCertificate(leaf),
    intermediates: intermediates.map(parseCertificate),
    anchors: [parseCertificate(anchor)],
    at: office.world.clock(),
    purpose: 'email-signing',
    revocation: 'none',
  });

describe('a root that is followed by another', () => {
  it('leads to it and back: what either issued is valid for whoever trusts only one of the two', async () => {
    const root = await slug('root');
    const before = await office.signing(await office.person('before@example.com'));
    await perform(office.world, createRoot, local, { title: 'Root CA 2', key: 'p384' });
    const second = await slug('root-ca-2');
    await perform(office.world, createAuthority, local, { title: 'Issuing CA 2', key: 'p256', parentId: second.id });
    const after = await office.signing(await office.person('after@example.com'));
    // Nobody who knows one of the roots alone believes what the other stands above.
    expect(await judge(after.certificate, after.chain, root.certificate.der)).toMatchObject({ valid: false });

    const newWithOld = await sign('root', 'root-ca-2');
    const oldWithNew = await sign('root-ca-2', 'root');
    expect(newWithOld.subject.der).toEqual(second.certificate.subject.der);
    expect(newWithOld.subjectKeyIdentifier).toEqual(second.certificate.subjectKeyIdentifier);
    expect(newWithOld.notAfter <= root.certificate.notAfter).toBe(true);
    const bridges = [newWithOld.der, oldWithNew.der];
    for (const [issued, anchor] of [
      [before, root],
      [before, second],
      [after, root],
      [after, second],
    ] as const)
      expect(await judge(issued.certificate, [...issued.chain, ...bridges], anchor.certificate.der)).toMatchObject({
        valid: true,
      });
  });

  it('stands in the chains that are published, and new certificates say where', async () => {
    const [newWithOld] = await crossed();
    const octets = await chainDocument('issuing-ca-2');
    expect(octets?.includes(Buffer.from(newWithOld?.certificate.der ?? []))).toBe(true);
    expect((await slug('issuing-ca-2')).certificate.caIssuerUrls).toEqual([
      expect.stringMatching(/root-ca-2\.cer$/),
      expect.stringMatching(/root-ca-2\.p7c$/),
    ]);
  });

  it('is revoked on the list of the root that signed it, and leaves the chains', async () => {
    const [newWithOld] = await crossed();
    if (newWithOld === undefined) throw new Error('There is no cross-certificate');
    await perform(office.world, revokeCross, local, { id: newWithOld.id, reason: 'superseded' });
    await generateDueCrls(office.world);
    const root = await slug('root');
    const crl = await office.world.database.snapshot(async (snapshot) => {
      const scope = { authorityId: root.id, shard: null };
      const row = await latestCrl(snapshot, scope);
      return row && (await readCrl(snapshot, scope, row));
    });
    expect(parseCrl(crl ?? new Uint8Array()).find(newWithOld.certificate.serialNumber)).toMatchObject({
      reason: 'superseded',
    });
    expect((await chainDocument('issuing-ca-2'))?.includes(Buffer.from(newWithOld.certificate.der))).toBe(false);
    await expect(
      perform(office.world, revokeCross, local, { id: newWithOld.id, reason: 'superseded' }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('signs nothing more once it is retired, nor its own key', async () => {
    const root = await slug('root');
    const own = { kind: 'authority' as const, authorityId: root.id };
    await expect(perform(office.world, crossCertify, local, { issuerId: root.id, subject: own })).rejects.toMatchObject(
      { code: 'unusable-input' },
    );
    await perform(office.world, retireIssuing, local, { id: root.id });
    await expect(sign('root', 'root-ca-2')).rejects.toMatchObject({ code: 'wrong-state' });
  });
});

describe('another root', () => {
  it('certifies an issuing authority of ours: request out, certificate in', async () => {
    const issuing = await slug('issuing-ca-2');
    const partner = await createCa('Partner Root', 'ec');
    const { request } = await perform(office.world, requestCross, local, { authorityId: issuing.id });
    const asked = parseRequest(request);
    expect(asked.subject.der).toEqual(issuing.certificate.subject.der);
    const { der } = await partner.certifyAuthority(asked.subject, asked.spki);
    const install = (certificate: Uint8Array, chain: Uint8Array[]) =>
      perform(office.world, installCross, local, { authorityId: issuing.id, certificate, chain });
    const stranger = await createCa('Stranger', 'ec', partner);
    const renamed = await partner.certifyAuthority(stranger.certificate.subject, asked.spki);
    for (const [certificate, chain, why] of [
      [stranger.certificate.der, [partner.certificate.der], 'another key'],
      [renamed.der, [partner.certificate.der], 'octet for octet'],
      [der, [], 'up to the root'],
    ] as const)
      await expect(install(certificate, [...chain])).rejects.toMatchObject({
        code: 'unusable-input',
        message: expect.stringContaining(why),
      });
    await install(der, [partner.certificate.der]);
    await expect(install(der, [partner.certificate.der])).rejects.toMatchObject({ code: 'conflict' });
    const { certificate, chain } = await office.signing(await office.person('partner@example.com'));
    expect(parseCertificate(certificate).caIssuerUrls).toHaveLength(2);
    expect(await judge(certificate, [...chain, der], partner.certificate.der)).toMatchObject({ valid: true });
    expect((await chainDocument('issuing-ca-2'))?.includes(Buffer.from(der))).toBe(true);
    const id = (await crossed()).at(-1)?.id ?? '';
    await expect(perform(office.world, revokeCross, local, { id, reason: 'superseded' })).rejects.toMatchObject({
      message: expect.stringContaining('alone can revoke it'),
    });
  });

  it('is certified by ours for mail, within domains, once it has shown that it has its key', async () => {
    const partner = await createCa('Partner Root 2', 'ec');
    const issuerId = (await slug('root-ca-2')).id;
    const { certificate } = await perform(office.world, crossCertify, local, {
      issuerId,
      subject: { kind: 'certificate', certificate: partner.certificate.der },
      domains: ['partner.example'],
    });
    const cross = parseCertificate(certificate);
    expect(cross.subject.der).toEqual(partner.certificate.subject.der);
    expect(cross.extensions.some(({ id, critical }) => id === '2.5.29.30' && critical)).toBe(true);
    const below = await createCa('Below', 'ec', partner);
    await expect(
      perform(office.world, crossCertify, local, {
        issuerId,
        subject: { kind: 'certificate', certificate: below.certificate.der },
      }),
    ).rejects.toMatchObject({ message: expect.stringContaining('give a request') });
    const request = await buildRequest({ subject: below.certificate.subject, signer: below.signer });
    const forged = Uint8Array.from(request);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    await expect(
      perform(office.world, crossCertify, local, { issuerId, subject: { kind: 'request', request: forged } }),
    ).rejects.toMatchObject({ message: expect.stringContaining('not signed by its own key') });
    await perform(office.world, crossCertify, local, { issuerId, subject: { kind: 'request', request } });
    expect((await crossed()).filter(({ subjectId }) => subjectId === null)).toHaveLength(2);
  });
});
