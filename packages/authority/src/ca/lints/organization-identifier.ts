/** subject:organizationIdentifier, a registration reference (S/MIME BR 7.1.4.2.2 (d), Appendix A.1). */
import { oids, tag } from '@chancery/smime';
import { countryOfVatPrefix, isCountry } from './countries.ts';
import { smimeBr } from './editions.ts';
import { isBrSubscriber, isOfType, type Lint, type LintSubject } from './lint.ts';
import { textsOf } from './specimen-names.ts';

const hasIdentifier = (subject: LintSubject): boolean => isBrSubscriber(subject) && identifiersOf(subject).length > 0;

export const organizationIdentifierLints: readonly Lint[] = [
  {
    id: 'organization-identifier-form',
    clause: 'S/MIME BR 7.1.4.2.2 (d), Appendix A.1',
    severity: 'error',
    binds: 'smime-br',
    since: smimeBr,
    demand:
      'an organizationIdentifier is a recognised scheme, a country, a subdivision where there is one, and a reference',
    applies: hasIdentifier,
    check: (subject) =>
      identifiersOf(subject).flatMap((text) => {
        const reference = parse(text);
        if (reference === undefined) return [`the organizationIdentifier ${text} is not of the form NTRGB-12345678`];
        if (!SCHEMES.has(reference.scheme))
          return [`the registration scheme ${reference.scheme} is not ${[...SCHEMES].join(', ')}`];
        const { scheme, country } = reference;
        const isGlobal = scheme === 'LEI' || scheme === 'INT';
        if (isGlobal !== (country === 'XG') || !(isGlobal || isCountry(countryOfScheme(reference))))
          return [`the registration scheme ${scheme} cannot be of the country ${country}`];
        return reference.reference === '' && !WITHOUT_REFERENCE.has(scheme)
          ? [`the organizationIdentifier ${text} has no reference`]
          : [];
      }),
  },
  {
    id: 'organization-identifier-country',
    clause: 'S/MIME BR 7.1.4.2.2 (d) note 1, Appendix A.1',
    severity: 'error',
    binds: 'smime-br',
    since: smimeBr,
    demand: "the country of a registration scheme is the subject's, but for LEI and INT",
    zlint: ['e_registration_scheme_id_matches_subject_country'],
    applies: (subject) =>
      isOfType('organization', 'sponsor')(subject) &&
      countriesOf(subject).length > 0 &&
      identifiersOf(subject).some((text) => parse(text) !== undefined),
    check(subject) {
      const countries = countriesOf(subject);
      return identifiersOf(subject)
        .map(parse)
        .filter((one) => one !== undefined)
        .filter(({ scheme }) => scheme !== 'LEI' && scheme !== 'INT')
        .filter((one) => !countries.includes(one.country) && !countries.includes(countryOfScheme(one)))
        .map(({ country }) => `the registration is of ${country}, the subject of ${countries.join(', ')}`);
    },
  },
  {
    id: 'organization-identifier-string',
    clause: 'S/MIME BR 7.1.4.2.2 (d)',
    severity: 'error',
    binds: 'smime-br',
    since: smimeBr,
    demand: 'an organizationIdentifier is a PrintableString or a UTF8String',
    applies: isBrSubscriber,
    check: ({ certificate }) =>
      (certificate.subject.value?.attributes ?? [])
        .filter(({ type }) => type === oids.organizationIdentifier)
        .filter(({ form }) => form !== tag.printableString && form !== tag.utf8String)
        .map(() => 'the organizationIdentifier is neither a PrintableString nor a UTF8String'),
  },
];

interface RegistrationReference {
  readonly scheme: string;
  readonly country: string;
  readonly reference: string;
}

const SCHEMES = new Set(['NTR', 'VAT', 'PSD', 'LEI', 'GOV', 'INT']);
/** Note 2: these may be the whole of the identifier. */
const WITHOUT_REFERENCE = new Set(['GOV', 'INT']);

const identifiersOf = ({ certificate }: LintSubject): string[] =>
  textsOf(certificate.subject.value, oids.organizationIdentifier);

const countriesOf = ({ certificate }: LintSubject): string[] => textsOf(certificate.subject.value, oids.countryName);

function parse(text: string): RegistrationReference | undefined {
  const found = /^([A-Z]{3})([A-Z]{2})(?:\+[A-Z0-9]{1,3})?(?:-(.+))?$/s.exec(text);
  if (found === null) return undefined;
  const [, scheme = '', country = '', reference = ''] = found;
  return { scheme, country, reference };
}

const countryOfScheme = ({ scheme, country }: RegistrationReference): string =>
  scheme === 'VAT' ? countryOfVatPrefix(country) : country;
