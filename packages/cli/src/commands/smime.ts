import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  type Certificate,
  type Crl,
  decryptMessage,
  encryptMessage,
  type InspectNode,
  inspectMessage,
  localDecrypter,
  localSigner,
  parseCertificate,
  parseCrl,
  pemBlocks,
  readPkcs12,
  SmimeError,
  signMessage,
  verifyMessage,
} from '@chancery/smime';
import { Command, Option } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { print } from '../output.ts';

/** `chancery smime`: the engine on files, without an office. */
export function smimeCommand(): Command {
  const smime = new Command('smime').description('sign, verify, encrypt, decrypt and inspect messages in files');

  smime
    .command('verify')
    .description('judge a signed message: exit 0 when valid, 1 when not')
    .argument('<message>', 'an RFC 5322 message; "-" for standard input')
    .option('--trust <file...>', 'trust anchors, PEM or DER', [])
    .option('--untrusted <file...>', 'further CA certificates', [])
    .option('--crl <file...>', 'CRLs, PEM or DER', [])
    .option('--at <instant>', 'judge as of then (ISO 8601)')
    .option('--out <file>', 'write the signed entity')
    .option('--json', 'print JSON')
    .action(async (file: string, options: VerifyOptions) => {
      const report = await verifyMessage({
        message: readBytes(file),
        anchors: options.trust.flatMap(readCertificates),
        intermediates: options.untrusted.flatMap(readCertificates),
        crls: options.crl.flatMap(readCrls),
        ...(options.at === undefined ? {} : { at: instant(options.at) }),
        revocation: options.crl.length > 0 ? 'required' : 'if-present',
      });
      if (options.out !== undefined && report.content !== undefined) writeFileSync(options.out, report.content);
      const { content: _, signers, ...rest } = report;
      const summary = {
        ...rest,
        signers: signers.map(({ certificate, path, ...signer }) => ({
          ...signer,
          ...(certificate === undefined ? {} : { certificate: Buffer.from(certificate.der).toString('base64') }),
          path: { valid: path.valid, revocation: path.revocation, problems: path.problems },
        })),
      };
      print(options, summary, () =>
        [
          `verdict: ${report.verdict}`,
          ...signers.map(
            (signer) =>
              `signer: ${signer.emails.join(', ') || 'unknown'}: signature ${signer.signature}, path ${signer.path.valid ? 'valid' : 'not valid'}, From ${signer.identity}`,
          ),
          ...[...report.problems, ...signers.flatMap((signer) => [...signer.problems, ...signer.path.problems])].map(
            (problem) =>
              `${problem.severity}: ${problem.message}${problem.clause === undefined ? '' : ` (${problem.clause})`}`,
          ),
        ].join('\n'),
      );
      if (report.verdict !== 'valid') process.exitCode = exitCodes.refused;
    });

  withKeys(smime.command('decrypt').description('open an encrypted message'))
    .argument('<message>')
    .option('--out <file>', 'where to write the message (default: standard output)')
    .action(async (file: string, options: KeyOptions & { out?: string }) => {
      const keys = await readKeys(options);
      const opened = await decryptMessage({
        message: readBytes(file),
        keys: keys.map((key) => ({
          decrypter: localDecrypter(key.privateKey),
          ...(key.certificate === undefined ? {} : { certificate: key.certificate }),
        })),
      }).catch(refused);
      writeOut(options.out, opened.message);
      if (!opened.authenticated)
        process.stderr.write(
          'The content was encrypted but not authenticated: trust it only as far as a signature inside it.\n',
        );
    });

  withKeys(smime.command('sign').description('sign a message'))
    .argument('<message>')
    .addOption(new Option('--form <form>', 'multipart/signed, or opaque').choices(['clear', 'opaque']).default('clear'))
    .option('--out <file>', 'where to write the message (default: standard output)')
    .action(async (file: string, options: KeyOptions & { form: 'clear' | 'opaque'; out?: string }) => {
      const key = (await readKeys(options)).find((one) => one.certificate !== undefined);
      if (key?.certificate === undefined)
        throw new CommandError('Signing needs a certificate beside the key: give --p12, or --key with --cert.');
      const signed = await signMessage({
        message: readBytes(file),
        signer: localSigner(key.privateKey),
        certificate: key.certificate,
        chain: key.chain,
        form: options.form,
      });
      writeOut(options.out, signed);
    });

  smime
    .command('encrypt')
    .description('encrypt a message')
    .argument('<message>')
    .requiredOption('--to <file...>', "recipients' certificates, PEM or DER")
    .addOption(
      new Option('--cipher <cipher>')
        .choices(['aes-256-cbc', 'aes-256-gcm', 'aes-128-cbc', 'aes-128-gcm'])
        .default('aes-256-cbc'),
    )
    .option('--out <file>', 'where to write the message (default: standard output)')
    .action(async (file: string, options: { to: string[]; cipher: 'aes-256-cbc'; out?: string }) => {
      const message = await encryptMessage({
        message: readBytes(file),
        recipients: options.to.flatMap(readCertificates),
        cipher: options.cipher,
      });
      writeOut(options.out, message);
    });

  withKeys(smime.command('inspect').description('show every layer of a message, certificate, CRL or CMS object'))
    .argument('<file>')
    .option('--trust <file...>', 'trust anchors, PEM or DER', [])
    .option('--json', 'print JSON')
    .action(async (file: string, options: KeyOptions & { trust: string[]; json?: boolean }) => {
      const keys = await readKeys(options);
      const node = await inspectMessage({
        message: readBytes(file),
        anchors: options.trust.flatMap(readCertificates),
        keys: keys.map((key) => ({
          decrypter: localDecrypter(key.privateKey),
          ...(key.certificate === undefined ? {} : { certificate: key.certificate }),
        })),
      });
      print(options, node, () => outline(node, ''));
    });

  return smime;
}

