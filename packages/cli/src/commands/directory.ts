import type { Directory } from '@chancery/api';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery directory`: directories whose people are the office's. */
export function directoryCommand(): Command {
  const directory = new Command('directory').description('LDAP directories that the office follows');

  withOffice(directory.command('list').description('how far each was read, and what it asks')).action(
    async (options: OfficeOptions) => {
      const { items } = await connect(options).directories();
      print(options, items, () =>
        table(
          ['name', 'state', 'last whole pass', 'people', 'what is wrong'],
          items.map((one) => [
            one.name,
            one.state,
            one.doneAt ?? 'never',
            String(one.counts.listed ?? ''),
            one.problem ?? '',
          ]),
          'None. Name one in authority.toml: [identity.ldap.NAME].',
        ),
      );
    },
  );

  withOffice(directory.command('preview').description('read it whole, and say what would become of it'))
    .argument('<name>', 'as in [identity.ldap.NAME]')
    .action(async (name: string, options: OfficeOptions) => {
      const found = await connect(options).previewDirectory({ params: { name } });
      print(options, found, () => {
        const { first } = found;
        const shown = (verb: string, all: readonly { name: string; address: string | null }[]) =>
          all.map((one) => `  ${verb} ${one.name} <${one.address ?? 'no address'}>`);
        return [
          ...shown('joins', first.joining),
          ...shown('changes', first.changed),
          ...first.leaving.map((one) => `  leaves ${one.name} <${one.address}>: ${whys[one.why]}`),
          `${found.people} people and ${found.groups} groups read. ${found.joining} would join, ${found.changed} change, ${found.leaving} leave.`,
          ...(found.asks ? ['That many at once: it would stop and ask.'] : []),
        ].join('\n');
      });
    });

  withOffice(directory.command('run').description('follow it now'))
    .argument('<name>')
    .action(async (name: string, options: OfficeOptions) => {
      await connect(options).runDirectory({ params: { name } });
      print(options, { done: true }, () => `A pass over ${name} begins.`);
    });

  withOffice(directory.command('question').description('who would leave at once'))
    .argument('<name>')
    .action(async (name: string, options: OfficeOptions) => {
      const { question } = await named(options, name);
      print(options, question, () => {
        if (question === null) return 'Nothing is asked.';
        const lines = question.people.map((one) => `  ${one.name} <${one.address}>: ${whys[one.why]}`);
        const said = question.answer === null ? '' : ` Answered: ${question.answer}.`;
        return [...lines, `${question.total} of ${question.known} people, asked ${question.askedAt}.${said}`].join(
          '\n',
        );
      });
    });

  for (const [verb, answer, description] of [
    ['confirm', 'confirmed', 'they leave'],
    ['dismiss', 'dismissed', 'they stay, whatever the directory says of them'],
  ] as const) {
    withOffice(directory.command(verb).description(description))
      .argument('<name>')
      .requiredOption('--people <count>', 'how many the question named: another one may have come since')
      .action(async (name: string, options: OfficeOptions & { people: string }) => {
        const { question } = await named(options, name);
        if (question === null) throw new CommandError(`${name} asks nothing. Nothing was changed.`, 1);
        if (String(question.total) !== options.people) {
          throw new CommandError(
            `${name} asks about ${question.total} people, not ${options.people}. Nothing was changed. Look again with "chancery directory question ${name}".`,
            1,
          );
        }
        await connect(options).answerDirectory({ params: { name }, body: { answer, askedAt: question.askedAt } });
        print(options, { done: true }, () => `${question.total} people: ${answer}. A pass begins.`);
      });
  }
  return directory;
}

const whys = {
  gone: 'not in the directory any more',
  inactive: 'switched off there',
  'no-address': 'without an address there',
} as const;

async function named(options: OfficeOptions, name: string): Promise<Directory> {
  const { items } = await connect(options).directories();
  const found = items.find((one) => one.name === name);
  if (found === undefined) throw new CommandError(`The configuration has no directory ${name}.`, 1);
  return found;
}
