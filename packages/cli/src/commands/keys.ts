import { loadAuthorityConfig, openKeyStores, pinRefusalFile } from '@chancery/authority';
import { forgetRefusedPin, type KeyStore, type KeyStoreHealth } from '@chancery/keystore';
import { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { processLog } from '../log.ts';
import { homeFolder } from '../office.ts';
import { print, table } from '../output.ts';

interface KeysOptions {
  readonly json?: boolean;
}

/** `chancery keys`: the key stores of this machine's configuration, asked directly; the office need not run. */
export function keysCommand(): Command {
  const keys = new Command('keys').description('the key stores that authority.toml names, on this machine');

  keys
    .command('health')
    .description('open every key store, log in to its token, and say how it is')
    .option('--json', 'print JSON')
    .action((options: KeysOptions) => withKeyStores((store) => tellHealth(store, options)));

  keys
    .command('list')
    .description('every key, oldest first; never what is in it')
    .option('--json', 'print JSON')
    .action((options: KeysOptions) =>
      withKeyStores(async (store) => {
        const found = await store.list();
        print(options, found, () =>
          table(
            ['made', 'type', 'reference', 'label'],
            found.map((one) => [madeAt(one.createdAt), one.type, one.reference, one.label]),
            'No keys.',
          ),
        );
      }),
    );

  keys
    .command('try-pin')
    .description('the PIN was corrected: let the token be asked once more, and say what it answered')
    .option('--json', 'print JSON')
    .action(async (options: KeysOptions) => {
      await forgetRefusedPin(pinRefusalFile(loadAuthorityConfig(homeFolder())));
      await withKeyStores((store) => tellHealth(store, options));
    });

  return keys;
}

/** For a person: one line for each store. */
export function describeHealth(stores: readonly KeyStoreHealth[]): string {
  return table(
    ['store', 'state', 'device', 'last error'],
    stores.map((one) => [one.name, one.state, one.device ?? '', one.lastError?.message ?? '']),
    'No key stores.',
  );
}

async function tellHealth(store: KeyStore, options: KeysOptions): Promise<void> {
  const found = await store.health();
  print(options, found, () => describeHealth(found));
  if (found.some(({ state }) => state === 'unavailable')) process.exitCode = exitCodes.refused;
}

async function withKeyStores(run: (store: KeyStore) => Promise<void>): Promise<void> {
  const store = await openKeyStores(loadAuthorityConfig(homeFolder()), processLog());
  try {
    await run(store);
  } finally {
    await store.close();
  }
}

/** Of a key that another program made, a token does not say when. */
const madeAt = (at: Date): string => (at.getTime() === 0 ? 'unknown' : at.toISOString());
