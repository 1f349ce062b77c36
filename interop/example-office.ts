/** A running office with three people, for the peers to look at. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from '@chancery/api';
import { type Certificate, derToPem, parseCertificate } from '@chancery/smime';
import { eventually } from '../e2e/support/mail.ts';
import { type OfficeOptions, OfficeProcess } from '../e2e/support/office-process.ts';
import { type SignedIn, setUpOffice } from '../e2e/support/operators.ts';
import { claimKeys } from '../packages/cli/src/demo/claim-keys.ts';

/** Anna: the gateway signs and decrypts. Dora: her own device, with both keys collected. */
export interface ExampleOffice {
  readonly office: OfficeProcess;
  readonly ada: SignedIn;
  /** PEM file of the root, and of the issuing CA. */
  readonly rootFile: string;
  readonly issuingFile: string;
  readonly root: Certificate;
  readonly issuing: Certificate;
  readonly dora: CollectedKeys;
  /** A folder for the test's own files; goes with the office. */
  readonly scratch: string;
}

/** What somebody has who opened their claim link: PKCS#12 files, and what is in them. */
interface CollectedKeys {
  readonly password: string;
  readonly signing: { readonly file: string; readonly certificate: Certificate };
  readonly encryption: { readonly file: string; readonly certificate: Certificate };
}

export async function openExampleOffice(
  options: OfficeOptions & { caAlgorithm?: 'ecdsa' | 'rsa' } = {},
): Promise<ExampleOffice> {
  const office = await OfficeProcess.prepare(options);
  await office.start();
  const ada = await setUpOffice(office.url, await office.setupToken(), { caAlgorithm: options.caAlgorithm ?? 'ecdsa' });
  await ada.client.importPeople({
    body: {
      csv: 'address,name,aliases,external_id,signing_key,gateway_decrypts\nanna@example.com,Anna Becker,,E1,gateway,true\ndora@example.com,Dora Device,,E2,device,false\n',
    },
  });
  await eventually('everyone has their certificates', async () => {
    const { items } = await ada.client.certificates({ query: { limit: 100 } });
    return items.filter((one) => one.personId !== null).length >= 3 ? true : undefined;
  });
  const scratch = mkdtempSync(path.join(tmpdir(), 'chancery-interop-'));
  const { items: authorities } = await ada.client.authorities();
  const authority = (role: 'root' | 'issuing') => {
    const found = authorities.find((one) => one.role === role);
    if (found === undefined) throw new Error(`No ${role} CA`);
    const certificate = parseCertificate(Buffer.from(found.certificate, 'base64'));
    const file = path.join(scratch, `${role}.pem`);
    writeFileSync(file, derToPem(certificate.der, 'CERTIFICATE'));
    return { certificate, file };
  };
  const [root, issuing] = [authority('root'), authority('issuing')];
  return {
    office,
    ada,
    scratch,
    root: root.certificate,
    rootFile: root.file,
    issuing: issuing.certificate,
    issuingFile: issuing.file,
    dora: await collectKeys(office, ada, scratch, 'dora@example.com'),
  };
}

/** Opens somebody's claim link in their place. @param scratch a folder for the files */
export async function collectKeys(
  office: Pick<OfficeProcess, 'url'>,
  ada: SignedIn,
  scratch: string,
  address: string,
): Promise<CollectedKeys> {
  const person = await personOf(ada, address);
  const link = await ada.client.newClaim({ params: { id: person.id } });
  const keys = await claimKeys(createClient({ baseUrl: office.url }), link.url.slice(link.url.indexOf('#') + 1));
  const key = async (use: 'signing' | 'encryption') => {
    const bytes = keys.files.find((one) => one.name.endsWith(`.${use}.p12`))?.bytes;
    if (bytes === undefined) throw new Error(`${address} collected no ${use} key`);
    const file = path.join(scratch, `${address}.${use}.p12`);
    writeFileSync(file, bytes);
    return { file, certificate: await certificateOf(ada, address, use) };
  };
  return { password: keys.password, signing: await key('signing'), encryption: await key('encryption') };
}

export async function personOf(ada: SignedIn, address: string) {
  const { items } = await ada.client.people({ query: { search: address } });
  const person = items.find((one) => one.address === address);
  if (person === undefined) throw new Error(`${address} is not there`);
  return person;
}

/** The newest certificate of an address for a use. */
export async function certificateOf(
  ada: SignedIn,
  address: string,
  use: 'signing' | 'encryption',
): Promise<Certificate> {
  const { certificates } = await ada.client.person({ params: { id: (await personOf(ada, address)).id } });
  const newest = certificates
    .filter((one) => one.use === use)
    .toSorted((a, b) => b.notBefore.localeCompare(a.notBefore))[0];
  if (newest === undefined) throw new Error(`${address} has no ${use} certificate`);
  const { der } = await ada.client.certificate({ params: { serialNumber: newest.serialNumber } });
  return parseCertificate(Buffer.from(der, 'base64'));
}
