/** A Postfix of its own: its queue, its logs and its ports in one folder, on loopback, beside whatever else runs. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './run-program.ts';

export interface PostfixSettings {
  readonly folder: string;
  /** Lines of main.cf beyond what makes the instance one of its own. */
  readonly main: readonly string[];
  /** It listens on ::1 as well. */
  readonly ipv6?: boolean;
  /** smtpd by port, each with its `-o` settings; and smtp clients by name. */
  readonly servers: Readonly<Record<number, readonly string[]>>;
  readonly clients?: Readonly<Record<string, readonly string[]>>;
  readonly cleanups?: Readonly<Record<string, readonly string[]>>;
}

export class Postfix {
  readonly #settings: PostfixSettings;

  constructor(settings: PostfixSettings) {
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const { folder } = this.#settings;
    const inside = (name: string) => path.join(folder, name);
    for (const name of ['etc', 'spool', 'data']) mkdirSync(inside(name), { recursive: true });
    // Its programs run as user postfix, and what they need is in here.
    chmodSync(folder, 0o755);
    run('chown', ['postfix', inside('data')]);
    for (const name of [
      'dynamicmaps.cf',
      'postfix-files',
      'post-install',
      'postfix-script',
      'dynamicmaps.cf.d',
      'postfix-files.d',
    ]) {
      if (existsSync(`/etc/postfix/${name}`))
        cpSync(`/etc/postfix/${name}`, inside(`etc/${name}`), { recursive: true });
    }
    writeFileSync(inside('etc/main.cf'), `${[...own(this.#settings), ...this.#settings.main].join('\n')}\n`);
    writeFileSync(inside('etc/master.cf'), `${this.#master().join('\n')}\n`);
    const { code, text } = run('postfix', ['-c', inside('etc'), 'start']);
    if (code !== 0) throw new Error(`postfix start: ${text}\n${this.log()}`);
  }

  stop(): void {
    const { folder } = this.#settings;
    spawnSync('postfix', ['-c', path.join(folder, 'etc'), 'stop']);
  }

  log(): string {
    const file = path.join(this.#settings.folder, 'maillog');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Waits until its log has such a line, and returns it. */
  async logged(pattern: RegExp): Promise<string> {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
      const found = pattern.exec(this.log());
      if (found !== null) return found[0];
    }
    throw new Error(`Postfix logged nothing like ${pattern}:\n${this.log().slice(-3000)}`);
  }

  #master(): string[] {
    const settings = (all: readonly string[]) => all.map((one) => ` -o ${one}`).join('');
    return [
      ...Object.entries(this.#settings.servers).flatMap(([port, options]) =>
        ['127.0.0.1', ...(this.#settings.ipv6 === true ? ['[::1]'] : [])].map(
          (address) => `${address}:${port} inet n - n - - smtpd${settings(options)}`,
        ),
      ),
      ...Object.entries(this.#settings.clients ?? {}).map(
        ([name, options]) => `${name} unix - - n - 20 smtp${settings(options)}`,
      ),
      ...Object.entries(this.#settings.cleanups ?? {}).map(
        ([name, options]) => `${name} unix n - n - 0 cleanup${settings(options)}`,
      ),
      ...services,
    ];
  }
}

function own({ folder, ipv6 = false }: PostfixSettings): string[] {
  return [
    'compatibility_level = 3.6',
    `queue_directory = ${folder}/spool`,
    `data_directory = ${folder}/data`,
    'command_directory = /usr/sbin',
    'daemon_directory = /usr/lib/postfix/sbin',
    'mail_owner = postfix',
    'setgid_group = postdrop',
    'shlib_directory = /usr/lib/postfix',
    `meta_directory = ${folder}/etc`,
    `maillog_file = ${folder}/maillog`,
    `maillog_file_prefixes = ${folder}`,
    'myhostname = mx.example.com',
    'mydestination =',
    'local_recipient_maps =',
    'alias_maps =',
    `inet_interfaces = 127.0.0.1${ipv6 ? ', [::1]' : ''}`,
    `inet_protocols = ${ipv6 ? 'all' : 'ipv4'}`,
    `mynetworks = 127.0.0.0/8${ipv6 ? ', [::1]/128' : ''}`,
    'smtp_dns_support_level = disabled',
    'smtp_host_lookup = native',
    'message_size_limit = 104857600',
    'mailbox_size_limit = 0',
    'smtpd_client_connection_count_limit = 0',
    'smtpd_peername_lookup = no',
    'smtpd_relay_restrictions = permit_mynetworks,reject',
    'queue_run_delay = 2s',
    'minimal_backoff_time = 2s',
    'maximal_backoff_time = 4s',
  ];
}

const services = [
  'pickup unix n - n 60 1 pickup',
  'cleanup unix n - n - 0 cleanup',
  'qmgr unix n - n 300 1 qmgr',
  'tlsmgr unix - - n 1000? 1 tlsmgr',
  'rewrite unix - - n - - trivial-rewrite',
  'bounce unix - - n - 0 bounce',
  'defer unix - - n - 0 bounce',
  'trace unix - - n - 0 bounce',
  'verify unix - - n - 1 verify',
  'flush unix n - n 1000? 0 flush',
  'proxymap unix - - n - - proxymap',
  'proxywrite unix - - n - 1 proxymap',
  'smtp unix - - n - - smtp',
  'relay unix - - n - - smtp',
  'showq unix n - n - - showq',
  'error unix - - n - - error',
  'retry unix - - n - - error',
  'discard unix - - n - - discard',
  'anvil unix - - n - 1 anvil',
  'scache unix - - n - 1 scache',
  'postlog unix-dgram n - n - 1 postlogd',
];
