/** `chancery gateway rules` and `chancery gateway simulate`: what rules of mail flow say, why, and what would change. No gateway need run. */
import {
  adviceOn,
  type Comparison,
  compare,
  type Decision,
  describeActions,
  explain,
  namesOf,
  simulate,
} from '@chancery/mail-policy';
import { Command, Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { readSamples, type SampleOptions } from '../mail-samples.ts';
import { print, table } from '../output.ts';
import { readRuleSet } from '../rule-files.ts';

export function gatewayRulesCommand(): Command {
  const rules = new Command('rules').description(
    'rules of mail flow in a file: gateway.toml, or what the office exports',
  );
  rules
    .command('check')
    .description('whether the rules can be used, and what in them is likely to be a mistake')
    .argument('<file...>', 'TOML with [[rule]], or JSON; - for standard input')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExits with 0 for rules that can be used, 1 where there is advice, 2 where a file cannot be used.',
    )
    .action((files: string[], options: { json?: boolean }) => {
      const checked = files.map((file) => {
        const ruleSet = readRuleSet(file);
        return { file, mode: ruleSet.mode, rules: ruleSet.rules.length, advice: adviceOn(ruleSet) };
      });
      print(options, checked, () =>
        checked
          .map(({ file, mode, rules, advice }) =>
            [`${file}: ${rules} rules, ${mode}.`, ...advice.map(({ rule, sentence }) => `  ${rule}: ${sentence}`)].join(
              '\n',
            ),
          )
          .join('\n'),
      );
      if (checked.some(({ advice }) => advice.length > 0)) process.exitCode = exitCodes.refused;
    });
  rules
    .command('show')
    .description('the rules in words, in their order')
    .argument('<file>', 'TOML with [[rule]], or JSON; - for standard input')
    .option('--json', 'print the whole set as JSON, as the office imports it')
    .action((file: string, options: { json?: boolean }) => {
      const ruleSet = readRuleSet(file);
      print(options, ruleSet, () =>
        table(
          ['rule', 'state', 'when', 'then'],
          ruleSet.rules.map(({ name, enabled, when, do: actions }) => [
            name,
            enabled,
            conditionsInWords(when),
            describeActions(actions),
          ]),
          'There are no rules: mail is signed, and encrypted where every recipient has a certificate.',
        ),
      );
    });
  withFacts(
    rules
      .command('explain')
      .description('for one message, why each rule does or does not hold')
      .argument('<file>', 'TOML with [[rule]], or JSON')
      .argument('<message>', 'a message; - for standard input'),
  ).action((file: string, message: string, options: SampleOptions & { json?: boolean }) => {
    const ruleSet = readRuleSet(file);
    const samples = readSamples(message, options);
    const explained = samples.map(({ id, facts }) => ({ id, ...explain(ruleSet, facts) }));
    print(options, explained, () =>
      explained.map(({ id, recipients }) => [id, ...recipients.flatMap(explainedLines)].join('\n')).join('\n\n'),
    );
  });
  return rules;
}

export function gatewaySimulateCommand(): Command {
  return withFacts(
    new Command('simulate')
      .description('what rules would do with messages, and what they would do otherwise than others')
      .requiredOption('--rules <file>', 'TOML with [[rule]], or JSON')
      .option('--against <file>', 'the rules of now: what would change is shown')
      .argument('<samples...>', 'messages, folders of messages, journals (.json, .jsonl)'),
  )
    .addHelpText('after', '\nWith --against it exits with 1 where some mail would be less protected than now.')
    .action((sources: string[], options: SampleOptions & { rules: string; against?: string; json?: boolean }) => {
      const after = readRuleSet(options.rules);
      const before = options.against === undefined ? undefined : readRuleSet(options.against);
      const samples = sources.flatMap((source) => readSamples(source, options));
      if (before === undefined) {
        const simulation = simulate(after, samples);
        print(options, simulation, () =>
          [
            table(
              ['message', 'recipient', 'outcome', 'rules', 'detail'],
              simulation.messages.flatMap(({ id, decisions }) => decisions.map((one) => [id, ...cellsOf(one)])),
              'There are no messages.',
            ),
            '',
            countsTable(simulation.rules),
          ].join('\n'),
        );
        return;
      }
      const comparison = compare(before, after, samples);
      print(options, comparison, () => comparisonText(comparison, samples.length));
      if (comparison.changes.some(({ kind }) => kind === 'weaker')) process.exitCode = exitCodes.refused;
    });
}

