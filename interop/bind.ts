/** BIND with a zone that it signs by itself, updated with a key; and unbound, which believes only what is signed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endServer, run } from './run-program.ts';

/** A zone's own keys, which sign the others: what a resolver is told to trust. */
const KEY_SIGNING = /\sDNSKEY\s+257 3 /;

/** What stands in zones, line for line as zone files have it. */
export interface MoreZones {
  /** In `example.com`, beside what makes it a zone. */
  readonly records?: string;
  /** Zones that nobody signs, by name. */
  readonly unsigned?: Readonly<Record<string, string>>;
  /** The same, where the resolver has been told of a key that signs them: whatever it finds there is bogus. */
  readonly bogus?: Readonly<Record<string, string>>;
}

export class SignedZone {
  readonly folder: string;
  readonly port: number;
  readonly resolverPort: number;
  readonly #more: MoreZones;
  #servers: ChildProcess[] = [];
  readonly #secret = Buffer.from('a secret of thirty-two octets or').toString('base64');

  constructor(folder: string, port: number, resolverPort: number, more: MoreZones = {}) {
    this.#more = more;
    this.folder = folder;
    this.port = port;
    this.resolverPort = resolverPort;
  }

  /** For `authority.toml`; the secret is a file in the folder. @param more further lines of the target */
  toml(more = ''): string {
    const file = path.join(this.folder, 'secret');
    writeFileSync(file, this.#secret);
    return `
[publication.dns.zone]
host = "127.0.0.1"
port = ${this.port}
zones = ["example.com"]
${more}key = { name = "office.", secret = { file = "${file}" } }
`;
  }

  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    // named gives root up where it has it, and takes files of its own folder alone.
    chmodSync(this.folder, 0o777);
    const file = (name: string) => path.join(this.folder, name);
    const { records = '', unsigned = {}, bogus = {} } = this.#more;
    const others = { ...unsigned, ...bogus };
    for (const [zone, lines] of Object.entries({ 'example.com': records, ...others }))
      writeFileSync(
        file(`${zone}.zone`),
        `$TTL 60\n@ IN SOA ns1 host 1 3600 600 86400 60\n@ IN NS ns1\nns1 IN A 127.0.0.1\n${lines}\n`,
      );
    writeFileSync(
      file('named.conf'),
      `key "office." { algorithm hmac-sha256; secret "${this.#secret}"; };
options {
  directory "${this.folder}"; key-directory "${this.folder}"; managed-keys-directory "${this.folder}";
  listen-on port ${this.port} { 127.0.0.1; }; listen-on-v6 { none; };
  pid-file none; session-keyfile "${file('session.key')}"; recursion no; dnssec-validation no;
};
controls { };
zone "example.com" {
  type primary; file "example.com.zone"; dnssec-policy default;
  update-policy { grant office. wildcard *._smimecert.example.com. SMIMEA; };
};
${Object.keys(others)
  .map((zone) => `zone "${zone}" { type primary; file "${zone}.zone"; };`)
  .join('\n')}
`,
    );
    this.#servers.push(spawn('named', ['-g', '-c', file('named.conf')], { stdio: 'ignore' }));
    const keys = await this.#until(() => {
      const { text } = this.dig(this.port, 'example.com', 'DNSKEY');
      const signed = this.dig(this.port, 'ns1.example.com', 'A', '+dnssec').text.includes('RRSIG');
      return signed && KEY_SIGNING.test(text) ? text : undefined;
    });
    const anchors = keys.split('\n').filter((line) => KEY_SIGNING.test(line));
    writeFileSync(file('anchor.key'), `${anchors.join('\n')}\n`);
    writeFileSync(
      file('unbound.conf'),
      `server:
  interface: 127.0.0.1@${this.resolverPort}
  do-daemonize: no
  use-syslog: no
  pidfile: ""
  username: ""
  chroot: ""
  directory: "${this.folder}"
  do-not-query-localhost: no
  trust-anchor-file: "${file('anchor.key')}"
${Object.keys(bogus)
  .map((zone) => `  trust-anchor: "${zone}. DS 12345 13 2 ${'ab'.repeat(32)}"`)
  .join('\n')}
  module-config: "validator iterator"
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
${['example.com', ...Object.keys(others)]
  .map((zone) => `stub-zone:\n  name: "${zone}"\n  stub-addr: 127.0.0.1@${this.port}`)
  .join('\n')}
remote-control:
  control-enable: no
`,
    );
    this.#servers.push(spawn('unbound', ['-c', file('unbound.conf')], { stdio: 'ignore' }));
    await this.#until(() => (this.resolve('ns1.example.com', 'A').validated ? true : undefined));
  }

  /** The resolver answers nobody, until it is told otherwise. */
  hang(hanging = true): void {
    this.#servers.at(-1)?.kill(hanging ? 'SIGSTOP' : 'SIGCONT');
  }

  async stop(): Promise<void> {
    this.hang(false);
    for (const server of this.#servers.splice(0)) await endServer(server);
  }

  /** What a client of the validating resolver finds: records as dig prints them, and whether their signature holds. */
  resolve(name: string, type: string): { records: string[]; validated: boolean; status: string } {
    const { text } = this.dig(this.resolverPort, name, type, '+dnssec', '+tcp');
    const flags = /^;; flags: ([a-z ]*);/m.exec(text)?.[1] ?? '';
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith(';') && / ?IN\s/.test(line));
    return {
      records: lines.filter((line) => new RegExp(`IN\\s+(${type}|TYPE53)\\s`).test(line)),
      validated: flags.split(' ').includes('ad'),
      status: /status: ([A-Z]+)/.exec(text)?.[1] ?? '',
    };
  }

  /** Straight into the zone, past the office. */
  update(script: string): void {
    const key = `hmac-sha256:office.:${this.#secret}`;
    const { code, text } = run(
      'nsupdate',
      ['-y', key],
      `server 127.0.0.1 ${this.port}\nzone example.com\n${script}\nsend\n`,
    );
    if (code !== 0) throw new Error(`nsupdate: ${text}`);
  }

  dig(port: number, name: string, type: string, ...more: string[]) {
    return run('dig', ['@127.0.0.1', '-p', String(port), '+time=2', '+tries=1', ...more, name, type]);
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(100)) {
      const found = look();
      if (found !== undefined) return found;
    }
    throw new Error('The zone, or the resolver, did not start');
  }
}
