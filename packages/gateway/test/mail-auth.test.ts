/** SPF and ARC as we have mailauth do them, by the suites of their authors: RFC 7208's, and the one of ARC's working group. */
import { isPublicAddress } from '@chancery/smime';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { describeCorpus } from '../../smime/test/corpora.ts';
import { judgeAuthenticity, type Resolve } from '../src/authenticity.ts';

const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const judge = (
  message: string,
  resolve: Resolve,
  client = { address: '127.0.0.1', helo: 'x.example', name: '' },
  sender = '',
) =>
  judgeAuthenticity(
    { client, sender, message: Buffer.from(message) },
    { name: 'gateway.example.com', resolve, timeout: 5_000, log },
  );

interface SpfSuite {
  readonly tests: Record<string, { host: string; helo: string; mailfrom: string; result: string | string[] }>;
  readonly zonedata: Record<string, readonly (string | Record<string, unknown>)[]>;
}

/** Cases in which the result is another than the suite's, each with its reason. */
const spfExceptions: Record<string, string> = {};
const arcExceptions: Record<string, string> = {
  ams_fields_c_na:
    'mailauth 7.1.0 takes a message signature without c= for wrong, where simple is its default: stricter than asked',
  ams_fields_h_empty: 'mailauth 7.1.0 refuses a message signature that covers no field: stricter than asked',
};

describeCorpus('mail-auth', 'SPF and ARC by the suites of their authors', (corpus) => {
  it('SPF (RFC 7208), of every public address', { timeout: 60_000 }, async () => {
    const suites = parseAllDocuments(corpus.text('mail-spf-perl/rfc7208-tests.yml')).map(
      (one) => one.toJS() as SpfSuite,
    );
    const wrong: Record<string, string> = {};
    let judged = 0;
    for (const { tests, zonedata } of suites) {
      const resolve = resolverOf(zonedata);
      for (const [name, { host, helo, mailfrom, result }] of Object.entries(tests)) {
        // Of others there is nothing that DNS could say: they are not asked for.
        if (!isPublicAddress(host)) continue;
        judged++;
        const found = await judge('From: a@x.example\r\n\r\n', resolve, { address: host, helo, name: '' }, mailfrom);
        if (![result].flat().includes(found.spf)) wrong[name] = `${found.spf}, not ${[result].flat().join(' or ')}`;
      }
    }
    expect(judged).toBeGreaterThan(140);
    expect(Object.keys(wrong).sort(), JSON.stringify(wrong, null, 1)).toEqual(Object.keys(spfExceptions).sort());
  });

  it('ARC (RFC 8617)', { timeout: 60_000 }, async () => {
    const text = corpus.text('arc_test_suite/tests/arc-draft-validation-tests.yml');
    const wrong: Record<string, string> = {};
    let judged = 0;
    for (const document of parseAllDocuments(text, { uniqueKeys: false })) {
      const suite = document.toJS() as {
        tests: Record<string, { message: string; cv: string | null }>;
        'txt-records': Record<string, string>;
      };
      const resolve: Resolve = async (name, type) => {
        const found = type === 'TXT' ? suite['txt-records']?.[name.toLowerCase()] : undefined;
        if (found === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
        return [[found]];
      };
      for (const [name, { message, cv }] of Object.entries(suite.tests)) {
        if (!cv) continue;
        judged++;
        // A signature of DKIM, of nobody, has mail from this machine looked into.
        const mail = `DKIM-Signature: v=1\r\n${message.replace(/\r?\n/g, '\r\n')}`;
        const { arc } = await judge(mail, resolve);
        if (arc !== cv.toLowerCase()) wrong[name] = `${arc}, not ${cv.toLowerCase()}`;
      }
    }
    expect(judged).toBeGreaterThan(150);
    expect(Object.keys(wrong).sort(), JSON.stringify(wrong, null, 1)).toEqual(Object.keys(arcExceptions).sort());
  });
});

/** The suite's zones: a name under SPF alone has that record as TXT too, and TIMEOUT is a server that does not answer. */
function resolverOf(zonedata: SpfSuite['zonedata']): Resolve {
  const zones = new Map(Object.entries(zonedata ?? {}).map(([name, records]) => [name.toLowerCase(), records]));
  return async (name, type) => {
    const records = zones.get(name.toLowerCase().replace(/\.$/, ''));
    if (records === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
    const of = (wanted: string) =>
      records.flatMap((record) => (typeof record === 'object' && wanted in record ? [record[wanted]] : []));
    const found = type === 'TXT' && of('TXT').length === 0 ? of('SPF') : of(type);
    const wanted = found.filter((one) => one !== 'NONE');
    if (wanted.length === 0) {
      throw Object.assign(new Error(name), { code: records.includes('TIMEOUT') ? 'ETIMEOUT' : 'ENODATA' });
    }
    if (type === 'TXT') return wanted.map((one) => [one].flat().map(String));
    if (type === 'MX') {
      const exchanges = wanted.map((one) => ({
        priority: Number((one as unknown[])[0]),
        exchange: String((one as unknown[])[1]),
      }));
      return exchanges as unknown as string[];
    }
    return wanted.map(String);
  };
}
