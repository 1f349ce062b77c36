import { Command, InvalidArgumentError } from 'commander';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery scim-token`: tokens with which an identity provider provisions people. */
export function scimTokenCommand(): Command {
  const token = new Command('scim-token').description('tokens with which SCIM clients provision people');

  withOffice(token.command('create').description('make a token for a SCIM client and print it, once'))
    .argument('<source>', 'what the client is called here: small letters, digits, hyphens')
    .option('--expires <days>', 'days that it is good for, or "never"', expiry, 365)
    .action(async (source: string, options: OfficeOptions & { expires: number | null }) => {
      const made = await connect(options).createScimToken({ body: { source, expiresInDays: options.expires } });
      print(options, made, () => described(made));
    });

  withOffice(token.command('list').description('list the tokens of all SCIM clients')).action(
    async (options: OfficeOptions) => {
      const { items } = await connect(options).sources();
      const rows = items.flatMap(({ name, tokens }) =>
        tokens.map((one) => [
          one.id,
          name,
          one.revokedAt !== null ? 'revoked' : one.inForce ? 'in force' : 'expired',
          one.expiresAt ?? 'never',
          one.lastUsedAt ?? 'never',
        ]),
      );
      print(options, { items: items.map(({ name, tokens }) => ({ source: name, tokens })) }, () =>
        table(
          ['id', 'source', 'state', 'expires', 'last used'],
          rows,
          'No tokens yet. Make one with "chancery scim-token create NAME".',
        ),
      );
    },
  );

  withOffice(token.command('rotate').description('make a token in place of another, which goes on for a while'))
    .argument('<id>')
    .option('--overlap <hours>', 'hours that the old one is good beside it', hours, 72)
    .option('--expires <days>', 'days that the new one is good for, or "never"', expiry, 365)
    .action(async (id: string, options: OfficeOptions & { overlap: number; expires: number | null }) => {
      const made = await connect(options).rotateScimToken({
        params: { id },
        body: { overlapHours: options.overlap, expiresInDays: options.expires },
      });
      print(options, made, () => `${described(made)}\nThe old token ends in ${options.overlap} hours.`);
    });

  withOffice(token.command('revoke').description('revoke a token at once'))
    .argument('<id>')
    .action(async (id: string, options: OfficeOptions) => {
      const done = await connect(options).revokeScimToken({ params: { id } });
      print(options, done, () => 'The token opens nothing any more.');
    });

  return token;
}

function described({ token, url, expiresAt }: { token: string; url: string; expiresAt: string | null }): string {
  const end = expiresAt === null ? 'It does not expire.' : `It expires on ${expiresAt}.`;
  return `${token}\nGive it to the identity provider with the address ${url}. It is shown once. ${end}`;
}

function expiry(text: string): number | null {
  return text === 'never' ? null : whole(text, 1, 3660);
}

const hours = (text: string): number => whole(text, 0, 720);

function whole(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
  return value;
}
