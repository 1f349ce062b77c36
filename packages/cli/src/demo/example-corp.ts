/**
 * "Example Corp": an office with people, officers, certificates and mail, so that every screen has something true to
 * show. Everything goes through the same doors as in earnest: REST, claim links, SMTP.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Client, createClient, type NewCredential } from '@chancery/api';
import type { AuthorityConfig, RunningAuthority } from '@chancery/authority';
import { type GatewayConfig, type RunningGateway, resolveGatewayConfig } from '@chancery/gateway';
import * as OTPAuth from 'otpauth';
import { makeShareKeyFile } from '../vault/share-key-file.ts';
import { registerShareKeyAs, takePart } from '../vault/take-part.ts';
import { claimKeys } from './claim-keys.ts';
import { sendExampleMail } from './example-mail.ts';

interface Demo {
  readonly home: string;
  readonly authority: RunningAuthority;
  readonly gateway: RunningGateway;
  readonly say: (line: string) => void;
}

const ADMINISTRATOR = { name: 'Ada Ambrose', address: 'ada@example.com' };
const OFFICERS = [
  { name: 'Otto Okafor', address: 'otto@example.com', roles: ['recovery-officer' as const] },
  { name: 'Olga Ortiz', address: 'olga@example.com', roles: ['recovery-officer' as const] },
];
const AUDITOR = { name: 'Audrey Lin', address: 'audrey@example.com', roles: ['auditor' as const] };

/** A dozen people: some keep their own signing key, the gateway signs and decrypts for others. */
const PEOPLE = `address,name,aliases,external_id,signing_key,gateway_decrypts,given_name,surname,department
anna.becker@example.com,Anna Becker,anna@example.com,E1001,gateway,true,Anna,Becker,Finance
ben.carter@example.com,Ben Carter,,E1002,gateway,true,Ben,Carter,Finance
chloe.dubois@example.com,Chloé Dubois,chloe@example.com,E1003,gateway,true,Chloé,Dubois,Legal
dmitri.egorov@example.com,Dmitri Egorov,,E1004,device,false,Dmitri,Egorov,Engineering
emma.fischer@example.com,Emma Fischer,,E1005,device,false,Emma,Fischer,Engineering
farid.ghani@example.com,Farid Ghani,,E1006,device,false,Farid,Ghani,Engineering
grace.hughes@example.com,Grace Hughes,grace@example.com;g.hughes@example.com,E1007,gateway,false,Grace,Hughes,Management
hana.ito@example.com,Hana Ito,,E1008,device,false,Hana,Ito,Sales
ivan.jovic@example.com,Ivan Jović,,E1009,gateway,true,Ivan,Jović,Sales
julia.keller@example.com,Julia Keller,,E1010,device,false,Julia,Keller,Legal
karim.larbi@example.com,Karim Larbi,,E1011,device,false,Karim,Larbi,Engineering
lena.moreau@example.com,Lena Moreau,,E1012,gateway,true,Lena,Moreau,Sales
`;
/** Collect their keys in the demo; the others have a link still waiting. */
const COLLECTED = ['dmitri.egorov', 'emma.fischer', 'farid.ghani', 'grace.hughes', 'hana.ito', 'julia.keller'];

/** Of the demo's officers; in earnest nobody else knows it. */
const SHARE_PASSPHRASE = 'two of us open it';
const shareKeyFolder = (home: string): string => path.join(home, 'demo', 'share-keys');

/** Where the gateway leaves the mail that it has passed, one file a message. */
const mailboxFolder = (home: string): string => path.join(home, 'demo', 'mailbox');

/** Without rules of its own: the office's are applied. */
export function demoGatewayConfig(home: string, authorityUrl: string, tokenFile: string): GatewayConfig {
  const folder = mailboxFolder(home);
  mkdirSync(folder, { recursive: true });
  return resolveGatewayConfig(
    {
      gateway: {
        name: 'gateway.example.com',
        data: path.join(home, 'gateway'),
        authority: { url: authorityUrl, token: { file: tokenFile }, refreshSeconds: 2 },
        outbound: { downstream: { folder } },
        inbound: { downstream: { folder } },
      },
    },
    home,
  );
}

/** The office's own mail goes through the gateway, into the folder where all of the demo's mail ends. */
export function withDemoMail(config: AuthorityConfig): AuthorityConfig {
  const from = 'PKI of Example Corp <pki@example.com>';
  const mail = { host: '127.0.0.1', port: 2526, tls: 'opportunistic' as const, from, timeoutSeconds: 30 };
  return { ...config, mail: config.mail ?? mail };
}

