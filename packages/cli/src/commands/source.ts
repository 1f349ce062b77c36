import { Command } from 'commander';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery source`: where people come from. */
export function sourceCommand(): Command {
  const source = new Command('source').description('sources of people: SCIM clients, directories, files');
  withOffice(source.command('list').description('whom each presents, and what being switched off there means')).action(
    async (options: OfficeOptions) => {
      const { items } = await connect(options).sources();
      print(options, items, () =>
        table(
          ['name', 'kind', 'people', 'groups', 'waiting', 'switched off', 'last contact', 'what is wrong'],
          items.map((one) => [
            one.name,
            one.kind,
            String(one.people.active),
            String(one.groups),
            String(one.conflicts),
            one.deactivated === null ? '' : one.deactivated === 'suspend' ? 'are suspended' : 'leave',
            one.lastContactAt ?? 'never',
            one.problem ?? '',
          ]),
          'None.',
        ),
      );
    },
  );
  return source;
}
