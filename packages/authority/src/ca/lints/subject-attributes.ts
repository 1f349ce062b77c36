/** What the subject of a subscriber certificate may, must and must not hold (S/MIME BR 7.1.4.2). */
import { oids } from '@chancery/smime';
import { type Claim, mailboxesOf } from './claims.ts';
import { isCountry } from './countries.ts';
import { smimeBr } from './editions.ts';
import { labelOf } from './labels.ts';
import { isBrSubscriber, isOfficeEndEntity, isOfType, type Lint, type LintSubject } from './lint.ts';
import { isMailbox } from './mailbox-syntax.ts';
import { textsOf } from './specimen-names.ts';

const br = { severity: 'error', binds: 'smime-br', since: smimeBr } as const;

export const subjectAttributeLints: readonly Lint[] = [
  {
    ...br,
    id: 'subject-attributes-mailbox',
    clause: 'S/MIME BR 7.1.4.2.3',
    demand: 'the subject of a mailbox-validated certificate has no more than commonName, serialNumber and emailAddress',
    zlint: [
      'e_mailbox_validated_allowed_subjectdn_attributes',
      'e_mailbox_validated_enforce_subject_field_restrictions',
    ],
    applies: isOfType('mailbox'),
    check: (subject) => strangers(subject, 'mailbox'),
  },
  {
    ...br,
    id: 'subject-attributes-organization',
    clause: 'S/MIME BR 7.1.4.2.4',
    demand: 'the subject of an organization-validated certificate has no attributes of a person, nor others',
    applies: isOfType('organization'),
    check: (subject) => strangers(subject, 'organization'),
  },
  {
    ...br,
    id: 'subject-attributes-sponsor',
    clause: 'S/MIME BR 7.1.4.2.5',
    demand: 'the subject of a sponsor-validated certificate has only the attributes of the profile',
    applies: isOfType('sponsor'),
    check: (subject) => strangers(subject, 'sponsor'),
  },
  {
    ...br,
    id: 'subject-attributes-individual',
    clause: 'S/MIME BR 7.1.4.2.6',
    demand: 'the subject of an individual-validated certificate has no attributes of an organization, nor others',
    applies: isOfType('individual'),
    check: (subject) => strangers(subject, 'individual'),
  },
  {
    ...br,
    id: 'subject-organization',
    clause: 'S/MIME BR 7.1.4.2.4, 7.1.4.2.5',
    demand: 'organization- and sponsor-validated certificates name the organization and its identifier',
    applies: isOfType('organization', 'sponsor'),
    check: (subject) =>
      (['organizationName', 'organizationIdentifier'] as const)
        .filter((name) => !has(subject, oids[name]))
        .map((name) => `the subject has no ${name}`),
  },
  {
    ...br,
    id: 'subject-person',
    clause: 'S/MIME BR 7.1.4.2.5 note 2, 7.1.4.2.6 note 2',
    demand:
      'sponsor- and individual-validated certificates that are not legacy name a person: givenName, surname or pseudonym',
    zlint: ['e_invalid_individual_identity'],
    applies: (subject) =>
      isBrSubscriber(subject) &&
      subject.claims.some(
        ({ type, generation }) => (type === 'sponsor' || type === 'individual') && generation !== 'legacy',
      ),
    check: (subject) =>
      has(subject, oids.givenName) || has(subject, oids.surname) || has(subject, oids.pseudonym)
        ? []
        : ['the subject has neither givenName, surname nor pseudonym'],
  },
  {
    ...br,
    id: 'subject-pseudonym',
    clause: 'S/MIME BR 7.1.4.2.2 (e), (f)',
    demand: 'a pseudonym does not stand beside givenName or surname',
    applies: isBrSubscriber,
    check: (subject) =>
      has(subject, oids.pseudonym) && (has(subject, oids.givenName) || has(subject, oids.surname))
        ? ['the subject has both a pseudonym and the name of a person']
        : [],
  },
  {
    ...br,
    id: 'subject-place',
    clause: 'S/MIME BR 7.1.4.2.2 (j) to (m)',
    demand: 'a street stands with a locality or state, and locality, state and postal code with a country',
    applies: isBrSubscriber,
    check(subject) {
      const wrong: string[] = [];
      const isPlaced = has(subject, oids.localityName) || has(subject, oids.stateOrProvinceName);
      if (has(subject, oids.streetAddress) && !isPlaced) wrong.push('the subject has a street without a place');
      if ((isPlaced || has(subject, oids.postalCode)) && !has(subject, oids.countryName))
        wrong.push('the subject has a place without a country');
      return wrong;
    },
  },
  {
    ...br,
    id: 'subject-country',
    clause: 'S/MIME BR 7.1.4.2.2 (n)',
    demand: 'the country is one of ISO 3166-1, or XX for one that has no code',
    zlint: ['e_subject_country_name'],
    applies: isOfType('organization', 'sponsor', 'individual'),
    check: ({ certificate }) =>
      textsOf(certificate.subject.value, oids.countryName)
        .filter((code) => code !== 'XX' && !isCountry(code))
        .map((code) => `${JSON.stringify(code)} is no country of ISO 3166-1`),
  },
  {
    ...br,
    id: 'subject-metadata',
    clause: 'S/MIME BR 7.1.4.2',
    demand: 'no attribute says only that its value is absent: ".", "-", " "',
    applies: isBrSubscriber,
    check: ({ certificate }) =>
      (certificate.subject.value?.attributes ?? [])
        .filter(({ text }) => text !== undefined && /^[-. ]+$/.test(text))
        .map(({ type, text }) => `the subject attribute ${labelOf(type)} is only ${JSON.stringify(text)}`),
  },
  {
    ...br,
    id: 'common-name-mailbox',
    clause: 'S/MIME BR 7.1.4.2.2 (a)',
    demand: 'the commonName of a mailbox-validated certificate is a mailbox',
    zlint: ['e_commonname_mailbox_validated'],
    applies: isOfType('mailbox'),
    check: ({ certificate }) =>
      textsOf(certificate.subject.value, oids.commonName)
        .filter((text) => !isMailbox(text))
        .map((text) => `the commonName ${JSON.stringify(text)} is no mailbox`),
  },
  {
    ...br,
    id: 'common-name-organization',
    clause: 'S/MIME BR 7.1.4.2.2 (a)',
    demand: 'the commonName of an organization-validated certificate is its organizationName or one of its mailboxes',
    zlint: ['e_org_validated_invalid_cn'],
    applies: isOfType('organization'),
    check({ certificate }) {
      const allowed = new Set([
        ...textsOf(certificate.subject.value, oids.organizationName),
        ...mailboxesOf(certificate),
      ]);
      return textsOf(certificate.subject.value, oids.commonName)
        .filter((text) => !allowed.has(text))
        .map((text) => `the commonName ${JSON.stringify(text)} is neither the organizationName nor a mailbox`);
    },
  },
  {
    ...br,
    id: 'subject-email-in-alternative-name',
    clause: 'S/MIME BR 7.1.4.2.1',
    demand: 'every mailbox of the subject stands in the subjectAltName',
    applies: (subject) => isBrSubscriber(subject) || isOfficeEndEntity(subject),
    check({ certificate }) {
      const alternative = new Set(mailboxesOf(certificate));
      return (certificate.subject.value?.attributes ?? []).flatMap(({ type, text = '' }) =>
        (type === oids.emailAddress || /^[^\s@]+@[^\s@]+$/.test(text)) && !alternative.has(text)
          ? [`the address ${JSON.stringify(text)} stands in the subject but not in the subject alternative name`]
          : [],
      );
    },
  },
  {
    ...br,
    id: 'authority-subject',
    clause: 'S/MIME BR 7.1.4.3.1',
    demand: 'an authority has a commonName, an organizationName and a countryName',
    applies: ({ isUnderBr, certificate }) => isUnderBr && certificate.isAuthority,
    check: (subject) =>
      (['commonName', 'organizationName', 'countryName'] as const)
        .filter((name) => !has(subject, oids[name]))
        .map((name) => `the subject of the authority has no ${name}`),
  },
];

