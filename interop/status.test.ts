/** Lists (complete, shard, delta), OCSP and chains in the eyes of OpenSSL, NSS, GnuTLS and Java: they accept the good and reject the revoked. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from './peers.ts';
import { run } from './run-program.ts';
import { openStatusOffice, runBeside, type Standing, type StatusOffice } from './status-office.ts';

let office: StatusOffice;
const file = (name: string) => office.file(name);
const standings: readonly Standing[] = ['good', 'revoked', 'held', 'late'];

beforeAll(async () => {
  office = await openStatusOffice();
}, 120_000);
afterAll(() => office?.close());

describe.skipIf(missing('openssl'))('OpenSSL', () => {
  const chain = () => ['-CAfile', file('root.pem'), '-untrusted', file('issuing.pem')];
  const verify = (standing: Standing, ...lists: string[]) => {
    const named = lists.flatMap((list) => (list.startsWith('-') ? [list] : ['-CRLfile', file(`${list}.pem`)]));
    const { text } = run('openssl', ['verify', ...chain(), ...named, file(`${standing}.pem`)]);
    return text.includes(': OK') ? 'good' : text.includes('certificate revoked') ? 'revoked' : text;
  };
  const ocsp = (standing: Standing, ...more: string[]) => [
    'ocsp',
    ...['-issuer', file('issuing.pem'), '-cert', file(`${standing}.pem`), '-CAfile', file('root.pem'), ...more],
  ];

  it.each(['full', 'shard'])('believes the %s list', (list) => {
    expect(standings.map((standing) => verify(standing, '-crl_check', list))).toEqual([
      'good',
      'revoked',
      'revoked',
      'revoked',
    ]);
    expect(verify('good', '-crl_check_all', list, 'root-list')).toBe('good');
  });

  it('learns from a delta what its list does not know yet', () => {
    const before = standings.map((standing) => verify(standing, '-crl_check', 'base'));
    expect(before).toEqual(['good', 'revoked', 'revoked', 'good']);
    const after = standings.map((standing) => verify(standing, '-crl_check', '-use_deltas', 'base', 'delta'));
    expect(after).toEqual(['good', 'revoked', 'revoked', 'revoked']);
  });

  it('takes no list of one shard for a certificate of another place', () => {
    const { text } = run('openssl', [
      ...['verify', '-crl_check', ...chain().slice(0, 2), '-CRLfile', file('shard.pem'), file('issuing.pem')],
    ]);
    expect(text).toMatch(/unable to get certificate CRL|different CRL scope/i);
  });

  it('is answered by POST, with its nonce', async () => {
    const answer = async (standing: Standing) => {
      const { text } = await runBeside('openssl', ocsp(standing, '-url', `${office.url}/ocsp`));
      expect(text).toContain('Response verify OK');
      expect(text).not.toMatch(/no nonce/);
      return /\.pem: (\w+)/.exec(text)?.[1];
    };
    const answers = [];
    for (const standing of standings) answers.push(await answer(standing));
    expect(answers).toEqual(['good', 'revoked', 'revoked', 'revoked']);
  });

  it('is answered by POST about several at once', async () => {
    const more = ['-cert', file('revoked.pem'), '-cert', file('held.pem'), '-url', `${office.url}/ocsp`];
    const { text } = await runBeside('openssl', ocsp('good', ...more));
    expect(text.match(/\.pem: \w+/g)?.map((one) => one.slice(6))).toEqual(['good', 'revoked', 'revoked']);
    expect(text).toMatch(/keyCompromise[\s\S]*certificateHold/);
  });

  it.each(standings)('is answered by GET: %s', async (standing) => {
    const [request, response] = [file('request.der'), file('response.der')];
    expect(run('openssl', ocsp(standing, '-no_nonce', '-reqout', request)).code).toBe(0);
    const asked = encodeURIComponent(readFileSync(request).toString('base64'));
    const answer = await fetch(`${office.url}/ocsp/${asked}`);
    writeFileSync(response, Buffer.from(await answer.arrayBuffer()));
    const { text } = run('openssl', ocsp(standing, '-no_nonce', '-respin', response));
    expect(text).toContain('Response verify OK');
    expect(/\.pem: (\w+)/.exec(text)?.[1]).toBe(standing === 'good' ? 'good' : 'revoked');
  });

  it('opens the chain', async () => {
    const answer = await fetch(`${office.url}/ca/issuing.p7c`);
    writeFileSync(file('chain.p7c'), Buffer.from(await answer.arrayBuffer()));
    const { text } = run('openssl', ['pkcs7', '-inform', 'DER', '-in', file('chain.p7c'), '-print_certs', '-noout']);
    expect(text.match(/subject=/g)?.length).toBe(2);
  });
});

describe.skipIf(missing('gnutls'))('GnuTLS', () => {
  it.each(['full', 'shard'])('believes the %s list', (list) => {
    writeFileSync(file('crls.pem'), `${readFileSync(file(`${list}.pem`))}${readFileSync(file('root-list.pem'))}`);
    const verdicts = standings.map((standing) => {
      const parts = [standing, 'issuing', 'root'].map((name) => readFileSync(file(`${name}.pem`)));
      writeFileSync(file('chain.pem'), Buffer.concat(parts));
      const trusted = ['--load-ca-certificate', file('root.pem'), '--load-crl', file('crls.pem')];
      const { text } = run('certtool', ['--verify', ...trusted, '--infile', file('chain.pem')]);
      const last = text.slice(text.lastIndexOf('Chain verification output'));
      return last.includes('revoked') ? 'revoked' : last.includes(': Verified') ? 'good' : text;
    });
    expect(verdicts).toEqual(['good', 'revoked', 'revoked', 'revoked']);
  });

  it('believes OCSP', async () => {
    const verdicts = [];
    for (const standing of standings) {
      const { text } = await runBeside('ocsptool', [
        `--ask=${office.url}/ocsp`,
        `--load-cert=${file(`${standing}.pem`)}`,
        `--load-issuer=${file('issuing.pem')}`,
        `--load-trust=${file('issuing.pem')}`,
      ]);
      expect(text).toContain('Verifying OCSP Response: Success');
      verdicts.push(/Certificate Status: (\w+)/.exec(text)?.[1]);
    }
    expect(verdicts).toEqual(['good', 'revoked', 'revoked', 'revoked']);
  });
});

describe.skipIf(missing('strongswan'))('strongSwan', () => {
  /** What it asks for by itself is said in a file; by default it asks OCSP first, then the distribution points. */
  const verify = async (standing: Standing, settings: string, ...more: string[]) => {
    writeFileSync(file('strongswan.conf'), `pki {\n  plugins {\n    revocation {\n${settings}\n    }\n  }\n}\n`);
    const trusted = ['--cacert', file('root.pem'), '--cacert', file('issuing.pem')];
    const { text } = await runBeside('env', [
      `STRONGSWAN_CONF=${file('strongswan.conf')}`,
      'pki',
      '--verify',
      '--in',
      file(`${standing}.pem`),
      ...trusted,
      ...more,
    ]);
    return text;
  };
  const verdictOf = (text: string) =>
    /certificate trusted, lifetimes valid, certificate not revoked/.test(text)
      ? 'good'
      : /certificate (was )?revoked|certificate is revoked/.test(text)
        ? 'revoked'
        : text;

  it('believes OCSP, asked at the address that the certificate names', async () => {
    const verdicts = [];
    for (const standing of standings) {
      const text = await verify(standing, 'enable_crl = no', '--online');
      expect(text).toContain('requesting ocsp status');
      expect(text).toMatch(/ocsp response correctly signed/);
      // Its issuer names a list alone, which it may not fetch here: only what it says of the leaf counts.
      verdicts.push(/certificate status is good/.test(text) ? 'good' : verdictOf(text));
    }
    expect(verdicts).toEqual(['good', 'revoked', 'revoked', 'revoked']);
  });

  it('believes the lists of the distribution points, those of shards too', async () => {
    const verdicts = [];
    for (const standing of standings) {
      const text = await verify(standing, 'enable_ocsp = no', '--online');
      expect(text).toMatch(/fetching crl from '.*\/crl\/issuing\/0\.crl'/);
      verdicts.push(verdictOf(text));
    }
    expect(verdicts).toEqual(['good', 'revoked', 'revoked', 'revoked']);
  });
});

