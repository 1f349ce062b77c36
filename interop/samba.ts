/** An Active Directory of our own: Samba's domain controller in a folder, LDAPS alone, on a loopback address that nothing else uses. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DumpedEntry, makeServerCertificate, readDump } from './ldif.ts';
import { endServer, run } from './run-program.ts';

const REALM = 'AD.EXAMPLE.TEST';
const BASE = 'DC=ad,DC=example,DC=test';
const PEOPLE = `CN=Users,${BASE}`;
const ADMIN = `administrator@${REALM}`;
const PASSWORD = 'Passw0rd-of-a-test';
const ADDRESS = '127.77.0.1';
const URL = `ldaps://${ADDRESS}`;

export class ActiveDirectory {
  readonly folder: string;
  #server: ChildProcess | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** For `authority.toml`; the password is a file in the folder. */
  get toml(): string {
    const file = path.join(this.folder, 'password');
    writeFileSync(file, PASSWORD);
    return `
[publication.ldap.ad]
kind = "active-directory"
url = "${URL}"
ca = "${path.join(this.folder, 'server.pem')}"
bindDn = "${ADMIN}"
password = { file = "${file}" }
baseDn = "${BASE}"
smimeAttribute = "userSMIMECertificate"
`;
  }

  get #config(): string {
    return path.join(this.folder, 'etc', 'smb.conf');
  }

  /** Makes the domain: some seconds. */
  provision(): void {
    mkdirSync(this.folder, { recursive: true });
    makeServerCertificate(this.folder, `IP:${ADDRESS}`);
    const options = [
      `interfaces=${ADDRESS}/8`,
      'bind interfaces only=yes',
      'server services=ldap',
      `log file=${path.join(this.folder, 'samba.log')}`,
      ...['pid', 'ncalrpc', 'winbindd socket', 'ntp signd socket'].map(
        (name) => `${name} dir${name === 'ncalrpc' ? '' : 'ectory'}=${path.join(this.folder, 'run')}`,
      ),
      'tls enabled=yes',
      `tls keyfile=${path.join(this.folder, 'server.key')}`,
      `tls certfile=${path.join(this.folder, 'server.pem')}`,
      'tls cafile=',
    ];
    const args = [
      ...['domain', 'provision', `--realm=${REALM}`, '--domain=ADX', '--host-name=dc1', `--host-ip=${ADDRESS}`],
      ...['--server-role=dc', '--dns-backend=NONE', `--adminpass=${PASSWORD}`, `--targetdir=${this.folder}`],
      ...options.map((option) => `--option=${option}`),
    ];
    const made = run('samba-tool', args, undefined, 170_000);
    if (made.code !== 0) throw new Error(`samba-tool: ${made.text.slice(-2000)}`);
    // What is said on the command line is not all written down.
    appendFileSync(this.#config, `\n[global]\n${options.map((one) => `\t${one.replace('=', ' = ')}`).join('\n')}\n`);
  }

  /**
   * Puts people in, before it runs. Every third has the address in `proxyAddresses` only; each already holds `foreign`, a
   * certificate that is not ours.
   */
  create(addresses: readonly string[], foreign: Uint8Array): void {
    const entries = addresses.map((address, index) => {
      const name = address.split('@')[0] ?? '';
      const where = index % 3 === 2 ? `proxyAddresses: smtp:${address}` : `mail: ${address}`;
      return `dn: CN=${name},${PEOPLE}\nobjectClass: user\nsAMAccountName: ${name}\n${where}\nuserCertificate:: ${Buffer.from(foreign).toString('base64')}\n`;
    });
    const database = path.join(this.folder, 'private', 'sam.ldb');
    const { code, text } = run('ldbadd', ['--configfile', this.#config, '-H', database], entries.join('\n'), 600_000);
    if (code !== 0) throw new Error(`ldbadd: ${text.slice(-2000)}`);
  }

  async start(): Promise<void> {
    this.#server = spawn('samba', ['-F', '--no-process-group', '-M', 'single', '-s', this.#config], {
      stdio: 'ignore',
    });
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(200)) {
      if (this.#search('(cn=administrator)').code === 0) return;
    }
    throw new Error(`samba did not start: ${this.#search('(cn=administrator)').text}`);
  }

  async stop(): Promise<void> {
    await endServer(this.#server);
  }

  /** Everyone who was put in, by the address. */
  dump(): Map<string, DumpedEntry> {
    return readDump(this.#search('(|(mail=*)(proxyAddresses=*))').text);
  }

  /** @param ldif changes, as ldapmodify takes them */
  modify(ldif: string): void {
    const { code, text } = this.#run('ldapmodify', [], ldif);
    if (code !== 0) throw new Error(`ldapmodify: ${text}`);
  }

  #search(filter: string) {
    return this.#run('ldapsearch', ['-LLL', '-o', 'ldif-wrap=no', '-E', 'pr=500/noprompt', '-b', BASE, filter]);
  }

  #run(program: string, args: readonly string[], input?: string) {
    const certificate = path.join(this.folder, 'server.pem');
    // The tools take the trust anchor from the environment alone.
    const tool = [`LDAPTLS_CACERT=${certificate}`, program, '-x', '-H', URL, '-D', ADMIN, '-w', PASSWORD];
    return run('env', [...tool, ...args], input);
  }
}
