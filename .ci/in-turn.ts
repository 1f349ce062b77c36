/**
 * Long suites that take turns in `.ci/run`, since all of them do not fit into its 25 minutes: each day one group is run and the
 * others are left out, so that everything is run every third day. `CHANCERY_ALL=1` runs all; so do `npm run test:e2e`,
 * `test:interop` and `test:console`. As a program: says what is left out.
 */
const groups: readonly (readonly string[])[] = [
  [
    'e2e/console/second-day.test.ts',
    'e2e/console/share-anew.test.ts',
    'interop/pkcs12.test.ts',
    'interop/rekey-into-token.test.ts',
    'interop/two-companies.test.ts',
  ],
  ['e2e/crash.test.ts', 'e2e/year.test.ts', 'e2e/bulk-killed.test.ts', 'interop/matrix.test.ts'],
  [
    'e2e/kra-killed.test.ts',
    'interop/directory-sync.test.ts',
    'interop/import.test.ts',
    'interop/office-on-token.test.ts',
    'interop/pulled-token.test.ts',
    'interop/gateway-on-token.test.ts',
  ],
];

/** Test files that are not run on that day (UTC). */
export function leftOutOn(day: Date): readonly string[] {
  if (process.env.CHANCERY_ALL === '1') return [];
  const turn = Math.floor(day.getTime() / 86_400_000) % groups.length;
  return groups.filter((_, index) => index !== turn).flat();
}

if (import.meta.main) {
  const left = leftOutOn(new Date());
  if (left.length > 0) {
    console.log(`Left out today, since long suites take turns (all of them: CHANCERY_ALL=1 bash .ci/run):`);
    for (const file of left) console.log(`  ${file}`);
  }
}
