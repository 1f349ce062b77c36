/** Asks whoever sits at the terminal, without showing what they type. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CommandError } from './exit-codes.ts';

/** @throws CommandError when they press Ctrl-C */
export function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_piece, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => {
      lines.close();
      reject(new CommandError('Stopped. Nothing was done.'));
    });
    lines.question('', (answer) => {
      lines.close();
      process.stderr.write('\n');
      resolve(answer);
    });
  });
}
