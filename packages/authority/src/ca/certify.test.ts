import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import {
  isIssuedBy,
  keyIdentifier,
  oids,
  parseCertificate,
  parseCrl,
  verifyCertificateSignature,
  verifyCrlSignature,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ecKey, type PkiOffice, pkiOffice, requestFor, sha256, spkiOf } from '../../test/pki-office.ts';
import { perform } from '../operation.ts';
import { anonymous, type Principal, system } from '../principal.ts';
import { chainOf, issuingAuthority, listAuthorities, trustAnchors } from '../store/authorities.ts';
import {
  certificateByKey,
  certificateBySerial,
  listCertificates,
  validEncryptionCertificates,
} from '../store/certificates.ts';
import { type CrlRow, latestCrl, readCrl } from '../store/crls.ts';
import { generateCrlIfDue, generateDueCrls } from './due-crls.ts';
import { lintCertificate } from './lints/lint-certificate.ts';
import { type IssuanceIntent, prepareCertificate } from './prepare.ts';
import { revokeCertificate } from './revoke.ts';
import { signCertificate, sweepIntents } from './sign.ts';

let now = new Date('2026-03-01T12:00:00.500Z');
let office: PkiOffice;
const read: PkiOffice['world']['database']['snapshot'] = (run) => office.world.database.snapshot(run);
const query = (text: string, values: unknown[] = []) => office.world.database.pool.query(text, values);
const stateOf = async (serialNumber: string) =>
  (await query('SELECT state FROM issuance_intents WHERE serial_number = $1', [serialNumber])).rows[0]?.state;
const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
};
const MINUTE = 60_000;

async function octetsOfCrl(authorityId: string, row: CrlRow | undefined): Promise<Buffer> {
  const octets = row && (await read((snapshot) => readCrl(snapshot, { authorityId, shard: null }, row)));
  if (octets === undefined) throw new Error('a CRL expected');
  return octets;
}

beforeAll(async () => {
  office = await pkiOffice({ clock: () => now });
});
afterAll(() => office.close());

describe('the hierarchy', () => {
  it('is a root on P-384 and an issuing authority on P-256, each with a CRL', async () => {
    const [root, issuing] = await read(listAuthorities);
    if (root === undefined || issuing === undefined) throw new Error('two authorities expected');
    expect([root.role, root.certificate.keyKind, issuing.role, issuing.certificate.keyKind]).toEqual([
      'root',
      'p384',
      'issuing',
      'p256',
    ]);
    expect(verifyCertificateSignature(root.certificate, root.certificate)).toBe(true);
    expect(verifyCertificateSignature(issuing.certificate, root.certificate)).toBe(true);
    expect(isIssuedBy(issuing.certificate, root.certificate)).toBe(true);
    expect(issuing.certificate.basicConstraints).toEqual({ ca: true, pathLength: 0 });
    expect(root.certificate.notAfter.toISOString()).toBe('2046-03-01T11:54:59.000Z');
    for (const authority of [root, issuing]) {
      const stored = await read((snapshot) => latestCrl(snapshot, { authorityId: authority.id, shard: null }));
      const crl = parseCrl(await octetsOfCrl(authority.id, stored));
      expect(stored?.number).toBe(1);
      expect(verifyCrlSignature(crl, authority.certificate)).toBe(true);
    }
    const chain = await read((snapshot) => chainOf(snapshot, issuing.id));
    expect(chain).toEqual([issuing.certificate.der, root.certificate.der]);
    expect(await read(trustAnchors)).toEqual([root.certificate.der]);
  });
});

