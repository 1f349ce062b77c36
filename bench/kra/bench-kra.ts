/** The KRA: records escrowed and opened per second, and how long it takes until everybody has a key; each beside what it cannot go below. */
import { machine } from '../machine.ts';
import { type BareKeys, type BareSeal, bareKeys, bareSeal } from './bare.ts';
import { type Onboarding, onboard } from './onboarding.ts';
import { measureRecords, type Records } from './records.ts';

interface KraInput {
  readonly quick: boolean;
  readonly only: string;
  readonly json: boolean;
  /** People who join at once. */
  readonly people?: string | undefined;
}

const PACE = {
  full: { escrows: 500, drill: 1000, p256: 1000, rsa: 200, pool: 100, seconds: 10 },
  quick: { escrows: 60, drill: 100, p256: 60, rsa: 20, pool: 16, seconds: 3 },
};

export async function benchKra({ quick, only, json, people }: KraInput): Promise<void> {
  const pace = { ...(quick ? PACE.quick : PACE.full) };
  if (people !== undefined) Object.assign(pace, { p256: Number(people), rsa: Number(people) });
  const wanted = (what: string) => what.includes(only);
  const missing: string[] = [];
  const records: Records[] = [];
  for (const store of ['software', 'softhsm'] as const) {
    if (!wanted(`records ${store}`)) continue;
    const found = await measureRecords(store, pace);
    if (typeof found === 'string') missing.push(found);
    else records.push(found);
  }
  const seal = records.length > 0 ? await bareSeal(pace.seconds) : undefined;
  const onboarding: Onboarding[] = [];
  const asked = [
    { name: 'P-256', spec: 'p256', count: pace.p256, pool: 16 },
    { name: 'RSA-3072, no pool', spec: 'rsa-3072', count: pace.rsa, pool: 0 },
    { name: 'RSA-3072, pool filled by them', spec: 'rsa-3072', count: pace.rsa, pool: 16 },
    { name: 'RSA-3072, from a full pool', spec: 'rsa-3072', count: pace.pool, pool: pace.pool },
  ] as const;
  for (const one of asked) if (wanted(`onboarding ${one.name}`)) onboarding.push(await onboard(one));
  const keys = onboarding.length > 0 ? await bareKeys(pace.seconds) : undefined;
  const report = { date: new Date().toISOString(), machine: machine(), records, seal, onboarding, keys, missing };
  console.log(json ? JSON.stringify(report, undefined, 2) : format(report));
}

interface Report {
  readonly date: string;
  readonly machine: string;
  readonly records: readonly Records[];
  readonly seal: BareSeal | undefined;
  readonly onboarding: readonly Onboarding[];
  readonly keys: BareKeys | undefined;
  readonly missing: readonly string[];
}

function format({ date, machine: on, records, seal, onboarding, keys, missing }: Report): string {
  return [
    `${date.slice(0, 10)}, ${on}`,
    ...(seal === undefined ? [] : recordTable(records, seal)),
    ...(keys === undefined ? [] : onboardingTable(onboarding, keys)),
    ...missing.flatMap((sentence) => ['', `Missing: ${sentence}.`]),
  ].join('\n');
}

function recordTable(records: readonly Records[], seal: BareSeal): string[] {
  const per = (milliseconds: number) => `${milliseconds.toFixed(2)} ms`;
  return [
    '',
    `Records of P-256 keys. Escrowed: ${records[0]?.escrows} enrolments, four at a time, from the waiting enrolment to committed and audited. Opened: ${records[0]?.opened} records in one request,`,
    'two officers of three: their parts, on one core, then everything that the office does; without the PKCS#12, which is by itself. A database of tests, without fsync.',
    `One sealing and one opening of HPKE, P-256, by @hpke/core in the same run: ${per(seal.seal)}, ${per(seal.open)}; one sealing by @chancery/vault: ${per(seal.ownSeal)}.`,
    '',
    '| key store | escrowed | a vault lock | of it, wrapping half `a` | an officer, a record | combining, a record | a lock opened | opened, office alone | opened, with two officers | PKCS#12, a key | a drill of as many | a lock over sealing of @hpke/core |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...records.map((one) => {
      const office = one.combine + one.unlock;
      return `| ${one.store} | ${one.escrowed.toFixed(0)}/s | ${per(one.lock)} | ${per(one.wrap)} | ${per(one.officer)} | ${per(one.combine)} | ${per(one.unlock)} | ${(1000 / office).toFixed(0)}/s | ${(1000 / (office + 2 * one.officer)).toFixed(0)}/s | ${per(one.pack)} | ${one.drill.toFixed(1)} s | ${(one.lock / seal.seal).toFixed(2)} |`;
    }),
  ];
}

function onboardingTable(onboarding: readonly Onboarding[], keys: BareKeys): string[] {
  const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(0)} %`;
  return [
    '',
    'People of one CSV, from the import to the last encryption certificate, each with its key in escrow; a process of its own, embedded PostgreSQL 18, software keys.',
    `Keys a second on all cores with nothing else to do, in the same run: RSA-3072 by Node ${keys.rsa.toFixed(2)}, by openssl genrsa ${keys.openssl?.toFixed(2) ?? 'not there'}; P-256 by Node ${keys.p256.toFixed(0)}.`,
    '',
    '| keys | people | wall time | people a second | over keys alone | processor, office | processor, database | of the time of all cores | pool: at once, made first |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...onboarding.map((one) => {
      const rate = one.count / one.seconds;
      const alone = one.spec === 'p256' ? keys.p256 : keys.rsa;
      const { office, database } = one.processor;
      return `| ${one.name} | ${one.count} | ${one.seconds.toFixed(1)} s | ${rate.toFixed(2)} | ${(rate / alone).toFixed(3)} | ${office.toFixed(1)} s | ${database.toFixed(1)} s | ${share(office + database, one.seconds * one.cores)} | ${one.taken === null ? '–' : `${one.taken.ready}, ${one.taken.made}`} |`;
    }),
  ];
}
