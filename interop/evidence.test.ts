/** A bundle of evidence as an auditor has it: OpenSSL alone checks it, with the commands that stand in it. And OpenSSL as the one who stamps. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openZip } from '../packages/authority/src/audit/open-zip.ts';
import { verifyEvidence } from '../packages/authority/src/audit/verify-evidence.ts';
import { parseAuthorityConfig } from '../packages/authority/src/config.ts';
import { perform } from '../packages/authority/src/operation.ts';
import { evidenceAbout } from '../packages/authority/src/ra/evidence.ts';
import { removePerson } from '../packages/authority/src/ra/offboarding.ts';
import { type EscrowOffice, escrowOffice } from '../packages/authority/test/escrow-office.ts';
import { parseCertificate, pemBlocks } from '../packages/smime/src/index.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-evidence-'));
const file = (name: string): string => path.join(folder, name);

describe.skipIf(missing('openssl'))('a bundle of evidence', () => {
  let office: EscrowOffice;
  let id: string;
  beforeAll(async () => {
    office = await escrowOffice();
    id = await office.person('eva@example.com');
    await perform(office.world, removePerson, { kind: 'local', id: 'local', name: 'here' }, { id });
    await office.drain();
  });
  afterAll(async () => {
    await office?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const unpack = async (world = office.world): Promise<Uint8Array> => {
    const { data } = await evidenceAbout(world, await office.operator(`Audrey${Date.now()}`, 'auditor'), id);
    for (const [name, content] of openZip(data) ?? []) writeFileSync(file(name), content);
    return data;
  };
  /** The commands of the file that is in it, as they stand there. */
  const commands = (): string[] =>
    readFileSync(file('README.txt'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('  openssl '))
      .map((line) => line.trim());
  const inFolder = (command: string, over: (line: string) => string = (line) => line) =>
    run('sh', ['-c', `cd ${folder} && ${over(command)}`]);

  it('is verified by OpenSSL alone: who signed it, and when it was there', async () => {
    await unpack();
    const [cms = '', ts = '', text = ''] = commands();
    expect(cms).toMatch(/^openssl cms -verify/);
    expect(inFolder(cms)).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(file('evidence.json'), 'utf8'))).toMatchObject({ person: { state: 'left' } });
    expect(ts).toMatch(/^openssl ts -verify/);
    expect(inFolder(ts)).toMatchObject({ code: 0, text: expect.stringContaining('Verification: OK') });
    expect(inFolder(text).text).toMatch(/Hash Algorithm: sha256[\s\S]*Time stamp: /);
    // Of another file, or by whom one does not know, it is none.
    writeFileSync(file('other.p7m'), 'another');
    expect(inFolder(ts, (line) => line.replace('evidence.p7m', 'other.p7m')).code).not.toBe(0);
    expect(inFolder(ts, (line) => line.replace('tsa.pem', 'office.pem')).code).not.toBe(0);
    expect(inFolder(cms, (line) => line.replace('office.pem', 'tsa.pem')).code).not.toBe(0);
  });

  it('is stamped by OpenSSL elsewhere, as an authority that we ask', async () => {
    writeFileSync(
      file('tsa.cnf'),
      [
        ...[
          '[tsa]',
          'default_tsa = one',
          '[one]',
          `serial = ${file('serial')}`,
          'default_policy = 1.3.6.1.4.1.32473.8',
        ],
        ...[
          'digests = sha256',
          'signer_digest = sha256',
          'accuracy = secs:1',
          'ordering = yes',
          'ess_cert_id_alg = sha256',
        ],
      ].join('\n'),
    );
    run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3', '-subj', '/CN=OpenSSL stamps'],
      ...['-addext', 'extendedKeyUsage=critical,timeStamping', '-addext', 'keyUsage=critical,digitalSignature'],
      ...['-keyout', file('outside.key'), '-out', file('outside.pem')],
    ]);
    const server = createServer(async (request, response) => {
      writeFileSync(file('query.tsq'), await buffer(request));
      run('openssl', [
        ...['ts', '-reply', '-config', file('tsa.cnf'), '-queryfile', file('query.tsq'), '-out', file('reply.tsr')],
        ...['-signer', file('outside.pem'), '-inkey', file('outside.key')],
      ]);
      response.end(readFileSync(file('reply.tsr')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const config = parseAuthorityConfig(
        `[evidence.timeStamp]\nurl = "${url}"\nca = "${file('outside.pem')}"`,
        office.home,
      );
      const data = await unpack({ ...office.world, config });
      const stampers = pemBlocks(readFileSync(file('outside.pem'), 'utf8')).map(({ der }) => parseCertificate(der));
      expect(await verifyEvidence(data, { stampers })).toMatchObject({ intact: true, stampedAt: expect.any(String) });
      expect(inFolder(commands()[1] ?? '')).toMatchObject({ code: 0 });
    } finally {
      server.close();
    }
  });
});
