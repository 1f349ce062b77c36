/** `npm run bench -- SUBJECT`: times against peers that are measured in the same run. */
import { parseArgs } from 'node:util';
import { benchEngine } from './engine/bench-engine.ts';

const usage = `npm run bench -- engine [--quick] [--sizes 10K,1M,100M] [--only TEXT] [--against ID,ID] [--json]

  --quick   10 KB and the usual keys only, short turns: a minute or two, for a first look
  --sizes   which contents; default all
  --only    rows whose name holds the text
  --against only these peers: openssl-node, openssl, bouncy-castle, pkijs, forge, chancery-newer
  --json    one JSON document instead of tables

Peers that are missing on this machine are named and left out. The machine should have nothing else to do.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    sizes: { type: 'string' },
    only: { type: 'string', default: '' },
    against: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help || positionals.join() !== 'engine') {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else await benchEngine(values);
