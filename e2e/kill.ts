/**
 * kill -9 at random moments, as often as you like: `npm run kill -- KILLS BATCH` during bulk issuance,
 * `npm run kill -- kra KILLS` during everything that the KRA does, `npm run kill -- gateway KILLS` of a gateway under load.
 */
import { killDuringBulkIssuance } from './support/bulk-killed.ts';
import { killTheGateway } from './support/gateway-killed.ts';
import { killTheKra } from './support/kra-killed.ts';

const say = (text: string) => process.stderr.write(`${text}\n`);
const began = performance.now();
const [first = '200', second] = process.argv.slice(2);
const report =
  first === 'kra'
    ? await killTheKra({ kills: Number(second ?? 100), within: 1500, say })
    : first === 'gateway'
      ? await killTheGateway({ kills: Number(second ?? 300), within: 3000, say })
      : await killDuringBulkIssuance({ kills: Number(first), batch: Number(second ?? 5000), within: 3000, say });
console.log(JSON.stringify({ ...report, minutes: Math.round((performance.now() - began) / 6000) / 10 }, undefined, 2));
if (report.broken.length > 0) process.exitCode = 1;
