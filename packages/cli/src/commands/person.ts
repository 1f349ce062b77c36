import { writeFileSync } from 'node:fs';
import type { Client, Person } from '@chancery/api';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';
import { describeRequest } from '../recovery/describe.ts';
import { describeHandover, handoverRequest } from '../recovery/handover.ts';

/** `chancery person`: how one person leaves, is suspended, returns, and gives up a key. */
export function personCommand(): Command {
  const person = new Command('person').description('one person: leaves, is suspended, returns, a key is compromised');

  whose(
    person
      .command('leave')
      .description('revoke their certificates, end what is open to them, keep their keys in escrow'),
  )
    .option('--dry-run', 'say what would happen, and change nothing')
    .action(async (address: string, options: NoteOptions & { dryRun?: boolean }) => {
      const client = connect(options);
      const { id, name } = await personNamed(client, address);
      const before = await client.departure({ params: { id } });
      const told = [
        `certificates revoked: ${before.certificates.length}`,
        `keys that stay in escrow: ${before.escrowedKeys}${before.keptUntil === null ? '' : `, the last until ${before.keptUntil}`}`,
        `legal holds: ${before.legalHolds.length === 0 ? 'none' : before.legalHolds.join(', ')}`,
        `ended: ${before.sessions} sessions and links, ${before.passkeys} passkeys, ${before.claimLink ? 'the claim link, ' : ''}${before.gateways} gateways that open their mail`,
        ...(before.operator === null
          ? []
          : [
              before.operator.last
                ? 'as an operator: the last administrator, who signs in until there is another; invite one'
                : `as an operator: access ended (${before.operator.roles.join(', ')})`,
            ]),
        `taken out of: ${before.published.length === 0 ? 'no directory' : before.published.join(', ')}`,
      ];
      if (options.dryRun === true) {
        print(options, before, () => [`${name} would leave.`, ...told].join('\n'));
        return;
      }
      const left = await client.removePerson({ params: { id }, query: { note: options.note } });
      print(options, { person: left, departure: before }, () => [`${name} has left.`, ...told].join('\n'));
    });

  whose(person.command('suspend').description('put everything of theirs on hold until they return')).action(
    async (address: string, options: NoteOptions) => {
      const client = connect(options);
      const { id } = await personNamed(client, address);
      const suspended = await client.suspendPerson({ params: { id }, body: { note: options.note } });
      print(options, suspended, () => `${suspended.name} is suspended: their certificates are on hold.`);
    },
  );

  whose(
    person.command('return').description('release what a suspension held; or have somebody come back who had left'),
  ).action(async (address: string, options: NoteOptions) => {
    const client = connect(options);
    const { id } = await personNamed(client, address);
    const back = await client.returnPerson({ params: { id }, body: { note: options.note } });
    print(options, back, () => `${back.name} is here again.`);
  });

  whose(
    person
      .command('compromised')
      .description('a key of theirs is compromised: revoke it, have it replaced, publish what takes its place'),
  )
    .requiredOption('--serial <serial>', 'serial number of any certificate for the key')
    .action(async (address: string, options: NoteOptions & { serial: string }) => {
      const client = connect(options);
      const { id } = await personNamed(client, address);
      const serialNumber = options.serial.replaceAll(/[\s:]/g, '').toLowerCase();
      const outcome = await client.reportCompromise({ params: { id }, body: { serialNumber, note: options.note } });
      print(options, outcome, () => `Revoked: ${outcome.revoked.join(', ')}. ${replacements[outcome.replacement]}`);
    });

  withOffice(
    person
      .command('handover')
      .description('of somebody who has left: what would let their manager read old mail; ask for it with --request'),
  )
    .argument('<address>', 'an address of theirs')
    .option('--request', 'ask the recovery officers for it: as an operator, with CHANCERY_TOKEN')
    .option('--explanation <text>', 'what the officers need to know, in place of the sentence that is shown')
    .action(async (address: string, options: OfficeOptions & { request?: true; explanation?: string }) => {
      const client = connect(options);
      const { id, name } = await personNamed(client, address);
      const handover = await client.handover({ params: { id } });
      const body = handoverRequest({ id, name }, handover, options.explanation);
      if (options.request !== true) {
        print(options, { handover, request: body ?? null }, () => describeHandover(name, handover, body));
        return;
      }
      if (body === undefined) {
        throw new CommandError(`${handover.problem ?? 'A request is under way already.'} Nothing was asked for.`, 1);
      }
      const request = await client.requestRecovery({ body });
      print(options, request, () => `${describeRequest(request)}\n\nRequest ${request.id} is open.`);
    });

  withOffice(
    person
      .command('evidence')
      .description('write what happened to them, signed and time-stamped, for anybody to check'),
  )
    .argument('<address>', 'an address of theirs')
    .argument('[file]', 'default: named after the person and the day')
    .action(async (address: string, file: string | undefined, options: OfficeOptions) => {
      const client = connect(options);
      const { id, name } = await personNamed(client, address);
      const bundle = await client.personEvidence({ params: { id } });
      const target = file ?? bundle.fileName;
      writeFileSync(target, Buffer.from(bundle.data, 'base64'), { flag: 'wx' });
      print(
        options,
        { file: target, records: bundle.records },
        () => `${bundle.records} records about ${name} in ${target}. Check it: chancery audit verify-bundle ${target}`,
      );
    });

  return person;
}

const replacements = {
  'not-needed': 'They have another good certificate for the same use.',
  office: 'The office makes another key; its owner is mailed a link to collect it, where the office sends mail.',
  gateway: 'The mail gateway makes another key.',
  owner: 'They make another key with the link that is mailed to them, or on their device.',
  none: 'They are not here, so nothing takes its place.',
} as const;

interface NoteOptions extends OfficeOptions {
  readonly note: string;
}

const whose = (command: Command): Command =>
  withOffice(command.argument('<address>', 'an address of theirs')).option(
    '--note <text>',
    'why, for the audit trail',
    '',
  );

/** @throws CommandError where nobody has it */
async function personNamed(client: Client, address: string): Promise<Person> {
  const { items } = await client.people({ query: { search: address, limit: 500 } });
  const wanted = address.toLowerCase();
  const found = items.find((one) => [one.address, ...one.aliases].some((theirs) => theirs.toLowerCase() === wanted));
  if (found === undefined) throw new CommandError(`Nobody here has the address ${address}. Nothing was changed.`);
  return found;
}