/** What a message does not say of itself. */
function withFacts(command: Command): Command {
  const collect = (value: string, before: string[]) => [...before, value];
  return command
    .addOption(
      new Option('--direction <direction>', 'which way the mail goes')
        .choices(['outbound', 'inbound'])
        .default('outbound'),
    )
    .option('--from <address>', 'envelope sender (default: who wrote it)')
    .option('--to <address...>', 'envelope recipients (default: To and Cc)')
    .option(
      '--certificate <pattern>',
      'who has a good certificate: an address, *@partner.example; may be repeated',
      collect,
      [],
    )
    .option(
      '--group <name=pattern>',
      'who is in a group; may be repeated (without any, groups are unknown)',
      collect,
      [],
    )
    .option('--no-signing-key', 'there is no key to sign with')
    .option('--spf <result>', 'of mail that comes in')
    .option('--dkim <result>', 'of mail that comes in')
    .option('--dmarc <result>', 'of mail that comes in')
    .option('--json', 'print JSON');
}

type Explained = ReturnType<typeof explain>['recipients'][number];

function explainedLines({ sentence, explained, shadow }: Explained): string[] {
  return [
    `  ${sentence}`,
    ...(shadow === undefined ? [] : [`  With the rules in shadow on: ${shadow.outcome}, by ${namesOf(shadow.rules)}.`]),
    ...explained.flatMap(({ rule, sentence: why, conditions }) => [
      `    ${rule}: ${why}`,
      ...conditions.map(({ condition, holds, sentence: said }) => `      ${marks[holds]} ${condition}: ${said}`),
    ]),
  ];
}

const marks = { yes: '+', no: '-', unknown: '?' } as const;

function cellsOf({ recipient, outcome, rules, detail, shadow }: Decision): string[] {
  const would = shadow === undefined ? '' : ` [in shadow: ${shadow.outcome} by ${namesOf(shadow.rules)}]`;
  return [recipient, outcome, namesOf(rules), `${detail}${would}`];
}

function countsTable(rules: Comparison['after']['rules']): string {
  return table(
    ['rule', 'counted', 'in shadow', 'in doubt'],
    rules.map(({ rule, counted, shadow, doubtful }) => [rule, `${counted}`, `${shadow}`, `${doubtful}`]),
    '',
  );
}

function comparisonText({ changes, after }: Comparison, messages: number): string {
  const of = (kind: string) => changes.filter((change) => change.kind === kind).length;
  return [
    table(
      ['message', 'recipient', 'now', 'then', 'by', 'detail'],
      changes.map((change) => [
        `${change.kind === 'weaker' ? '! ' : ''}${change.id}`,
        change.recipient,
        change.before.outcome,
        change.after.outcome,
        namesOf(change.after.rules),
        change.after.detail,
      ]),
      `Nothing would change for these ${messages} messages.`,
    ),
    '',
    `${messages} messages: for ${of('stronger')} recipients better protected or kept back, for ${of('weaker')} less, for ${of('other')} otherwise.`,
    '',
    countsTable(after.rules),
  ].join('\n');
}

function conditionsInWords(when: Readonly<Record<string, unknown>>): string {
  const said = Object.entries(when).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${JSON.stringify(value)}`],
  );
  return said.length === 0 ? 'always' : said.join(', ');
}
