import { createInterface } from 'node:readline/promises';
import { type Ceremony, type Client, standAfterLoss, type Vault } from '@chancery/api';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';
import { describeRound } from '../vault/rounds.ts';
import { makeShareKeyFile, openShareKeyFile, readPassphrase, type ShareKeyOptions } from '../vault/share-key-file.ts';
import { contributeAs, registerShareKeyAs, takePart } from '../vault/take-part.ts';

/** `chancery vault`: the officers' ceremony. Officers act as themselves: `CHANCERY_TOKEN`, never the local token. */
export function vaultCommand(): Command {
  const vault = new Command('vault').description('the vault that only a quorum of recovery officers opens');

  withOffice(vault.command('show').description('the vault, its officers, and the ceremony that is open')).action(
    async (options: OfficeOptions) => {
      const found = await connect(options).vault();
      print(options, found, () => describe(found));
    },
  );

  withOffice(vault.command('share-key').description('make your share key, as a recovery officer'))
    .requiredOption('--out <file>', 'where to write it; keep it safe, and a copy of it')
    .option(
      '--passphrase-file <file>',
      'with a passphrase for it (default: CHANCERY_SHARE_PASSPHRASE, or it is asked for)',
    )
    .action(async (options: OfficeOptions & { out: string; passphraseFile?: string }) => {
      const client = connect(options);
      const me = await client.me();
      const passphrase = await readPassphrase(options.passphraseFile, 'A passphrase of twelve characters or more: ');
      const key = await makeShareKeyFile(options.out, passphrase, `${me.name} <${me.address}>`);
      await registerShareKeyAs(client, key);
      print(options, { file: options.out, publicKeys: key.publicKeys }, () => `${options.out} is your share key.`);
    });

  withOffice(
    vault.command('open').description('invite officers to found the vault, to share it anew, or to found a new one'),
  )
    .requiredOption('--threshold <number>', 'how many officers open a key', Number)
    .requiredOption('--officer <address...>', 'who will hold a share')
    .option(
      '--dealer <address...>',
      'to share anew: who deals on the share they hold, as many as the threshold of now',
      [],
    )
    .option('--new-vault', 'to found another vault in place of the one in use; its officers move what it holds', false)
    .action(async (options: OfficeOptions & NewCeremonyOptions) => {
      const client = connect(options);
      await requireIntent(client, options);
      const ids = await operatorIds(client);
      const ceremony = await client.openCeremony({
        body: {
          kind: options.dealer.length === 0 ? 'found' : 'reshare',
          threshold: options.threshold,
          officers: options.officer.map(ids),
          dealers: options.dealer.map(ids),
        },
      });
      print(options, ceremony, () => `The ceremony is open. ${next(ceremony)}`);
    });

  withOffice(vault.command('take-part').description('do what the ceremony waits for from you'))
    .requiredOption('--share-key <file>', 'your share key')
    .option('--passphrase-file <file>', 'with its passphrase (default: CHANCERY_SHARE_PASSPHRASE, or it is asked for)')
    .option('--fingerprint <digits>', 'what the other officers read to you, instead of being asked')
    .action(async (options: OfficeOptions & ShareKeyOptions & { fingerprint?: string }) => {
      const key = await openShareKeyFile(options);
      const ceremony = await takePart(connect(options), key, (seen) => compare(seen, options.fingerprint));
      if (ceremony === null) throw new CommandError('No ceremony waits for you. Nothing was done.', 1);
      print(options, ceremony, () => `Done. ${next(ceremony)}`);
    });

  withOffice(
    vault
      .command('rewrap')
      .description(
        'contribute to moving what your vault holds into the one that replaced it; may be stopped and begun again',
      ),
  )
    .requiredOption('--share-key <file>', 'your share key of the vault that was replaced')
    .option('--passphrase-file <file>', 'with its passphrase (default: CHANCERY_SHARE_PASSPHRASE, or it is asked for)')
    .option(
      '--fingerprint <digits>',
      'of the new vault, as one of its officers reads it to you, instead of being asked',
    )
    .option('--accept-attested', 'move keys, too, from before there were proofs of whose they are')
    .action(async (options: OfficeOptions & ShareKeyOptions & { fingerprint?: string; acceptAttested?: boolean }) => {
      const client = connect(options);
      const rounds = (await client.vault()).rounds.filter(({ kind, yours }) => kind === 'rewrap' && yours > 0);
      const [round] = rounds;
      if (round === undefined) throw new CommandError('No re-wrapping waits for you. Nothing was done.', 1);
      const key = await openShareKeyFile(options);
      const done = await contributeAs(client, key, round, (seen) => heardOfTarget(seen, options.fingerprint), {
        onProgress: progress,
        acceptAttested: options.acceptAttested === true,
      });
      print(options, done.round, () => `${done.batches} batches done. ${describeRound(done.round)}`);
    });

  withOffice(vault.command('lost').description('say what to do when officers have lost their share key, or have left'))
    .option('--officer <address...>', 'who has lost theirs, or cannot be reached', [])
    .action(async (options: OfficeOptions & { officer: string[] }) => {
      const client = connect(options);
      const ids = await operatorIds(client);
      const found = await client.vault();
      if (found.state !== 'live') throw new CommandError('No officers hold a vault yet. Hold the ceremony first.', 1);
      const standing = standAfterLoss(found, options.officer.map(ids));
      const addresses = new Map((await client.operators()).items.map(({ id, address }) => [id, address]));
      const dealers = standing.dealers.map(({ id }) => `--dealer ${addresses.get(id) ?? id}`).join(' ');
      const command = `chancery vault open --threshold ${found.threshold} --officer … ${dealers}`;
      print(options, standing, () =>
        [...standing.steps.map((step, at) => `${at + 1}. ${step}`), ...(dealers === '' ? [] : [command])].join('\n'),
      );
      if (standing.state === 'lost') process.exitCode = 1;
    });

  withOffice(
    vault
      .command('rotate-kek')
      .description(
        'replace the key-encryption key in the key store; no officer is needed, and no key of a person is touched',
      ),
  ).action(async (options: OfficeOptions) => {
    const found = await connect(options).rotateKek();
    print(
      options,
      found,
      () => 'The key rotates in the background. chancery vault show says when the old one is gone.',
    );
  });

  withOffice(
    vault.command('abandon').description('end a ceremony that will not be finished; a vault in use stays as it was'),
  )
    .requiredOption('--reason <text>', 'for the audit trail')
    .action(async (options: OfficeOptions & { reason: string }) => {
      const client = connect(options);
      const { ceremony } = await client.vault();
      if (ceremony === null) throw new CommandError('No ceremony is open. Nothing was changed.', 1);
      const { reason } = options;
      const ended = await client.abandonCeremony({ params: { id: ceremony.id }, body: { reason } });
      print(options, ended, () => 'The ceremony is abandoned.');
    });

  return vault;
}

