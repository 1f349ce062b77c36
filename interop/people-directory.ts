/** Directories full of people, of our own, each in a folder: an OpenLDAP and a Samba Active Directory, made, changed, stopped and killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './run-program.ts';

export interface Person {
  readonly uid: string;
  readonly name: string;
  readonly mail: string;
  readonly further?: readonly string[];
  readonly manager?: string;
}

export interface PeopleDirectory {
  readonly kind: 'openldap' | 'active-directory';
  /** For `[identity.ldap.NAME]`, without its heading; another port leads there by another way. */
  toml(port?: number): string;
  readonly port: number;
  readonly host: string;
  /** Makes it, with these people in one container. */
  create(people: readonly Person[]): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  dn(uid: string): string;
  add(people: readonly Person[]): void;
  /** @param attribute values; none takes it away */
  change(uid: string, attribute: string, ...values: string[]): void;
  rename(uid: string, to: string): void;
  /** Within what is read, or out of it. */
  move(uid: string, where: 'inside' | 'outside'): void;
  remove(uid: string): void;
  group(name: string, members: readonly string[]): void;
  /** Of a group that is there: these and no others. */
  members(name: string, dns: readonly string[]): void;
  groupDn(name: string): string;
}

abstract class Folder implements PeopleDirectory {
  abstract readonly kind: 'openldap' | 'active-directory';
  abstract readonly host: string;
  abstract readonly base: string;
  abstract readonly admin: string;
  abstract readonly naming: 'uid' | 'cn';
  readonly folder: string;
  readonly port: number;
  protected server: ChildProcess | undefined;
  /** Where people are who are not in the first container. */
  readonly #places = new Map<string, string>();

  constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  abstract create(people: readonly Person[]): void;
  abstract toml(port?: number): string;
  protected abstract spawn(): ChildProcess;
  protected abstract entry(person: Person): string;
  protected abstract groupEntry(name: string, members: readonly string[]): string;

  get people(): string {
    return `ou=People,${this.base}`;
  }

  dn(uid: string): string {
    return `${this.naming}=${uid},${this.#places.get(uid) ?? this.people}`;
  }

  groupDn(name: string): string {
    return `cn=${name},ou=Groups,${this.base}`;
  }

  async start(): Promise<void> {
    this.server = this.spawn();
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
      if (this.tool('ldapsearch', '', ['-b', this.people, '-s', 'base', 'dn']).code === 0) return;
    }
    throw new Error(`${this.kind} did not start`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { server } = this;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await gone;
  }

  kill(): Promise<void> {
    return this.stop('SIGKILL');
  }

  add(people: readonly Person[]): void {
    this.modify(people.map((one) => this.entry(one).replace('\n', '\nchangetype: add\n')).join('\n'));
  }

  change(uid: string, attribute: string, ...values: string[]): void {
    const lines = values.map((value) => `${attribute}: ${value}\n`).join('');
    this.modify(`dn: ${this.dn(uid)}\nchangetype: modify\nreplace: ${attribute}\n${lines}-\n`);
  }

  rename(uid: string, to: string): void {
    this.modify(`dn: ${this.dn(uid)}\nchangetype: modrdn\nnewrdn: ${this.naming}=${to}\ndeleteoldrdn: 1\n`);
  }

  move(uid: string, where: 'inside' | 'outside'): void {
    const place = where === 'inside' ? `ou=More,${this.people}` : `ou=Elsewhere,${this.base}`;
    const superior = `newrdn: ${this.naming}=${uid}\ndeleteoldrdn: 1\nnewsuperior: ${place}`;
    this.modify(`dn: ${this.dn(uid)}\nchangetype: modrdn\n${superior}\n`);
    this.#places.set(uid, place);
  }

  remove(uid: string): void {
    this.modify(`dn: ${this.dn(uid)}\nchangetype: delete\n`);
  }

  group(name: string, members: readonly string[]): void {
    this.modify(this.groupEntry(name, members).replace('\n', '\nchangetype: add\n'));
  }

  members(name: string, dns: readonly string[]): void {
    const lines = dns.map((dn) => `member: ${dn}\n`).join('');
    this.modify(`dn: ${this.groupDn(name)}\nchangetype: modify\nreplace: member\n${lines}-\n`);
  }

