/**
 * The PowerShell runbook: what an administrator of Exchange Online runs so that mailboxes hold what they should. It adds and removes our
 * values one by one, and can be run again. No text of ours stands in it but what is safe in single quotes: letters, digits and
 * a few signs; anything else is written in base64.
 */
import { createHash } from 'node:crypto';
import { type EntryLayout, valuesFor } from '../entry-values.ts';
import type { OwnCertificate } from '../target.ts';

/** What one mailbox gets and loses. */
export interface MailboxChange {
  readonly address: string;
  readonly add: readonly OwnCertificate[];
  readonly remove: readonly OwnCertificate[];
}

export interface Runbook {
  /** ASCII, lines ending in CR LF: PowerShell 5 reads it as it is meant in any code page. */
  readonly script: string;
  /** Of the changes, whatever the hour: to confirm that it was run. SHA-256, hex. */
  readonly digest: string;
}

export function runbook(
  changes: readonly MailboxChange[],
  layout: EntryLayout,
  about: { readonly target: string; readonly scope: 'changes' | 'full'; readonly at: Date },
): Runbook {
  const lines = changes.flatMap((change) => callOf(change, layout));
  const digest = createHash('sha256').update(lines.join('\n')).digest('hex');
  const head = [
    '# Chancery: certificates of mailboxes in Exchange Online.',
    `# Target ${text(about.target)}, ${about.scope === 'full' ? 'in full' : 'changes only'}, ${changes.length} mailboxes, made ${about.at.toISOString()}.`,
    `# When it has run: chancery publication confirm ${about.target} ${digest}`,
  ];
  return { script: `${[...head, ...PREAMBLE, ...lines, ...CLOSE].join('\r\n')}\r\n`, digest };
}

function callOf({ address, add, remove }: MailboxChange, layout: EntryLayout): string[] {
  const list = (some: readonly OwnCertificate[], attribute: string | undefined) => {
    const values = some.flatMap((one) => valuesFor(layout, one)).filter((one) => one.attribute === attribute);
    return values.length === 0 ? '@()' : `@(${values.map(({ value }) => `'${value.toString('base64')}'`).join(',')})`;
  };
  const { attribute, smimeAttribute } = layout;
  return [
    `Update-Mailbox -Address ${text(address)} ` +
      `-Add ${list(add, attribute)} -Remove ${list(remove, attribute)} ` +
      `-AddSmime ${list(add, smimeAttribute)} -RemoveSmime ${list(remove, smimeAttribute)}`,
  ];
}

/**
 * A string of PowerShell. Five characters end a string in single quotes there, and four of them are not ASCII; so what is quoted is only
 * what needs no quoting.
 */
export function text(value: string): string {
  return /^[A-Za-z0-9.@_+-]+$/.test(value)
    ? `'${value}'`
    : `(ConvertFrom-Utf8 '${Buffer.from(value, 'utf8').toString('base64')}')`;
}

const PREAMBLE = [
  '#Requires -Version 5.1',
  'Set-StrictMode -Version Latest',
  "$ErrorActionPreference = 'Stop'",
  '$failed = 0',
  '',
  'function ConvertFrom-Utf8([string] $Base64) {',
  '  [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($Base64))',
  '}',
  '',
  '# Values of others stay: those of ours are put in and taken out one by one.',
  'function Merge-Values($Present, [string[]] $Add, [string[]] $Remove) {',
  '  $values = New-Object System.Collections.Generic.List[string]',
  '  foreach ($value in $Present) {',
  '    if ($null -eq $value) { continue }',
  '    $base64 = if ($value -is [string]) { $value } else { [Convert]::ToBase64String([byte[]] $value) }',
  '    if ($Remove -cnotcontains $base64) { $values.Add($base64) }',
  '  }',
  '  foreach ($base64 in $Add) { if (-not $values.Contains($base64)) { $values.Add($base64) } }',
  '  $octets = New-Object System.Collections.Generic.List[byte[]]',
  '  foreach ($base64 in $values) { $octets.Add([Convert]::FromBase64String($base64)) }',
  '  , $octets.ToArray()',
  '}',
  '',
  'function Update-Mailbox([string] $Address, [string[]] $Add, [string[]] $Remove, [string[]] $AddSmime, [string[]] $RemoveSmime) {',
  '  try {',
  '    $mailbox = Get-Mailbox -Identity $Address',
  '    $certificates = Merge-Values $mailbox.UserCertificate $Add $Remove',
  '    $smime = Merge-Values $mailbox.UserSMimeCertificate $AddSmime $RemoveSmime',
  '    Set-Mailbox -Identity $Address -UserCertificate $certificates -UserSMimeCertificate $smime',
  '    Write-Output "done: $Address"',
  '  } catch {',
  '    $script:failed += 1',
  '    Write-Warning "not done: $($Address): $_"',
  '  }',
  '}',
  '',
  '# chancery.sst beside it: the authorities that Outlook on the web trusts. Always the whole of it, and nothing that has ended.',
  "$store = Join-Path $PSScriptRoot 'chancery.sst'",
  'if (Test-Path -LiteralPath $store) { Set-SmimeConfig -SMIMECertificateIssuingCA ([IO.File]::ReadAllBytes($store)) }',
  '',
];

const CLOSE = ['', 'if ($failed -gt 0) { throw "$failed mailboxes were not brought in line; run it again." }'];
