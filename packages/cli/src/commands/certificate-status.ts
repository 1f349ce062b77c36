/** `chancery certificates revoke | hold | release`: of one certificate, a person, an authority, and of an authority's own. */
import { type Client, RevocationReason, type StatusChangeRequest } from '@chancery/api';
import { Command, Option } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';

type Change = StatusChangeRequest['change'];

interface StatusOptions extends OfficeOptions {
  readonly person?: string;
  readonly signedBy?: string;
  readonly authority?: string;
  readonly note: string;
  readonly reason?: RevocationReason;
}

export function statusCommands(): Command[] {
  return [
    statusCommand('revoke', 'revoke certificates, at once and for good', 'revoked').addOption(
      new Option('--reason <reason>', 'RFC 5280 section 5.3.1').choices(RevocationReason.options).makeOptionMandatory(),
    ),
    statusCommand('hold', 'put certificates on hold until they are released or revoked', 'put on hold'),
    statusCommand('release', 'release certificates from their hold', 'released'),
  ];
}

function statusCommand(act: Change['act'], description: string, done: string): Command {
  return withOffice(new Command(act).description(description))
    .argument('[serial]', 'serial number, hex')
    .option('--person <address>', 'instead: every certificate of that person')
    .option('--signed-by <authority>', 'instead: every certificate that this authority signed, by its slug')
    .option('--authority <authority>', "instead: this authority's own certificate, on the list of its issuer")
    .option('--note <text>', 'for the audit trail', '')
    .action(async (serial: string | undefined, options: StatusOptions) => {
      const change = { act, ...(options.reason !== undefined && { reason: options.reason }) } as Change;
      const said = await apply(connect(options), serial, change, options, done);
      print(options, said.result, () => `${said.text} OCSP says so now; the next CRL is being made.`);
    });
}

async function apply(
  client: Client,
  serialNumber: string | undefined,
  change: Change,
  { person, signedBy, authority, note }: StatusOptions,
  done: string,
): Promise<{ result: unknown; text: string }> {
  if ([serialNumber, person, signedBy, authority].filter((one) => one !== undefined).length !== 1)
    throw new CommandError('Name one: a serial number, --person, --signed-by or --authority. Nothing was changed.');
  if (serialNumber !== undefined) {
    const one = await changeOne(client, serialNumber, change, note);
    return { result: one, text: `${one.subject}: ${done}.` };
  }
  const body = { change, note };
  if (person !== undefined) {
    const { items } = await client.people({ query: { search: person } });
    const found = items.find((one) => [one.address, ...one.aliases].includes(person));
    if (found === undefined) throw new CommandError(`Nobody has the address ${person}. Nothing was changed.`);
    const result = await client.changePersonCertificates({ params: { id: found.id }, body });
    return { result, text: `${found.name}: certificates ${done}: ${result.changed}.` };
  }
  const slug = signedBy ?? authority;
  const { authorities } = await client.status();
  const found = authorities.find((one) => one.slug === slug);
  if (found === undefined) {
    const known = authorities.map((one) => one.slug).join(', ');
    throw new CommandError(`There is no authority ${slug}; there are: ${known}. Nothing was changed.`);
  }
  if (authority !== undefined) {
    const result = await client.changeAuthority({ params: { id: found.id }, body });
    return { result, text: `The certificate of ${found.name}: ${done}.` };
  }
  const result = await client.changeAuthorityCertificates({ params: { id: found.id }, body });
  return { result, text: `${found.name}: certificates ${done}: ${result.changed}.` };
}

function changeOne(client: Client, serialNumber: string, change: Change, note: string) {
  const params = { serialNumber };
  switch (change.act) {
    case 'revoke':
      return client.revokeCertificate({ params, body: { reason: change.reason, note } });
    case 'hold':
      return client.holdCertificate({ params, body: { note } });
    case 'release':
      return client.releaseCertificate({ params, body: { note } });
  }
}
