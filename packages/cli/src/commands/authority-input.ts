/** What commands about authorities are told: an authority by its slug, certificates in files. */
import type { Client } from '@chancery/api';
import { CommandError } from '../exit-codes.ts';
import { certificatesIn, readInput } from '../input-files.ts';

export type Authority = Awaited<ReturnType<Client['authorities']>>['items'][number];

export async function bySlug(client: Client, slug: string): Promise<Authority> {
  const { items } = await client.authorities();
  const found = items.find((one) => one.slug === slug);
  if (found !== undefined) return found;
  throw new CommandError(
    `There is no authority ${slug}; there are ${items.map((one) => one.slug).join(', ')}. Nothing was changed.`,
  );
}

export const base64sIn = (file: string): string[] =>
  certificatesIn(readInput(file), file).map(({ der }) => Buffer.from(der).toString('base64'));

export function single(file: string): string {
  const [one] = base64sIn(file);
  if (one === undefined) throw new CommandError(`${file} holds no certificate. Nothing was changed.`);
  return one;
}
