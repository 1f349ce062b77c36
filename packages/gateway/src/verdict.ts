/** What a receiver is told about an incoming message: one object, and the header fields that show it, which nobody else could have put there. */
import type { MailSignal, MailVerdict } from '@chancery/api';
import { formatName } from '@chancery/smime';
import type { Authenticity } from './authenticity.ts';
import type { HeaderField } from './header-block.ts';
import { type Form, reasonAgainst } from './unprotect.ts';

/** How the message came and what was found in it, for one form in which it goes on. */
export type Judged = Pick<Form, 'encrypted' | 'opened' | 'handling' | 'authenticated' | 'oldCipher' | 'report'>;

/** Everything that was found out, bounded. */
export function verdictOf(authenticity: Authenticity, form: Judged, signals: readonly MailSignal[]): MailVerdict {
  const { report, encrypted, opened, handling } = form;
  const signer = report?.signers[0];
  const reason = report === undefined || report.verdict === 'valid' ? undefined : reasonAgainst(report);
  const outside = opened ? [{ kind: 'enveloped-data', verdict: null }] : [];
  const within = (report?.layers ?? []).map((layer) => ({
    kind: layer.kind,
    verdict: 'verdict' in layer ? layer.verdict : null,
  }));
  return {
    signature: report?.verdict ?? null,
    reason: reason?.slice(0, 300) ?? null,
    from: (report?.from ?? []).slice(0, 10).map((address) => address.slice(0, 320)),
    identity: signer?.identity ?? 'unknown',
    signer:
      signer?.certificate === undefined
        ? null
        : {
            address: signer.emails[0]?.slice(0, 320) ?? null,
            subject: formatName(signer.certificate.subject).slice(0, 500),
            issuer: formatName(signer.certificate.issuer).slice(0, 500),
            serialNumber: signer.certificate.serialNumber,
          },
    authentication: {
      spf: authenticity.spf.slice(0, 20),
      dkim: authenticity.dkim.slice(0, 20).map((result) => result.slice(0, 20)),
      dmarc: authenticity.dmarc.slice(0, 20),
      arc: authenticity.arc.slice(0, 20),
    },
    layers: [...outside, ...within].slice(0, 20),
    ...{ encrypted, opened, handling },
    authenticated: opened ? form.authenticated : null,
    signals: [...signals],
  };
}

/**
 * `Authentication-Results` (RFC 8601) with the S/MIME result first, `X-Chancery-Verdict` for filters, and one `X-Chancery-Signal` for
 * each signal, with its reason for people.
 */
export function verdictFields(
  name: string,
  authenticity: Authenticity,
  form: Judged,
  signals: readonly MailSignal[] = [],
): string[] {
  const verdict = verdictOf(authenticity, form, signals);
  const signer = verdict.signer?.address ?? null;
  const from = verdict.from[0];
  const smime = [`smime=${smimeResult(verdict)}${commentOf(form)}`];
  if (verdict.signature !== null && verdict.signature !== 'unsigned') {
    if (from !== undefined) smime.push(`header.from=${propertyValue(from)}`);
    if (signer !== null)
      smime.push(`smime.signer=${propertyValue(signer)}`, `body.smime-identifier=${propertyValue(signer)}`);
    if (verdict.signer !== null) smime.push(`body.smime-serial=${verdict.signer.serialNumber}`);
  }
  const words = [
    verdict.signature ?? 'encrypted',
    `encrypted=${yesOrNo(verdict.encrypted)}`,
    `opened=${yesOrNo(verdict.opened)}`,
    ...(verdict.authenticated === null ? [] : [`authenticated=${yesOrNo(verdict.authenticated)}`]),
    ...(verdict.handling === 'whole' || !verdict.opened ? [] : [`shown=${verdict.handling}`]),
    ...(form.oldCipher === undefined ? [] : [`old-cipher=${form.oldCipher}`]),
    ...(signer === null ? [] : [`signer=${propertyValue(signer)}`]),
    `dmarc=${verdict.authentication.dmarc}`,
    ...(verdict.layers.length < 2 ? [] : [`layers=${verdict.layers.map(({ kind }) => kind).join('+')}`]),
    ...(signals.length === 0 ? [] : [`signals=${signals.map(({ code }) => code).join(',')}`]),
  ];
  const ascii = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');
  return [
    fold(`Authentication-Results: ${name}; ${[smime.join(' '), ...authenticity.results].join('; ')}`),
    fold(`X-Chancery-Verdict: ${words.join('; ')}`),
    ...signals.map(({ code, severity, reason }) => fold(`X-Chancery-Signal: ${code}; ${severity}; ${ascii(reason)}`)),
  ];
}

/** The RFC 8601 and RFC 7281 word for what the signature is worth. */
function smimeResult({ signature }: MailVerdict): 'pass' | 'fail' | 'none' | 'permerror' {
  switch (signature) {
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

const yesOrNo = (value: boolean): string => (value ? 'yes' : 'no');

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

function commentOf({ encrypted, opened, oldCipher, report }: Judged): string {
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