describe.skipIf(missing('nss'))('NSS', () => {
  let database: string;
  const EMAIL_SIGNER = '4';
  beforeAll(() => {
    const folder = file('nss');
    mkdirSync(folder);
    database = `sql:${folder}`;
    expect(run('certutil', ['-N', '-d', database, '--empty-password']).code).toBe(0);
    for (const [name, trust] of [
      ['root', 'CT,C,C'],
      ['issuing', ',,'],
      ...standings.map((standing) => [standing, ',,']),
    ] as const) {
      const added = run('certutil', ['-A', '-d', database, '-n', name, '-t', trust, '-i', file(`${name}.der`)]);
      expect(added).toMatchObject({ code: 0 });
    }
  });
  const verdictOf = (text: string) => (text.includes('Chain is good') ? 'good' : /-8180/.test(text) ? 'revoked' : text);
  const checked = async (standing: Standing, ...more: string[]) => {
    const parameters = ['-d', database, ...more, '-u', EMAIL_SIGNER, file(`${standing}.der`), file('issuing.der')];
    return verdictOf((await runBeside('vfychain', parameters)).text);
  };

  it('believes OCSP, and no certificate without it', async () => {
    const verdicts = [];
    for (const standing of standings)
      verdicts.push(await checked(standing, '-pp', '-g', 'leaf', '-m', 'ocsp', '-s', 'failIfNoInfo'));
    expect(verdicts).toEqual(['good', 'revoked', 'revoked', 'revoked']);
  });

  it('takes in no list of a shard: it knows no issuing distribution point, and says so', () => {
    const { code, text } = run('crlutil', ['-I', '-d', database, '-i', file('shard.crl'), '-t', '1', '-B']);
    expect(code).not.toBe(0);
    expect(text).toContain('SEC_ERROR_CRL_UNKNOWN_CRITICAL_EXTENSION');
  });

  it('believes the complete list', async () => {
    expect(await checked('revoked')).toBe('good');
    expect(run('crlutil', ['-I', '-d', database, '-i', file('full.crl'), '-t', '1', '-B']).code).toBe(0);
    const verdicts = [];
    for (const standing of standings) verdicts.push(await checked(standing));
    expect(verdicts).toEqual(['good', 'revoked', 'revoked', 'revoked']);
    const [good, revoked] = ['good', 'revoked'].map((name) =>
      run('certutil', ['-V', '-d', database, '-n', name, '-u', 'S']),
    );
    expect(good?.text).toContain('certificate is valid');
    expect(revoked?.text).toContain('has been revoked');
  });
});

