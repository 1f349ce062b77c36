/** `npm run bench -- SUBJECT`: times against peers that are measured in the same run. */
import { parseArgs } from 'node:util';
import { benchCa } from './ca/bench-ca.ts';
import { benchEngine } from './engine/bench-engine.ts';
import { benchGateway } from './gateway/bench-gateway.ts';
import { benchInventory } from './inventory/bench-inventory.ts';
import { benchKra } from './kra/bench-kra.ts';
import { benchMemory } from './memory.ts';
import { benchCrl } from './status/bench-crl.ts';
import { benchOcsp } from './status/bench-ocsp.ts';

const usage = `npm run bench -- ca [--quick] [--only TEXT] [--json]

  Certificates per second from a REST request to committed, audited and in the outbox; P-256 and RSA-3072 CA keys,
  embedded and external PostgreSQL.

  --only    'embedded', 'external', 'ecdsa', 'rsa', or 'embedded rsa'

npm run bench -- kra [--quick] [--only TEXT] [--people N] [--json]

  Records escrowed and opened per second with a software and a SoftHSM key-encryption key, stage by stage; people
  onboarded with P-256 and RSA-3072, with and without spare keys.

  --only    'records', 'records software', 'onboarding', 'onboarding P-256', 'onboarding RSA-3072'
  --people  so many join at once, with either kind of key, instead of 1000 and 200 (quick: 60 and 20)

npm run bench -- inventory [--quick] [--only TEXT] [--json]

  Lists, filters and searches at 10,000, 100,000 and 1,000,000 certificates.

npm run bench -- engine [--quick | --moderate] [--sizes 10K,1M,100M] [--only TEXT] [--against ID,ID] [--json]

  --quick   10 KB and the usual keys only, short turns: a minute or two, for a first look
  --moderate  the same rows at the full pace of warming up: five to six minutes against all peers, for figures to quote
  --sizes   which contents; default all
  --only    rows whose name holds the text
  --against only these peers: openssl-node, openssl, bouncy-castle, pkijs, forge, chancery-newer; and floor, which is no peer:
            the calls into node:crypto that the engine cannot do without, by themselves
  --json    one JSON document instead of tables

npm run bench -- memory [--sizes 100M,1G] [--json]: messages of that size through the command line, a process each,
with its largest memory, beside openssl cms -stream. It needs 4 times the size on the disk for temporary files.

npm run bench -- crl [--quick] [--json]: a CRL of a million entries (quick: 100,000), beside OpenSSL in C, and through the office

npm run bench -- ocsp [--quick] [--json]: OCSP answers per second, beside bare routes of Fastify in the same process

npm run bench -- gateway [--quick] [--only TEXT] [--json]: mail through the gateway (pass through, sign, encrypt, decrypt),
beside Postfix alone, Postfix with a content_filter that hands everything straight back, and an empty relay of Node

Peers that are missing on this machine are named and left out. The machine should have nothing else to do.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    moderate: { type: 'boolean', default: false },
    sizes: { type: 'string' },
    only: { type: 'string', default: '' },
    against: { type: 'string' },
    people: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const subjects: Readonly<Record<string, (input: typeof values) => Promise<void>>> = {
  engine: benchEngine,
  ca: benchCa,
  memory: benchMemory,
  crl: benchCrl,
  kra: benchKra,
  ocsp: benchOcsp,
  gateway: benchGateway,
  inventory: benchInventory,
};
const subject = Object.hasOwn(subjects, positionals.join()) ? subjects[positionals.join()] : undefined;

if (values.help || subject === undefined) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else await subject(values);
