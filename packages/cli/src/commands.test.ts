import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { commands } from './commands.ts';

/** A command, and everything below it. */
const andBelow = (command: Command): Command[] => [command, ...command.commands.flatMap(andBelow)];

it('every command says what it does, and has its name', { timeout: 60_000 }, async () => {
  for (const [name, load] of Object.entries(commands)) {
    const command = await load();
    expect(command.name()).toBe(name);
    for (const one of andBelow(command)) {
      expect(one.description(), `${name} ${one.name()}`).not.toBe('');
      expect(one.helpInformation(), `${name} ${one.name()}`).toMatch(/^Usage: /);
    }
  }
});
