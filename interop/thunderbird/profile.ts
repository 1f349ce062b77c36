/** A Thunderbird profile for one person: keys and trust in its NSS database, one account, nothing that calls home. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Certificate, derToPem } from '@chancery/smime';

/** Under which address the person writes, and with which certificates. */
interface Identity {
  readonly address: string;
  readonly name: string;
  /** Without one, nothing is chosen: as in an account that somebody has just added. */
  readonly signing?: Certificate;
  readonly encryption?: Certificate;
}

export interface ProfileContents extends Identity {
  /** Others under which the person may write. */
  readonly further?: readonly Identity[];
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** The person's keys: PKCS#12 files. */
  readonly pkcs12: readonly { readonly file: string; readonly password: string }[];
  /** Encryption certificates of those to be written to. */
  readonly correspondents: readonly Certificate[];
  /** Where mail goes out. */
  readonly smtpPort: number;
  /** Asks the OCSP responder that a certificate names. Default: no, where a test is about something else. */
  readonly asksOcsp?: boolean;
}

export function makeProfile(folder: string, contents: ProfileContents): void {
  mkdirSync(path.join(folder, 'Mail', 'Local Folders'), { recursive: true });
  const database = `sql:${folder}`;
  run('certutil', '-N', '-d', database, '--empty-password');
  const add = (certificate: Certificate, nickname: string, trust: string) => {
    const file = path.join(folder, `${nickname}.pem`);
    writeFileSync(file, derToPem(certificate.der, 'CERTIFICATE'));
    run('certutil', '-A', '-d', database, '-n', nickname, '-t', trust, '-i', file);
  };
  for (const [n, one] of contents.anchors.entries()) add(one, `anchor-${n}`, 'CT,C,C');
  for (const [n, one] of contents.intermediates.entries()) add(one, `intermediate-${n}`, ',,');
  for (const [n, one] of contents.correspondents.entries()) add(one, `correspondent-${n}`, ',,');
  for (const { file, password } of contents.pkcs12) run('pk12util', '-i', file, '-d', database, '-W', password);
  writeFileSync(path.join(folder, 'user.js'), Object.entries(preferences(contents)).map(preference).join('\n'));
}

type Preferences = Record<string, string | number | boolean>;

function preferences({ smtpPort, asksOcsp = false, further = [], ...first }: ProfileContents): Preferences {
  const { address, name } = first;
  const identities = [first, ...further];
  return {
    'mail.accountmanager.accounts': 'account1,account2',
    'mail.accountmanager.defaultaccount': 'account2',
    'mail.accountmanager.localfoldersserver': 'server1',
    'mail.account.account1.server': 'server1',
    'mail.account.account2.server': 'server2',
    'mail.account.account2.identities': identities.map((_, n) => `id${n + 1}`).join(','),
    'mail.server.server1.type': 'none',
    'mail.server.server1.hostname': 'Local Folders',
    'mail.server.server1.name': 'Local Folders',
    'mail.server.server1.userName': 'nobody',
    'mail.server.server1.directory-rel': '[ProfD]Mail/Local Folders',
    'mail.server.server2.type': 'imap',
    'mail.server.server2.hostname': '127.0.0.1',
    'mail.server.server2.port': 1,
    'mail.server.server2.userName': name,
    'mail.server.server2.name': address,
    'mail.server.server2.login_at_startup': false,
    'mail.server.server2.check_new_mail': false,
    'mail.server.default.check_new_mail': false,
    ...Object.assign({}, ...identities.map((one, n) => identityPreferences(`mail.identity.id${n + 1}`, one))),
    'mail.smtpservers': 'smtp1',
    'mail.smtp.defaultserver': 'smtp1',
    'mail.smtpserver.smtp1.hostname': '127.0.0.1',
    'mail.smtpserver.smtp1.port': smtpPort,
    'mail.smtpserver.smtp1.authMethod': 1,
    'mail.smtpserver.smtp1.try_ssl': 0,
    'mail.smtpserver.smtp1.username': '',
    // Revocation is judged by the tests that are about it; a lookup elsewhere would need our ports in advance.
    'security.OCSP.enabled': asksOcsp ? 1 : 0,
    // Without an answer no certificate is believed: so an answer that it could not read would show.
    'security.OCSP.require': asksOcsp,
    // 0: whichever is free.
    'marionette.port': 0,
    // Nothing that asks, and nothing that calls home.
    'mail.shell.checkDefaultClient': false,
    'mail.rights.version': 1,
    'mail.provider.suppress_dialog_on_startup': true,
    'mail.spotlight.firstRunDone': true,
    'mail.winsearch.firstRunDone': true,
    'mailnews.start_page.enabled': false,
    'mailnews.start_page_override.mstone': 'ignore',
    'mailnews.auto_config.guess.enabled': false,
    'mail.inappnotifications.enabled': false,
    'app.donation.eoy.version.viewed': 999,
    'app.update.enabled': false,
    'extensions.update.enabled': false,
    'datareporting.policy.dataSubmissionEnabled': false,
    'datareporting.healthreport.uploadEnabled': false,
    'toolkit.telemetry.enabled': false,
    'browser.safebrowsing.enabled': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
    'network.proxy.type': 0,
    'services.settings.server': 'data:,#remote-settings-dummy/v1',
  };
}

function identityPreferences(key: string, { address, name, signing, encryption }: Identity): Preferences {
  return {
    [`${key}.fullName`]: name,
    [`${key}.useremail`]: address,
    [`${key}.valid`]: true,
    [`${key}.smtpServer`]: 'smtp1',
    [`${key}.fcc`]: false,
    [`${key}.is_gnupg_key_id`]: false,
    ...(signing !== undefined && {
      [`${key}.signing_cert_name`]: 'signing',
      [`${key}.signing_cert_dbkey`]: databaseKey(signing),
      [`${key}.sign_mail`]: true,
    }),
    ...(encryption !== undefined && {
      [`${key}.encryption_cert_name`]: 'encryption',
      [`${key}.encryption_cert_dbkey`]: databaseKey(encryption),
      [`${key}.encryptionpolicy`]: 0,
    }),
  };
}

const preference = ([name, value]: [string, string | number | boolean]): string =>
  `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`;

/** How NSS names a certificate: base64 of 0, 0, length of serial, length of issuer (32-bit big-endian), serial, issuer. */
function databaseKey(certificate: Certificate): string {
  const magnitude = Buffer.from(certificate.serialNumber, 'hex');
  const serial = (magnitude[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), magnitude]) : magnitude;
  const issuer = Buffer.from(certificate.issuer.der);
  const lengths = Buffer.alloc(16);
  lengths.writeUInt32BE(serial.length, 8);
  lengths.writeUInt32BE(issuer.length, 12);
  return Buffer.concat([lengths, serial, issuer]).toString('base64');
}

function run(program: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`);
}
