/** An office in this process whose lists and answers `chancery status` serves, with certificates in every state a peer should tell apart. */
import { spawn } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Certificate, derToPem, parseCertificate } from '@chancery/smime';
import { freePort } from '../e2e/support/office-process.ts';
import { generateDueCrls } from '../packages/authority/src/ca/due-crls.ts';
import { holdCertificate, revokeCertificate } from '../packages/authority/src/ca/revoke.ts';
import { perform } from '../packages/authority/src/operation.ts';
import { system } from '../packages/authority/src/principal.ts';
import { renewDueResponders } from '../packages/authority/src/status/renew-responder.ts';
import { startStatus } from '../packages/authority/src/status-main.ts';
import { listAuthorities } from '../packages/authority/src/store/authorities.ts';
import { ecKey, pkiOffice } from '../packages/authority/test/pki-office.ts';

export type Standing = 'good' | 'revoked' | 'held' | 'late';

export interface StatusOffice {
  readonly url: string;
  /** Of one shard, all of them, so that one list is about each. `late`: revoked since the list `base`, so that only the delta says so. */
  readonly certificates: Readonly<Record<Standing, Certificate>>;
  readonly keys: Readonly<Record<Standing, KeyObject>>;
  readonly issuing: Certificate;
  /** Files: `root`, `issuing`, `good`, … `.pem` and `.der`; `base`, `full`, `shard`, `delta`, `root-list` `.pem` and `.crl`. */
  file(name: string): string;
  close(): Promise<void>;
}

export async function openStatusOffice(): Promise<StatusOffice> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-status-'));
  const office = await pkiOffice({
    config: `[server]\npublicUrl = "${url}"\n[crl]\nshards = 2\ndeltaHours = 4\n[status]\nport = ${port}\n`,
    handlers: { 'publish-documents': async () => {} },
  });
  const { world } = office;
  const file = (name: string) => path.join(folder, name);
  const write = (name: string, der: Uint8Array, label: string, ending: string) => {
    writeFileSync(file(`${name}.${ending}`), der);
    writeFileSync(file(`${name}.pem`), derToPem(der, label));
  };
  const fetchList = async (name: string, at: string) => {
    const answer = await fetch(at);
    if (answer.status !== 200) throw new Error(`${at}: ${answer.status}`);
    write(name, Buffer.from(await answer.arrayBuffer()), 'X509 CRL', 'crl');
  };
  await generateDueCrls(world);
  await renewDueResponders(world);
  const { keyStore, config, log } = world;
  const status = await startStatus({ config, connection: office.connection, keyStore, log });

  const certificates = {} as Record<Standing, Certificate>;
  const keys = {} as Record<Standing, KeyObject>;
  for (const standing of ['good', 'revoked', 'held', 'late'] as const) {
    for (;;) {
      const holder = await office.person(`${standing}${Math.random()}@example.com`);
      const key = ecKey();
      const certificate = parseCertificate((await office.signing(holder, key)).certificate);
      if (!certificate.crlDistributionPoints[0]?.endsWith('/0.crl')) continue;
      certificates[standing] = certificate;
      keys[standing] = key;
      write(standing, certificate.der, 'CERTIFICATE', 'der');
      break;
    }
  }
  const revoke = (standing: Standing) =>
    perform(world, revokeCertificate, system, {
      serialNumber: certificates[standing].serialNumber,
      reason: 'keyCompromise',
    });
  await revoke('revoked');
  await perform(world, holdCertificate, system, { serialNumber: certificates.held.serialNumber });
  await generateDueCrls(world);
  await fetchList('base', `${url}/crl/issuing.crl`);
  await revoke('late');
  await generateDueCrls(world);
  await fetchList('full', `${url}/crl/issuing.crl`);
  await fetchList('shard', certificates.good.crlDistributionPoints[0] ?? '');
  await fetchList('delta', `${url}/crl/issuing/delta.crl`);
  await fetchList('root-list', `${url}/crl/root.crl`);
  const authorities = await world.database.snapshot(listAuthorities);
  for (const { slug, certificate } of authorities) write(slug, certificate.der, 'CERTIFICATE', 'der');
  const issuing = authorities.find(({ role }) => role === 'issuing')?.certificate;
  if (issuing === undefined) throw new Error('No issuing authority');
  return {
    url,
    certificates,
    keys,
    issuing,
    file,
    async close() {
      await status.stop();
      await office.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a program to its end while this process goes on answering it; both streams in one text. */
export function runBeside(program: string, args: readonly string[]): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, text }));
  });
}