describe('issuance', () => {
  it('makes certificates in which nobody who lints them finds anything, its authorities included', async () => {
    const { certificate, chain } = await office.signing(await office.person('grace@example.com'), ecKey());
    for (const der of [certificate, ...chain]) expect(lintCertificate(der)).toEqual([]);
  });

  it('makes a signing certificate of the directory, not of the request', async () => {
    const key = ecKey();
    const id = await office.person('Ada@Example.com', { aliases: ['a.lovelace@example.com', 'ädä@example.com'] });
    const issued = await office.signing(id, key);
    const certificate = parseCertificate(issued.certificate);
    const issuing = await read(issuingAuthority);
    expect(verifyCertificateSignature(certificate, issuing.certificate)).toBe(true);
    expect(issued.chain[0]).toEqual(issuing.certificate.der);
    expect(certificate.serialNumber).toBe(issued.serialNumber);
    expect(certificate.subjectAltNames.emails).toEqual([
      'Ada@example.com',
      'a.lovelace@example.com',
      'ädä@example.com',
    ]);
    expect(certificate.subject.attributes.flat().map(({ value }) => value)).toEqual([
      'Example Corp',
      'Ada Example',
      id,
    ]);
    expect([...(certificate.keyUsage ?? [])]).toEqual(['digitalSignature', 'nonRepudiation']);
    expect(certificate.extendedKeyUsage).toEqual([oids.emailProtection]);
    expect(certificate.authorityKeyIdentifier).toEqual({ keyIdentifier: issuing.certificate.subjectKeyIdentifier });
    expect(certificate.subjectKeyIdentifier).toEqual(keyIdentifier(spkiOf(key)));
    expect(certificate.crlDistributionPoints).toEqual(['http://127.0.0.1:8080/crl/issuing.crl']);
    expect(certificate.ocspUrls).toEqual(['http://127.0.0.1:8080/ocsp']);
    expect(certificate.caIssuerUrls).toEqual(['http://127.0.0.1:8080/ca/issuing.cer']);
    expect(certificate.certificatePolicies[0]?.policy).toMatch(/^2\.25\.\d+\.1$/);
    expect(certificate.notBefore.toISOString()).toBe('2026-03-01T11:55:00.000Z');
    expect(certificate.notAfter.toISOString()).toBe('2028-02-29T11:54:59.000Z');
    const row = await read((snapshot) => certificateBySerial(snapshot, issued.serialNumber));
    expect(row).toMatchObject({ use: 'signing', person_id: id, key_algorithm: 'P-256', key_origin: 'device' });
  });

  it('makes an encryption certificate of an escrow receipt, and again for a new address', async () => {
    const id = await office.person('bob@example.com');
    const receipt = await office.escrowed(id);
    const issue = async () =>
      perform(
        office.world,
        signCertificate,
        system,
        await perform(office.world, prepareCertificate, system, { use: 'encryption', key: receipt, personId: id }),
      );
    const first = parseCertificate((await issue()).certificate);
    expect([...(first.keyUsage ?? [])]).toEqual(['keyAgreement']);
    expect(first.smimeCapabilities?.map(({ algorithm }) => algorithm)).toEqual([oids.aes256Cbc, oids.aes128Cbc]);
    await query(`INSERT INTO person_addresses VALUES ('robert@example.com', 'robert@example.com', $1, false)`, [id]);
    later(1000);
    const second = parseCertificate((await issue()).certificate);
    expect(second.subjectAltNames.emails).toEqual(['bob@example.com', 'robert@example.com']);
    expect(second.serialNumber).not.toBe(first.serialNumber);
    const found = await read((snapshot) => validEncryptionCertificates(snapshot, 'Bob@Example.com', now));
    expect(found.map((row) => row.serial_number)).toEqual([second.serialNumber, first.serialNumber]);
    const alias = await read((snapshot) => validEncryptionCertificates(snapshot, 'robert@example.com', now));
    expect(alias.map((row) => row.serial_number)).toEqual([second.serialNumber]);
  });

  it('gives an RSA key keyEncipherment', async () => {
    const id = await office.person('rsa@example.com');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const receipt = await office.escrowed(id, spkiOf(privateKey));
    const intent = await perform(office.world, prepareCertificate, system, {
      use: 'encryption',
      key: receipt,
      personId: id,
    });
    const { certificate } = await perform(office.world, signCertificate, system, intent);
    expect([...(parseCertificate(certificate).keyUsage ?? [])]).toEqual(['keyEncipherment']);
  });

  it('refuses an encryption certificate without a receipt: in the types and in the database', async () => {
    const id = await office.person('no-receipt@example.com');
    const attempt = async () =>
      perform(office.world, prepareCertificate, system, {
        use: 'encryption',
        // @ts-expect-error a request is no receipt
        request: await requestFor(ecKey()),
        personId: id,
      });
    await expect(attempt()).rejects.toMatchObject({ code: 'invalid-request' });
    // @ts-expect-error a receipt is made by kra/escrow.ts alone
    const key: import('../kra/escrow.ts').EscrowReceipt = {
      escrowedKeyId: randomUUID(),
      personId: id,
      spki: spkiOf(ecKey()),
      origin: 'kra',
    };
    await expect(
      perform(office.world, prepareCertificate, system, { use: 'encryption', key, personId: id }),
    ).rejects.toMatchObject({ code: 'unusable-input', message: expect.stringContaining('escrow receipt') });

    const intent = await office.prepareSigning(id);
    await expect(
      query(`UPDATE issuance_intents SET use = 'encryption' WHERE serial_number = $1`, [intent.serialNumber]),
    ).rejects.toThrow(/check constraint/);
    const { serialNumber } = await office.signing(await office.person('nr2@example.com'));
    await expect(
      query(`UPDATE certificates SET use = 'encryption' WHERE serial_number = $1`, [serialNumber]),
    ).rejects.toThrow(/check constraint/);
    await expect(
      query(`UPDATE certificates SET use = 'encryption', escrowed_key_id = $2 WHERE serial_number = $1`, [
        serialNumber,
        (await office.escrowed(id)).escrowedKeyId,
      ]),
    ).rejects.toThrow(/foreign key constraint/);
  });

  it('refuses a signing certificate for an escrowed key, and escrow of a signing key', async () => {
    const id = await office.person('escrowed@example.com');
    const key = ecKey();
    await office.escrowed(id, spkiOf(key));
    const intent = await office.prepareSigning(id, key);
    await expect(perform(office.world, signCertificate, system, intent)).rejects.toThrow('this key is escrowed');
    expect(await read((snapshot) => certificateBySerial(snapshot, intent.serialNumber))).toBeUndefined();
    const own = ecKey();
    await office.signing(id, own);
    await expect(office.escrowed(id, spkiOf(own))).rejects.toThrow('it is never escrowed');
  });

  it('issues 200 certificates at once under 200 serial numbers', async () => {
    const id = await office.person('many@example.com');
    const issued = await Promise.all(Array.from({ length: 200 }, () => office.signing(id)));
    const serials = new Set(issued.map(({ serialNumber }) => serialNumber));
    expect(serials.size).toBe(200);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/);
    const { total } = await read((snapshot) => listCertificates(snapshot, { limit: 1, personId: id }, now));
    expect(total).toBe(200);
  }, 120_000);

  it('needs the right to ask', async () => {
    const id = await office.person('rights@example.com', { signingKey: 'gateway' });
    const other = await office.person('other@example.com');
    const ask = async (by: Principal, personId: string) =>
      perform(office.world, prepareCertificate, by, {
        use: 'signing',
        request: await requestFor(ecKey()),
        personId,
        keyOrigin: 'device',
      });
    const gateway: Principal = { kind: 'gateway', id: randomUUID(), name: 'gw' };
    const person: Principal = { kind: 'person', id, name: 'Ada' };
    await expect(ask(anonymous, id)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(ask(person, other)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(ask(gateway, other)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(ask(person, id)).resolves.toHaveProperty('serialNumber');
    await expect(ask(gateway, id)).resolves.toHaveProperty('serialNumber');
    const auditor: Principal = { kind: 'operator', id: randomUUID(), name: 'A', address: 'a@b.c', roles: ['auditor'] };
    await expect(ask(auditor, id)).rejects.toMatchObject({ code: 'forbidden' });
    await query(`UPDATE people SET state = 'left', left_at = now() WHERE id = $1`, [other]);
    await expect(ask(system, other)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(ask(system, randomUUID())).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('what a crash leaves behind', () => {
  it('an intent between prepare and sign is closed, and its serial number burnt', async () => {
    const id = await office.person('crash@example.com');
    const intent = await office.prepareSigning(id);
    later(9 * MINUTE);
    expect(await sweepIntents(office.world)).not.toContain(intent.serialNumber);
    later(2 * MINUTE);
    expect(await sweepIntents(office.world)).toContain(intent.serialNumber);
    expect(await stateOf(intent.serialNumber)).toBe('abandoned');
    await expect(perform(office.world, signCertificate, system, intent)).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(
      query(
        `INSERT INTO issuance_intents SELECT serial_number, authority_id, use, profile, person_id, gateway_id, enrollment_id,
           escrowed_key_id, key_origin, key_reference, tbs, spki_sha256, 'prepared', created_at
         FROM issuance_intents WHERE serial_number = $1`,
        [intent.serialNumber],
      ),
    ).rejects.toThrow(/duplicate key/);
    const { rows } = await query(`SELECT details FROM audit_records WHERE action = 'certificate.close-stale-intents'`);
    expect(rows.flatMap(({ details }) => details.abandoned)).toContain(intent.serialNumber);
  });

  it('preparing again with the same key closes the intent at once', async () => {
    const id = await office.person('again@example.com');
    const key = ecKey();
    const first = await office.prepareSigning(id, key);
    const second = await office.prepareSigning(id, key);
    expect(await stateOf(first.serialNumber)).toBe('abandoned');
    const { serialNumber } = await perform(office.world, signCertificate, system, second);
    expect(serialNumber).toBe(second.serialNumber);
    const row = await read((snapshot) => certificateByKey(snapshot, sha256(spkiOf(key)), 'signing'));
    expect(row?.serial_number).toBe(serialNumber);
  });

  it('a signing that failed is never tried again under the same serial number', async () => {
    const id = await office.person('retry@example.com');
    const intent = await office.prepareSigning(id);
    const broken = {
      ...office.world,
      keyStore: {
        ...office.world.keyStore,
        signer: async () => {
          throw new Error('the token was pulled out');
        },
      },
    };
    await expect(perform(broken, signCertificate, system, intent)).rejects.toThrow('pulled out');
    await expect(perform(office.world, signCertificate, system, intent)).rejects.toMatchObject({ code: 'wrong-state' });
    expect(await stateOf(intent.serialNumber)).toBe('prepared');
    later(11 * MINUTE);
    expect(await sweepIntents(office.world)).toContain(intent.serialNumber);
    const { rows } = await query(`SELECT outcome FROM audit_records WHERE subject = $1 ORDER BY sequence`, [
      `certificate:${intent.serialNumber}`,
    ]);
    expect(rows.map(({ outcome }) => outcome)).toEqual(['attempted', 'failed', 'attempted', 'failed']);
  });

  it('of two signers with one intent, one signs', async () => {
    const intent = await office.prepareSigning(await office.person('twice@example.com'));
    const results = await Promise.allSettled([1, 2].map(() => perform(office.world, signCertificate, system, intent)));
    // Both tries are on record before either runs, so it may be that neither signs; never that both do.
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
    const { rows } = await query('SELECT 1 FROM certificates WHERE serial_number = $1', [intent.serialNumber]);
    expect(rows.length).toBeLessThanOrEqual(1);
  });

  it('signs nothing for somebody who left after preparing', async () => {
    const id = await office.person('leaver@example.com');
    const intent = await office.prepareSigning(id);
    await query(`UPDATE people SET state = 'left', left_at = now() WHERE id = $1`, [id]);
    await expect(perform(office.world, signCertificate, system, intent)).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('an intent is not made by hand', () => {
    // @ts-expect-error only prepareCertificate makes one
    const forged: IssuanceIntent = { serialNumber: 'aa' };
    expect(forged).toBeDefined();
  });
});

/** `openssl req -new` with a key on secp256k1, which no mail client knows. */
const ON_SECP256K1 =
  'MIHEMGwCAQAwDTELMAkGA1UEAwwCazEwVjAQBgcqhkjOPQIBBgUrgQQACgNCAAQss4b+LQ7YL1Ns6yUjeQKnpcqFFntYuG0s88PEaU7dwQD3R5izj4JV42Yie2ZyZ/bUNcrFIiYCsDUF6Bit5G8koAAwCgYIKoZIzj0EAwIDSAAwRQIhAMksaxkB5Ee40HKTLEgrbvuxoLJvkVLsx3H1gI1oxrBuAiBcfD8ltKRhilggvGaXHqzz/fOySgyKXdf3r0e2iZdyaA==';

describe('a request that cannot be used', () => {
  const ask = async (request: Uint8Array, personId: string) =>
    perform(office.world, prepareCertificate, system, { use: 'signing', request, personId, keyOrigin: 'device' });
  const refusal = (words: RegExp, code = 'unusable-input') => ({ code, message: expect.stringMatching(words) });

  it('is refused in plain words', async () => {
    const id = await office.person('bad@example.com');
    const good = Buffer.from(await requestFor(ecKey()));
    await expect(ask(good.subarray(0, 40), id)).rejects.toMatchObject(refusal(/cannot be read: .* Nothing was issued/));
    const forged = Buffer.from(good);
    // The last octet belongs to the signature.
    forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
    await expect(ask(forged, id)).rejects.toMatchObject(refusal(/not signed by its own key/));

    const rsa = (modulusLength: number, publicExponent?: number) =>
      requestFor(generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey);
    await expect(ask(await rsa(1024), id)).rejects.toMatchObject(refusal(/1024 bits is too short/));
    await expect(ask(await rsa(2048, 3), id)).rejects.toMatchObject(refusal(/exponent 3 is not/));
    await expect(ask(await rsa(2052), id)).rejects.toMatchObject(refusal(/not a multiple of 8/));
    const ed25519 = generateKeyPairSync('ed25519').privateKey;
    await expect(ask(await requestFor(ed25519), id)).rejects.toMatchObject(refusal(/this is ed25519/));
    await expect(ask(Buffer.from(ON_SECP256K1, 'base64'), id)).rejects.toMatchObject(
      refusal(/neither RSA, NIST P-256/),
    );
  }, 60_000);

  it('is refused for a key that was seen before', async () => {
    const key = ecKey();
    await office.signing(await office.person('first@example.com'), key);
    const second = await office.person('second@example.com');
    await expect(office.prepareSigning(second, key)).rejects.toMatchObject(refusal(/certified before/, 'conflict'));
    const shared = ecKey();
    await office.prepareSigning(second, shared);
    await expect(office.prepareSigning(await office.person('third@example.com'), shared)).rejects.toMatchObject(
      refusal(/certified before/, 'conflict'),
    );
  });

  it('is refused when the directory has no address a certificate can hold', async () => {
    const id = await office.person('nobody@exa mple.com');
    await expect(office.prepareSigning(id)).rejects.toMatchObject(refusal(/cannot be written in a certificate/));
  });
});

describe('revocation', () => {
  it('stands on the next CRL, whose number grows by one', async () => {
    const id = await office.person('revoked@example.com');
    const { serialNumber } = await office.signing(id);
    const { id: authorityId, certificate } = await read(issuingAuthority);
    await office.drain();
    const before = await read((snapshot) => latestCrl(snapshot, { authorityId, shard: null }));
    later(MINUTE);
    await perform(office.world, revokeCertificate, system, { serialNumber, reason: 'keyCompromise' });
    await expect(
      perform(office.world, revokeCertificate, system, { serialNumber, reason: 'superseded' }),
    ).rejects.toMatchObject({ code: 'wrong-state', message: expect.stringContaining('keyCompromise') });
    await expect(
      perform(office.world, revokeCertificate, system, { serialNumber: 'abcdef', reason: 'superseded' }),
    ).rejects.toMatchObject({ code: 'not-found' });
    await generateCrlIfDue(office.world, authorityId);
    const after = await read((snapshot) => latestCrl(snapshot, { authorityId, shard: null }));
    expect(after?.number).toBe((before?.number ?? 0) + 1);
    const crl = parseCrl(await octetsOfCrl(authorityId, after));
    expect(verifyCrlSignature(crl, certificate)).toBe(true);
    expect(crl.find(serialNumber)).toMatchObject({ reason: 'keyCompromise' });
    expect(crl.find('abcdef')).toBeUndefined();
    // The job for the same revocation finds it done.
    await generateCrlIfDue(office.world, authorityId);
    expect((await read((snapshot) => latestCrl(snapshot, { authorityId, shard: null })))?.number).toBe(after?.number);
  });

  it('is followed by a fresh CRL every day, revoked or not', async () => {
    const { id: authorityId } = await read(issuingAuthority);
    const before = await read((snapshot) => latestCrl(snapshot, { authorityId, shard: null }));
    await generateDueCrls(office.world);
    expect((await read((snapshot) => latestCrl(snapshot, { authorityId, shard: null })))?.number).toBe(before?.number);
    later(24 * 60 * MINUTE);
    await generateDueCrls(office.world);
    const after = await read((snapshot) => latestCrl(snapshot, { authorityId, shard: null }));
    expect(after?.number).toBe((before?.number ?? 0) + 1);
    expect((after?.nextUpdate.getTime() ?? 0) - (after?.thisUpdate.getTime() ?? 0)).toBe(168 * 60 * MINUTE);
  });
});

describe('the list of certificates', () => {
  it('pages through everything once, newest first, and finds by text and serial number', async () => {
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await read((snapshot) => listCertificates(snapshot, { limit: 37, after }, now));
      expect(page.items.length).toBeLessThanOrEqual(37);
      seen.push(...page.items.map((row) => row.serial_number));
      after = page.next ?? undefined;
    } while (after !== undefined);
    const { total } = await read((snapshot) => listCertificates(snapshot, { limit: 1 }, now));
    expect(seen.length).toBe(total);
    expect(new Set(seen).size).toBe(total);

    const found = (filter: { search?: string; state?: 'revoked' | 'expiring' | 'expired' }, at = now) =>
      read((snapshot) => listCertificates(snapshot, { limit: 500, ...filter }, at));
    expect((await found({ search: 'REVOKED@example' })).total).toBe(1);
    expect((await found({ search: '%' })).total).toBe(0);
    expect((await found({ search: seen[0] ?? '' })).items.map((row) => row.serial_number)).toEqual([seen[0]]);
    expect((await found({ state: 'revoked' })).total).toBe(1);
    const soon = new Date('2028-02-20T00:00:00Z');
    expect((await found({ state: 'expiring' }, soon)).total).toBe(total - 1);
    expect((await found({ state: 'expired' }, new Date('2029-01-01T00:00:00Z'))).total).toBe(total - 1);
  });
});

describe('an office on RSA', () => {
  it('signs with SHA-256 and RSA of 4096 and 3072 bits', async () => {
    const rsa = await pkiOffice({ algorithm: 'rsa' });
    try {
      const authorities = await rsa.world.database.snapshot(listAuthorities);
      const bits = authorities.map(
        ({ certificate }) =>
          createPublicKey({ key: Buffer.from(certificate.spki), format: 'der', type: 'spki' }).asymmetricKeyDetails
            ?.modulusLength,
      );
      expect(bits).toEqual([4096, 3072]);
      const { certificate } = await rsa.signing(await rsa.person('rsa@example.com'));
      const issuing = authorities[1]?.certificate;
      expect(issuing && verifyCertificateSignature(parseCertificate(certificate), issuing)).toBe(true);
      expect(Buffer.from(parseCertificate(certificate).signatureAlgorithm).toString('hex')).toBe(
        '300d06092a864886f70d01010b0500',
      );
    } finally {
      await rsa.close();
    }
  }, 60_000);
});
