import { Command, InvalidArgumentError, Option } from 'commander';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery renewals`: what will be renewed when, what is overdue, and rollovers from one authority to another. */
export function renewalsCommand(): Command {
  const renewals = new Command('renewals').description('renewals to come, overdue ones, and rollovers of an authority');

  withOffice(renewals.command('forecast').description('how many certificates are to be renewed when'))
    .addOption(new Option('--by <span>', 'length of a span').choices(['day', 'week', 'month']).default('week'))
    .option('--spans <n>', 'how many', wholeNumber, 13)
    .action(async (options: OfficeOptions & { by: 'day' | 'week' | 'month'; spans: number }) => {
      const forecast = await connect(options).renewalForecast({ query: { by: options.by, spans: options.spans } });
      print(options, forecast, () =>
        [
          table(
            ['from', 'certificates', 'of which'],
            forecast.spans.map(({ from, certificates, parts }) => [
              from.slice(0, 10),
              String(certificates),
              parts.map((part) => `${part.profile} by ${WAYS[part.way]}: ${part.certificates}`).join('; '),
            ]),
            'Nothing.',
          ),
          `Today ${forecast.today.begun} began, of at most ${forecast.today.perDay}.`,
        ].join('\n'),
      );
    });

  withOffice(renewals.command('overdue').description('what will end unrenewed, and why')).action(
    async (options: OfficeOptions) => {
      const overdue = await connect(options).overdueRenewals();
      print(options, overdue, () =>
        table(
          ['ends', 'serial', 'whose', 'use', 'why'],
          overdue.items.map((one) => [
            one.notAfter.slice(0, 10),
            one.serialNumber,
            one.address ?? '',
            one.use,
            one.why,
          ]),
          'Nothing is overdue.',
        ),
      );
    },
  );

  const rollover = renewals.command('rollover').description('renew everyone of an authority that issues no longer');
  withOffice(rollover.command('list').description('rollovers and how far they are')).action(
    async (options: OfficeOptions) => {
      const rollovers = await connect(options).rollovers();
      print(options, rollovers, () =>
        table(
          ['id', 'from', 'state', 'a day', 'begun', 'left'],
          rollovers.items.map((one) => [
            one.id,
            one.authority,
            one.state,
            String(one.perDay),
            String(one.begun),
            String(one.left),
          ]),
          'None.',
        ),
      );
    },
  );
  withOffice(rollover.command('begin').description('begin one'))
    .argument('<authority>', 'the name in URLs of the authority whose certificates are replaced')
    .option('--per-day <n>', 'renewals in 24 hours', wholeNumber, 500)
    .option('--note <text>', 'why, for the audit trail', '')
    .action(async (slug: string, options: OfficeOptions & { perDay: number; note: string }) => {
      const client = connect(options);
      const authority = (await client.authorities()).items.find((one) => one.slug === slug || one.id === slug);
      const begun = await client.beginRollover({
        body: { authorityId: authority?.id ?? slug, perDay: options.perDay, note: options.note },
      });
      print(options, begun, () => `Rollover ${begun.id} from ${begun.authority}: ${begun.left} certificates.`);
    });
  for (const act of ['pause', 'resume', 'end'] as const) {
    withOffice(rollover.command(act).description(`${act} one`))
      .argument('<id>')
      .action(async (id: string, options: OfficeOptions) => {
        const changed = await connect(options).changeRollover({ params: { id }, body: { act } });
        print(options, changed, () => `Rollover ${changed.id} is ${changed.state}: ${changed.left} certificates left.`);
      });
  }
  return renewals;
}

const WAYS = { office: 'the office', gateway: 'gateways', owner: 'their owners', operator: 'hand' } as const;

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}
