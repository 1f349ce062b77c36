import { X509Certificate } from 'node:crypto';
import {
  buildOcspRequest,
  parseCertificate,
  parseCrl,
  parseOcspResponse,
  validatePath,
  verifyCertificateSignature,
  verifyCrlSignature,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { OcspResponder } from '../status/ocsp-responder.ts';
import { renewDueResponders } from '../status/renew-responder.ts';
import { issuingAuthority, listAuthorities } from '../store/authorities.ts';
import { responderCertificates } from '../store/certificates.ts';
import { latestCrl, readCrl } from '../store/crls.ts';
import { generateDueCrls } from './due-crls.ts';
import { createAuthority, createRoot } from './grow-hierarchy.ts';
import { revokeCertificate } from './revoke.ts';

let office: PkiOffice;
beforeAll(async () => {
  office = await pkiOffice();
});
afterAll(() => office.close());

const local: Principal = { kind: 'local', id: 'local', name: 'here' };

describe('an authority with an ML-DSA key', () => {
  it('signs certificates, lists and the certificates of its OCSP responder', async () => {
    const { world } = office;
    const { id } = await perform(world, createRoot, local, { title: 'PQ Root CA', key: 'ml-dsa-87' });
    await perform(world, createAuthority, local, { title: 'PQ Issuing CA', key: 'ml-dsa-65', parentId: id });
    const issuing = await world.database.snapshot(issuingAuthority);
    expect(issuing.certificate.keyKind).toBe('ml-dsa-65');
    const root = (await world.database.snapshot(listAuthorities)).find((one) => one.id === id);
    if (root === undefined) throw new Error('There is no root');
    expect(verifyCertificateSignature(issuing.certificate, root.certificate)).toBe(true);

    const { certificate, chain, serialNumber } = await office.signing(await office.person('pq@example.com'));
    const verdict = await validatePath({
      leaf: parseCertificate(certificate),
      intermediates: chain.map(parseCertificate),
      anchors: [root.certificate],
      at: world.clock(),
      purpose: 'email-signing',
      revocation: 'none',
    });
    expect(verdict).toMatchObject({ valid: true });
    // In the eyes of the OpenSSL that is in Node, which nobody here wrote.
    const [leaf, ca, top] = [certificate, issuing.certificate.der, root.certificate.der].map(
      (der) => new X509Certificate(Buffer.from(der)),
    );
    if (leaf === undefined || ca === undefined || top === undefined) throw new Error('A certificate is missing');
    expect([leaf.verify(ca.publicKey), ca.verify(top.publicKey), top.verify(top.publicKey)]).toEqual([
      true,
      true,
      true,
    ]);
    expect([leaf.checkIssued(ca), ca.checkIssued(top), leaf.verify(top.publicKey)]).toEqual([true, true, false]);

    await renewDueResponders(world);
    const [row] = await world.database.snapshot((snapshot) =>
      responderCertificates(snapshot, issuing.id, world.clock()),
    );
    const responder = parseCertificate(row?.certificate ?? new Uint8Array());
    expect(verifyCertificateSignature(responder, issuing.certificate)).toBe(true);
    const ask = async () => {
      const request = buildOcspRequest({ cert: { serialNumber }, issuer: issuing.certificate });
      const { der } = await new OcspResponder(world).answer(Buffer.from(request));
      return parseOcspResponse(der);
    };
    expect(await ask()).toMatchObject({ status: 'successful' });

    await perform(world, revokeCertificate, local, { serialNumber, reason: 'keyCompromise', note: '' });
    await generateDueCrls(world);
    const crl = await world.database.snapshot(async (snapshot) => {
      const scope = { authorityId: issuing.id, shard: null };
      const found = await latestCrl(snapshot, scope);
      return parseCrl((found && (await readCrl(snapshot, scope, found))) ?? new Uint8Array());
    });
    expect(verifyCrlSignature(crl, issuing.certificate)).toBe(true);
    expect(crl.find(serialNumber)).toMatchObject({ reason: 'keyCompromise' });
  });
});
