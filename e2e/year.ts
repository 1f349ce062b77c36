/** A year of an office in fast time: `npm run year -- PEOPLE KILLS [DAYS A STEP] [SEED]`. */
import { loadavg } from 'node:os';
import { liveAYear } from './support/year.ts';

const [people = '2000', kills = '100', stride = '1', seed = '1'] = process.argv.slice(2);
const load = loadavg();
const report = await liveAYear({
  people: Number(people),
  kills: Number(kills),
  stride: Number(stride),
  seed: Number(seed),
  say: (text) => process.stderr.write(`${text}\n`),
});
console.log(JSON.stringify({ ...report, load: { before: load[0], after: loadavg()[0] } }, undefined, 2));
if (report.broken.length > 0) process.exitCode = 1;
