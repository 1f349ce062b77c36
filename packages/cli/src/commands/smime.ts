import {
  type Certificate,
  type Crl,
  compressMessage,
  decodeHeaderText,
  encryptMessage,
  encryptStream,
  expandMessage,
  type HeaderConfidentiality,
  type InspectNode,
  inspectMessage,
  type LayerReport,
  localSigner,
  SmimeError,
  type SmimeErrorCode,
  signMessage,
  signStream,
  type VerifyReport,
} from '@chancery/smime';
import { Command, Option } from 'commander';
import { answerBatch } from '../batch.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { certificatesIn, crlsIn, keysIn, type LoadedKey, readInput } from '../input-files.ts';
import { instant } from '../instant.ts';
import { isLarge, readMessage } from '../message-file.ts';
import { print } from '../output.ts';
import { writeOut, writeOutPieces } from '../write-output.ts';
import {
  decryptAny,
  decryptCase,
  decryptionKeys,
  inspectCase,
  openedForScripts,
  reportForScripts,
  verifyAny,
  verifyCase,
} from './smime-batch.ts';
import { decryptLarge, verifyLarge } from './smime-large.ts';

/** `chancery smime`: the engine on files, without an office. */
export function smimeCommand(): Command {
  const smime = new Command('smime').description('sign, verify, encrypt, decrypt and inspect messages in files');

  withKeys(smime.command('verify').description('judge a signed message: exit 0 when valid, 1 when not'))
    .argument('[message]', 'an RFC 5322 message, or a CMS object in DER, BER or PEM; "-" for standard input')
    .option('--trust <file...>', 'trust anchors, PEM or DER', [])
    .option('--untrusted <file...>', 'further CA certificates', [])
    .option('--crl <file...>', "CRLs, PEM or DER; with any, the signer's own status must be known", [])
    .option('--at <instant>', 'judge as of then (ISO 8601)')
    .option('--from <address>', 'the address the signer must have, instead of the From field')
    .option('--legacy', 'take SHA-1, MD5, DSA and short RSA keys for warnings, and open Triple DES: for old mail')
    .option('--out <file>', 'write the signed entity')
    .option('--json', 'print JSON')
    .option('--batch', batchHelp)
    .action(async (file: string | undefined, options: VerifyOptions) => {
      if (options.batch === true) return answerBatch(verifyCase);
      const message = named(file);
      const input = await readMessage(message);
      const judgement = {
        anchors: options.trust.flatMap(readCertificates),
        intermediates: options.untrusted.flatMap(readCertificates),
        crls: options.crl.flatMap(readCrls),
        keys: decryptionKeys(await readKeys(options)),
        ...(options.at === undefined ? {} : { at: instant(options.at) }),
        ...(options.from === undefined ? {} : { expectFrom: options.from }),
        revocation: options.crl.length > 0 ? 'leaf-required' : 'if-present',
        legacy: options.legacy === true,
      } as const;
      const report = isLarge(input)
        ? await verifyLarge(input, message, judgement, options.out)
        : await verifyAny(input, message, judgement);
      if (options.out !== undefined && report.content !== undefined) writeOut(options.out, report.content);
      print(options, reportForScripts(report), () => describeReport(report));
      if (report.verdict !== 'valid') process.exitCode = exitCodes.refused;
    });

  withKeys(smime.command('decrypt').description('open an encrypted message: exit 1 where it does not open'))
    .argument('[message]', 'an RFC 5322 message, or a CMS object in DER, BER or PEM; "-" for standard input')
    .option('--out <file>', 'where to write the message (default: standard output)')
    .addOption(
      new Option('--header <which>', 'the fields that the composer protected (RFC 9788), or those that were delivered')
        .choices(['protected', 'delivered'])
        .default('protected'),
    )
    .option('--json', 'print JSON, with the content in base64')
    .option('--legacy', 'open Triple DES, DES and RC2 too: for old mail')
    .option('--batch', batchHelp)
    .action(async (file: string | undefined, options: KeyOptions & DecryptOptions) => {
      if (options.batch === true) return answerBatch(decryptCase);
      const message = named(file);
      const { legacy = false, header } = options;
      const opening = { keys: decryptionKeys(await readKeys(options)), legacy, header };
      const input = await readMessage(message);
      const opened = await (isLarge(input)
        ? decryptLarge(input, message, opening, options)
        : decryptAny(input, message, opening)
      ).catch(refused);
      if (opened.whole !== undefined) {
        if (options.json !== true || options.out !== undefined) writeOut(options.out, opened.whole);
        if (options.json === true) print(options, openedForScripts(opened), () => '');
      }
      for (const { severity, message } of opened.header?.problems ?? [])
        if (severity === 'error') process.stderr.write(`The header was altered on the way: ${message}\n`);
      if (!opened.authenticated)
        process.stderr.write(
          'The content was encrypted but not authenticated: trust it only as far as a signature inside it.\n',
        );
    });

  withKeys(smime.command('sign').description('sign a message'))
    .argument('<message>')
    .addOption(new Option('--form <form>', 'multipart/signed, or opaque').choices(['clear', 'opaque']).default('clear'))
    .addOption(
      new Option(
        '--header-protection <policy>',
        'protect the header (RFC 9788): "clear" for a message that is only signed, else what is hidden once it is encrypted',
      )
        .choices(['none', 'clear', 'baseline', 'shy', 'no-confidentiality'])
        .default('none'),
    )
    .option('--legacy-display', 'repeat hidden header fields in the text')
    .option('--out <file>', 'where to write the message (default: standard output)')
    .action(async (file: string, options: KeyOptions & SignOptions) => {
      const key = (await readKeys(options)).find((one) => one.certificate !== undefined);
      if (key?.certificate === undefined)
        throw new CommandError('Signing needs a certificate beside the key: give --p12, or --key with --cert.');
      const message = await readMessage(file);
      const how = {
        signers: [{ signer: localSigner(key.privateKey), certificate: key.certificate, chain: key.chain }],
        form: options.form,
        headerProtection: options.headerProtection,
        legacyDisplay: options.legacyDisplay === true,
      };
      if (!isLarge(message)) return writeOut(options.out, await signMessage({ ...how, message }));
      await writeOutPieces(options.out, signStream({ ...how, source: message.open }));
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
    .addOption(
      new Option(
        '--header-protection <policy>',
        'protect the header (RFC 9788) of a message that is not signed; one that is has it from "sign"',
      )
        .choices(['none', 'baseline', 'shy', 'no-confidentiality'])
        .default('none'),
    )
    .option('--legacy-display', 'repeat hidden header fields in the text')
    .option('--out <file>', 'where to write the message (default: standard output)')
    .action(async (file: string, options: EncryptOptions) => {
      const message = await readMessage(file);
      const { cipher, headerProtection, legacyDisplay = false } = options;
      const how = { recipients: options.to.flatMap(readCertificates), cipher, headerProtection, legacyDisplay };
      if (!isLarge(message)) return writeOut(options.out, await encryptMessage({ ...how, message }));
      await writeOutPieces(options.out, encryptStream({ ...how, source: message.open }));
    });

  for (const [name, description, make] of [
    ['compress', 'compress a message (RFC 3274), up to 256 MB: few mail programs read it', compressMessage],
    ['expand', 'expand a compressed message', expandMessage],
  ] as const)
    smime
      .command(name)
      .description(description)
      .argument('<message>', 'an RFC 5322 message; "-" for standard input')
      .option('--out <file>', 'where to write the message (default: standard output)')
      .action((file: string, options: { readonly out?: string }) =>
        writeOut(options.out, make({ message: readInput(file) })),
      );

  withKeys(smime.command('inspect').description('show every layer of a message, certificate, CRL or CMS object'))
    .argument('[file]', '"-" for standard input')
    .option('--trust <file...>', 'trust anchors, PEM or DER', [])
    .option('--at <instant>', 'judge as of then (ISO 8601)')
    .option('--legacy', 'open Triple DES, DES and RC2 too: for old mail')
    .option('--json', 'print JSON')
    .option('--batch', batchHelp)
    .action(async (file: string | undefined, options: KeyOptions & InspectOptions) => {
      if (options.batch === true) return answerBatch(inspectCase);
      const node = await inspectMessage({
        message: readInput(named(file)),
        anchors: options.trust.flatMap(readCertificates),
        keys: decryptionKeys(await readKeys(options)),
        legacy: options.legacy === true,
        ...(options.at === undefined ? {} : { at: instant(options.at) }),
      });
      print(options, node, () => outline(node, ''));
    });

  return smime;
}

const batchHelp =
  'answer the cases that stand on standard input, one JSON object a line; docs/reference/batch.md describes the fields';

interface VerifyOptions extends KeyOptions {
  readonly trust: string[];
  readonly untrusted: string[];
  readonly crl: string[];
  readonly at?: string;
  readonly from?: string;
  readonly legacy?: boolean;
  readonly out?: string;
  readonly json?: boolean;
  readonly batch?: boolean;
}

interface SignOptions {
  readonly form: 'clear' | 'opaque';
  readonly headerProtection: 'none' | 'clear' | HeaderConfidentiality;
  readonly legacyDisplay?: boolean;
  readonly out?: string;
}

interface EncryptOptions {
  readonly to: string[];
  readonly cipher: 'aes-256-cbc';
  readonly headerProtection: 'none' | HeaderConfidentiality;
  readonly legacyDisplay?: boolean;
  readonly out?: string;
}

interface DecryptOptions {
  readonly header: 'protected' | 'delivered';
  readonly legacy?: boolean;
  readonly out?: string;
  readonly json?: boolean;
  readonly batch?: boolean;
}

interface InspectOptions {
  readonly legacy?: boolean;
  readonly trust: string[];
  readonly at?: string;
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
      'environment variable that holds the password of the PKCS#12 or of the key',
      'CHANCERY_P12_PASSWORD',
    )
    .option('--key <file>', 'a private key, PEM or DER (PKCS#8)')
    .option('--cert <file>', "the key's certificate, PEM or DER, where it is not in the key's file");
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

const closed: ReadonlySet<SmimeErrorCode> = new Set([
  'decryption-failed',
  'no-matching-recipient',
  'legacy-algorithm',
  'unsupported',
]);

/** A message that does not open is an answer (exit 1), not a misuse (exit 2). */
function refused(error: unknown): never {
  if (error instanceof SmimeError && closed.has(error.code)) throw new CommandError(error.message, exitCodes.refused);
  throw error;
}

function named(file: string | undefined): string {
  if (file === undefined) throw new CommandError('Name a file, "-" for standard input, or give --batch.');
  return file;
}

function describeReport({ verdict, covers, layers, signers, problems, protectedHeaders }: VerifyReport): string {
  const all = [...problems, ...signers.flatMap((signer) => [...signer.problems, ...signer.path.problems])];
  return [
    `verdict: ${verdict}`,
    `signed: ${{ whole: 'all of it', part: 'a part of it', none: 'nothing' }[covers]}`,
    ...layers.map(describeLayer),
    ...signers.map(
      (signer) =>
        `signer: ${signer.emails.join(', ') || 'unknown'}: signature ${signer.signature}, path ${signer.path.valid ? 'valid' : 'not valid'}, revocation ${signer.path.revocation}, From ${signer.identity}`,
    ),
    ...(protectedHeaders?.fields ?? []).map(
      ({ name, value, protection }) => `header: ${name}: ${decodeHeaderText(value)} (${protection})`,
    ),
    ...all.map(
      (problem) =>
        `${problem.severity}: ${problem.message}${problem.clause === undefined ? '' : ` (${problem.clause})`}`,
    ),
  ].join('\n');
}

function describeLayer(layer: LayerReport): string {
  if ('signers' in layer) return `layer: ${layer.kind}: ${layer.verdict}`;
  const state = layer.opened ? 'opened' : 'closed';
  if (!('cipher' in layer)) return `layer: ${layer.kind}: ${state}`;
  const authenticated = layer.authenticated ? ', authenticated' : '';
  return `layer: ${layer.kind}: ${state}, ${layer.cipher ?? 'unknown cipher'}${authenticated}`;
}

function outline(node: InspectNode, indent: string): string {
  return [
    `${indent}${node.title}${node.verdict === undefined ? '' : ` [${node.verdict}]`}`,
    ...node.fields.map((field) => `${indent}  ${field.label}: ${field.value}`),
    ...node.problems.map((problem) => `${indent}  ! ${problem.message}`),
    ...node.children.map((child) => outline(child, `${indent}  `)),
  ].join('\n');
}
