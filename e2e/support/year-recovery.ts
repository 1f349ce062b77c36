/** What a quorum recovers at the end of the year, of whoever it is. */
import { createPrivateKey } from 'node:crypto';
import { localDecrypter, parseCertificate, readPkcs12 } from '@chancery/smime';
import { requestRecovery } from '../../packages/authority/src/kra/recovery.ts';
import { releaseKey, releasePassword } from '../../packages/authority/src/kra/release.ts';
import { perform } from '../../packages/authority/src/operation.ts';
import type { EscrowOffice, OperatorPrincipal } from '../../packages/authority/test/escrow-office.ts';

/** By a request of one case, of which two officers approve, once they have founded the vault. */
export async function recovered(office: EscrowOffice, turn: () => Promise<void>, personIds: readonly string[]) {
  const { world } = office;
  const officers: OperatorPrincipal[] = [
    await office.operator('Olga', 'recovery-officer'),
    await office.operator('Omar', 'recovery-officer'),
  ];
  await office.holdCeremony(officers);
  for (let rounds = 0; rounds < 5; rounds++) await turn();
  const requester = await office.operator('Rita', 'registration-officer');
  const id = await perform(world, requestRecovery, requester, {
    personIds: [...personIds],
    reason: 'departed-employee',
    explanation: 'All mail of a year.',
    delivery: { kind: 'pkcs12' },
  });
  for (const officer of officers) await office.approve(id, officer);
  const file = await perform(world, releaseKey, requester, { id });
  const { password } = await perform(world, releasePassword, officers[0] as OperatorPrincipal, { id });
  const opened = [];
  for (const one of filesIn(Buffer.from(file.data))) opened.push(...(await readPkcs12(one, password)).keys);
  const rows = await office.query(
    `SELECT certificate FROM certificates WHERE use = 'encryption' AND person_id = ANY ($1::uuid[])`,
    [personIds],
  );
  const certificates = rows.map(({ certificate }) => parseCertificate(certificate as Buffer));
  return opened.flatMap(({ privateKey, certificate }) => {
    const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
    const spki = Buffer.from(parseCertificate(certificate ?? Buffer.alloc(0)).spki);
    // The same key in every certificate that it had.
    return certificates
      .filter((one) => spki.equals(Buffer.from(one.spki)))
      .map((one) => ({ decrypter: localDecrypter(key), certificate: one }));
  });
}

/** The files of a ZIP archive whose files are stored as they are; one that is no archive is itself. */
function filesIn(archive: Buffer): Buffer[] {
  if (archive.readUInt32LE(0) !== 0x04034b50) return [archive];
  const files: Buffer[] = [];
  for (let at = 0; archive.readUInt32LE(at) === 0x04034b50; ) {
    const begin = at + 30 + archive.readUInt16LE(at + 26) + archive.readUInt16LE(at + 28);
    at = begin + archive.readUInt32LE(at + 18);
    files.push(archive.subarray(begin, at));
  }
  return files;
}
