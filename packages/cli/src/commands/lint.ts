import { type LintFinding, type LintProfile, lintCertificate, lintProfiles, lints } from '@chancery/authority/lints';
import { formatName, parseCertificate, SmimeError } from '@chancery/smime';
import { Command, Option } from 'commander';
import { answerBatch } from '../batch.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { instant } from '../instant.ts';
import { print, table } from '../output.ts';
import { certificatesOf, issuerOf, lintCase, reportForScripts } from './lint-batch.ts';

/** `chancery lint`: what is wrong with certificates in files, by RFC 5280 and the S/MIME Baseline Requirements. */
export function lintCommand(): Command {
  return new Command('lint')
    .description('find what is wrong with certificates: exit 0 without errors, 1 with, 2 where one cannot be read')
    .argument('[file...]', 'certificates, PEM (each of them) or DER; "-" for standard input')
    .option('--at <instant>', 'judge by what held then, not when each was issued (ISO 8601)')
    .addOption(
      new Option('--profile <profile>', 'smime-br: as if publicly trusted; rfc: by the RFCs alone')
        .choices(lintProfiles)
        .default('auto'),
    )
    .option('--issuer <file>', "the authority's certificate, to compare with")
    .option('--list', 'print the lints with their clauses')
    .option('--json', 'print JSON')
    .option('--batch', 'judge the cases that stand on standard input, one JSON object a line')
    .action((files: string[], options: LintCommandOptions) => {
      if (options.batch === true) return answerBatch(lintCase);
      if (options.list === true) return list(options);
      if (files.length === 0) throw new CommandError('Name at least one certificate, or give --batch or --list.');
      return lint(files, options);
    });
}

interface LintCommandOptions {
  readonly at?: string;
  readonly profile: LintProfile;
  readonly issuer?: string;
  readonly list?: boolean;
  readonly json?: boolean;
  readonly batch?: boolean;
}

interface Linted {
  readonly file: string;
  /** From 1, within the file. */
  readonly number: number;
  /** Undefined where the subject is empty or cannot be read. */
  readonly subject: string | undefined;
  readonly findings: readonly LintFinding[];
}

function lint(files: readonly string[], options: LintCommandOptions): void {
  const issuer = options.issuer === undefined ? undefined : issuerOf(options.issuer);
  const settings = {
    profile: options.profile,
    ...(options.at !== undefined && { at: instant(options.at) }),
    ...(issuer && { issuer }),
  };
  const linted: Linted[] = [];
  let unusable = 0;
  for (const file of files) {
    try {
      certificatesOf(file).forEach((der, index) => {
        linted.push({ file, number: index + 1, subject: subjectOf(der), findings: lintCertificate(der, settings) });
      });
    } catch (error) {
      if (!(error instanceof SmimeError || error instanceof CommandError)) throw error;
      unusable++;
      process.stderr.write(
        `${error instanceof SmimeError ? `${file} cannot be read: ${error.message}.` : error.message}\n`,
      );
    }
  }
  const scripts = linted.map(({ findings, ...rest }) => ({ ...rest, ...reportForScripts(findings) }));
  print(options, scripts, () => linted.map(describe).join('\n\n'));
  if (unusable > 0) process.exitCode = exitCodes.unusable;
  else if (linted.some(({ findings }) => findings.some(({ severity }) => severity === 'error')))
    process.exitCode = exitCodes.refused;
}

function describe({ file, number, subject, findings }: Linted): string {
  const title = [number === 1 ? file : `${file} (${number})`, ...(subject === undefined ? [] : [subject])].join(': ');
  if (findings.length === 0) return `${title}\n  nothing is wrong`;
  const groups = (['error', 'warning'] as const).map((severity) => ({
    severity,
    of: findings.filter((finding) => finding.severity === severity),
  }));
  return [
    title,
    ...groups
      .filter(({ of }) => of.length > 0)
      .flatMap(({ severity, of }) => [
        `  ${of.length} ${severity}${of.length === 1 ? '' : 's'}`,
        ...of.map(({ lint: id, message, clause }) => `    ${message} (${clause}) [${id}]`),
      ]),
  ].join('\n');
}

function list(options: LintCommandOptions): void {
  const rows = lints.map(({ id, severity, binds, clause, since, until, demand, zlint = [] }) => ({
    id,
    severity,
    binds,
    clause,
    since: since?.from.toISOString() ?? null,
    until: until?.from.toISOString() ?? null,
    demand,
    zlint,
  }));
  print(options, rows, () =>
    table(
      ['lint', 'severity', 'binds', 'clause', 'demands that'],
      rows.map(({ id, severity, binds, clause, demand }) => [id, severity, binds, clause, demand]),
      'There are no lints.',
    ),
  );
}

/** The engine reads less than the linter does: what it refuses is named by its file alone. */
function subjectOf(der: Uint8Array): string | undefined {
  try {
    return formatName(parseCertificate(der).subject) || undefined;
  } catch (error) {
    if (error instanceof SmimeError) return undefined;
    throw error;
  }
}
