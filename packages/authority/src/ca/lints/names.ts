/** Issuer and subject of any certificate (RFC 5280 4.1.2.4, 4.1.2.6, Appendix A.1). */
import { oids, tag } from '@chancery/smime';
import { mailboxesOf } from './claims.ts';
import { rfc5280 } from './editions.ts';
import { labelOf } from './labels.ts';
import { everyCertificate, isOfficeEndEntity, type Lint, type LintSubject } from './lint.ts';
import { isMailbox } from './mailbox-syntax.ts';
import { type AttributeField, textsOf } from './specimen-names.ts';

export const nameLints: readonly Lint[] = [
  {
    id: 'issuer-present',
    clause: 'RFC 5280 4.1.2.4',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'the issuer is not empty',
    applies: everyCertificate,
    check: ({ certificate }) => (certificate.issuer.value?.attributes.length === 0 ? ['the issuer is empty'] : []),
  },
  {
    id: 'subject-present',
    clause: 'RFC 5280 4.1.2.6, 4.2.1.6',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'the subject is not empty, unless the names stand in a critical subjectAltName and it is no authority',
    applies: everyCertificate,
    check(subject) {
      const { certificate } = subject;
      if (certificate.subject.value?.attributes.length !== 0) return [];
      if (certificate.isAuthority) return ['the subject of an authority is empty'];
      if (isOfficeEndEntity(subject)) return ['the subject is empty'];
      return certificate.extension(oids.subjectAltName)?.critical === true
        ? []
        : ['the subject is empty, and no critical subjectAltName takes its place'];
    },
  },
  {
    id: 'subject-lengths',
    clause: 'RFC 5280 Appendix A.1',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'attributes of the subject are not longer than their upper bounds',
    applies: everyCertificate,
    check: ({ certificate }) =>
      (certificate.subject.value?.attributes ?? []).flatMap(({ type, text = '' }) => {
        const most = UPPER_BOUNDS[type];
        return most !== undefined && [...text].length > most
          ? [`the subject attribute ${labelOf(type)} has ${[...text].length} characters, more than ${most}`]
          : [];
      }),
  },
  {
    id: 'name-attribute-blank',
    clause: 'RFC 5280 4.1.2.4, X.520',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'no attribute of a name is empty or blank',
    applies: everyCertificate,
    check: (subject) =>
      attributesOf(subject)
        .filter(([, { text }]) => text !== undefined && text.trim() === '')
        .map(([where, { type }]) => `the attribute ${labelOf(type)} of the ${where} is blank`),
  },
  {
    id: 'name-string-type',
    clause: 'RFC 5280 4.1.2.4, Appendix A.1',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'attributes of names have the string type that is theirs, and only its characters',
    applies: everyCertificate,
    check: (subject) =>
      attributesOf(subject).flatMap(([where, attribute]) => {
        const problem = stringProblem(attribute);
        return problem === undefined ? [] : [`the attribute ${labelOf(attribute.type)} of the ${where} ${problem}`];
      }),
  },
  {
    id: 'name-old-string-type',
    clause: 'RFC 5280 4.1.2.4',
    severity: 'warning',
    binds: 'any',
    since: rfc5280,
    demand: 'names are PrintableStrings or UTF8Strings, not TeletexStrings, BMPStrings or UniversalStrings',
    applies: everyCertificate,
    check: (subject) =>
      attributesOf(subject)
        .filter(([, { form }]) => OLD_FORMS.has(form))
        .map(
          ([where, { type }]) =>
            `the attribute ${labelOf(type)} of the ${where} is neither a PrintableString nor a UTF8String`,
        ),
  },
  {
    id: 'country-code',
    clause: 'RFC 5280 Appendix A.1, X.520',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'a countryName is two capital letters',
    applies: everyCertificate,
    check: (subject) =>
      attributesOf(subject)
        .filter(([, { type, text }]) => type === oids.countryName && !/^[A-Z]{2}$/.test(text ?? ''))
        .map(
          ([where, { text = '' }]) => `the country of the ${where} is ${JSON.stringify(text)}, not two capital letters`,
        ),
  },
  {
    id: 'subject-email-without-alternative-name',
    clause: 'RFC 5280 4.1.2.6, 4.2.1.6',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'addresses stand in the subjectAltName, whether or not they stand in the subject too',
    applies: everyCertificate,
    check: ({ certificate }) =>
      textsOf(certificate.subject.value, oids.emailAddress).length > 0 && mailboxesOf(certificate).length === 0
        ? ['the subject has an address, and the subjectAltName has none']
        : [],
  },
  {
    id: 'subject-email-single',
    clause: 'RFC 5280 4.1.2.6, S/MIME BR 7.1.4.2.2 (h)',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'a subject emailAddress is one mailbox',
    zlint: ['e_single_email_subject_if_present'],
    applies: ({ certificate }) => textsOf(certificate.subject.value, oids.emailAddress).length > 0,
    check({ certificate, isUnderBr }) {
      const addresses = textsOf(certificate.subject.value, oids.emailAddress);
      const wrong = addresses
        .filter((text) => !isMailbox(text))
        .map((text) => `the emailAddress ${JSON.stringify(text)} of the subject is not one mailbox`);
      if (isUnderBr && addresses.length > 1) wrong.push('the subject has more than one emailAddress');
      return wrong;
    },
  },
];

