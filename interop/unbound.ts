/** A DNS server (unbound) that knows the records it is started with, and asks nobody else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endServer } from './run-program.ts';

export class TextRecords {
  readonly #folder: string;
  readonly #port: number;
  #server: ChildProcess | undefined;

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  /** @param records TXT by name, without the last dot; whatever else is asked for does not exist */
  async start(records: ReadonlyMap<string, string>): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const file = path.join(this.#folder, 'unbound.conf');
    const data = [...records].map(([name, text]) => `  local-data: '${name}. 60 IN TXT ${quoted(text)}'`);
    writeFileSync(
      file,
      `server:
  interface: 127.0.0.1@${this.#port}
  do-daemonize: no
  use-syslog: no
  pidfile: ""
  username: ""
  chroot: ""
  directory: "${this.#folder}"
  module-config: "iterator"
  local-zone: "." static
${data.join('\n')}
remote-control:
  control-enable: no
`,
    );
    this.#server = spawn('unbound', ['-c', file], { stdio: 'ignore' });
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([`127.0.0.1:${this.#port}`]);
    const [name = ''] = records.keys();
    for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
      const found = await resolver.resolveTxt(name).catch(() => []);
      if (found.length > 0) return;
      if (Date.now() > deadline) throw new Error('unbound does not answer');
    }
  }

  async stop(): Promise<void> {
    await endServer(this.#server);
  }
}

/** RFC 1035 section 3.3.14: strings of at most 255 octets. */
function quoted(text: string): string {
  return (text.match(/.{1,255}/g) ?? []).map((part) => `"${part}"`).join(' ');
}