/** Sets Example Corp up on the first start; prints sign-in links on every one. */
export async function openExampleCorp(demo: Demo): Promise<void> {
  const { authority, say } = demo;
  const local = createClient({ baseUrl: authority.url, token: authority.localToken });
  const { setUp } = await local.office();
  if (!setUp) await setUpExampleCorp(demo, local);

  say('\nExample Corp is open. Sign in with one of these links, each good for one sign-in:');
  for (const { name, address, role } of [
    { ...ADMINISTRATOR, role: 'administrator' },
    ...OFFICERS.map((officer) => ({ ...officer, role: 'recovery officer' })),
    { ...AUDITOR, role: 'auditor' },
  ]) {
    const link = await local.signInLink({ body: { address } });
    say(`  ${role.padEnd(16)} ${name.padEnd(12)} ${link.url}`);
  }
  say('At the command line, export CHANCERY_TOKEN=$(npx chancery sign-in) asks for such a link.');
  say(`The officers' share keys are in ${shareKeyFolder(demo.home)}; their passphrase is "${SHARE_PASSPHRASE}".`);
  say(`Mail that the gateway passed is in ${mailboxFolder(demo.home)}; drop one on Inspect.`);
}

async function setUpExampleCorp(demo: Demo, local: Client): Promise<void> {
  const { authority, say, home } = demo;
  const anybody = createClient({ baseUrl: authority.url });
  const setupToken = tokenOf(authority.setupUrl ?? '');
  say('\nSetting up Example Corp: certification authorities and the administrator …');
  const options = await anybody.setupOptions({ body: { token: setupToken, ...ADMINISTRATOR } });
  const administrator = newCredential(options.totp.secret);
  await anybody.completeSetup({
    body: {
      token: setupToken,
      organisation: 'Example Corp',
      domains: ['example.com'],
      caAlgorithm: 'ecdsa',
      ...ADMINISTRATOR,
      credential: administrator,
    },
  });

  say('Two recovery officers and an auditor …');
  const officers: Client[] = [];
  for (const operator of [...OFFICERS, AUDITOR]) {
    const { url } = await local.inviteOperator({ body: operator });
    const token = tokenOf(url);
    const { totp } = await anybody.invitationOptions({ body: { token } });
    const credential = newCredential(totp.secret);
    await anybody.completeInvitation({ body: { token, credential } });
    if (operator === AUDITOR) continue;
    officers.push(
      createClient({ baseUrl: authority.url, token: await signIn(authority.url, operator.address, credential) }),
    );
  }
  say('The officers found the vault …');
  await foundVault(local, officers, home);

  say('A dozen people, two certificates each …');
  // Keys made before it has its certificate could not be locked to it, and would be made a second time.
  await until('the gateway has enrolled', async () => {
    const { items } = await local.certificates({ query: { use: 'gateway' } });
    return items.length > 0;
  });
  const { created } = await local.importPeople({ body: { csv: PEOPLE } });
  await until('everyone has an encryption certificate', async () => {
    const { items } = await local.certificates({ query: { use: 'encryption', limit: 500 } });
    return items.length >= created;
  });

  say('Some of them collect their keys …');
  const folder = path.join(home, 'demo', 'people');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { items: people } = await local.people({ query: { limit: 500 } });
  for (const person of people.filter((one) => COLLECTED.some((name) => one.address.startsWith(name)))) {
    const link = await local.newClaim({ params: { id: person.id } });
    const keys = await claimKeys(anybody, tokenOf(link.url));
    for (const { name, bytes } of keys.files) writeFileSync(path.join(folder, name), bytes, { mode: 0o600 });
    writeFileSync(path.join(folder, `${person.address}.password`), `${keys.password}\n`, { mode: 0o600 });
  }

  say('Rules for the mail …');
  await makeRules(local);

  say('A few mails through the gateway …');
  await until('the gateway signs for its people', async () => {
    const { items } = await local.certificates({ query: { use: 'signing', limit: 500 } });
    return items.filter((one) => one.keyOrigin === 'gateway').length >= 6;
  });
  await sendExampleMail(demo.gateway, mailboxFolder(home));

  say('One certificate revoked, one key asked for …');
  await somethingToDecide(local, authority.url, administrator);
}

