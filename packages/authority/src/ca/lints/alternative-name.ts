/** subjectAltName (RFC 5280 4.2.1.6, S/MIME BR 7.1.2.3 (h), 7.1.4.2.1). */
import { oids, tag } from '@chancery/smime';
import { mailboxesOf } from './claims.ts';
import { rfc5280, rfc8398, smimeBr } from './editions.ts';
import { labelOf } from './labels.ts';
import {
  everyCertificate,
  isBrSubscriber,
  isOfficeMultipurpose,
  isOfficeSubscriber,
  isOfGeneration,
  type Lint,
  type LintSubject,
} from './lint.ts';
import { isHostName, isMailbox } from './mailbox-syntax.ts';
import type { GeneralNameField } from './specimen-names.ts';

const br = { binds: 'smime-br', since: smimeBr } as const;
const pkix = { severity: 'error', binds: 'any', since: rfc5280 } as const;

const namesOf = ({ certificate }: LintSubject): readonly GeneralNameField[] =>
  certificate.content(oids.subjectAltName) ?? [];

export const alternativeNameLints: readonly Lint[] = [
  {
    ...pkix,
    id: 'alternative-name-empty',
    clause: 'RFC 5280 4.2.1.6',
    demand: 'a subjectAltName holds at least one name, and none is empty',
    applies: ({ certificate }) => certificate.content(oids.subjectAltName) !== undefined,
    check: (subject) =>
      namesOf(subject).length === 0
        ? ['the subjectAltName is empty']
        : namesOf(subject)
            .filter(({ octets }) => octets.length === 0)
            .map(({ kind }) => `a ${kind} of the subjectAltName is empty`),
  },
  {
    ...pkix,
    id: 'alternative-name-mailboxes',
    clause: 'RFC 5280 4.2.1.6',
    demand: 'each rfc822Name is one mailbox, without a name or comment around it',
    zlint: ['e_single_email_if_present'],
    applies: (subject) => namesOf(subject).some(({ kind }) => kind === 'rfc822Name'),
    check: (subject) =>
      namesOf(subject)
        .filter(({ kind, text = '' }) => kind === 'rfc822Name' && !isAsciiMailbox(text))
        .map(({ text = '' }) => `the rfc822Name ${JSON.stringify(text)} is not one mailbox`),
  },
  {
    ...pkix,
    id: 'alternative-name-utf8-mailboxes',
    clause: 'RFC 9598 3',
    since: rfc8398,
    demand: 'a SmtpUTF8Mailbox is a UTF8String of one mailbox whose local part is beyond ASCII',
    applies: (subject) => namesOf(subject).some(({ otherType }) => otherType === oids.smtpUtf8Mailbox),
    check: (subject) =>
      namesOf(subject)
        .filter(({ otherType }) => otherType === oids.smtpUtf8Mailbox)
        .flatMap(({ form, text = '' }) => {
          if (form !== tag.utf8String) return ['a SmtpUTF8Mailbox is not a UTF8String'];
          if (!isMailbox(text)) return [`the SmtpUTF8Mailbox ${JSON.stringify(text)} is not one mailbox`];
          return isAsciiMailbox(text) ? [`the SmtpUTF8Mailbox ${text} is ASCII and belongs in an rfc822Name`] : [];
        }),
  },
  {
    ...pkix,
    id: 'alternative-name-hosts',
    clause: 'RFC 5280 4.2.1.6',
    demand: 'each dNSName is a host name, or one below "*."',
    applies: (subject) => namesOf(subject).some(({ kind }) => kind === 'dNSName'),
    check: (subject) =>
      namesOf(subject)
        .filter(({ kind, text = '' }) => kind === 'dNSName' && !isHostName(text.replace(/^\*\./, '')))
        .map(({ text = '' }) => `the dNSName ${JSON.stringify(text)} is no host name`),
  },
  {
    ...pkix,
    id: 'alternative-name-uris',
    clause: 'RFC 5280 4.2.1.6',
    demand: 'each URI is absolute',
    applies: (subject) => namesOf(subject).some(({ kind }) => kind === 'uniformResourceIdentifier'),
    check: (subject) =>
      namesOf(subject)
        .filter(({ kind, text = '' }) => kind === 'uniformResourceIdentifier' && !ABSOLUTE_URI.test(text))
        .map(({ text = '' }) => `the URI ${JSON.stringify(text)} is not absolute`),
  },
  {
    ...pkix,
    id: 'alternative-name-addresses',
    clause: 'RFC 5280 4.2.1.6',
    demand: 'each iPAddress has 4 or 16 octets',
    applies: (subject) => namesOf(subject).some(({ kind }) => kind === 'iPAddress'),
    check: (subject) =>
      namesOf(subject)
        .filter(({ kind, octets }) => kind === 'iPAddress' && octets.length !== 4 && octets.length !== 16)
        .map(({ octets }) => `an iPAddress has ${octets.length} octets`),
  },
  {
    ...br,
    id: 'alternative-name-present',
    clause: 'S/MIME BR 7.1.4.2.1, 7.1.2.3 (h)',
    severity: 'error',
    demand: 'a subscriber certificate has a subjectAltName',
    zlint: ['e_san_shall_be_present'],
    applies: isBrSubscriber,
    check: ({ certificate }) =>
      certificate.extension(oids.subjectAltName) === undefined ? ['the subjectAltName is missing'] : [],
  },
  {
    ...br,
    id: 'alternative-name-has-mailbox',
    clause: 'S/MIME BR 7.1.4.2.1',
    severity: 'error',
    demand: 'a subscriber certificate has an rfc822Name or a SmtpUTF8Mailbox',
    applies: (subject) => isBrSubscriber(subject) && namesOf(subject).length > 0,
    check: ({ certificate }) =>
      mailboxesOf(certificate).length === 0 ? ['the subjectAltName has no e-mail address'] : [],
  },
  {
    ...br,
    id: 'alternative-name-kinds',
    clause: 'S/MIME BR 7.1.4.2.1',
    severity: 'error',
    demand: 'a subscriber certificate has no names that are neither mailboxes nor directoryNames, nor otherNames',
    applies: isBrSubscriber,
    check: (subject) =>
      namesOf(subject)
        .filter(({ kind }) => kind !== 'rfc822Name' && kind !== 'directoryName' && kind !== 'otherName')
        .map(({ kind }) => `the subjectAltName has a ${kind}`),
  },
  {
    ...br,
    id: 'alternative-name-other-names',
    clause: 'S/MIME BR 7.1.4.2.1',
    severity: 'error',
    demand: 'a subscriber certificate of the strict generation has no otherNames but SmtpUTF8Mailbox',
    applies: isOfGeneration('strict'),
    check: (subject) =>
      namesOf(subject)
        .filter(({ kind, otherType }) => kind === 'otherName' && otherType !== oids.smtpUtf8Mailbox)
        .map(({ otherType }) => `the subjectAltName has an otherName of the type ${labelOf(otherType ?? '')}`),
  },
  {
    ...br,
    id: 'alternative-name-criticality',
    clause: 'S/MIME BR 7.1.2.3 (h), RFC 5280 4.2.1.6',
    severity: 'warning',
    demand: 'the subjectAltName is not critical unless the subject is empty',
    zlint: ['w_san_should_not_be_critical'],
    applies: isBrSubscriber,
    check: ({ certificate }) =>
      certificate.extension(oids.subjectAltName)?.critical === true &&
      certificate.subject.value !== undefined &&
      certificate.subject.value.attributes.length > 0
        ? ['the subjectAltName is critical, though the subject is not empty']
        : [],
  },
  {
    id: 'subject-alternative-name',
    clause: 'S/MIME BR 7.1.2.3 (h)',
    severity: 'error',
    binds: 'office',
    demand:
      "a person's certificate has their addresses, each once, and nothing else among its names but in the multipurpose generation",
    applies: isOfficeSubscriber,
    check(subject) {
      const mailboxes = mailboxesOf(subject.certificate);
      const wrong: string[] = [];
      if (mailboxes.length === 0) wrong.push('the subject alternative name has no e-mail address');
      if (new Set(mailboxes.map((mailbox) => mailbox.toLowerCase())).size < mailboxes.length)
        wrong.push('an e-mail address stands twice in the subject alternative name');
      if (namesOf(subject).length > mailboxes.length && !isOfficeMultipurpose(subject))
        wrong.push('the subject alternative name has names that are no e-mail addresses');
      return wrong;
    },
  },
  {
    ...pkix,
    id: 'issuer-alternative-name',
    clause: 'RFC 5280 4.2.1.7',
    demand: 'an issuerAltName holds at least one name',
    applies: everyCertificate,
    check: ({ certificate }) =>
      certificate.content(oids.issuerAltName)?.length === 0 ? ['the issuerAltName is empty'] : [],
  },
];

/** RFC 3986 4.3, as far as it matters here: a scheme, and something after it without spaces. */
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$/;

function isAsciiMailbox(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return isMailbox(text);
}