  protected containers(objectClass: string): string[] {
    const units = [this.people, `ou=More,${this.people}`, `ou=Elsewhere,${this.base}`, `ou=Groups,${this.base}`];
    return units.map((dn) => `dn: ${dn}\nobjectClass: ${objectClass}\n`);
  }

  protected get secret(): string {
    const file = path.join(this.folder, 'password');
    writeFileSync(file, PASSWORD);
    return file;
  }

  protected modify(ldif: string): void {
    const { code, text } = this.tool('ldapmodify', ldif, []);
    if (code !== 0) throw new Error(`ldapmodify: ${text}`);
  }

  protected tool(program: string, input: string, args: readonly string[]) {
    const url = `ldap://${this.host}:${this.port}`;
    return run(program, ['-x', '-H', url, '-D', this.admin, '-w', PASSWORD, ...args], input);
  }
}

const PASSWORD = 'Passw0rd-of-a-test';
/** A domain takes six seconds, on a machine that does nothing else; five thousand people take a minute. */
const SLOW_MS = 600_000;

/** `limited` gives out ten entries, whoever asks in pages. */
export class OpenLdap extends Folder {
  readonly kind = 'openldap';
  readonly host = '127.0.0.1';
  readonly base = 'dc=example,dc=com';
  readonly naming = 'uid';
  readonly admin = `cn=admin,${this.base}`;

  toml(port = this.port): string {
    return `kind = "openldap"\nurl = "ldap://${this.host}:${port}"\n${this.#who(this.admin)}`;
  }

  limitedToml(): string {
    return `kind = "openldap"\nurl = "ldap://${this.host}:${this.port}"\n${this.#who(`cn=limited,${this.base}`)}`;
  }

  /** By TLS: `starttls`, or `ldaps` at the port after. */
  secureToml(how: 'starttls' | 'ldaps'): string {
    const url = how === 'ldaps' ? `ldaps://${this.host}:${this.port + 1}` : `ldap://${this.host}:${this.port}`;
    const tls = `ca = "${path.join(this.folder, 'server.pem')}"\nstartTls = ${how === 'starttls'}\n`;
    return `kind = "openldap"\nurl = "${url}"\n${tls}${this.#who(this.admin)}`;
  }

  #who(dn: string): string {
    return `bindDn = "${dn}"\npassword = { file = "${this.secret}" }\nbaseDn = "${this.people}"
groups = { baseDn = "ou=Groups,${this.base}" }\ninactive = { employeeType = ["switched off"] }\npageSize = 10\n`;
  }

  create(people: readonly Person[]): void {
    mkdirSync(path.join(this.folder, 'db'), { recursive: true });
    const file = (name: string) => path.join(this.folder, name);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('server.key')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    run('openssl', ['req', '-x509', ...key, '-out', file('server.pem'), ...subject]);
    const config = file('slapd.conf');
    writeFileSync(
      config,
      `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${file('slapd.pid')}
TLSCertificateFile ${file('server.pem')}
TLSCertificateKeyFile ${file('server.key')}
database mdb
maxsize 1073741824
suffix "${this.base}"
rootdn "${this.admin}"
rootpw "${PASSWORD}"
directory ${file('db')}
index objectClass,mail,entryUUID,modifyTimestamp eq
limits dn.exact="cn=limited,${this.base}" size.soft=10 size.hard=10 size.prtotal=10
`,
    );
    const ldif = [
      `dn: ${this.base}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`,
      `dn: cn=limited,${this.base}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\nuserPassword: ${PASSWORD}\n`,
      ...this.containers('organizationalUnit'),
      ...people.map((one) => this.entry(one)),
    ];
    const loaded = run('/usr/sbin/slapadd', ['-q', '-f', config], ldif.join('\n'));
    if (loaded.code !== 0) throw new Error(`slapadd: ${loaded.text}`);
  }

  protected spawn(): ChildProcess {
    const urls = `ldap://${this.host}:${this.port} ldaps://${this.host}:${this.port + 1}`;
    return spawn('/usr/sbin/slapd', ['-d', '0', '-f', path.join(this.folder, 'slapd.conf'), '-h', urls], {
      stdio: 'ignore',
    });
  }

  protected entry({ uid, name, mail, further = [], manager }: Person): string {
    const mails = [mail, ...further].map((one) => `mail: ${one}\n`).join('');
    const boss = manager === undefined ? '' : `manager: ${this.dn(manager)}\n`;
    return `dn: ${this.dn(uid)}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${name}\nsn: ${name}\ndisplayName: ${name}\n${mails}${boss}`;
  }

  protected groupEntry(name: string, members: readonly string[]): string {
    return `dn: ${this.groupDn(name)}\nobjectClass: groupOfNames\ncn: ${name}\n${members.map((dn) => `member: ${dn}\n`).join('')}`;
  }
}

