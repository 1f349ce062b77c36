import {
  assembleSigned,
  buildTbsCrl,
  crlNumber,
  deltaCrlIndicator,
  type Extension,
  issuingDistributionPoint,
  parseRequest,
  type RevocationReason,
  RevokedList,
  signatureAlgorithmFor,
} from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCa } from '../../../../e2e/support/small-ca.ts';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { documentsOf, octetsOf } from '../status/documents.ts';
import { authorityHealth } from '../status/health.ts';
import { warningsOf } from '../status/judge-health.ts';
import { listAuthorities } from '../store/authorities.ts';
import { generateDueCrls } from './due-crls.ts';
import { createAuthority, installAuthority, requestAuthority } from './grow-hierarchy.ts';
import { adoptRoot, takeCrl } from './offline-root.ts';
import { changeAuthority } from './revoke-authority.ts';

type Ca = Awaited<ReturnType<typeof createCa>>;

const DAY = 86_400_000;
const local: Principal = { kind: 'local', id: 'local', name: 'here' };
let office: PkiOffice;
let offline: Ca;
let rootId: string;
/** Of the authority below it. */
let serialNumber: string;

beforeAll(async () => {
  office = await pkiOffice();
  offline = await createCa('Offline Root', 'ec');
  const { id, request } = await perform(office.world, requestAuthority, local, { title: 'Below', key: 'p256' });
  const asked = parseRequest(request);
  const issued = await offline.certifyAuthority(asked.subject, asked.spki);
  serialNumber = issued.serialNumber;
  await perform(office.world, installAuthority, local, {
    requestId: id,
    certificate: issued.der,
    chain: [offline.certificate.der],
  });
});
afterAll(() => office.close());

interface ListOptions {
  readonly number?: number;
  readonly revoked?: readonly (readonly [string, RevocationReason])[];
  readonly days?: number;
  readonly at?: number;
  readonly extensions?: readonly Extension[];
  readonly by?: Ca;
}

async function list(options: ListOptions = {}): Promise<Uint8Array> {
  const { number = 1, revoked = [], days = 180, extensions = [], by = offline } = options;
  const at = options.at ?? office.world.clock().getTime();
  const entries = new RevokedList();
  for (const [serial, reason] of revoked) entries.add(serial, at - 1000, reason);
  const signatureAlgorithm = signatureAlgorithmFor(by.signer.kind, 'sha256');
  const tbs = buildTbsCrl({
    signatureAlgorithm,
    issuer: offline.certificate.subject,
    thisUpdate: new Date(Math.floor(at / 1000) * 1000),
    nextUpdate: new Date(Math.floor(at / 1000) * 1000 + days * DAY),
    entries,
    extensions: [crlNumber(number), ...extensions],
  });
  return assembleSigned(tbs, signatureAlgorithm, await by.signer.sign(tbs, 'sha256'));
}
const take = (crl: Uint8Array) =>
  perform(office.world, takeCrl, local, { authorityId: rootId, crl, transcript: 'the words' });
const health = async () => {
  const all = await office.world.database.snapshot((snapshot) => authorityHealth(office.world, snapshot));
  const found = all.find(({ id }) => id === rootId);
  if (found === undefined) throw new Error('The root is not there');
  return found;
};
const authorities = () => office.world.database.snapshot(listAuthorities);

