/** An rsyslog of our own in a folder, which collects over TLS, TCP and UDP on loopback, each into a file of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endServer, run } from './run-program.ts';

export type Transport = 'tls' | 'tcp' | 'udp';

/** One message as rsyslog read it. */
export interface Collected {
  readonly version: string;
  readonly priority: string;
  readonly host: string;
  readonly application: string;
  readonly messageId: string;
  readonly data: string;
  readonly text: string;
}

export class Collector {
  readonly folder: string;
  readonly ports: Readonly<Record<Transport, number>>;
  #server: ChildProcess | undefined;
  #printed = '';

  constructor(folder: string, ports: Readonly<Record<Transport, number>>) {
    this.folder = folder;
    this.ports = ports;
    const made = run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=collector', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', this.file('collector.key'), '-out', this.ca],
    ]);
    if (made.code !== 0) throw new Error(`openssl: ${made.text}`);
    const input = (transport: Transport, more: string) =>
      `input(type="${transport === 'udp' ? 'imudp' : 'imtcp'}" address="127.0.0.1" port="${ports[transport]}" ruleset="${transport}"${more})
ruleset(name="${transport}") { action(type="omfile" file="${this.file(`${transport}.log`)}" template="read" fileCreateMode="0600") }`;
    // As many octets as an office may put into one message.
    writeFileSync(
      this.file('rsyslog.conf'),
      `global(workDirectory="${folder}" maxMessageSize="70k" defaultNetstreamDriverCAFile="${this.ca}"
  defaultNetstreamDriverCertFile="${this.ca}" defaultNetstreamDriverKeyFile="${this.file('collector.key')}")
module(load="imtcp")
module(load="imudp")
template(name="read" type="string"
  string="%protocol-version%\\t%pri%\\t%hostname%\\t%app-name%\\t%msgid%\\t%structured-data%\\t%msg%\\n")
${input('tls', ' streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon"')}
${input('tcp', '')}
${input('udp', ' rcvbufSize="8m"')}
`,
    );
  }

  /** What its certificate is checked against. */
  get ca(): string {
    return this.file('collector.pem');
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  async start(): Promise<void> {
    this.#server = spawn(
      '/usr/sbin/rsyslogd',
      ['-n', '-f', this.file('rsyslog.conf'), '-i', this.file('rsyslogd.pid')],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [this.#server.stdout, this.#server.stderr])
      stream?.on('data', (piece) => (this.#printed += piece));
    for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(50))
      if ((await answers(this.ports.tcp)) && (await answers(this.ports.tls))) return;
    throw new Error(`rsyslogd did not start: ${this.#printed}`);
  }

  /** As its service is restarted: what it has received it writes first. */
  async stop(): Promise<void> {
    await endServer(this.#server);
  }

  collected(transport: Transport): Collected[] {
    const file = this.file(`${transport}.log`);
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => {
      const [version = '', priority = '', host = '', application = '', messageId = '', data = '', ...text] =
        line.split('\t');
      return { version, priority, host, application, messageId, data, text: text.join('\t') };
    });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
