/** `npm run kill -- KILLS BATCH`: kill -9 at random moments during bulk issuance, as often as you like. */
import { killDuringBulkIssuance } from './support/bulk-killed.ts';

const [kills = 200, batch = 5000] = process.argv.slice(2).map(Number);
const began = performance.now();
const report = await killDuringBulkIssuance({
  kills,
  batch,
  within: 3000,
  say: (text) => process.stderr.write(`${text}\n`),
});
console.log(JSON.stringify({ ...report, minutes: Math.round((performance.now() - began) / 6000) / 10 }, undefined, 2));
if (report.broken.length > 0) process.exitCode = 1;