/** On a loopback address of its own: it takes the port that directories have. */
export class SambaDirectory extends Folder {
  readonly kind = 'active-directory';
  readonly host = '127.78.0.1';
  readonly base = 'DC=ad,DC=example,DC=test';
  readonly naming = 'cn';
  readonly admin = 'administrator@AD.EXAMPLE.TEST';

  constructor(folder: string) {
    super(folder, 389);
  }

  toml(port?: number): string {
    // Without TLS, on this machine: that is tried with OpenLDAP.
    return `kind = "active-directory"\nurl = "ldap://${port === undefined ? this.host : '127.0.0.1'}:${port ?? this.port}"
bindDn = "${this.admin}"\npassword = { file = "${this.secret}" }\nbaseDn = "${this.people}"
groups = { baseDn = "ou=Groups,${this.base}" }\npageSize = 10\n`;
  }

  create(people: readonly Person[]): void {
    mkdirSync(this.folder, { recursive: true });
    const options = [
      `interfaces=${this.host}/8`,
      'bind interfaces only=yes',
      'server services=ldap',
      'ldap server require strong auth=no',
      `log file=${path.join(this.folder, 'samba.log')}`,
      'tls enabled=no',
    ];
    const domain = ['--realm=AD.EXAMPLE.TEST', '--domain=ADY', '--host-name=dc2', `--host-ip=${this.host}`];
    const role = ['--server-role=dc', '--dns-backend=NONE', `--adminpass=${PASSWORD}`, `--targetdir=${this.folder}`];
    const all = ['domain', 'provision', ...domain, ...role, ...options.map((option) => `--option=${option}`)];
    const made = run('samba-tool', all, undefined, SLOW_MS);
    if (made.code !== 0) throw new Error(`samba-tool: ${made.text.slice(-2000)}`);
    // What is said on the command line is not all written down.
    appendFileSync(this.#config, `\n[global]\n${options.map((one) => `\t${one.replace('=', ' = ')}`).join('\n')}\n`);
    const ldif = [...this.containers('organizationalUnit'), ...people.map((one) => this.entry(one))].join('\n');
    const database = path.join(this.folder, 'private', 'sam.ldb');
    const { code, text } = run('ldbadd', ['-H', database], ldif, SLOW_MS);
    if (code !== 0) throw new Error(`ldbadd: ${text.slice(-2000)}`);
  }

  get #config(): string {
    return path.join(this.folder, 'etc', 'smb.conf');
  }

  protected spawn(): ChildProcess {
    return spawn('samba', ['-F', '--no-process-group', '-M', 'single', '-s', this.#config], { stdio: 'ignore' });
  }

  protected entry({ uid, name, mail, further = [], manager }: Person): string {
    const proxies = [`SMTP:${mail}`, ...further.map((one) => `smtp:${one}`), 'X500:/o=Example'];
    const addresses = `mail: ${mail}\n${proxies.map((one) => `proxyAddresses: ${one}\n`).join('')}`;
    const boss = manager === undefined ? '' : `manager: ${this.dn(manager)}\n`;
    // An account that is not switched off (512).
    return `dn: ${this.dn(uid)}\nobjectClass: user\nsAMAccountName: ${uid}\nuserAccountControl: 544\ndisplayName: ${name}\n${addresses}${boss}`;
  }

  protected groupEntry(name: string, members: readonly string[]): string {
    return `dn: ${this.groupDn(name)}\nobjectClass: group\nsAMAccountName: ${name}\n${members.map((dn) => `member: ${dn}\n`).join('')}`;
  }
}
