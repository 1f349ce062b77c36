/** What differs between two profile documents, in words. Pure: the console, the command line and the audit trail read the same. */
import type { ProfileDocument } from './profile-document.ts';

export interface ProfileChange {
  /** The field, dotted. */
  readonly path: string;
  /** `Valid for: 730 days → 398 days`. */
  readonly sentence: string;
}

/** In the order of the document; empty where both say the same. `before` undefined: a new profile, all of it. */
export function profileChanges(before: ProfileDocument | undefined, after: ProfileDocument): ProfileChange[] {
  return Object.entries(FIELDS).flatMap(([path, [label, show]]) => {
    const was = before === undefined ? undefined : show(before);
    const is = show(after);
    const sentence = typeof is === 'string' ? changeOfText(label, was, is) : changeOfList(label, was, is);
    return sentence === undefined ? [] : [{ path, sentence }];
  });
}

type Shown = string | readonly string[];

function changeOfText(label: string, was: Shown | undefined, is: string): string | undefined {
  if (was === undefined) return `${label}: ${is}`;
  return was === is ? undefined : `${label}: ${String(was)} → ${is}`;
}

function changeOfList(label: string, was: Shown | undefined, is: readonly string[]): string | undefined {
  if (was === undefined) return is.length === 0 ? undefined : `${label}: ${is.join(', ')}`;
  const before = typeof was === 'string' ? [was] : was;
  const gained = is.filter((one) => !before.includes(one));
  const lost = before.filter((one) => !is.includes(one));
  if (gained.length + lost.length > 0) {
    const parts = [
      ...(gained.length > 0 ? [`gains ${gained.join(', ')}`] : []),
      ...(lost.length > 0 ? [`loses ${lost.join(', ')}`] : []),
    ];
    return `${label}: ${parts.join('; ')}`;
  }
  return JSON.stringify(before) === JSON.stringify(is) ? undefined : `${label}: in another order, ${is.join(', ')}`;
}

const days = (count: number): string => (count === 1 ? '1 day' : `${count} days`);
const yes = (is: boolean): string => (is ? 'yes' : 'no');
const quoted = (text: string): string => `“${text}”`;

const FIELDS: Readonly<Record<string, readonly [label: string, show: (profile: ProfileDocument) => Shown]>> = {
  name: ['Name', ({ name }) => quoted(name)],
  description: ['Description', ({ description }) => quoted(description)],
  use: ['Use', ({ use }) => use],
  baseline: [
    'S/MIME Baseline Requirements',
    ({ baseline }) => (baseline === null ? 'none' : `${baseline.type}-validated, ${baseline.generation}`),
  ],
  validityDays: ['Valid for', ({ validityDays }) => days(validityDays)],
  backdateMinutes: ['Begins before issuance by', ({ backdateMinutes }) => `${backdateMinutes} minutes`],
  renewalDays: ['Renewed from', ({ renewalDays }) => `${days(renewalDays)} before the end`],
  'keys.algorithms': ['Keys', ({ keys }) => keys.algorithms],
  'keys.rsaBits': ['RSA', ({ keys }) => `${keys.rsaBits.minimum} to ${keys.rsaBits.maximum} bits`],
  'keys.generate': ['The KRA makes', ({ keys }) => keys.generate ?? 'no key'],
  keyOrigins: ['Key from', ({ keyOrigins }) => keyOrigins],
  escrow: ['Escrow', ({ escrow }) => escrow],
  renewalKey: ['Renewed with', ({ renewalKey }) => (renewalKey === 'same' ? 'the same key' : 'a fresh key')],
  approval: [
    'An operator decides',
    ({ approval }) => ({ never: 'on nothing', first: 'on the first request', always: 'on every request' })[approval],
  ],
  retainYears: [
    'Escrowed keys kept',
    ({ retainYears }) =>
      retainYears === null
        ? 'for ever'
        : `${retainYears === 1 ? '1 year' : `${retainYears} years`} after the last certificate`,
  ],
  subject: [
    'Subject',
    ({ subject }) =>
      subject.map(({ attribute, value, optional }) => `${attribute} ${quoted(value)}${optional ? ' where known' : ''}`),
  ],
  'alternativeNames.emails': ['Addresses', ({ alternativeNames }) => alternativeNames.emails],
  'alternativeNames.international': [
    'Addresses beyond ASCII',
    ({ alternativeNames }) => yes(alternativeNames.international),
  ],
  'alternativeNames.userPrincipalName': [
    'User principal name',
    ({ alternativeNames }) =>
      alternativeNames.userPrincipalName === null ? 'none' : quoted(alternativeNames.userPrincipalName),
  ],
  'keyUsage.rsa': ['Key usage, RSA', ({ keyUsage }) => keyUsage.rsa],
  'keyUsage.ec': ['Key usage, elliptic curves', ({ keyUsage }) => keyUsage.ec],
  extendedKeyUsage: ['Extended key usage', ({ extendedKeyUsage }) => extendedKeyUsage],
  policies: [
    'Policies',
    ({ policies }) => policies.map(({ id, cps }) => (cps === null ? id : `${id} with its statement at ${cps}`)),
  ],
  crlDistributionPoint: ['Address of the CRL', ({ crlDistributionPoint }) => yes(crlDistributionPoint)],
  'authorityInfoAccess.ocsp': ['Address of OCSP', ({ authorityInfoAccess }) => yes(authorityInfoAccess.ocsp)],
  'authorityInfoAccess.issuer': [
    "Address of the issuer's certificate",
    ({ authorityInfoAccess }) => yes(authorityInfoAccess.issuer),
  ],
  smimeCapabilities: ['S/MIME capabilities', ({ smimeCapabilities }) => smimeCapabilities],
  publication: [
    'Published',
    ({ publication }) => (typeof publication === 'string' ? publication : publication.join(', ')),
  ],
  'lints.edition': ['Held to the Baseline Requirements', ({ lints }) => lints.edition],
  'lints.block': ['Blocked by', ({ lints }) => (lints.block === 'error' ? 'errors' : 'errors and warnings')],
  'lints.exceptions': [
    'Exceptions from lints',
    ({ lints }) => lints.exceptions.map(({ lint, reason }) => `${lint} (${reason})`),
  ],
};
