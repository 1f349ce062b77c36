import { type PathReport, type PolicyInput, type RevocationDemand, validatePath } from '@chancery/smime';
import { Command, Option } from 'commander';
import { answerBatch } from '../batch.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { instant } from '../instant.ts';
import { print } from '../output.ts';
import { certificateName, isObjectIdentifier, reportForScripts, validateCase } from './path-batch.ts';
import { CertificateReader } from './path-input.ts';

/** `chancery path`: the engine's judgement of certificates, without an office. */
export function pathCommand(): Command {
  const path = new Command('path').description('judge certificates in files');

  path
    .command('validate')
    .description('find and judge a path to a trust anchor (RFC 5280 6): exit 0 when valid, 1 when not')
    .argument('[leaf]', 'the certificate, PEM or DER; "-" for standard input')
    .option('--trust <file...>', 'trust anchors, PEM or DER', [])
    .option('--untrusted <file...>', 'further CA certificates', [])
    .option('--crl <file...>', 'CRLs, PEM or DER', [])
    .option('--at <instant>', 'judge as of then (ISO 8601)')
    .addOption(new Option('--purpose <purpose>').choices(['any', 'email']).default('any'))
    .option('--policy <oid...>', 'acceptable certificate policies (default: any)', [])
    .option('--require-explicit-policy', 'the path must state an acceptable policy')
    .option('--inhibit-policy-mapping', 'no policy may be mapped to another')
    .option('--inhibit-any-policy', 'anyPolicy stands for no policy')
    .addOption(
      new Option('--revocation <demand>', 'what a status that is not known means: an error, or nothing')
        .choices(['required', 'leaf-required', 'if-present', 'none'])
        .default('if-present'),
    )
    .option('--legacy', 'take SHA-1, MD5, DSA and RSA below 2048 bits for warnings')
    .option('--json', 'print JSON')
    .option('--batch', 'judge the cases that stand on standard input, one JSON object a line')
    .action((leaf: string | undefined, options: ValidateOptions) => {
      if (options.batch === true) {
        const reader = new CertificateReader();
        return answerBatch((input) => validateCase(input, reader));
      }
      if (leaf === undefined) throw new CommandError('Name a certificate, or give --batch.');
      const report = validate(leaf, options);
      print(options, { ...reportForScripts(report), ...details(report) }, () => describe(report));
      if (!report.valid) process.exitCode = exitCodes.refused;
      return undefined;
    });

  return path;
}

interface ValidateOptions {
  readonly trust: string[];
  readonly untrusted: string[];
  readonly crl: string[];
  readonly at?: string;
  readonly purpose: 'any' | 'email';
  readonly policy: string[];
  readonly requireExplicitPolicy?: boolean;
  readonly inhibitPolicyMapping?: boolean;
  readonly inhibitAnyPolicy?: boolean;
  readonly revocation: RevocationDemand;
  readonly legacy?: boolean;
  readonly json?: boolean;
  readonly batch?: boolean;
}

function validate(file: string, options: ValidateOptions): PathReport {
  const reader = new CertificateReader((problem) => process.stderr.write(`${problem}\n`));
  const leaf = reader.leaf(file);
  if ('unreadable' in leaf) throw new CommandError(leaf.unreadable);
  const policy: PolicyInput = {
    ...(options.policy.length > 0 && { acceptable: options.policy.map(policyOf) }),
    explicitPolicy: options.requireExplicitPolicy === true,
    inhibitMapping: options.inhibitPolicyMapping === true,
    inhibitAny: options.inhibitAnyPolicy === true,
  };
  return validatePath({
    leaf,
    anchors: reader.certificates(options.trust),
    intermediates: reader.certificates(options.untrusted),
    crls: reader.crls(options.crl),
    at: options.at === undefined ? new Date() : instant(options.at),
    purpose: options.purpose,
    policy,
    revocation: options.revocation,
    legacy: options.legacy === true,
  });
}

function policyOf(text: string): string {
  if (isObjectIdentifier(text)) return text;
  throw new CommandError(`--policy ${text} is no object identifier; write it like 1.3.6.1.4.1.99999.1.`);
}

function details({ path, revocation, problems }: PathReport): object {
  return { revocation, path: path.map(certificateName), problems };
}

function describe({ valid, path, revocation, policies, problems }: PathReport): string {
  return [
    valid ? 'valid' : 'not valid',
    ...path.map((certificate, depth) => `${'  '.repeat(depth)}${certificateName(certificate)}`),
    `revocation: ${revocation}`,
    ...(policies.length === 0 ? [] : [`policies: ${policies.join(', ')}`]),
    ...problems.map(
      ({ severity, message, clause }) => `${severity}: ${message}${clause === undefined ? '' : ` (${clause})`}`,
    ),
  ].join('\n');
}
