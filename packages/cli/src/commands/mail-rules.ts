/** `chancery mail-rules`: the rules of mail flow as the office keeps them: versions, one of them in force at the gateways. */
import { type Client, type MailRules, type RuleDocument, type RuleSetDetail, ruleDocument } from '@chancery/api';
import { checkRules, describeRule, type RuleSet, ruleChanges } from '@chancery/mail-policy';
import { Command, Option } from 'commander';
import { stringify as writeToml } from 'smol-toml';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';
import { readRuleSet } from '../rule-files.ts';
import { writeStandardOutput } from '../write-output.ts';

export function mailRulesCommand(): Command {
  const rules = new Command('mail-rules').description('the rules of mail flow: versions, one of them in force');

  withOffice(rules.command('list').description('every version, and what each gateway applies')).action(
    async (options: OfficeOptions) => {
      const found = await connect(options).mailRules();
      print(options, found, () => listed(found));
    },
  );

  withOffice(rules.command('show').description('the rules of a version, in plain English'))
    .argument('[version]', 'a version; the one in force without it')
    .action(async (version: string | undefined, options: OfficeOptions) => {
      const found = await versionOf(connect(options), version);
      print(options, found, () => shown(found));
    });

  withOffice(rules.command('export').description('write a version as a file that "import" takes'))
    .argument('[version]', 'a version; the one in force without it')
    .addOption(new Option('--format <format>').choices(['toml', 'json']).default('toml'))
    .action(async (version: string | undefined, options: OfficeOptions & { format: 'toml' | 'json' }) => {
      const { document } = await versionOf(connect(options), version);
      await writeStandardOutput(written(document, options.format));
    });

  withOffice(rules.command('import').description('keep the rules of a file as the next version, a draft'))
    .argument('<file>', 'TOML with [[rule]], as in gateway.toml, or JSON; "-" for standard input')
    .option('--from <version>', 'the version that it was made from; the one in force without it')
    .option('--note <text>', 'for the audit trail', '')
    .option('--activate', 'put it in force at once')
    .action(async (file: string, options: OfficeOptions & { from?: string; note: string; activate?: true }) => {
      const client = connect(options);
      const document = usable(readRuleSet(file), file);
      const { live } = await client.mailRules();
      const basedOn = options.from === undefined ? live : wholeNumber(options.from);
      const kept = await client.proposeMailRules({
        body: { document: ruleDocument(document), basedOn, note: options.note },
      });
      if (options.activate !== true) {
        print(options, kept, () => `Kept as version ${kept.version}, a draft. Nothing has changed at the gateways.`);
        return;
      }
      const body = { expectedLive: live, note: options.note };
      said(options, await client.activateMailRules({ params: { version: kept.version }, body }));
    });

  withOffice(rules.command('activate').description('put a draft in force'))
    .argument('<version>', 'the draft')
    .option('--expect <version>', 'the version in force that it is to replace; 0 for none')
    .option('--note <text>', 'for the audit trail', '')
    .action(async (version: string, options: OfficeOptions & { expect?: string; note: string }) => {
      const client = connect(options);
      const body = { expectedLive: await expected(client, options.expect), note: options.note };
      said(options, await client.activateMailRules({ params: { version: wholeNumber(version) }, body }));
    });

  withOffice(
    rules.command('restore').description('go back to an older version: it becomes the next one, in force at once'),
  )
    .argument('<version>', 'the version to bring back')
    .option('--expect <version>', 'the version in force that it is to replace')
    .option('--note <text>', 'for the audit trail', '')
    .action(async (version: string, options: OfficeOptions & { expect?: string; note: string }) => {
      const client = connect(options);
      const body = { expectedLive: await expected(client, options.expect), note: options.note };
      said(options, await client.restoreMailRules({ params: { version: wholeNumber(version) }, body }));
    });

  withOffice(rules.command('diff').description('what differs; exit code 1 where something does'))
    .argument('<new>', 'a version, or a file of rules; "-" for standard input')
    .argument('[old]', 'a version; the one in force without it')
    .action(async (next: string, old: string | undefined, options: OfficeOptions) => {
      const client = connect(options);
      const after = /^\d+$/.test(next) ? await rulesOf(client, next) : readRuleSet(next);
      const { live } = await client.mailRules();
      const before = old === undefined && live === null ? undefined : await rulesOf(client, old);
      const changes = ruleChanges(before, after);
      print(options, changes, () =>
        changes.length === 0 ? 'They say the same.' : changes.map(({ sentence }) => sentence).join('\n'),
      );
      if (changes.length > 0) process.exitCode = exitCodes.refused;
    });

  return rules;
}