/** Appendix A.1, in characters. */
const UPPER_BOUNDS: Readonly<Record<string, number>> = {
  [oids.commonName]: 64,
  [oids.serialNumber]: 64,
  [oids.countryName]: 2,
  [oids.localityName]: 128,
  [oids.stateOrProvinceName]: 128,
  [oids.organizationName]: 64,
  [oids.organizationalUnitName]: 64,
  [oids.title]: 64,
  [oids.pseudonym]: 128,
  [oids.emailAddress]: 255,
};

const PRINTABLE = new Set<string>([oids.countryName, oids.serialNumber, oids.dnQualifier]);
const IA5 = new Set<string>([oids.emailAddress, oids.domainComponent]);
const OLD_FORMS = new Set<number>([tag.teletexString, tag.bmpString, tag.universalString]);
const DIRECTORY_FORMS = new Set<number>([tag.printableString, tag.utf8String, ...OLD_FORMS]);
/** Attributes of X.520 whose type is DirectoryString. */
const DIRECTORY = new Set<string>([
  oids.commonName,
  oids.surname,
  oids.localityName,
  oids.stateOrProvinceName,
  oids.streetAddress,
  oids.organizationName,
  oids.organizationalUnitName,
  oids.title,
  oids.postalCode,
  oids.givenName,
  oids.initials,
  oids.generationQualifier,
  oids.pseudonym,
]);

function attributesOf({ certificate }: LintSubject): [string, AttributeField][] {
  const of = (where: string, attributes: readonly AttributeField[] = []): [string, AttributeField][] =>
    attributes.map((attribute) => [where, attribute]);
  return [
    ...of('issuer', certificate.issuer.value?.attributes),
    ...of('subject', certificate.subject.value?.attributes),
  ];
}

function stringProblem({ type, form, text, octets }: AttributeField): string | undefined {
  if (PRINTABLE.has(type) && form !== tag.printableString) return 'is not a PrintableString';
  if (IA5.has(type) && form !== tag.ia5String) return 'is not an IA5String';
  if (DIRECTORY.has(type) && !DIRECTORY_FORMS.has(form)) return 'is not a DirectoryString';
  if (form === tag.printableString && !/^[A-Za-z0-9 '()+,./:=?-]*$/.test(octets.toString('latin1')))
    return 'has characters that no PrintableString has';
  return text?.includes('\ufffd') ? 'has octets that are no text of its type' : undefined;
}
