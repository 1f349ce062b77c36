/** What a receiver is told about an incoming message, in two header fields that nobody else could have put there. */
import type { VerifyReport } from '@chancery/smime';
import type { Authenticity } from './authenticity.ts';
import type { HeaderField } from './header-block.ts';
import { reasonAgainst } from './unprotect.ts';

/** How the message came and what was found in it, for one form in which it goes on. */
export interface Found {
  /** It came encrypted. */
  readonly encrypted: boolean;
  /** It goes on in the clear. */
  readonly opened: boolean;
  readonly authenticated: boolean;
  /** It was encrypted with a cipher that nobody should use any more. */
  readonly oldCipher?: string;
  /** Undefined when it could not be looked into. */
  readonly report: VerifyReport | undefined;
}

/** The RFC 8601 and RFC 7281 word for what the signature is worth. */
function smimeResult({ report }: Found): 'pass' | 'fail' | 'none' | 'permerror' {
  switch (report?.verdict) {
    case 'valid':
      return 'pass';
    case 'invalid':
      return 'fail';
    case 'ambiguous':
      return 'permerror';
    default:
      return 'none';
  }
}

/** `Authentication-Results` (RFC 8601) with the S/MIME result first, and `X-Chancery-Verdict` for filters and people. */
export function verdictFields(name: string, authenticity: Authenticity, found: Found): string[] {
  const smime = [`smime=${smimeResult(found)}${commentOf(found)}`];
  const signer = found.report?.signers[0];
  const from = found.report?.from[0];
  if (found.report !== undefined && found.report.verdict !== 'unsigned') {
    if (from !== undefined) smime.push(`header.from=${propertyValue(from)}`);
    const identity = signer?.emails[0];
    if (identity !== undefined)
      smime.push(`smime.signer=${propertyValue(identity)}`, `body.smime-identifier=${propertyValue(identity)}`);
    if (signer?.certificate !== undefined) smime.push(`body.smime-serial=${signer.certificate.serialNumber}`);
  }
  const results = [smime.join(' '), ...authenticity.results];
  const words = [
    found.report === undefined ? 'encrypted' : found.report.verdict,
    `encrypted=${found.encrypted ? 'yes' : 'no'}`,
    `opened=${found.opened ? 'yes' : 'no'}`,
    ...(found.opened ? [`authenticated=${found.authenticated ? 'yes' : 'no'}`] : []),
    ...(found.oldCipher === undefined ? [] : [`old-cipher=${found.oldCipher}`]),
    ...(signer?.emails[0] === undefined ? [] : [`signer=${propertyValue(signer.emails[0])}`]),
    `dmarc=${authenticity.dmarc}`,
  ];
  return [
    fold(`Authentication-Results: ${name}; ${results.join('; ')}`),
    fold(`X-Chancery-Verdict: ${words.join('; ')}`),
  ];
}

/** Fields that claim to be ours: results under our name, and any `X-Chancery-` field. RFC 8601 section 5. */
export function isForged(field: HeaderField, name: string): boolean {
  if (field.name.startsWith('x-chancery-')) return true;
  return field.name === 'authentication-results' && authservId(field.value).toLowerCase() === name.toLowerCase();
}

/** The first token after comments; a quoted one may hold the name as well. */
function authservId(value: string): string {
  let rest = value;
  for (;;) {
    const trimmed = rest.trimStart();
    if (!trimmed.startsWith('(')) {
      rest = trimmed;
      break;
    }
    rest = trimmed.slice(commentLength(trimmed));
  }
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(rest);
  if (quoted?.[1] !== undefined) return quoted[1].replace(/\\(.)/g, '$1');
  return /^[^\s;()"/]*/.exec(rest)?.[0] ?? '';
}

function commentLength(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at + 1;
  }
  return text.length;
}

function commentOf({ encrypted, opened, oldCipher, report }: Found): string {
  if (report === undefined) return encrypted ? ' (encrypted, not opened here)' : '';
  const reason = report.verdict === 'valid' ? '' : (reasonAgainst(report) ?? '');
  const cipher = oldCipher === undefined ? '' : `encrypted with ${oldCipher}, which is too weak for new mail`;
  const parts = [opened ? 'decrypted here' : '', cipher, reason].filter((part) => part !== '');
  return parts.length === 0
    ? ''
    : ` (${parts
        .join('; ')
        .replace(/[^\x20-\x7e]|[()\\]/g, ' ')
        .slice(0, 300)})`;
}

/** RFC 8601 `pvalue`: a plain address, or a quoted string. */
function propertyValue(address: string): string {
  const ascii = address.replace(/[^\x20-\x7e]/g, '?').slice(0, 320);
  return /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$/.test(ascii)
    ? ascii
    : `"${ascii.replace(/["\\]/g, '\\$&')}"`;
}

/** RFC 5322 2.2.3: at blanks, so that lines stay within 78 where words allow. */
function fold(field: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of field.split(' ').filter((one) => one !== '')) {
    if (line !== '' && line.length + 1 + word.length > 78) {
      lines.push(line);
      line = ` ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\r\n');
}
