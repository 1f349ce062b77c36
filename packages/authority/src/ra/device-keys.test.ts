import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  buildName,
  buildRequest,
  encryptContent,
  keyUsage,
  localSigner,
  parseCertificate,
  readPkcs12,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { decideRecovery, requestRecovery } from '../kra/recovery.ts';
import { releaseKey, releasePassword } from '../kra/release.ts';
import { perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { archiveFromDevice, beginArchive, issueForDevice } from './device-keys.ts';
import { fulfilEnrollment, issueSigning } from './enrollment.ts';
import { removePerson } from './offboarding.ts';

let now = new Date('2026-03-01T12:00:00.000Z');
let office: EscrowOffice;
let ada: OperatorPrincipal;
let dora: string;
let other: string;
beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
  ada = await office.operator('Ada', 'administrator');
  dora = await office.person('dora@example.com');
  other = await office.person('other@example.com');
  await expect(beginArchive(office.world, ada, dora)).rejects.toThrow('takes keys from kra');
  await office.query(`INSERT INTO profiles (id, version, document, created_at)
    SELECT id, 3, jsonb_set(document, '{keyOrigins}', '["kra", "device"]'), created_at FROM profiles
    WHERE id = 'encryption' AND version = 2`);
});
afterAll(() => office.close());

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

interface Handed {
  readonly request: Uint8Array;
  readonly sealed: Uint8Array;
}

/** What a device hands over, or an attacker's variation of it. */
async function handOver(
  key: KeyObject,
  {
    personId = dora,
    by = ada as Principal,
    challenge,
    inside = key,
    companion,
    extensions = [] as NonNullable<Parameters<typeof buildRequest>[0]['extensions']>,
  }: {
    personId?: string;
    by?: Principal;
    challenge?: string | null;
    inside?: KeyObject;
    companion?: Uint8Array;
    extensions?: Parameters<typeof buildRequest>[0]['extensions'];
  } = {},
): Promise<Handed> {
  const begun = await beginArchive(office.world, by, personId);
  const password = challenge === undefined ? begun.challenge : challenge;
  const request = await buildRequest({
    subject: buildName([{ type: 'commonName', value: 'a device' }]),
    signer: localSigner(key),
    extensions: extensions ?? [],
    ...(password !== null && { challengePassword: password }),
  });
  const beside = companion ?? request;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(beside.length);
  const sealed = await encryptContent({
    content: Buffer.concat([length, beside, inside.export({ format: 'der', type: 'pkcs8' })]),
    recipients: [parseCertificate(begun.transport.certificate)],
    cipher: 'aes-256-gcm',
  });
  return { request, sealed };
}

const issue = (handed: Handed, personId = dora, by: Principal = ada) =>
  issueForDevice(office.world, by, { personId, ...handed });
const counts = async () =>
  (
    await office.query(`SELECT (SELECT count(*)::int FROM escrowed_keys) AS keys,
      (SELECT count(*)::int FROM certificates WHERE use = 'encryption') AS certificates`)
  )[0];
const spkiOf = (key: KeyObject) => createPublicKey(key).export({ format: 'der', type: 'spki' });

describe('a key that a device made', () => {
  it('is in escrow before it has its certificate, stays with its owner, and comes back by a quorum', async () => {
    const key = newKey();
    const device: Principal = { kind: 'person', id: dora, name: 'Dora' };
    const issued = await issue(await handOver(key, { by: device }), dora, device);
    const certificate = parseCertificate(issued.certificate);
    expect(Buffer.from(certificate.spki)).toEqual(spkiOf(key));
    const [row] = await office.query(
      `SELECT e.origin, e.delivered_at, c.key_origin, array_agg(l.kind) AS locks FROM escrowed_keys e
       JOIN certificates c ON c.escrowed_key_id = e.id JOIN escrow_locks l ON l.escrowed_key_id = e.id
       WHERE c.serial_number = $1 GROUP BY 1, 2, 3`,
      [issued.serialNumber],
    );
    expect(row).toEqual({ origin: 'device', delivered_at: now, key_origin: 'device', locks: ['vault'] });
    const trail = await office.query(
      `SELECT action, outcome FROM audit_records WHERE action IN ('key.archive', 'certificate.prepare', 'certificate.sign')
       ORDER BY sequence DESC LIMIT 4`,
    );
    expect(trail.map(({ action, outcome }) => `${action} ${outcome}`).reverse()).toEqual([
      'key.archive succeeded',
      'certificate.prepare succeeded',
      'certificate.sign attempted',
      'certificate.sign succeeded',
    ]);

    const officers = [
      await office.operator('Olga', 'recovery-officer'),
      await office.operator('Otto', 'recovery-officer'),
    ];
    await office.holdCeremony(officers);
    const id = await perform(office.world, requestRecovery, ada, {
      personId: dora,
      reason: 'lost-device',
      explanation: 'The device is gone.',
      delivery: { kind: 'pkcs12' },
    });
    for (const officer of officers)
      await perform(office.world, decideRecovery, officer, {
        id,
        decision: 'approve',
        ...(await office.approval(id, officer)),
      });
    const file = await perform(office.world, releaseKey, ada, { id });
    const { password } = await perform(office.world, releasePassword, officers[0] as OperatorPrincipal, { id });
    const { keys } = await readPkcs12(file.data, password);
    const own = keys.find(
      (one) => one.certificate !== undefined && Buffer.compare(one.certificate, certificate.der) === 0,
    );
    expect(Buffer.from(own?.privateKey ?? [])).toEqual(key.export({ format: 'der', type: 'pkcs8' }));
  });

  it('gets its certificate from a job where the office went down in between', async () => {
    const key = newKey();
    await perform(office.world, archiveFromDevice, ada, {
      personId: other,
      ...(await handOver(key, { personId: other })),
    });
    const certificates = () =>
      office.query(
        'SELECT c.spki_sha256 FROM certificates c JOIN escrowed_keys e USING (spki_sha256) WHERE e.spki = $1',
        [spkiOf(key)],
      );
    expect(await certificates()).toEqual([]);
    await office.drain();
    expect(await certificates()).toHaveLength(1);
  });

  it('has one certificate where a job and the device are at it at the same time', async () => {
    const key = newKey();
    const { enrollmentId } = await perform(office.world, archiveFromDevice, ada, {
      personId: other,
      ...(await handOver(key, { personId: other })),
    });
    await Promise.all([1, 2, 3].map(() => fulfilEnrollment(office.world, enrollmentId)));
    const certificates = await office.query(
      'SELECT 1 FROM certificates c JOIN escrowed_keys e USING (spki_sha256) WHERE e.spki = $1',
      [spkiOf(key)],
    );
    expect(certificates).toHaveLength(1);
    await office.drain();
  });

  it('comes by a protocol of ours without a challenge, which nobody else may say', async () => {
    const vouched = async (by: Principal) =>
      issueForDevice(office.world, by, {
        personId: dora,
        vouched: true,
        ...(await handOver(newKey(), { challenge: null })),
      });
    await expect(vouched(ada)).rejects.toThrow('does not hold the challenge');
    expect((await vouched(system)).serialNumber).toMatch(/^[0-9a-f]+$/);
  });
});

