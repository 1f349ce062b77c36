/** What the claim page does in a browser, done here: makes the signing key, and collects the encryption key. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Client } from '@chancery/api';
import { buildName, buildRequest, createPkcs12, localSigner } from '@chancery/smime';

export interface ClaimedKeys {
  readonly password: string;
  readonly files: { name: string; bytes: Uint8Array }[];
}

export async function claimKeys(client: Client, secret: string): Promise<ClaimedKeys> {
  const claim = await client.openClaim({ body: { secret } });
  const password = randomBytes(12).toString('base64url');
  const files: ClaimedKeys['files'] = [];

  if (claim.signing === 'needed') {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const csr = await buildRequest({
      subject: buildName([{ type: 'commonName', value: claim.name }]),
      signer: localSigner(privateKey),
    });
    const issued = await client.claimSigning({
      body: { secret, csr: Buffer.from(csr).toString('base64'), keyOrigin: 'browser' },
    });
    const bytes = await createPkcs12({
      entries: [
        {
          privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
          certificate: Buffer.from(issued.certificate, 'base64'),
          friendlyName: `${claim.name} (signing)`,
        },
      ],
      chain: issued.chain.map((der) => Buffer.from(der, 'base64')),
      password,
      profile: 'modern',
    });
    files.push({ name: `${claim.address}.signing.p12`, bytes });
  }
  if (claim.encryption === 'ready') {
    const { data } = await client.claimEncryption({ body: { secret, password } });
    files.push({ name: `${claim.address}.encryption.p12`, bytes: Buffer.from(data, 'base64') });
  }
  await client.finishClaim({ body: { secret } });
  return { password, files };
}
