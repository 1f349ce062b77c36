/**
 * Outlook on Windows: trust, algorithms and what is signed, as a script for one person and a registry file for everyone. Nothing
 * that anybody may name stands in a script: names of files are ours.
 */
import type { NamedFile } from '../kra/recovered-files.ts';
import type { KitFacts } from './kit.ts';
import { certificateFiles, textFile, windowsFile } from './kit-files.ts';

/** Whoever has the keys adds `keys\\NAME.p12`. */
export function outlookKit(facts: KitFacts): NamedFile[] {
  return [
    windowsFile('set-up.ps1', personScript(facts)),
    ...certificateFiles('certificates/root', facts.roots),
    ...certificateFiles('certificates/authority', facts.authorities),
    ...directoryNote(facts),
  ];
}

export function outlookForEveryone(facts: KitFacts): NamedFile[] {
  return [
    windowsFile('outlook-policies.reg', registryFile(facts)),
    windowsFile('trust-authorities.ps1', TRUST_FOR_MACHINE),
    ...certificateFiles('certificates/root', facts.roots),
    ...certificateFiles('certificates/authority', facts.authorities),
    ...directoryNote(facts),
    windowsFile('README.txt', README),
  ];
}

/** What Outlook is told, by name of the value. SHA-1 is what it signs with where nobody says otherwise. */
const valuesOf = ({ devices }: KitFacts): Readonly<Record<string, number | string>> => ({
  UseAlternateDefaultHashAlg: 1,
  DefaultHashOID: '2.16.840.1.101.3.4.2.1',
  AlwaysSign: devices.signByDefault ? 1 : 0,
  // Readable in mail programs that know no S/MIME.
  ClearSign: 1,
  AlwaysEncrypt: devices.encryptByDefault ? 1 : 0,
});

const registryFile = (facts: KitFacts): string =>
  [
    'Windows Registry Editor Version 5.00',
    '',
    '[HKEY_CURRENT_USER\\Software\\Policies\\Microsoft\\Office\\16.0\\Outlook\\Security]',
    ...Object.entries(valuesOf(facts)).map(([name, value]) =>
      typeof value === 'number' ? `"${name}"=dword:${value.toString(16).padStart(8, '0')}` : `"${name}"="${value}"`,
    ),
    '',
  ].join('\n');

/** Keys of the policies may be written by administrators only; this is the person's own place for the same settings. */
const personScript = (
  facts: KitFacts,
): string => `# Takes your keys into Windows, trusts your organisation's authorities, and tells Outlook how to sign.
# Right-click, Run with PowerShell. It asks for the password that was shown with this kit.
$ErrorActionPreference = 'Stop'
Set-Location -LiteralPath $PSScriptRoot

$password = Read-Host -AsSecureString -Prompt 'Password of the kit'
Get-ChildItem -LiteralPath 'keys' -Filter '*.p12' | ForEach-Object {
  Import-PfxCertificate -FilePath $_.FullName -CertStoreLocation 'Cert:\\CurrentUser\\My' -Password $password | Out-Null
}

# Windows asks once for each root: it is your own organisation's.
Get-ChildItem -LiteralPath 'certificates' -Filter 'root-*.cer' | ForEach-Object {
  Import-Certificate -FilePath $_.FullName -CertStoreLocation 'Cert:\\CurrentUser\\Root' | Out-Null
}
Get-ChildItem -LiteralPath 'certificates' -Filter 'authority-*.cer' | ForEach-Object {
  Import-Certificate -FilePath $_.FullName -CertStoreLocation 'Cert:\\CurrentUser\\CA' | Out-Null
}

$security = 'HKCU:\\Software\\Microsoft\\Office\\16.0\\Outlook\\Security'
if (-not (Test-Path -LiteralPath $security)) { New-Item -Path $security -Force | Out-Null }
${Object.entries(valuesOf(facts))
  .map(([name, value]) =>
    typeof value === 'number'
      ? `New-ItemProperty -LiteralPath $security -Name '${name}' -PropertyType DWord -Value ${value} -Force | Out-Null`
      : `New-ItemProperty -LiteralPath $security -Name '${name}' -PropertyType String -Value '${value}' -Force | Out-Null`,
  )
  .join('\n')}

Write-Host 'Done. Close Outlook and open it again. You may delete this folder now.'
`;

const TRUST_FOR_MACHINE = `# As an administrator: this machine trusts the authorities. (Group Policy, Public Key Policies, does it for a domain.)
$ErrorActionPreference = 'Stop'
Set-Location -LiteralPath $PSScriptRoot
Get-ChildItem -LiteralPath 'certificates' -Filter 'root-*.cer' | ForEach-Object {
  Import-Certificate -FilePath $_.FullName -CertStoreLocation 'Cert:\\LocalMachine\\Root' | Out-Null
}
Get-ChildItem -LiteralPath 'certificates' -Filter 'authority-*.cer' | ForEach-Object {
  Import-Certificate -FilePath $_.FullName -CertStoreLocation 'Cert:\\LocalMachine\\CA' | Out-Null
}
`;

function directoryNote({ devices: { directory } }: KitFacts): NamedFile[] {
  if (directory === undefined) return [];
  return [
    textFile(
      'address-list.txt',
      `Where Outlook finds the certificates of colleagues

In classic Outlook: File, Account Settings, Address Books, New, Internet Directory Service (LDAP).

  Server name   ${directory.host}
  More Settings, Connection
    Port        ${directory.port}${directory.tls ? ', and “Use Secure Sockets Layer”' : ''}
  More Settings, Search
    Custom      ${directory.baseDn}

Restart Outlook. Write to somebody: choose them from “${directory.name}” once, and Outlook has their certificate.
With Exchange or Microsoft 365 none of this is needed: certificates come with the address list of the organisation.
`.replaceAll('\n', '\r\n'),
    ),
  ];
}

const README = `Outlook for everyone

outlook-policies.reg      what Outlook signs and with which algorithms, as policies of the person who is signed in.
                          By Group Policy: User Configuration, Preferences, Windows Settings, Registry, the same values.
trust-authorities.ps1     this machine trusts the authorities; run it as an administrator.
certificates              the authorities, for Group Policy or another management of your own.

Nothing of any one person is in here. Each person has a kit of their own, on their page or with their claim link.
`;