describe('a root whose key is offline', () => {
  it('stands above what it signed, and signs nothing here', async () => {
    const input = { name: 'Our offline root', certificate: offline.certificate.der };
    ({ id: rootId } = await perform(office.world, adoptRoot, local, input));
    const below = (await authorities()).find((one) => one.issuerId === rootId);
    expect(below).toMatchObject({ name: expect.stringContaining('Below'), outsideChain: [] });
    await expect(perform(office.world, adoptRoot, local, input)).rejects.toMatchObject({ code: 'conflict' });
    const middle = await createCa('Middle', 'ec', offline);
    await expect(
      perform(office.world, adoptRoot, local, { name: 'Middle', certificate: middle.certificate.der }),
    ).rejects.toMatchObject({ message: expect.stringContaining('no root') });
    await expect(
      perform(office.world, createAuthority, local, { title: 'No', key: 'p256', parentId: rootId }),
    ).rejects.toMatchObject({ code: 'wrong-state', message: expect.stringContaining('ceremony') });
    await generateDueCrls(office.world);
    expect(await health()).toMatchObject({ complete: null, offline: { warnFrom: null, behind: 0 } });
    // Issuance goes on below it.
    const { chain } = await office.signing(await office.person('below@example.com'));
    expect(chain.at(-1)).toEqual(Buffer.from(offline.certificate.der));
  });

  it('has its lists from ceremonies: signed by it, whole, in force, and in order', async () => {
    const stranger = await createCa('Offline Root', 'ec');
    const now = office.world.clock().getTime();
    for (const [crl, why] of [
      [await list({ by: stranger }), 'did not sign it'],
      [await list({ extensions: [deltaCrlIndicator(1)], number: 2 }), 'a complete list'],
      [
        await list({
          extensions: [issuingDistributionPoint({ uri: ['http://x.example/1.crl'], onlyUserCertificates: true })],
        }),
        'limited',
      ],
      [await list({ at: now - 200 * DAY }), 'ended'],
      [await list({ at: now + DAY }), 'still to come'],
      [Buffer.from('no list'), 'cannot be read'],
    ] as const)
      await expect(take(crl)).rejects.toMatchObject({ code: 'unusable-input', message: expect.stringContaining(why) });
    const first = await list({ number: 3 });
    expect(await take(first)).toEqual({ number: 3, revoked: [] });
    await expect(take(first)).rejects.toMatchObject({
      message: expect.stringContaining('the list that is here has 3'),
    });
    await expect(take(await list({ number: 4, at: now - DAY }))).rejects.toMatchObject({
      message: expect.stringContaining('before the list that is here'),
    });
    const published = await office.world.database.snapshot(async (snapshot) => {
      const root = (await listAuthorities(snapshot)).find(({ id }) => id === rootId);
      const document = root && (await documentsOf(snapshot, root)).find(({ kind }) => kind === 'complete');
      return document && { path: document.path, octets: await octetsOf(snapshot, document) };
    });
    expect(published?.path).toMatch(/^crl\/our-offline-root\.crl$/);
    expect(published?.octets).toEqual(Buffer.from(first));
  });

  it('is warned about in time, and where a revocation stands on no list yet', async () => {
    const before = await health();
    expect(warningsOf(before, office.world.clock())).toEqual([]);
    const late = new Date(Date.parse(before.complete?.nextUpdate ?? '') - 29 * DAY);
    expect(warningsOf(before, late)).toEqual([expect.stringContaining('Hold a ceremony')]);
    const below = (await authorities()).find((one) => one.issuerId === rootId);
    await perform(office.world, changeAuthority, local, {
      authorityId: below?.id ?? '',
      change: { act: 'hold' },
      note: '',
    });
    await generateDueCrls(office.world);
    expect(warningsOf(await health(), office.world.clock())).toEqual([expect.stringContaining('(1)')]);
    await expect(take(await list({ number: 4 }))).rejects.toMatchObject({
      message: expect.stringContaining(`lacks ${serialNumber}`),
    });
    await take(await list({ number: 4, revoked: [[serialNumber, 'certificateHold']] }));
    expect(warningsOf(await health(), office.world.clock())).toEqual([]);
  });

  it('is believed where it revokes what was not revoked here', async () => {
    const taken = await take(await list({ number: 5, revoked: [[serialNumber, 'cACompromise']] }));
    expect(taken).toEqual({ number: 5, revoked: [serialNumber] });
    expect((await authorities()).find((one) => one.issuerId === rootId)).toMatchObject({
      revocationReason: 'cACompromise',
    });
    expect(await health()).toMatchObject({ complete: { number: 5, entries: 1 }, offline: { behind: 0 } });
  });

  it('takes no list for a root whose key is here', async () => {
    const own = (await authorities()).find(({ slug }) => slug === 'root');
    await expect(
      perform(office.world, takeCrl, local, { authorityId: own?.id ?? '', crl: await list({ number: 9 }) }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
  });
});
