import { writeFileSync } from 'node:fs';
import {
  type Certificate,
  type Crl,
  decryptMessage,
  encryptMessage,
  type InspectNode,
  inspectMessage,
  localDecrypter,
  localSigner,
  SmimeError,
  signMessage,
  verifyMessage,
} from '@chancery/smime';
import { Command, Option } from 'commander';
import { answerBatch } from '../batch.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { certificatesIn, crlsIn, keysIn, type LoadedKey, readInput } from '../input-files.ts';
import { print } from '../output.ts';
import { reportForScripts, verifyCase } from './smime-batch.ts';

/** `chancery smime`: the engine on files, without an office. */
export function smimeCommand(): Command {
  const smime = new Command('smime').description('sign, verify, encrypt, decrypt and inspect messages in files');

  smime
    .command('verify')
    .description('judge a signed message: exit 0 when valid, 1 when not')
    .argument('[message]', 'an RFC 5322 message; "-" for standard input')
    .option('--trust <file...>', 'trust anchors, PEM or DER', [])
    .option('--untrusted <file...>', 'further CA certificates', [])
    .option('--crl <file...>', 'CRLs, PEM or DER', [])
    .option('--at <instant>', 'judge as of then (ISO 8601)')
    .option('--out <file>', 'write the signed entity')
    .option('--json', 'print JSON')
    .option('--batch', 'judge the cases that stand on standard input, one JSON object a line')
    .action(async (file: string | undefined, options: VerifyOptions) => {
      if (options.batch === true) return answerBatch(verifyCase);
      if (file === undefined) throw new CommandError('Name a message, or give --batch.');
      const report = await verifyMessage({
        message: readInput(file),
        anchors: options.trust.flatMap(readCertificates),
        intermediates: options.untrusted.flatMap(readCertificates),
        crls: options.crl.flatMap(readCrls),
        ...(options.at === undefined ? {} : { at: instant(options.at) }),
        revocation: options.crl.length > 0 ? 'required' : 'if-present',
      });
      if (options.out !== undefined && report.content !== undefined) writeFileSync(options.out, report.content);
      const { signers } = report;
      print(options, reportForScripts(report), () =>
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
        message: readInput(file),
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
        message: readInput(file),
        signers: [{ signer: localSigner(key.privateKey), certificate: key.certificate, chain: key.chain }],
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
        message: readInput(file),
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
        message: readInput(file),
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
  readonly batch?: boolean;
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

async function readKeys(options: KeyOptions): Promise<LoadedKey[]> {
  const password = process.env[options.password ?? ''] ?? '';
  const keys: LoadedKey[] = [];
  for (const file of options.p12 ?? []) keys.push(...(await keysIn(readInput(file), file, password)));
  if (options.key !== undefined) {
    const loaded = await keysIn(readInput(options.key), options.key, password);
    const [certificate, ...chain] = options.cert === undefined ? [] : readCertificates(options.cert);
    keys.push(...loaded.map((one) => (certificate === undefined ? one : { ...one, certificate, chain })));
  }
  return keys;
}

const readCertificates = (file: string): Certificate[] => certificatesIn(readInput(file), file);
const readCrls = (file: string): Crl[] => crlsIn(readInput(file), file);

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
