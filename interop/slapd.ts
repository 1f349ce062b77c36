/** A slapd of our own in a folder, on a free port, with one entry a person. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DumpedEntry, makeServerCertificate, readDump } from './ldif.ts';
import { endServer, run } from './run-program.ts';

const BASE = 'dc=example,dc=com';
const ADMIN = `cn=admin,${BASE}`;
const PASSWORD = 'directory secret';

export class Directory {
  readonly folder: string;
  readonly port: number;
  #server: ChildProcess | undefined;
  #tls = '';

  constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  /** With a certificate of its own from now on, which is its own trust anchor: TLS by StartTLS. */
  secure(): void {
    makeServerCertificate(this.folder, 'IP:127.0.0.1');
    const file = (name: string) => path.join(this.folder, name);
    this.#tls = `TLSCertificateFile ${file('server.pem')}\nTLSCertificateKeyFile ${file('server.key')}\n`;
  }

  /** For `authority.toml`; the password is a file in the folder. */
  get toml(): string {
    const file = path.join(this.folder, 'password');
    writeFileSync(file, PASSWORD);
    const tls = this.#tls === '' ? '' : `startTls = true\nca = "${path.join(this.folder, 'server.pem')}"\n`;
    return `
[publication.ldap.slapd]
${tls}url = "ldap://127.0.0.1:${this.port}"
bindDn = "${ADMIN}"
password = { file = "${file}" }
baseDn = "${BASE}"
`;
  }

  /** Makes the database with the entries of `addresses`; each already holds `foreign`, a certificate that is not ours. */
  create(addresses: readonly string[], foreign?: Uint8Array): void {
    mkdirSync(path.join(this.folder, 'db'), { recursive: true });
    const config = path.join(this.folder, 'slapd.conf');
    writeFileSync(
      config,
      `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
${this.#tls}pidfile ${this.folder}/slapd.pid
database mdb
maxsize 1073741824
index objectClass,mail,entryUUID eq
suffix "${BASE}"
rootdn "${ADMIN}"
rootpw "${PASSWORD}"
directory ${this.folder}/db
`,
    );
    const entries = addresses.map((address) => {
      const uid = address.split('@')[0];
      return `dn: uid=${uid},${BASE}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\nmail: ${address}\n${
        foreign === undefined ? '' : `userCertificate;binary:: ${Buffer.from(foreign).toString('base64')}\n`
      }`;
    });
    const ldif = [
      `dn: ${BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`,
      ...entries,
    ].join('\n');
    const loaded = run('/usr/sbin/slapadd', ['-f', config], ldif);
    if (loaded.code !== 0) throw new Error(`slapadd: ${loaded.text}`);
  }

  async start(): Promise<void> {
    this.#server = spawn(
      '/usr/sbin/slapd',
      ['-d', '0', '-f', path.join(this.folder, 'slapd.conf'), '-h', `ldap://127.0.0.1:${this.port}`],
      { stdio: 'ignore' },
    );
    for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(100)) {
      if (this.#search('objectClass=organization').code === 0) return;
    }
    throw new Error('slapd did not start');
  }

  async stop(): Promise<void> {
    await endServer(this.#server);
  }

  /** Every entry with an address, by the address. */
  dump(): Map<string, DumpedEntry> {
    return readDump(this.#search('mail=*').text);
  }

  /** @param ldif changes, as ldapmodify takes them */
  modify(ldif: string): void {
    const url = `ldap://127.0.0.1:${this.port}`;
    const { code, text } = run('ldapmodify', ['-x', '-H', url, '-D', ADMIN, '-w', PASSWORD], ldif);
    if (code !== 0) throw new Error(`ldapmodify: ${text}`);
  }

  /** The certificates of a person's entry, DER in base64, in order. */
  certificatesOf(address: string): string[] {
    const { text } = this.#search(`mail=${address}`);
    return [...text.matchAll(/^userCertificate;binary:: (\S+)$/gm)].map((match) => match[1] ?? '').toSorted();
  }

  /** Of an authority's entry, or of a shard's: DER by attribute, the names as RFC 4523 has them. */
  documentsOf(name: string): Readonly<Record<string, Buffer>> {
    const { text } = this.#search(`cn=${name}`);
    const values = [...text.matchAll(/^(\w+);binary:: (\S+)$/gm)];
    return Object.fromEntries(
      values.map(([, attribute = '', value = '']) => [attribute, Buffer.from(value, 'base64')]),
    );
  }

  #search(filter: string) {
    return run('ldapsearch', [
      '-x',
      '-LLL',
      '-o',
      'ldif-wrap=no',
      '-H',
      `ldap://127.0.0.1:${this.port}`,
      '-D',
      ADMIN,
      '-w',
      PASSWORD,
      '-b',
      BASE,
      filter,
    ]);
  }
}
