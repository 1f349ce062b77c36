/** An office below an offline root: its issuing authority from a ceremony, and the root's CRL from the next, at the address that was named. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseCrl } from '@chancery/smime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OfficeProcess, runChancery } from './support/office-process.ts';
import { setUpOffice } from './support/operators.ts';

let office: OfficeProcess;
beforeAll(async () => {
  office = await OfficeProcess.prepare();
  await office.start();
  await setUpOffice(office.url, await office.setupToken(), { caAlgorithm: 'ecdsa' });
}, 180_000);
afterAll(() => office?.dispose());

const file = (name: string) => path.join(office.home, name);
const chancery = (...args: string[]): string => {
  const env = { CHANCERY_HOME: office.home, CHANCERY_CEREMONY_SECRET: 'a passphrase of the root' };
  const { code, stdout, stderr } = runChancery(args, { env });
  if (code !== 0) throw new Error(`chancery ${args.join(' ')}: ${code}\n${stdout}${stderr}`);
  return stdout;
};
const ceremony = (step: string, ...args: string[]) =>
  chancery('ceremony', step, '--store', file('store'), '--yes', ...args);
const takeCrl = (number: number) => {
  writeFileSync(file(`revoked${number}.txt`), chancery('authorities', 'revoked', 'our-root'));
  ceremony(
    'crl',
    ...['--root', file('root.pem'), '--number', String(number), '--revoked', file(`revoked${number}.txt`)],
    ...['--out', file(`${number}.crl`), '--transcript', file(`${number}.txt`)],
  );
  return chancery('authorities', 'take-crl', 'our-root', file(`${number}.crl`), '--transcript', file(`${number}.txt`));
};

it('publishes what ceremonies sign, and says what the next must hold', { timeout: 240_000 }, async () => {
  ceremony('root', '--organisation', 'Offline Corp', '--out', file('root.pem'), '--transcript', file('root.txt'));
  const asked = chancery('authorities', 'request', '--title', 'Below', '--key', 'p256', '--out', file('request.pem'));
  const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(asked)?.[0] ?? '';
  const crlUrl = `${office.url}/crl/our-root.crl`;
  ceremony(
    'sign',
    ...['--root', file('root.pem'), '--request', file('request.pem'), '--crl-url', crlUrl],
    ...['--out', file('issuing.pem'), '--transcript', file('sign.txt')],
  );
  chancery('authorities', 'install', id, file('issuing.pem'), '--chain', file('root.pem'));
  // Under another name, but at the address that its certificates name.
  expect(chancery('authorities', 'adopt-root', file('root.pem'), '--name', 'The root in the safe')).toContain(crlUrl);
  expect(takeCrl(1)).toContain('CRL 1 of The root in the safe is published');
  const list = async () => {
    // A connection that was kept has ended by the time that the commands, which block this process, are done.
    const answer = await fetch(crlUrl, { headers: { connection: 'close' } });
    expect(answer.status).toBe(200);
    return parseCrl(Buffer.from(await answer.arrayBuffer()));
  };
  expect(await list()).toMatchObject({ crlNumber: '01', entryCount: 0 });

  chancery('certificates', 'hold', '--authority', 'example-corp-below');
  expect(chancery('authorities', 'list')).toContain('Hold a ceremony');
  takeCrl(2);
  expect(await list()).toMatchObject({ crlNumber: '02', entryCount: 1 });
  const tree = chancery('authorities', 'list');
  expect(tree).not.toContain('Hold a ceremony');
  expect(tree).toMatch(/The root in the safe {2}\[our-root, P-384, offline, root/);
  expect(readFileSync(file('2.txt'), 'utf8')).toContain('certificateHold');
});