describe.skipIf(missing('java'))('the PKIX validator of Java', () => {
  let classes: string;
  beforeAll(() => {
    classes = file('java');
    const source = path.join(import.meta.dirname, 'status', 'PkixValidator.java');
    expect(run('javac', ['-d', classes, source])).toMatchObject({ code: 0 });
  }, 60_000);
  const validate = async (how: string, ...lists: string[]) => {
    const verdicts = [];
    for (const standing of standings) {
      const files = ['root', 'issuing', standing].map((name) => file(`${name}.der`));
      const { text } = await runBeside('java', [
        ...['-Dcom.sun.security.enableCRLDP=true', '-cp', classes, 'PkixValidator', how, ...files],
        ...lists.map((list) => file(`${list}.crl`)),
      ]);
      verdicts.push(text.trim() === 'valid' ? 'good' : text.startsWith('REVOKED') ? 'revoked' : text);
    }
    return verdicts;
  };

  it.each([
    ['crl', 'full'],
    ['crl', 'shard'],
    // It fetches the list that each certificate names.
    ['cdp'],
    ['ocsp'],
  ])('believes %s %s', { timeout: 60_000 }, async (how, ...lists) => {
    expect(await validate(how, ...lists)).toEqual(['good', 'revoked', 'revoked', 'revoked']);
  });

  it('knows no deltas, and goes by the list that they follow', { timeout: 60_000 }, async () => {
    expect(await validate('crl', 'base', 'delta')).toEqual(['good', 'revoked', 'revoked', 'good']);
  });
});