describe('is refused, by name, and nothing is escrowed:', () => {
  const refusals: [string, RegExp, () => Promise<unknown>][] = [
    [
      'a replay',
      /answered already/,
      async () => {
        const handed = await handOver(newKey());
        await issue(handed);
        const before = await counts();
        await issue(handed).catch(async (error: unknown) => {
          expect(await counts()).toEqual(before);
          throw error;
        });
      },
    ],
    [
      'a key that is in escrow',
      /This key is in escrow already/,
      async () => {
        const key = newKey();
        await issue(await handOver(key));
        await issue(await handOver(key));
      },
    ],
    [
      'a key of another person, in escrow',
      /another person’s/,
      async () => {
        const key = newKey();
        await issue(await handOver(key));
        await issue(await handOver(key, { personId: other }), other);
      },
    ],
    [
      'another private key than the one that signed',
      /does not belong to the request/,
      async () => issue(await handOver(newKey(), { inside: newKey() })),
    ],
    [
      'a key sealed with another request',
      /sealed with another request/,
      async () => issue(await handOver(newKey(), { companion: (await handOver(newKey())).request })),
    ],
    [
      'a request that the key did not sign',
      /not signed by its own key/,
      async () => {
        const { request, sealed } = await handOver(newKey());
        const forged = Buffer.from(request);
        // In the name, which the signature covers.
        forged.writeUInt8((forged.at(forged.indexOf('a device')) ?? 0) ^ 1, forged.indexOf('a device'));
        await issue({ request: forged, sealed });
      },
    ],
    [
      'a key with a certificate for signing',
      /certificate for signing: a signing key is never escrowed/,
      async () => {
        const key = newKey();
        const csr = await buildRequest({ subject: buildName([]), signer: localSigner(key) });
        await issueSigning(office.world, ada, {
          personId: dora,
          csr: Buffer.from(csr).toString('base64'),
          keyOrigin: 'device',
        });
        await issue(await handOver(key));
      },
    ],
    [
      'a request for a key that signs',
      /asks for a key that signs/,
      async () => issue(await handOver(newKey(), { extensions: [keyUsage(['digitalSignature', 'keyAgreement'])] })),
    ],
    [
      'a request without the challenge',
      /does not hold the challenge/,
      async () => issue(await handOver(newKey(), { challenge: null })),
    ],
    [
      'a challenge that nobody gave out',
      /not one that this office gave out for this person/,
      async () => issue(await handOver(newKey(), { challenge: 'guessed' })),
    ],
    [
      'a challenge of another person',
      /not one that this office gave out for this person/,
      async () => issue(await handOver(newKey(), { personId: other })),
    ],
    [
      'a challenge that has lapsed',
      /has lapsed/,
      async () => {
        const handed = await handOver(newKey());
        now = new Date(now.getTime() + 16 * 60_000);
        await issue(handed);
      },
    ],
    [
      'a weak key',
      /RSA key of 1024 bits is too short/,
      async () => issue(await handOver(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)),
    ],
    [
      'what does not open',
      /does not open with a transport key/,
      async () => issue({ ...(await handOver(newKey())), sealed: new Uint8Array(300) }),
    ],
    [
      'from another person’s device',
      /not your own key/,
      async () => issue(await handOver(newKey()), dora, { kind: 'person', id: other, name: 'Other' }),
    ],
    [
      'from an auditor',
      /needs the permission certificate:issue/,
      async () => issue(await handOver(newKey()), dora, await office.operator('Aud', 'auditor')),
    ],
    [
      'a key of somebody who left',
      /has left/,
      async () => {
        const personId = await office.person('left@example.com');
        const handed = await handOver(newKey(), { personId });
        await perform(office.world, removePerson, system, { id: personId });
        await issue(handed, personId);
      },
    ],
  ];
  it.each(refusals)('%s', async (_, why, attempt) => {
    await expect(attempt()).rejects.toThrow(why);
  });

  it('and a person asks for a few challenges at a time', async () => {
    const personId = await office.person('many@example.com');
    const many = async () => {
      for (let n = 0; n < 30; n++) await beginArchive(office.world, ada, personId);
    };
    await expect(many()).rejects.toMatchObject({ code: 'rate-limited' });
  });
});
