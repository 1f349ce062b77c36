/** OpenLDAP: our certificates come and go, others' stay, and a directory that is down delays nothing else. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseCrl, verifyCrlSignature } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../e2e/support/mail.ts';
import { freePort } from '../e2e/support/office-process.ts';
import { type ExampleOffice, openExampleOffice, personOf } from './example-office.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';
import { Directory } from './slapd.ts';

describe.skipIf(missing('slapd'))('OpenLDAP', () => {
  let directory: Directory;
  let example: ExampleOffice;
  let foreign: string;
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-slapd-'));

  beforeAll(async () => {
    directory = new Directory(folder, await freePort());
    const key = path.join(folder, 'foreign');
    run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      `${key}.key`,
      '-out',
      `${key}.der`,
      '-outform',
      'DER',
      '-days',
      '30',
      '-subj',
      '/CN=Somebody else issued this',
    ]);
    const { readFileSync } = await import('node:fs');
    const der = readFileSync(`${key}.der`);
    foreign = der.toString('base64');
    directory.create(['anna@example.com', 'dora@example.com'], der);
    await directory.start();
    example = await openExampleOffice({
      authorityToml: `${directory.toml}authorityDn = "cn={name},dc=example,dc=com"\n[crl]\ndeltaHours = 4\n`,
    });
  });
  afterAll(async () => {
    await example?.office.dispose();
    await directory?.stop();
    rmSync(folder, { recursive: true, force: true });
    if (example !== undefined) rmSync(example.scratch, { recursive: true, force: true });
  });

  const published = (address: string, holds: (values: string[]) => boolean) =>
    eventually(`the entry of ${address} is as it should be`, async () => {
      const values = directory.certificatesOf(address);
      return holds(values) ? values : undefined;
    });

  it('holds the encryption certificate once its owner can decrypt, beside the one that was there', async () => {
    const ours = Buffer.from(example.dora.encryption.certificate.der).toString('base64');
    const values = await published('dora@example.com', (all) => all.includes(ours));
    expect(values.toSorted()).toEqual([ours, foreign].toSorted());
    // What was done is written down once it is done.
    await eventually('the publication to be on record', async () => {
      const { coverage } = await personOf(example.ada, 'dora@example.com');
      return coverage.published === 'published' ? true : undefined;
    });
  });

  it('holds the certificates of both authorities, their lists and their deltas', async () => {
    const documents = await eventually('the lists are there', async () => {
      const [root, issuing] = [directory.documentsOf('root'), directory.documentsOf('issuing')];
      return root.deltaRevocationList && issuing.deltaRevocationList ? { root, issuing } : undefined;
    });
    for (const [name, authority] of [
      ['root', example.root],
      ['issuing', example.issuing],
    ] as const) {
      const { cACertificate, certificateRevocationList, deltaRevocationList } = documents[name];
      expect(cACertificate?.equals(authority.der)).toBe(true);
      const [list, delta] = [certificateRevocationList, deltaRevocationList].map((der) =>
        parseCrl(der ?? Buffer.alloc(0)),
      );
      expect([list, delta].every((one) => one !== undefined && verifyCrlSignature(one, authority))).toBe(true);
      // A root's list is one of authorities (RFC 4523 2.2); an issuing authority's is not.
      expect(documents[name].authorityRevocationList).toEqual(name === 'root' ? certificateRevocationList : undefined);
      expect([list?.baseCrlNumber, delta?.baseCrlNumber]).toEqual([undefined, expect.any(String)]);
    }
  });

  it('is down: revocation and mail go on, and it catches up when it is back', async () => {
    await directory.stop();
    const { serialNumber } = example.dora.encryption.certificate;
    const revoked = await example.ada.client.revokeCertificate({
      params: { serialNumber },
      body: { reason: 'superseded' },
    });
    expect(revoked.state).toBe('revoked');
    await eventually('the failure is shown', async () => {
      const { publication } = await example.ada.client.overview();
      return publication.find((one) => one.target === 'slapd' && one.failed > 0);
    });
    // A publisher that is dead delays no list: relying parties have it over HTTP.
    await eventually('the list over HTTP names it', async () => {
      const answer = await fetch(`${example.office.url}/crl/issuing.crl`);
      return parseCrl(Buffer.from(await answer.arrayBuffer())).find(serialNumber);
    });
    await directory.start();
    await eventually('the list in the directory names it', async () =>
      parseCrl(directory.documentsOf('issuing').certificateRevocationList ?? Buffer.alloc(0)).find(serialNumber),
    );
    expect(await published('dora@example.com', (all) => all.length === 1)).toEqual([foreign]);
  });
});
