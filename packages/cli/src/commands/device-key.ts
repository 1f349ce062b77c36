import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { buildName, buildRequest, derToPem, localSigner, parseCertificate } from '@chancery/smime';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { sealForEscrow } from '../import/seal.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';
import { personIdOf } from './legal-hold.ts';

/** `chancery escrow archive`: what a device does with a key for encryption that it made itself. */
export function archiveCommand(): Command {
  return withOffice(new Command('archive'))
    .description("put a device's own key for encryption into escrow, and have its certificate issued")
    .requiredOption('--address <address>', 'whose key it is')
    .requiredOption('--key <file>', 'the private key, PEM or DER')
    .option('--passphrase-file <file>', 'with the passphrase of the key')
    .requiredOption('--out <file>', 'where to write the certificate (PEM, with its chain)')
    .action(async (options: OfficeOptions & { address: string; key: string; passphraseFile?: string; out: string }) => {
      const client = connect(options);
      const key = readKey(options.key, options.passphraseFile);
      const id = await personIdOf(client, options.address);
      const { challenge, transport } = await client.beginArchive({ params: { id } });
      const request = await buildRequest({
        subject: buildName([{ type: 'commonName', value: options.address }]),
        signer: localSigner(key),
        challengePassword: challenge,
      });
      const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
      let sealed: string;
      try {
        sealed = await sealForEscrow(parseCertificate(Buffer.from(transport.certificate, 'base64')), request, pkcs8);
      } finally {
        pkcs8.fill(0);
      }
      const issued = await client.archiveDeviceKey({
        params: { id },
        body: { request: Buffer.from(request).toString('base64'), sealed },
      });
      const chain = [issued.certificate, ...issued.chain].map((der) => Buffer.from(der, 'base64'));
      writeFileSync(options.out, chain.map((der) => derToPem(der, 'CERTIFICATE')).join(''));
      print(
        options,
        { serialNumber: issued.serialNumber, file: options.out },
        () => `The key is in escrow. Its certificate, ${issued.serialNumber}, is in ${options.out}.`,
      );
    });
}

/** @throws CommandError that never quotes what is in the file */
function readKey(file: string, passphraseFile: string | undefined): KeyObject {
  const octets = readFileSync(file);
  const passphrase = passphraseFile === undefined ? '' : readFileSync(passphraseFile, 'utf8').replace(/\r?\n$/, '');
  try {
    return octets[0] === 0x30
      ? createPrivateKey({ key: octets, format: 'der', type: 'pkcs8' })
      : createPrivateKey({ key: octets, passphrase });
  } catch {
    throw new CommandError(`${file} is no private key in PEM or PKCS#8, or the passphrase does not open it.`);
  } finally {
    octets.fill(0);
  }
}
