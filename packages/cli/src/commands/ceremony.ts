import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { KeySpec } from '@chancery/keystore';
import {
  type Certificate,
  derToPem,
  formatName,
  parseRequest,
  pemBlocks,
  SmimeError,
  verifyRequestSignature,
} from '@chancery/smime';
import { Command, InvalidArgumentError, Option } from 'commander';
import { revokedIn, signCrl } from '../ceremony/offline-crl.ts';
import { makeRoot, openCeremonyStore, signBelow, signerOf } from '../ceremony/offline-root.ts';
import { Transcript, verifyTranscript } from '../ceremony/transcript.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { certificatesIn, readInput } from '../input-files.ts';
import { say } from '../serve.ts';

interface CeremonyOptions {
  readonly store: string;
  readonly witness: readonly string[];
  readonly transcript: string;
  readonly out: string;
  readonly yes?: boolean;
}

/** `chancery ceremony`: an offline root, step by step, with a transcript that its key signs. No office is asked. */
export function ceremonyCommand(): Command {
  const ceremony = new Command('ceremony').description(
    'key ceremonies on a machine that no network reaches: each step is shown, confirmed, and stands in a transcript that the root key signs',
  );

  withCeremony(ceremony.command('root').description('make a root key and its certificate'))
    .requiredOption('--organisation <name>', 'as it stands in the certificate')
    .addOption(
      new Option('--key <key>')
        .choices(['p384', 'p521', 'p256', 'rsa-4096', 'ed25519', 'ml-dsa-65', 'ml-dsa-87'])
        .default('p384'),
    )
    .option('--years <n>', 'validity', years, 20)
    .action(async (options: CeremonyOptions & { organisation: string; key: KeySpec; years: number }) => {
      refuseToOverwrite(options);
      const transcript = new Transcript('key ceremony: a root certification authority', options.witness, say);
      transcript.note(`organisation: ${options.organisation}; key: ${options.key}; valid for ${options.years} years`);
      await confirmed(options, 'The key is made now. Type "make" to go on', 'make');
      const store = await openCeremonyStore(options.store, secret());
      try {
        const reference = await store.generate(options.key, `${options.organisation} Root CA`);
        const signer = await store.signer(reference);
        transcript.note(`made the key ${reference}, public key SHA-256 ${sha256(signer.spki)}`);
        const root = await makeRoot(signer, options.organisation, options.years);
        noteCertificate(transcript, 'signed its own certificate', root);
        await confirmFingerprint(options, root);
        await finish(options, root.der, 'CERTIFICATE', await transcript.sign(signer));
      } finally {
        await store.close();
      }
    });

  withCeremony(ceremony.command('sign').description('sign the request of an issuing authority with a root'))
    .requiredOption('--root <file>', "the root's certificate")
    .requiredOption('--request <file>', 'PKCS#10, from "chancery authorities request"')
    .option('--cross', 'it is a cross-certificate for another root of yours: it may stand above authorities')
    .option('--years <n>', 'validity', years, 10)
    .option('--crl-url <url>', "where the root's CRL will be")
    .option('--root-url <url>', "where the root's certificate will be")
    .action(
      async (
        options: CeremonyOptions & {
          root: string;
          request: string;
          cross?: boolean;
          years: number;
          crlUrl?: string;
          rootUrl?: string;
        },
      ) => {
        refuseToOverwrite(options);
        const root = certificateIn(options.root);
        const request = requestIn(options.request);
        const transcript = new Transcript(
          options.cross === true
            ? 'key ceremony: a cross-certificate for another root'
            : 'key ceremony: the certificate of an issuing authority',
          options.witness,
          say,
        );
        transcript.note(`root: ${formatName(root.subject)}, certificate SHA-256 ${sha256(root.der)}`);
        transcript.note(`request of ${formatName(request.subject)}, public key SHA-256 ${sha256(request.spki)}`);
        await confirmed(
          options,
          'Compare the public key with the one that the office printed. Type its first eight characters to go on',
          sha256(request.spki).slice(0, 8),
        );
        const store = await openCeremonyStore(options.store, secret());
        try {
          const signer = await signerOf(store, root);
          const certificate = await signBelow(signer, root, request, options);
          noteCertificate(transcript, 'the root signed a certificate', certificate);
          await confirmFingerprint(options, certificate);
          await finish(options, certificate.der, 'CERTIFICATE', await transcript.sign(signer));
        } finally {
          await store.close();
        }
      },
    );

  withCeremony(ceremony.command('crl').description("sign the root's CRL, with what it takes back"))
    .requiredOption('--root <file>', "the root's certificate")
    .requiredOption('--number <n>', 'one more than the last', number)
    .option('--revoked <file>', 'a line each: serial number, reason, instant; "chancery authorities revoked" prints it')
    .option('--days <n>', 'until the next one must be there', number, 180)
    .action(async (options: CeremonyOptions & { root: string; number: number; revoked?: string; days: number }) => {
      refuseToOverwrite(options);
      const root = certificateIn(options.root);
      const revoked =
        options.revoked === undefined ? [] : revokedIn(readInput(options.revoked).toString('utf8'), options.revoked);
      const transcript = new Transcript('key ceremony: the CRL of a root', options.witness, say);
      transcript.note(`root: ${formatName(root.subject)}, certificate SHA-256 ${sha256(root.der)}`);
      transcript.note(`CRL number ${options.number}, ${revoked.length} revoked, for ${options.days} days`);
      for (const { serialNumber, reason, revokedAt } of revoked)
        transcript.note(`revoked: ${serialNumber}, ${reason}, since ${revokedAt.toISOString()}`);
      await confirmed(
        options,
        'A list without a certificate that was revoked lets it be believed again. Type the number of revoked certificates to go on',
        String(revoked.length),
      );
      const store = await openCeremonyStore(options.store, secret());
      try {
        const signer = await signerOf(store, root);
        const crl = await signCrl(signer, root, { number: options.number, days: options.days, revoked });
        transcript.note(`the root signed its CRL, SHA-256 ${sha256(crl.der)}`);
        transcript.note(`from ${crl.thisUpdate.toISOString()} to ${crl.nextUpdate?.toISOString()}`);
        await finish(options, crl.der, 'X509 CRL', await transcript.sign(signer));
      } finally {
        await store.close();
      }
    });

  ceremony
    .command('verify')
    .description("check a transcript's signature: exit 0 when the root's key signed this very text, 1 when not")
    .argument('<transcript>')
    .requiredOption('--root <file>', "the root's certificate")
    .action((file: string, options: { root: string }) => {
      if (!verifyTranscript(readFileSync(file, 'utf8'), certificateIn(options.root)))
        throw new CommandError("The root's key did not sign this text.", exitCodes.refused);
      say("The root's key signed this transcript, as it stands.");
    });
  return ceremony;
}

