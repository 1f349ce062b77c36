/** A company as its people see it: an office with its gateway, a mailbox, and a Thunderbird with the accounts of two of them. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Certificate, derToPem, parseCertificate } from '@chancery/smime';
import { eventually } from '../e2e/support/mail.ts';
import { OfficeProcess } from '../e2e/support/office-process.ts';
import { type SignedIn, setUpOffice } from '../e2e/support/operators.ts';
import { collectKeys } from './example-office.ts';
import { makeProfile } from './thunderbird/profile.ts';
import { Thunderbird } from './thunderbird/thunderbird.ts';

interface CompanyOptions {
  readonly domain: string;
  /** Full name of somebody whose mail the gateway signs and opens, and who has no key anywhere. */
  readonly clerk: string;
  /** And of somebody who has both keys in their own Thunderbird, and whose mail the gateway cannot open. */
  readonly director: string;
  /** Ports of this machine: where mail to others goes, and the DNS server. */
  readonly nextServer: number;
  readonly dns: number;
}

interface Account {
  readonly name: string;
  readonly address: string;
}

export class Company {
  readonly office: OfficeProcess;
  readonly clerk: Account;
  readonly director: Account;
  readonly #options: CompanyOptions;
  readonly #dkim = generateKeyPairSync('ed25519');
  #ada: SignedIn | undefined;
  #root: Certificate | undefined;
  #thunderbird: Thunderbird | undefined;

  private constructor(options: CompanyOptions, office: OfficeProcess) {
    this.#options = options;
    this.office = office;
    const account = (name: string) => ({ name, address: `${name.split(' ')[0]?.toLowerCase()}@${options.domain}` });
    [this.clerk, this.director] = [account(options.clerk), account(options.director)];
    const key = this.#dkim.privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(path.join(office.home, 'dkim.pem'), key, { mode: 0o600 });
    this.#configure('');
  }

  static async prepare(options: CompanyOptions): Promise<Company> {
    return new Company(options, await OfficeProcess.prepare());
  }

  /** What its domain says to everybody in the DNS: TXT records by name. */
  get records(): [string, string][] {
    // RFC 8463 section 4: the bare key.
    const key = this.#dkim.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
    return [
      [`mail._domainkey.${this.#options.domain}`, `v=DKIM1; k=ed25519; p=${key}`],
      [`_dmarc.${this.#options.domain}`, 'v=DMARC1; p=reject'],
    ];
  }

  get ada(): SignedIn {
    if (this.#ada === undefined) throw new Error('It was not founded');
    return this.#ada;
  }

  get root(): Certificate {
    if (this.#root === undefined) throw new Error('It was not founded');
    return this.#root;
  }

  get thunderbird(): Thunderbird {
    if (this.#thunderbird === undefined) throw new Error('It was not opened');
    return this.#thunderbird;
  }

  /** Sets the office up, with its two people and their certificates. */
  async found(): Promise<void> {
    const { office, clerk, director } = this;
    await office.start();
    const { domain } = this.#options;
    const ada = await setUpOffice(office.url, await office.setupToken(), { organisation: domain, domains: [domain] });
    this.#ada = ada;
    await ada.client.addPerson({ body: { ...clerk, signingKey: 'gateway', gatewayDecrypts: true } });
    await ada.client.addPerson({ body: { ...director, signingKey: 'device' } });
    await eventually('both have an encryption certificate, and the clerk one for signing', async () => {
      const { items } = await ada.client.certificates({ query: { limit: 100 } });
      return items.filter((one) => one.personId !== null).length >= 3 ? true : undefined;
    });
    const { items } = await ada.client.authorities();
    const root = items.find((one) => one.role === 'root');
    this.#root = parseCertificate(Buffer.from(root?.certificate ?? '', 'base64'));
  }

  /**
   * What an administrator does once: has the gateway, and everybody's mail program, believe in whatever the other company's root
   * vouches for. Then both people go to work.
   */
  async open(other: Company): Promise<void> {
    const profile = path.join(this.office.home, 'thunderbird');
    mkdirSync(profile);
    const keys = await collectKeys(this.office, this.ada, profile, this.director.address);
    makeProfile(profile, {
      ...this.clerk,
      further: [{ ...this.director, signing: keys.signing.certificate, encryption: keys.encryption.certificate }],
      anchors: [this.root, other.root],
      intermediates: [],
      pkcs12: [keys.signing, keys.encryption].map(({ file }) => ({ file, password: keys.password })),
      correspondents: [],
      smtpPort: this.office.outboundPort,
    });
    const file = path.join(this.office.home, 'partner-root.pem');
    writeFileSync(file, derToPem(other.root.der, 'CERTIFICATE'));
    this.#configure(`trustAnchors = ["${file}"]`);
    await this.office.stop();
    [this.#thunderbird] = await Promise.all([Thunderbird.start(profile), this.office.start()]);
  }

  async close(): Promise<void> {
    await this.#thunderbird?.stop();
    await this.office.dispose();
  }

  #configure(more: string): void {
    const { office } = this;
    const { domain, nextServer, dns } = this.#options;
    writeFileSync(
      path.join(office.home, 'gateway.toml'),
      `[gateway]
name = "gateway.${domain}"
dnsServers = ["127.0.0.1:${dns}"]
${more}
[gateway.outbound]
listen = "127.0.0.1:${office.outboundPort}"
downstream = { port = ${nextServer}, tls = "never" }
[gateway.inbound]
listen = "127.0.0.1:${office.inboundPort}"
downstream = { folder = "${office.mailbox}" }
subjectTag = { valid = "[verified]" }
[gateway.authority]
refreshSeconds = 1
[[gateway.dkim]]
domain = "${domain}"
selector = "mail"
key = { file = "dkim.pem" }
`,
    );
  }
}
