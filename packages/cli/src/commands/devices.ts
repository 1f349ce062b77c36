import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { KitKind } from '@chancery/api';
import { derToPem } from '@chancery/smime';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';
import { personIdOf } from './legal-hold.ts';

/** `chancery devices`: challenges with which devices enrol, and what they asked for. */
export function devicesCommand(): Command {
  const devices = new Command('devices').description('devices that enrol by themselves, by SCEP and EST');

  withOffice(devices.command('challenge').description('a one-time challenge for a device of one person; shown once'))
    .requiredOption('--address <address>', 'whose device it is')
    .option('--profile <id>', 'for another profile; "encryption" for a key that EST delivers')
    .option('--hours <number>', 'good for so long', Number)
    .action(async (options: OfficeOptions & { address: string; profile?: string; hours?: number }) => {
      const made = await connect(options).makeChallengeFor({
        body: {
          address: options.address,
          ...(options.profile !== undefined && { profile: options.profile }),
          ...(options.hours !== undefined && { expiresAfterHours: options.hours }),
        },
      });
      print(options, made, () =>
        [
          `challenge  ${made.challenge}`,
          `for        ${options.address}, ${made.profile}, once, until ${made.expiresAt}`,
          ...(made.scepUrl === null ? [] : [`SCEP       ${made.scepUrl}`]),
          ...(made.estUrl === null ? [] : [`EST        ${made.estUrl}`]),
        ].join('\n'),
      );
    });

  withOffice(
    devices.command('challenges').description('challenges that are open, of everybody; what they say was shown once'),
  )
    .option('--ended', 'those that were used or withdrawn, or have lapsed')
    .action(async (options: OfficeOptions & { ended?: boolean }) => {
      const query = { state: options.ended === true ? 'ended' : 'open' } as const;
      const { items, fixed } = await connect(options).allChallenges({ query });
      print(options, { items, fixed }, () =>
        [
          table(
            ['id', 'person', 'profile', 'made by', 'made', 'until', 'state'],
            items.map((one) => [
              one.id,
              one.address,
              one.profile,
              one.madeByName,
              one.createdAt,
              one.endedAt ?? one.expiresAt,
              one.enrolment === null ? one.state : `${one.state}, ${one.enrolment.state}`,
            ]),
            'There is none.',
          ),
          ...fixed.map(
            ({ label, uses, approval }) =>
              `static, label ${label}: used ${uses} times, ${approval ? 'an operator decides' : 'nobody decides'}`,
          ),
        ].join('\n'),
      );
    });

  withOffice(devices.command('withdraw').description('take a challenge back'))
    .argument('<id>')
    .action(async (id: string, options: OfficeOptions) => {
      const done = await connect(options).withdrawChallenge({ params: { id } });
      print(options, done, () => 'Withdrawn.');
    });

  withOffice(
    devices.command('of').description('the devices of one person that enrolled, with the certificates of their keys'),
  )
    .argument('<address>')
    .action(async (address: string, options: OfficeOptions) => {
      const client = connect(options);
      const id = await personIdOf(client, address);
      const { enrolledDevices } = await client.person({ params: { id } });
      print(options, enrolledDevices, () =>
        table(
          ['id', 'calls itself', 'by', 'enrolled', 'renewed', 'certificates', 'lost'],
          enrolledDevices.map((one) => [
            one.id,
            one.subject,
            `${one.protocol} ${one.label}`,
            one.enrolledAt,
            one.renewedAt ?? '',
            one.certificates.map(({ use, state, notAfter }) => `${use} ${state} ${notAfter.slice(0, 10)}`).join('; '),
            one.lostAt ?? '',
          ]),
          'None of their devices has enrolled.',
        ),
      );
    });

  withOffice(devices.command('lost').description('a device is lost: revoke and replace every key that it held'))
    .argument('<id>', 'as `devices of` lists it')
    .option('--note <text>', 'for the audit trail', '')
    .action(async (id: string, options: OfficeOptions & { note: string }) => {
      const { keys } = await connect(options).loseDevice({ params: { id }, body: { note: options.note } });
      print(options, keys, () =>
        keys.length === 0
          ? 'Noted. None of its keys was in force any more.'
          : keys.map(({ use, replacement }) => `${use}: revoked; in its place: ${replacement}`).join('\n'),
      );
    });

  withOffice(devices.command('list').description('what devices asked for, newest first'))
    .option('--waiting', 'only what an operator has to decide on, in its order')
    .action(async (options: OfficeOptions & { waiting?: boolean }) => {
      const query = options.waiting === true ? ({ state: 'waiting' } as const) : {};
      const { items } = await connect(options).enrolments({ query });
      print(options, items, () =>
        table(
          ['id', 'person', 'by', 'key', 'asked', 'state'],
          items.map((one) => [
            one.id,
            one.address,
            `${one.protocol} ${one.label}`,
            `${one.keyAlgorithm} ${one.keySha256.slice(0, 16)}`,
            one.requestedAt,
            one.reason === null ? one.state : `${one.state}: ${one.reason}`,
          ]),
          'No device has asked for anything.',
        ),
      );
    });

  for (const [name, decision, description] of [
    ['approve', 'approve', 'let a device have what it asked for: compare the key with what the device shows'],
    ['refuse', 'refuse', 'refuse it; the device is told the reason'],
  ] as const) {
    withOffice(devices.command(name).description(description))
      .argument('<id>')
      .requiredOption('--reason <text>', 'for the device and the audit trail')
      .action(async (id: string, options: OfficeOptions & { reason: string }) => {
        const { reason } = options;
        const done = await connect(options).decideEnrolment({ params: { id }, body: { decision, reason } });
        print(options, done, () => (decision === 'approve' ? 'Approved, and certified.' : 'Refused.'));
      });
  }

  withOffice(
    devices
      .command('certify')
      .description('a signing certificate for a key made elsewhere: on a smart card, in a program'),
  )
    .argument('<file>', 'PKCS#10, PEM or DER')
    .requiredOption('--address <address>', 'whose key it is')
    .action(async (file: string, options: OfficeOptions & { address: string }) => {
      const client = connect(options);
      const octets = readFileSync(file);
      const csr = octets.includes('-----BEGIN') ? octets.toString('latin1') : octets.toString('base64');
      const id = await personIdOf(client, options.address);
      const issued = await client.requestSigning({ params: { id }, body: { csr, keyOrigin: 'device' } });
      print(options, issued, () =>
        [issued.certificate, ...issued.chain]
          .map((der) => derToPem(Buffer.from(der, 'base64'), 'CERTIFICATE').trimEnd())
          .join('\n'),
      );
    });

  withOffice(
    devices.command('kit').description('for your management of machines: trust, and how mail programs sign; no keys'),
  )
    .argument('<program>', 'thunderbird or outlook')
    .option('--out <file>', 'where to write the ZIP archive; by its own name without it')
    .action(async (program: string, options: OfficeOptions & { out?: string }) => {
      const kind = KitKind.safeParse(program);
      if (!kind.success) throw new CommandError(`There is no kit for ${program}: say thunderbird or outlook.`);
      const { fileName, data } = await connect(options).organisationKit({ query: { kind: kind.data } });
      const file = options.out ?? fileName;
      const octets = Buffer.from(data, 'base64');
      writeFileSync(file, octets);
      const sha256 = createHash('sha256').update(octets).digest('hex');
      print(options, { file, octets: octets.length, sha256 }, () => `${file}  ${octets.length} octets`);
    });

  return devices;
}