/** Encrypt to the lawyers always, otherwise wherever it is possible; and see in shadow what it would mean for a partner. */
async function makeRules(local: Client): Promise<void> {
  const lawyers = {
    name: 'lawyers: always encrypted',
    when: { direction: 'outbound', recipientDomain: ['law.example'] },
    do: { sign: 'must', encrypt: 'must' },
  };
  const partners = {
    name: 'partners: encrypted too',
    enabled: 'shadow',
    when: { direction: 'outbound', recipientDomain: ['partner.example'] },
    do: { encrypt: 'must' },
  };
  const versions = [
    { rules: [lawyers], note: 'The engagement letter asks for it' },
    { rules: [lawyers, partners], note: 'In shadow until the partner has certificates' },
  ];
  let live: number | null = null;
  for (const { rules, note } of versions) {
    const { version } = await local.proposeMailRules({ body: { document: { rules }, basedOn: live, note } });
    await local.activateMailRules({ params: { version }, body: { expectedLive: live } });
    live = version;
  }
  await until('the gateway applies the rules', async () => {
    const { gateways } = await local.mailRules();
    return gateways.some(({ applies }) => applies?.version === live);
  });
}

/** Farid lost his laptop: his signing certificate is revoked, and his encryption key is asked for. */
async function somethingToDecide(local: Client, baseUrl: string, administrator: PasswordCredential): Promise<void> {
  const { items } = await local.people({ query: { search: 'farid.ghani', limit: 1 } });
  const farid = items[0];
  if (farid === undefined) throw new Error('The demo has lost Farid Ghani');
  const { certificates } = await local.person({ params: { id: farid.id } });
  const signing = certificates.find((one) => one.use === 'signing');
  if (signing !== undefined) {
    await local.revokeCertificate({
      params: { serialNumber: signing.serialNumber },
      body: { reason: 'keyCompromise', note: 'Laptop stolen at the station' },
    });
  }
  const session = await signIn(baseUrl, ADMINISTRATOR.address, administrator);
  await createClient({ baseUrl, token: session }).requestRecovery({
    body: {
      personId: farid.id,
      reason: 'lost-device',
      caseNumber: 'IT-2041',
      explanation: 'Laptop stolen; needs to read last year’s mail on the new one.',
      delivery: { kind: 'pkcs12' },
    },
  });
}

/** Both officers make a share key, deal, compare and accept, as they would from two offices. */
async function foundVault(local: Client, officers: readonly Client[], home: string): Promise<void> {
  const folder = shareKeyFolder(home);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const keys = [];
  for (const client of officers) {
    const { address, name } = await client.me();
    const key = await makeShareKeyFile(path.join(folder, `${address}.json`), SHARE_PASSPHRASE, `${name} <${address}>`);
    await registerShareKeyAs(client, key);
    keys.push({ client, key });
  }
  const { items } = await local.operators();
  const ids = OFFICERS.map(({ address }) => items.find((one) => one.address === address)?.id ?? '');
  await local.openCeremony({ body: { kind: 'found', threshold: 2, officers: ids } });
  const seen = new Set<string>();
  const compare = async (fingerprint: string) => {
    if (seen.add(fingerprint).size > 1) throw new Error('The demo’s officers see different ceremonies');
  };
  for (const _ of ['deal', 'accept']) for (const { client, key } of keys) await takePart(client, key, compare);
}

type PasswordCredential = Extract<NewCredential, { kind: 'password' }>;

function newCredential(totpSecret: string): PasswordCredential {
  const password = `demo-${crypto.randomUUID()}`;
  return { kind: 'password', password, totpSecret, totpCode: new OTPAuth.TOTP({ secret: totpSecret }).generate() };
}

/** A session token: the cookie that the browser would keep. */
async function signIn(baseUrl: string, address: string, credential: PasswordCredential): Promise<string> {
  // Each TOTP code signs in once; the one that made the account is spent, so the next step's is used (skew of one is allowed).
  const totpCode = new OTPAuth.TOTP({ secret: credential.totpSecret }).generate({ timestamp: Date.now() + 30_000 });
  const response = await fetch(`${baseUrl}/api/v1/sessions/password`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ address, password: credential.password, totpCode }),
  });
  const cookie = /chancery_session=([^;]+)/.exec(response.headers.get('set-cookie') ?? '');
  if (cookie?.[1] === undefined) throw new Error(`${address} could not sign in: ${await response.text()}`);
  return cookie[1];
}

/** The secret of a link stands behind its `#`. */
const tokenOf = (url: string): string => url.slice(url.indexOf('#') + 1);

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Gave up waiting until ${what}. The office runs on; look at its log.`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
