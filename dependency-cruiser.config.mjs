/** The arrows of ARCHITECTURE.md, as rules. `npm run deps` checks them, and checks that it saw the house. */
const not = (name, comment, from, to) => ({ name, comment, severity: 'error', from: { path: from }, to: { path: to } });
const inside = (rooms) => `^packages/authority/src/(${rooms})`;

export default {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'Files that import each other in a loop cannot be read alone.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'not-resolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },

    not('engine-alone', 'smime imports nothing of ours.', '^packages/smime/', '^packages/(?!smime/)'),
    not(
      'mail-policy-alone',
      'mail-policy imports nothing of ours: the same rules decide in the gateway and explain in a browser.',
      '^packages/mail-policy/',
      '^packages/(?!mail-policy/)',
    ),
    not(
      'mail-facts-on-engine',
      'mail-facts reads messages for rules, and nothing else.',
      '^packages/mail-facts/',
      '^packages/(?!mail-facts/|mail-policy/|smime/)',
    ),
    not(
      'api-alone',
      'api imports nothing of ours but the rules that it carries, and is safe in a browser.',
      '^packages/api/',
      '^packages/(?!api/|mail-policy/)',
    ),
    not(
      'vault-alone',
      'vault is cryptography that its users check for themselves; what officers open must be on the trail.',
      '^packages/vault/',
      '^packages/(?!vault/|trail/)',
    ),
    not('trail-alone', 'trail is what auditors check for themselves.', '^packages/trail/', '^packages/(?!trail/)'),
    not(
      'dns-alone',
      'dns is octets in, octets out: it imports nothing of ours.',
      '^packages/dns/',
      '^packages/(?!dns/)',
    ),
    {
      name: 'dns-no-world',
      comment: 'Whoever asks a server brings the connection.',
      severity: 'error',
      from: { path: '^packages/dns/src', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer)$' },
    },
    {
      name: 'in-browser',
      comment: 'api, mail-policy, vault and trail are safe in a browser.',
      severity: 'error',
      from: { path: '^packages/(api|mail-policy|vault|trail)/src', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'engine-no-world',
      comment: 'The engine is bytes in, bytes out: no sockets, files or environment.',
      severity: 'error',
      from: { path: '^packages/smime/src', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|zlib|util|buffer|stream|url)$' },
    },
    not('keystore-on-engine', 'keystore imports smime only.', '^packages/keystore/', '^packages/(?!keystore/|smime/)'),
    not(
      'embedded-postgres-alone',
      'The supervisor knows nothing of ours.',
      '^packages/embedded-postgres/',
      '^packages/(?!embedded-postgres/)',
    ),
    not(
      'gateway-is-a-client',
      'The gateway faces the Internet: it is a client of the authority, never part of it.',
      '^packages/gateway/',
      '^packages/(authority|cli|console|embedded-postgres)/',
    ),
    not(
      'authority-alone',
      'The authority knows neither gateway, console nor cli.',
      '^packages/authority/src',
      '^packages/(gateway|cli|console)/',
    ),
    {
      name: 'authority-database-by-port',
      comment: 'Only tests of the authority start a PostgreSQL.',
      severity: 'error',
      from: { path: '^packages/authority/src', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/embedded-postgres/' },
    },
    not(
      'console-on-contract',
      'console imports the contract, and what a client checks for itself.',
      '^packages/console/',
      '^packages/(?!console/|api/|mail-policy/|vault/|trail/)',
    ),

    not(
      'nothing-imports-endpoints',
      'Endpoints parse, authenticate, perform, reply; nothing builds on them.',
      inside('(?!endpoints/|(status-)?main\\.ts)'),
      inside('endpoints/'),
    ),
    {
      name: 'ca-apart',
      comment: 'ca calls neither kra nor ra; it knows only the type of a receipt.',
      severity: 'error',
      from: { path: inside('ca/'), pathNot: '\\.test\\.ts$' },
      to: { path: inside('(kra|ra|office|identity|delivery|publication)/'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'kra-apart',
      comment: 'kra calls neither ca nor ra.',
      severity: 'error',
      from: { path: inside('kra/'), pathNot: '\\.test\\.ts$' },
      to: { path: inside('(ca|ra|office|identity|delivery|publication)/') },
    },
    {
      name: 'store-is-the-ground',
      comment: 'The store imports no room above it.',
      severity: 'error',
      from: { path: inside('store/'), pathNot: '\\.test\\.ts$' },
      to: {
        path: inside('(ca|kra|ra|office|identity|delivery|publication|status|jobs|endpoints)/'),
        dependencyTypesNot: ['type-only'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|data|artifacts)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  },
};