interface VerifyOptions {
  readonly trust: string[];
  readonly untrusted: string[];
  readonly crl: string[];
  readonly at?: string;
  readonly out?: string;
  readonly json?: boolean;
}

interface KeyOptions {
  readonly p12?: string[];
  readonly password?: string;
  readonly key?: string;
  readonly cert?: string;
}

function withKeys(command: Command): Command {
  return command
    .option('--p12 <file...>', 'keys with their certificates, PKCS#12')
    .option(
      '--password <variable>',
      'environment variable that holds the password of the PKCS#12',
      'CHANCERY_P12_PASSWORD',
    )
    .option('--key <file>', 'a private key, PEM (PKCS#8)')
    .option('--cert <file>', "the key's certificate, PEM or DER");
}

interface LoadedKey {
  readonly privateKey: ReturnType<typeof createPrivateKey>;
  readonly certificate: Certificate | undefined;
  readonly chain: Certificate[];
}

async function readKeys(options: KeyOptions): Promise<LoadedKey[]> {
  const keys: LoadedKey[] = [];
  for (const file of options.p12 ?? []) {
    const { keys: found, certificates } = await readPkcs12(
      readBytes(file),
      process.env[options.password ?? ''] ?? '',
    ).catch(unusable(file));
    for (const one of found) {
      keys.push({
        privateKey: createPrivateKey({ key: Buffer.from(one.privateKey), format: 'der', type: 'pkcs8' }),
        certificate: one.certificate === undefined ? undefined : parseCertificate(one.certificate),
        chain: certificates.map(parseCertificate).filter((certificate) => certificate.basicConstraints?.ca === true),
      });
    }
  }
  if (options.key !== undefined) {
    const [certificate, ...chain] = options.cert === undefined ? [] : readCertificates(options.cert);
    try {
      keys.push({ privateKey: createPrivateKey(readFileSync(options.key)), certificate, chain });
    } catch (error) {
      throw new CommandError(`${options.key} is no private key that can be used: ${(error as Error).message}`);
    }
  }
  return keys;
}

function readCertificates(file: string): Certificate[] {
  return readDer(file, 'CERTIFICATE').map(parseCertificate);
}

function readCrls(file: string): Crl[] {
  return readDer(file, 'X509 CRL').map(parseCrl);
}

function readDer(file: string, label: string): Uint8Array[] {
  const bytes = readBytes(file);
  if (bytes[0] === 0x30) return [bytes];
  const found = pemBlocks(Buffer.from(bytes).toString('latin1')).filter((block) => block.label === label);
  if (found.length === 0) throw new CommandError(`${file} holds no ${label}, neither in PEM nor in DER.`);
  return found.map((block) => block.der);
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function writeOut(file: string | undefined, bytes: Uint8Array): void {
  if (file === undefined || file === '-') process.stdout.write(bytes);
  else writeFileSync(file, bytes);
}

function instant(text: string): Date {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new CommandError(`--at ${text} is not an instant; write it like 2026-11-24T10:00:00Z.`);
  return at;
}

const unusable = (file: string) => (error: unknown) => {
  throw new CommandError(`${file}: ${(error as Error).message}`);
};

/** A message that does not open is an answer (exit 1), not a misuse (exit 2). */
function refused(error: unknown): never {
  if (error instanceof SmimeError && (error.code === 'decryption-failed' || error.code === 'no-matching-recipient')) {
    throw new CommandError(error.message, exitCodes.refused);
  }
  throw error;
}

function outline(node: InspectNode, indent: string): string {
  return [
    `${indent}${node.title}${node.verdict === undefined ? '' : ` [${node.verdict}]`}`,
    ...node.fields.map((field) => `${indent}  ${field.label}: ${field.value}`),
    ...node.problems.map((problem) => `${indent}  ! ${problem.message}`),
    ...node.children.map((child) => outline(child, `${indent}  `)),
  ].join('\n');
}
