/** GnuTLS by its certtool, which signs and verifies, and has nothing for encrypted objects. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../run-program.ts';
import { cmsSession, type Refused } from './cms-peer.ts';
import type { Peer, Session } from './peer.ts';
import type { People } from './people.ts';

export const gnutls: Peer = {
  title: 'GnuTLS',
  needs: ['gnutls'],
  version: () => /[0-9][0-9.]+/.exec(run('certtool', ['--version']).text)?.[0] ?? '',
  open: async (people) => session(people),
};

function session(people: People): Session {
  const at = (name: string): string => path.join(people.folder, name);
  const out = at('gnutls.out');
  const given = (name: string, content: Buffer): string => {
    writeFileSync(at(name), content);
    return at(name);
  };
  return cmsSession({
    verify: async (object, content) => {
      const trust = ['--load-ca-certificate', at('root.pem')];
      const detached = content ? ['--load-data', given('gnutls.content', content)] : ['--p7-show-data'];
      rmSync(out, { force: true });
      const args = ['--p7-verify', '--inder', '--infile', given('gnutls.in', object), '--outfile', out];
      const { code, text } = run('certtool', [...args, ...trust, ...detached]);
      const states = [...text.matchAll(/Signature status: (.*)/g)].map(([, state]) => state);
      if (code !== 0 || states.length === 0 || states.some((state) => state !== 'ok')) return { says: reason(text) };
      return content ?? readFileSync(out);
    },
    decrypt: async () => undefined,
    sign: async (row, content) => {
      const [first] = row.signers;
      if (!first || row.signers.length > 1 || first.padding === 'pss') return undefined;
      const { code, text } = run('certtool', [
        ...[row.form === 'clear' ? '--p7-detached-sign' : '--p7-sign', '--p7-include-cert', '--p7-time', '--outder'],
        ...['--load-certificate', at(`${first.who}.pem`), '--load-privkey', at(`${first.who}.key`)],
        ...['--hash', first.hash],
        ...['--infile', given('gnutls.in', content), '--outfile', out],
      ]);
      return code === 0 ? readFileSync(out) : ({ says: reason(text) } satisfies Refused);
    },
    encrypt: async () => undefined,
  });
}

function reason(text: string): string {
  const lines = text.split('\n').filter((line) => /status|rror/.test(line));
  return (lines[0] ?? text.trim().split('\n').at(-1) ?? '').trim();
}
