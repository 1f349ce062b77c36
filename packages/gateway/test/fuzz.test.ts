/**
 * Messages of others and of our own, changed by chance that can be had again, through everything of the gateway that reads them. More and others:
 * `CHANCERY_FUZZ_RUNS=20000 CHANCERY_FUZZ_SEED=7 npx vitest run packages/gateway/test/fuzz.test.ts`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { corpusSeeds } from '../../smime/fuzz/corpus-seeds.ts';
import { Dice } from '../../smime/fuzz/dice.ts';
import { mutateMime } from '../../smime/fuzz/mutate-mime.ts';
import { messages } from '../../smime/fuzz/seeds.ts';
import { headerBlockEnd } from '../src/header-block.ts';
import { messageIn, openScratch } from '../src/large-message.ts';
import { headerOctets } from '../src/limits.ts';
import { asSent, lookThrough } from './support/look-through.ts';

const runs = Number(process.env.CHANCERY_FUZZ_RUNS ?? 400);
const first = Number(process.env.CHANCERY_FUZZ_SEED ?? 1) * 1_000_000;
/** Seconds of the processor that one step may take, and what makes a slow machine no defect. */
const longest = 1;
const corpora = [
  'cpython-email',
  'kmime/data',
  'mailsplit/fixtures',
  'nodemailer-mailparser/fixtures',
  'postal-mime/fixtures',
]
  .concat(['php-mail-mime-parser/_data/emails', 'thunderbird-jsmime/data'])
  .concat(
    ['attachment', 'error', 'mime', 'rfc2822', 'rfc6532'].map(
      (one) => `ruby-mail/emails/${one.replace(/^(a|e|m)\w+$/, '$&_emails')}`,
    ),
  )
  .concat(['', '/bounce', '/attachments', '/spam'].map((one) => `flanker/fixtures/messages${one}`));
const folder = mkdtempSync(path.join(tmpdir(), 'fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('hostile messages: no crash, no hang, and nothing that does not hold', { timeout: 1_800_000 }, async () => {
  const theirs = corpora.flatMap((name) => corpusSeeds(`mime-messages/${name}`, /./, 60));
  const seeds = [...(await messages()), ...theirs];
  const defects: string[] = [];
  const filed = async (message: Buffer, piece: number) => {
    const file = path.join(folder, 'message');
    writeFileSync(file, message);
    return messageIn({ file, from: 0, to: message.length, piece });
  };
  const scratch = openScratch(folder);
  for (let run = 0; run < runs && defects.length < 20; run++) {
    const dice = new Dice(first + run);
    const seed = dice.pick(seeds);
    let input = seed.bytes;
    for (let left = dice.oneIn(2) ? 1 : dice.few(8); left > 0; left--)
      input = mutateMime(input, dice, dice.pick(seeds).bytes).subarray(0, 1_000_000);
    const message = asSent(input);
    if (headerBlockEnd(message) > headerOctets) continue;
    let at = process.cpuUsage();
    let last = 'begun';
    const next = (step: string) => {
      const { user, system } = process.cpuUsage(at);
      if (user + system > longest * 1_000_000)
        defects.push(`${first + run} (${seed.name}): ${step} took ${(user + system) / 1_000_000} s`);
      last = step;
      at = process.cpuUsage();
    };
    try {
      await lookThrough(message, dice, filed, scratch, next);
    } catch (error) {
      defects.push(`${first + run} (${seed.name}), after ${last}: ${error instanceof Error ? error.stack : error}`);
    }
    await scratch.clear();
  }
  expect(defects).toEqual([]);
});
