/** The commands by name. */
import type { Command } from 'commander';

/** Each is loaded when it is asked for: `chancery smime` needs neither the authority nor the gateway. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.ts')).startCommand(),
  authority: async () => (await import('./commands/authority.ts')).authorityCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  gateway: async () => (await import('./commands/gateway.ts')).gatewayCommand(),
  'check-config': async () => (await import('./commands/check-config.ts')).checkConfigCommand(),
  keys: async () => (await import('./commands/keys.ts')).keysCommand(),
  people: async () => (await import('./commands/people.ts')).peopleCommand(),
  devices: async () => (await import('./commands/devices.ts')).devicesCommand(),
  inventory: async () => (await import('./commands/inventory.ts')).inventoryCommand(),
  source: async () => (await import('./commands/source.ts')).sourceCommand(),
  directory: async () => (await import('./commands/directory.ts')).directoryCommand(),
  renewals: async () => (await import('./commands/renewals.ts')).renewalsCommand(),
  person: async () => (await import('./commands/person.ts')).personCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  authorities: async () => (await import('./commands/authorities.ts')).authoritiesCommand(),
  ceremony: async () => (await import('./commands/ceremony.ts')).ceremonyCommand(),
  certificates: async () => (await import('./commands/certificates.ts')).certificatesCommand(),
  publication: async () => (await import('./commands/publication.ts')).publicationCommand(),
  profiles: async () => (await import('./commands/profiles.ts')).profilesCommand(),
  smime: async () => (await import('./commands/smime.ts')).smimeCommand(),
  path: async () => (await import('./commands/path.ts')).pathCommand(),
  lint: async () => (await import('./commands/lint.ts')).lintCommand(),
  vault: async () => (await import('./commands/vault.ts')).vaultCommand(),
  escrow: async () => (await import('./commands/escrow.ts')).escrowCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  'scim-token': async () => (await import('./commands/scim-token.ts')).scimTokenCommand(),
  acme: async () => (await import('./commands/acme.ts')).acmeCommand(),
  'sign-in': async () => (await import('./commands/sign-in.ts')).signInCommand(),
};