function withCeremony(command: Command): Command {
  return command
    .requiredOption('--store <folder>', 'where the root key lives; the passphrase is CHANCERY_CEREMONY_SECRET')
    .requiredOption('--out <file>', 'for what is signed, PEM')
    .requiredOption('--transcript <file>', 'for the signed transcript')
    .option('--witness <name...>', 'who is present, for the transcript', [])
    .option('--yes', 'ask nothing: for a rehearsal, or where a script is the ceremony');
}

function secret(): string {
  const text = process.env.CHANCERY_CEREMONY_SECRET ?? '';
  if (text.length >= 12) return text;
  throw new CommandError(
    'Set CHANCERY_CEREMONY_SECRET to the passphrase of the folder, twelve characters or more. Nothing was made.',
  );
}

function refuseToOverwrite({ out, transcript }: CeremonyOptions): void {
  for (const file of [out, transcript])
    if (existsSync(file)) throw new CommandError(`${file} is there already. Nothing was made.`);
}

async function confirmed({ yes }: CeremonyOptions, question: string, wanted: string): Promise<void> {
  if (yes === true) return;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = (await lines.question(`${question}: `)).trim().toLowerCase();
    if (answer !== wanted) throw new CommandError('That is not it. The ceremony ends here, and nothing was written.');
  } finally {
    lines.close();
  }
}

function confirmFingerprint(options: CeremonyOptions, certificate: Certificate): Promise<void> {
  const fingerprint = sha256(certificate.der);
  return confirmed(
    options,
    `Everybody present writes down the fingerprint. Type its last eight characters to go on`,
    fingerprint.slice(-8),
  );
}

function noteCertificate(transcript: Transcript, what: string, certificate: Certificate): void {
  transcript.note(`${what}: ${formatName(certificate.subject)}, serial number ${certificate.serialNumber}`);
  transcript.note(`valid ${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}`);
  transcript.note(`certificate SHA-256 ${sha256(certificate.der)}`);
}

async function finish(
  { out, transcript: file }: CeremonyOptions,
  der: Uint8Array,
  label: 'CERTIFICATE' | 'X509 CRL',
  signed: string,
): Promise<void> {
  writeFileSync(out, derToPem(der, label), { flag: 'wx' });
  writeFileSync(file, signed, { flag: 'wx' });
  say(signed.slice(signed.lastIndexOf('\nSignature: ') + 1).trimEnd());
  say(
    `${label === 'CERTIFICATE' ? 'Certificate' : 'CRL'}: ${out}. Transcript: ${file}, SHA-256 ${sha256(Buffer.from(signed))}.`,
  );
}

function certificateIn(file: string): Certificate {
  const [certificate] = certificatesIn(readInput(file), file);
  if (certificate === undefined) throw new CommandError(`${file} holds no certificate.`);
  return certificate;
}

function requestIn(file: string) {
  const bytes = readInput(file);
  try {
    const der = bytes[0] === 0x30 ? bytes : pemBlocks(bytes.toString('latin1'))[0]?.der;
    if (der === undefined) throw new CommandError(`${file} holds no certificate request.`);
    const request = parseRequest(der);
    if (verifyRequestSignature(request)) return request;
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw new CommandError(`${file} cannot be read: ${error.message}.`);
  }
  throw new CommandError(`${file} is not signed by its own key. Nothing was signed.`);
}

function years(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 40) return value;
  throw new InvalidArgumentError('It is a whole number from 1 to 40.');
}

function number(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It is a whole number from 1.');
}

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
