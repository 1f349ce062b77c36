import type { Correspondent } from '@chancery/api';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery correspondents`: whose certificates the gateways took from signed mail, and what is decided about another one. */
export function correspondentsCommand(): Command {
  const command = new Command('correspondents').description('certificates that the gateways took from signed mail');

  withOffice(command.command('list').description('correspondents of all gateways'))
    .option('--search <text>', 'part of an address')
    .option('--waiting', 'only those of whom another certificate waits to be accepted')
    .action(async (options: OfficeOptions & { search?: string; waiting?: true }) => {
      const items = await all(options, {
        ...(options.search !== undefined && { search: options.search }),
        ...(options.waiting && { waiting: 'yes' as const }),
      });
      print(options, items, () =>
        table(
          ['address', 'gateway', 'first seen', 'last seen', 'waiting', 'decided'],
          items.map(({ address, gateway, certificates, decision }) => [
            address,
            gateway,
            (certificates.at(-1)?.firstSeen ?? '').slice(0, 10),
            (certificates[0]?.lastSeen ?? '').slice(0, 10),
            String(certificates.filter(({ state }) => state === 'waiting').length),
            decision ?? '',
          ]),
          'None.',
        ),
      );
    });

  withOffice(command.command('show').description('the history of one correspondent'))
    .argument('<address>')
    .action(async (address: string, options: OfficeOptions) => {
      const found = await named(options, address);
      print(options, found, () =>
        table(
          ['gateway', 'state', 'sha-256', 'first seen', 'last seen', 'by message', 'on whose word'],
          found.flatMap(({ gateway, certificates }) =>
            certificates.map((one) => [
              gateway,
              one.state,
              one.sha256,
              one.firstSeen.slice(0, 10),
              one.lastSeen.slice(0, 10),
              one.message ?? '',
              one.approved === null ? '' : (one.approved.by ?? one.approved.how),
            ]),
          ),
          'None.',
        ),
      );
    });

  withOffice(command.command('accept').description('have answers encrypted with a certificate that waits'))
    .argument('<address>')
    .argument('<sha256>', 'of the certificate, as "show" prints it, or its beginning')
    .action(async (address: string, start: string, options: OfficeOptions) => {
      let accepted = 0;
      for (const { id, certificates } of await named(options, address)) {
        const [found, ...others] = certificates.filter(
          ({ sha256, state }) => state !== 'pinned' && sha256.startsWith(start.toLowerCase()),
        );
        if (found === undefined) continue;
        if (others.length > 0)
          throw new CommandError(`Several certificates of ${address} begin with ${start}. Nothing was changed.`);
        await connect(options).decideCorrespondent({ params: { id }, body: { kind: 'accept', sha256: found.sha256 } });
        accepted++;
      }
      if (accepted === 0)
        throw new CommandError(`No certificate of ${address} that waits begins with ${start}. Nothing was changed.`);
      print(
        options,
        { accepted },
        () => `Accepted. ${accepted === 1 ? 'The gateway takes' : 'The gateways take'} it within seconds.`,
      );
    });

  withOffice(
    command.command('forget').description('forget what is known of a correspondent; the next signed mail begins anew'),
  )
    .argument('<address>')
    .action(async (address: string, options: OfficeOptions) => {
      const found = await named(options, address);
      for (const { id } of found)
        await connect(options).decideCorrespondent({ params: { id }, body: { kind: 'forget' } });
      print(options, { forgotten: found.length }, () => `${address} is forgotten within seconds.`);
    });
  return command;
}

async function named(options: OfficeOptions, address: string): Promise<Correspondent[]> {
  const found = await all(options, { search: address });
  const exact = found.filter((one) => one.address === address.toLowerCase());
  if (exact.length === 0) throw new CommandError(`No gateway has a certificate of ${address}.`);
  return exact;
}

async function all(options: OfficeOptions, query: { search?: string; waiting?: 'yes' }): Promise<Correspondent[]> {
  const client = connect(options);
  const items: Correspondent[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page = await client.correspondents({ query: { limit: 500, ...query, ...(after !== '' && { after }) } });
    items.push(...page.items);
    after = page.next;
  }
  return items;
}