const EVERYWHERE: readonly string[] = [oids.commonName, oids.serialNumber, oids.emailAddress];
const OF_ORGANIZATIONS: readonly string[] = [
  oids.organizationName,
  oids.organizationalUnitName,
  oids.organizationIdentifier,
];
const OF_PEOPLE: readonly string[] = [oids.givenName, oids.surname, oids.pseudonym, oids.title];
const OF_PLACES: readonly string[] = [oids.localityName, oids.stateOrProvinceName, oids.countryName];
/** Not in the strict generation. */
const OF_STREETS: readonly string[] = [oids.streetAddress, oids.postalCode];

/** Allowed in every generation but for `OF_STREETS`; whatever is in none of these lists is what the tables call "Other". */
const ALLOWED: Readonly<Record<Claim['type'], ReadonlySet<string>>> = {
  mailbox: new Set(EVERYWHERE),
  organization: new Set([...EVERYWHERE, ...OF_ORGANIZATIONS, ...OF_PLACES, ...OF_STREETS]),
  sponsor: new Set([...EVERYWHERE, ...OF_ORGANIZATIONS, ...OF_PEOPLE, ...OF_PLACES, ...OF_STREETS]),
  individual: new Set([...EVERYWHERE, ...OF_PEOPLE, ...OF_PLACES, ...OF_STREETS]),
};
const IN_THE_TABLES: ReadonlySet<string> = ALLOWED.sponsor;

function strangers({ certificate, claims }: LintSubject, type: Claim['type']): string[] {
  const generations = claims.filter((claim) => claim.type === type).map(({ generation }) => generation);
  const isForbidden = (attribute: string, generation: Claim['generation']): boolean => {
    if (!IN_THE_TABLES.has(attribute)) return type === 'mailbox' || generation !== 'legacy';
    return !ALLOWED[type].has(attribute) || (generation === 'strict' && OF_STREETS.includes(attribute));
  };
  const present = new Set((certificate.subject.value?.attributes ?? []).map((attribute) => attribute.type));
  return [...present]
    .filter((attribute) => generations.some((generation) => isForbidden(attribute, generation)))
    .map((attribute) => `the subject attribute ${labelOf(attribute)} has no place in a ${type}-validated certificate`);
}

const has = ({ certificate }: LintSubject, type: string): boolean =>
  certificate.subject.value?.attributes.some((attribute) => attribute.type === type) === true;
