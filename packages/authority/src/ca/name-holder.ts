/** The names in a certificate, from its profile's templates and whoever it is for. */
import { domainToASCII } from 'node:url';
import { fillTemplate, type ProfileDocument, type ProfileVariable, profileVariables, variablesOf } from '@chancery/api';
import { buildName, type Name, SmimeError } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import type { EndEntity } from '../store/intents.ts';

export interface Holder {
  /** For sentences: `Ada Example`. */
  readonly who: string;
  readonly values: { readonly [V in Exclude<ProfileVariable, 'email'>]?: string | undefined };
  /** As typed, the primary one first: that is `email`. */
  readonly addresses: readonly string[];
}

/** What templates may say of a person. */
export function personAsHolder(person: EndEntity): Holder {
  return {
    who: person.name,
    values: {
      ...person.attributes,
      id: person.id,
      name: person.name,
      organisation: person.organisation,
      ...(person.externalId !== null && { externalId: person.externalId }),
    },
    addresses: person.addresses,
  };
}

export interface HolderNames {
  readonly subject: Name;
  /** In the form certificates have: the domain in A-labels. */
  readonly emails: readonly string[];
  readonly userPrincipalNames: readonly string[];
}

/** @throws AuthorityError `unusable-input` where the holder lacks what a template asks for, or has an address that no certificate here may have */
export function nameHolder(profile: ProfileDocument, holder: Holder): HolderNames {
  const [primary] = holder.addresses;
  const values: Values = { ...holder.values, ...(primary !== undefined && { email: certificateForm(primary) }) };
  const fill = (template: string, where: string): string => {
    const missing = lacking(template, values);
    if (missing.length > 0) throw lacks(holder, missing, where, profile);
    return fillTemplate(template, (name) => values[name] ?? '');
  };
  const attributes = profile.subject
    .filter(({ value, optional }) => !optional || lacking(value, values).length === 0)
    .map(({ attribute, value }) => ({ type: attribute, value: bounded(fill(value, attribute), attribute) }));
  const { emails, international, userPrincipalName } = profile.alternativeNames;
  const named = emails === 'all' ? holder.addresses : emails === 'primary' ? holder.addresses.slice(0, 1) : [];
  const inCertificates = [...new Set(named.map(certificateForm))];
  const foreign = inCertificates.find((address) => !international && !/^[\0-\x7f]*$/.test(address));
  if (foreign !== undefined) {
    throw unusable(
      `${foreign} has letters beyond ASCII, and the profile "${profile.name}" writes no international addresses.`,
    );
  }
  return {
    subject: subjectOf(attributes),
    emails: inCertificates,
    userPrincipalNames: userPrincipalName === null ? [] : [fill(userPrincipalName, 'the sign-in name')],
  };
}

type Values = { readonly [V in ProfileVariable]?: string | undefined };
type Attribute = ProfileDocument['subject'][number]['attribute'];

function subjectOf(attributes: readonly { type: Attribute; value: string }[]): Name {
  try {
    return buildName(attributes);
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw unusable(`The subject cannot be written in a certificate: ${error.message}.`);
  }
}

function lacking(template: string, values: Values): ProfileVariable[] {
  return variablesOf(template).filter((name) => (values[name] ?? '').trim() === '');
}

function lacks(holder: Holder, missing: ProfileVariable[], where: string, profile: ProfileDocument): AuthorityError {
  const names = missing.map((name) => profileVariables[name]).join(' and no ');
  return new AuthorityError(
    'unusable-input',
    `${holder.who} has no ${names}, which the profile "${profile.name}" puts into ${where}. Nothing was issued. Add it, or make it optional in the profile.`,
    { fields: missing.map((name) => ({ path: name, message: `is missing; ${where} needs it` })) },
  );
}

/** RFC 5280 Appendix A.1: the upper bounds of the attributes, in characters. */
const BOUNDS: Readonly<Partial<Record<Attribute, number>>> = {
  localityName: 128,
  stateOrProvinceName: 128,
  emailAddress: 255,
};

function bounded(text: string, attribute: Attribute): string {
  const cut = [...text.trim()]
    .slice(0, BOUNDS[attribute] ?? 64)
    .join('')
    .trim();
  if (attribute === 'countryName' && !/^[A-Z]{2}$/.test(cut))
    throw unusable(`The country ${JSON.stringify(cut)} is not the two capital letters of ISO 3166-1.`);
  return cut;
}

/** RFC 5280 7.5, RFC 9598 3: the domain in A-labels; the local part as it is. */
function certificateForm(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = domainToASCII(address.slice(at + 1));
  if (domain === '') throw unusable(`The domain of ${address} cannot be written in a certificate.`);
  return `${address.slice(0, at)}@${domain}`;
}

function unusable(what: string): AuthorityError {
  return new AuthorityError('unusable-input', `${what} Nothing was issued.`);
}