interface NewCeremonyOptions {
  readonly threshold: number;
  readonly officer: string[];
  readonly dealer: string[];
  readonly newVault: boolean;
}

/** Founding a second vault by leaving a word out would have every officer work for days. */
async function requireIntent(client: Client, { dealer, newVault }: NewCeremonyOptions): Promise<void> {
  if (newVault && dealer.length > 0)
    throw new CommandError(
      'A new vault has no dealers of the old one: give --new-vault or --dealer. Nothing was done.',
    );
  const { state } = await client.vault();
  if (state !== 'live' || newVault || dealer.length > 0) return;
  throw new CommandError(
    'A vault is in use. Give --dealer for each officer who deals it on, or --new-vault to found another in its place. Nothing was done.',
  );
}

/** The officer of the old vault hears the digits from an officer of the new one, by another way than this office. */
async function heardOfTarget(fingerprint: string, heard: string | undefined): Promise<string> {
  await compare(fingerprint, heard, 'Fingerprint of the ceremony that founded the new vault:');
  return heard ?? fingerprint;
}

const progress = (left: number) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${left} batches to go   ${left === 0 ? '\n' : ''}`);
};

/** The one thing a client cannot check alone: that all officers see the same share keys. */
async function compare(
  fingerprint: string,
  heard: string | undefined,
  title = 'Fingerprint of the ceremony:',
): Promise<void> {
  const digits = (text: string) => text.replaceAll(/\D/g, '');
  if (heard !== undefined) {
    if (digits(heard) === digits(fingerprint)) return;
    throw new CommandError(
      `The office shows ${fingerprint}, and the others see something else. Nothing was accepted. Somebody stands between you: stop, and tell your security officer.`,
      1,
    );
  }
  if (!process.stdin.isTTY)
    throw new CommandError('Give --fingerprint, as another officer reads it to you. Nothing was accepted.');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`${title}\n  ${fingerprint}\nDo all officers see the same? (yes/no) `);
  lines.close();
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandError('Nothing was accepted.', 1);
}

async function operatorIds(client: Client): Promise<(address: string) => string> {
  const { items } = await client.operators();
  return (address) => {
    const found = items.find((one) => one.address.toLowerCase() === address.toLowerCase());
    if (found === undefined) throw new CommandError(`${address} is no operator here. Nothing was changed.`);
    return found.id;
  };
}

const STATES: Record<Vault['state'], string> = {
  provisional:
    'provisional: keys are kept under the key store alone, and nothing is recovered until officers hold a ceremony',
  live: 'live',
  retired: 'retired',
};

function describe(vault: Vault): string {
  const lines = [
    `The vault is ${STATES[vault.state]}.`,
    `${vault.keys.inVault} keys in it, ${vault.keys.elsewhere} still in one before it.`,
  ];
  if (vault.state === 'live') {
    lines.push(
      `Any ${vault.threshold} of these officers open a key (epoch ${vault.epoch}, fingerprint ${vault.fingerprint}):`,
      table(
        ['officer', 'in office'],
        vault.officers.map(({ name, inOffice }) => [name, inOffice ? 'yes' : 'no']),
        'Nobody.',
      ),
    );
  }
  lines.push(
    `Its key-encryption key is in the ${vault.kek.store} key store${vault.kek.rotates ? ', and rotates: the key before is still there' : ''}.`,
  );
  for (const round of vault.rounds) lines.push(describeRound(round));
  if (vault.ceremony !== null) lines.push(`A ceremony is open. ${next(vault.ceremony)}`);
  return lines.join('\n');
}

/** Whom it waits for. */
function next(ceremony: Ceremony): string {
  const names = (people: readonly { name: string }[]) => people.map(({ name }) => name).join(', ');
  switch (ceremony.state) {
    case 'gathering':
      return `It waits for the share keys of ${names(ceremony.officers.filter((one) => !one.hasShareKey))} (chancery vault share-key).`;
    case 'dealing':
      return `It waits for ${names(ceremony.dealers.filter((one) => !one.dealt))} to deal (chancery vault take-part).`;
    case 'accepting':
      return `It waits for ${names(ceremony.officers.filter((one) => !one.accepted))} to accept (chancery vault take-part).\nFingerprint: ${ceremony.fingerprint}`;
    case 'complete':
      return 'The vault is in use.';
    case 'abandoned':
      return 'It was abandoned.';
  }
}