async function versionOf(client: Client, version: string | undefined): Promise<RuleSetDetail> {
  if (version !== undefined) return client.mailRuleSet({ params: { version: wholeNumber(version) } });
  const { live } = await client.mailRules();
  if (live === null) throw new CommandError('No rules are in force yet.', exitCodes.refused);
  return client.mailRuleSet({ params: { version: live } });
}

async function rulesOf(client: Client, version: string | undefined): Promise<RuleSet> {
  const { document } = await versionOf(client, version);
  return usable(document, 'That version');
}

/** Only what was looked at is replaced: whoever names no version means the one that is in force now. */
async function expected(client: Client, version: string | undefined): Promise<number | null> {
  if (version === undefined) return (await client.mailRules()).live;
  return version === '0' ? null : wholeNumber(version);
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new CommandError(`${text} is not the number of a version.`);
}

function usable(document: unknown, name: string): RuleSet {
  const { set, problems } = checkRules(document);
  if (set !== undefined) return set;
  throw new CommandError(
    `${name} cannot be used. Nothing was changed.`,
    exitCodes.unusable,
    problems.map(({ path, message }) => `${path}: ${message}`),
  );
}

/** TOML as gateway.toml has it. */
function written(document: RuleDocument, format: 'toml' | 'json'): string {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  const { mode, rules } = usable(document, 'That version');
  return `${writeToml({ ...(mode === 'first-match' ? {} : { gateway: { ruleMode: mode } }), rule: rules })}\n`;
}

function listed({ versions, gateways }: MailRules): string {
  return [
    table(
      ['version', 'state', 'rules', 'made', 'by', 'note'],
      versions.map((one) => [
        String(one.version),
        one.state,
        String(one.rules),
        one.createdAt,
        one.author,
        [one.restoredFrom === null ? '' : `brings back ${one.restoredFrom}`, one.note].filter(Boolean).join(': '),
      ]),
      'There are no rules yet.',
    ),
    '',
    table(
      ['gateway', 'applies', 'source', 'own rules', 'since', 'problem'],
      gateways.map(({ name, applies }) => [
        name,
        applies === null ? '?' : String(applies.version ?? 'none'),
        applies?.source ?? '',
        String(applies?.ownRules ?? ''),
        applies?.since ?? '',
        applies?.problem ?? '',
      ]),
      'No gateway is there yet.',
    ),
  ].join('\n');
}

function shown({ version, state, author, note, document }: RuleSetDetail): string {
  const { set } = checkRules(document);
  const head = `Version ${version}, ${state}, by ${author}${note === '' ? '' : `: ${note}`}`;
  if (set === undefined) return `${head}\n${JSON.stringify(document, null, 2)}`;
  const mode =
    set.mode === 'first-match' ? 'The first rule that holds decides alone.' : 'All rules that hold decide together.';
  const rules = set.rules.map((rule, index) => {
    const { applies, does } = describeRule(rule);
    return [`${index + 1}. ${rule.name} (${rule.enabled})`, applies, ...does].join('\n   ');
  });
  return [head, mode, '', ...rules].join('\n');
}

function said(options: OfficeOptions, found: RuleSetDetail): void {
  print(
    options,
    found,
    () => `Version ${found.version} is in force. The gateways apply it from their next look at the office on.`,
  );
}
