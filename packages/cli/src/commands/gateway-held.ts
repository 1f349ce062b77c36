import { userInfo } from 'node:os';
import path from 'node:path';
import { type HeldMessage, orderHeld, readHeld } from '@chancery/gateway';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { localGatewayConfig } from '../gateway-config.ts';
import { processLog } from '../log.ts';
import { homeFolder, officeUrl } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery gateway held`: mail that rules hold, on the machine of the gateway. */
export function heldCommand(): Command {
  const held = new Command('held').description(
    'mail that rules hold on this machine; at the office, for all gateways: "chancery held"',
  );
  held
    .command('list', { isDefault: true })
    .description('what is held, since when, and until when')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const messages = await readHeld(heldFolder(), processLog());
      print(options, { items: messages.map(({ client: _, key: __, ...shown }) => shown) }, () =>
        table(
          ['id', 'from', 'to', 'why', 'waits for', 'until'],
          messages.map((one) => [
            one.id,
            one.sender,
            one.recipients.join(', '),
            `${one.reason} (${one.rule})`,
            waitsFor(one),
            new Date(one.expiresAt).toISOString(),
          ]),
          'Nothing is held.',
        ),
      );
    });
  for (const [act, what] of [
    ['release', 'let it go, as far as other rules allow: what must be encrypted and cannot be stays here'],
    ['drop', 'return it to its sender'],
  ] as const) {
    held
      .command(act)
      .description(what)
      .argument('<id>')
      .option('--note <text>', 'why, for the journal', '')
      .option('--json', 'print JSON')
      .action(async (id: string, options: { note: string; json?: boolean }) => {
        const message = (await readHeld(heldFolder(), processLog())).find((one) => one.id === id);
        if (message === undefined) throw new CommandError(`Nothing is held as ${id}. See "chancery gateway held".`);
        await orderHeld(heldFolder(), id, { act, by: userInfo().username, note: options.note });
        print(options, { id, act }, () => 'The gateway does it within seconds; what came of it stands in the journal.');
      });
  }
  return held;
}

/** The gateway's own folder, or the one beside an office that runs on this data folder. */
function heldFolder(): string {
  return path.join(localGatewayConfig(homeFolder(), officeUrl({})).data, 'held');
}

function waitsFor({ invite, invited }: HeldMessage): string {
  if (!invite) return 'a decision';
  return invited ? 'a signed reply (invited)' : 'a certificate';
}
