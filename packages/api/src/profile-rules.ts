/** What a profile document may not say, whatever its schema allows. Pure, so that a form can show it while somebody types. */
import { type namedPurposes, type ProfileDocument, type ProfileVariable, variablesOf } from './profile-document.ts';

export interface ProfileProblem {
  /** The field, dotted: `keyUsage.rsa`. */
  readonly path: string;
  /** A sentence that says what is wrong and why. */
  readonly message: string;
}

/** Everything that is wrong with a document; empty for one that may be applied. */
export function profileProblems(profile: ProfileDocument): ProfileProblem[] {
  return RULES.flatMap((rule) => rule(profile));
}

type Rule = (profile: ProfileDocument) => ProfileProblem[];
type Use = ProfileDocument['use'];

const wrong = (path: string, message: string): ProfileProblem[] => [{ path, message }];
const isForMail = ({ use }: ProfileDocument): boolean => use === 'signing' || use === 'encryption' || use === 'partner';

/** S/MIME BR 6.3.2, for the strict and the multipurpose generation. */
const MAIL_DAYS = 825;
/** A responder certificate cannot be revoked (RFC 6960 4.2.2.2.1): it must end soon instead. */
const RESPONDER_DAYS = 90;

const escrow: Rule = ({ use, escrow: chosen }) => {
  if (use === 'encryption' && chosen !== 'must')
    return wrong('escrow', 'An encryption key is always escrowed: without it, mail would be lost with its key.');
  if (use !== 'encryption' && chosen !== 'never')
    return wrong(
      'escrow',
      'Only encryption keys are escrowed: a copy of any other key could act in its holder’s name.',
    );
  return [];
};

const retention: Rule = ({ use, retainYears }) =>
  use !== 'encryption' && retainYears !== null
    ? wrong('retainYears', 'Only encryption keys are in escrow: leave this empty.')
    : [];

const renewalKey: Rule = ({ use, renewalKey: chosen }) =>
  use !== 'encryption' && chosen !== 'same'
    ? wrong('renewalKey', 'Only keys for encryption are renewed by what the KRA makes: leave this at "same".')
    : [];

const approval: Rule = ({ use, approval: chosen }) =>
  use !== 'signing' && use !== 'encryption' && chosen !== 'never'
    ? wrong('approval', 'Only certificates of people are asked for by their devices: leave this at "never".')
    : [];

const ORIGINS: Readonly<Record<Use, readonly ProfileDocument['keyOrigins'][number][]>> = {
  signing: ['device', 'browser', 'gateway'],
  encryption: ['kra', 'device'],
  gateway: ['gateway'],
  ocsp: ['authority'],
  'scep-ra': ['authority'],
  admin: ['device', 'browser'],
  seal: ['authority'],
  partner: ['device'],
};

const keyOrigins: Rule = ({ use, keyOrigins: chosen }) =>
  chosen
    .filter((origin) => !ORIGINS[use].includes(origin))
    .flatMap((origin) =>
      wrong(
        'keyOrigins',
        origin === 'kra'
          ? 'The KRA makes and escrows encryption keys alone; no other key may come from it.'
          : use === 'encryption'
            ? `An encryption key is made by the KRA, or by a device that hands over a copy; a key from ${origin} was never escrowed.`
            : `A key for ${use} cannot come from ${origin}; it may come from ${ORIGINS[use].join(', ')}.`,
      ),
    );

const generatedKey: Rule = ({ use, keys, keyOrigins }) => {
  const { generate, algorithms, rsaBits } = keys;
  if (use !== 'encryption')
    return generate === null
      ? []
      : wrong('keys.generate', 'Only encryption keys are made by the KRA; leave this empty.');
  if (!keyOrigins.includes('kra'))
    return generate === null
      ? []
      : wrong('keys.generate', 'The KRA makes no keys where they come from devices alone; leave this empty.');
  if (generate === null) return wrong('keys.generate', 'The KRA makes encryption keys: say which kind it should make.');
  const [kind, bits] = generate.split('-');
  if (!algorithms.some((one) => one === kind))
    return wrong('keys.generate', `The KRA would make ${generate}, which the profile does not accept.`);
  if (bits !== undefined && (Number(bits) < rsaBits.minimum || Number(bits) > rsaBits.maximum))
    return wrong(
      'keys.generate',
      `The KRA would make ${generate}, outside of the ${rsaBits.minimum} to ${rsaBits.maximum} bits that the profile accepts.`,
    );
  return [];
};

const keySizes: Rule = ({ use, keys: { rsaBits, algorithms } }) => [
  ...(rsaBits.minimum > rsaBits.maximum
    ? wrong('keys.rsaBits', 'The smallest RSA key is larger than the largest: no RSA key would do.')
    : []),
  ...(algorithms.includes('ed25519') && (use === 'encryption' || use === 'scep-ra' || use === 'partner')
    ? wrong('keys.algorithms', 'Ed25519 signs and cannot encrypt.')
    : []),
];

const USAGES: Readonly<
  Record<Use, Readonly<Record<'rsa' | 'ec', { needed: readonly string[]; allowed: readonly string[] }>>>
> = {
  signing: {
    rsa: { needed: ['digitalSignature'], allowed: ['nonRepudiation'] },
    ec: { needed: ['digitalSignature'], allowed: ['nonRepudiation'] },
  },
  encryption: {
    rsa: { needed: ['keyEncipherment'], allowed: ['dataEncipherment'] },
    ec: { needed: ['keyAgreement'], allowed: [] },
  },
  gateway: {
    rsa: { needed: ['keyEncipherment'], allowed: ['digitalSignature'] },
    ec: { needed: ['keyAgreement'], allowed: ['digitalSignature'] },
  },
  ocsp: {
    rsa: { needed: ['digitalSignature'], allowed: [] },
    ec: { needed: ['digitalSignature'], allowed: [] },
  },
  'scep-ra': {
    rsa: { needed: ['digitalSignature', 'keyEncipherment'], allowed: [] },
    ec: { needed: ['digitalSignature'], allowed: ['keyAgreement'] },
  },
  admin: {
    rsa: { needed: ['digitalSignature'], allowed: [] },
    ec: { needed: ['digitalSignature'], allowed: [] },
  },
  seal: {
    rsa: { needed: ['digitalSignature'], allowed: [] },
    ec: { needed: ['digitalSignature'], allowed: [] },
  },
  // A request may ask for a part of it (RFC 8823 3).
  partner: {
    rsa: { needed: ['digitalSignature', 'keyEncipherment'], allowed: ['nonRepudiation', 'dataEncipherment'] },
    ec: { needed: ['digitalSignature', 'keyAgreement'], allowed: ['nonRepudiation'] },
  },
};

const keyUsage: Rule = (profile) =>
  (['rsa', 'ec'] as const).flatMap((kind) => {
    const { use } = profile;
    const { needed, allowed } = USAGES[use][kind];
    const path = `keyUsage.${kind}`;
    const present: readonly string[] = profile.keyUsage[kind];
    const name = kind === 'rsa' ? 'An RSA key' : 'An elliptic-curve key';
    return [
      ...needed
        .filter((usage) => !present.includes(usage))
        .flatMap((usage) => wrong(path, `${name} for ${use} needs ${usage}.`)),
      ...present
        .filter((usage) => !needed.includes(usage) && !allowed.includes(usage))
        .flatMap((usage) => wrong(path, refusedUsage(use, usage, name))),
      ...(present.includes('dataEncipherment') && profile.baseline?.generation === 'strict'
        ? wrong(path, 'The strict generation has no dataEncipherment (S/MIME BR 7.1.2.3 e); the multipurpose one may.')
        : []),
    ];
  });

function refusedUsage(use: Use, usage: string, name: string): string {
  if (use === 'signing')
    return `A signing certificate never has ${usage}: its key is not escrowed, and what is encrypted to it may be lost.`;
  if (use === 'encryption' && (usage === 'digitalSignature' || usage === 'nonRepudiation'))
    return `An encryption certificate never has ${usage}: its key is escrowed, and a copy could sign in its holder’s name.`;
  return `${name} for ${use} may not have ${usage}.`;
}

const NEVER_FOR_MAIL: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '2.5.29.37.0': 'anyExtendedKeyUsage',
};
const OWN_PURPOSE: Readonly<Partial<Record<Use, (typeof namedPurposes)[number]>>> = {
  signing: 'emailProtection',
  encryption: 'emailProtection',
  gateway: 'clientAuth',
  ocsp: 'ocspSigning',
  admin: 'clientAuth',
  partner: 'emailProtection',
};

const purposes: Rule = ({ use, baseline, extendedKeyUsage }) => {
  const path = 'extendedKeyUsage';
  const own = OWN_PURPOSE[use];
  return [
    ...(own !== undefined && !extendedKeyUsage.includes(own)
      ? wrong(path, `A certificate for ${use} needs the purpose ${own}.`)
      : []),
    ...(new Set(extendedKeyUsage).size < extendedKeyUsage.length ? wrong(path, 'A purpose stands there twice.') : []),
    ...(use !== 'ocsp' && extendedKeyUsage.some((one) => one === 'ocspSigning' || one === '1.3.6.1.5.5.7.3.9')
      ? wrong(
          path,
          'ocspSigning lets its holder say that revoked certificates are good: it is for the responder alone.',
        )
      : []),
    ...extendedKeyUsage
      .filter((one) => Object.hasOwn(NEVER_FOR_MAIL, one))
      .flatMap((one) =>
        wrong(path, `${NEVER_FOR_MAIL[one]} has no place in a certificate of this office (S/MIME BR 7.1.2.3 f).`),
      ),
    ...(baseline?.generation === 'strict' && extendedKeyUsage.some((one) => one !== 'emailProtection')
      ? wrong(
          path,
          'The strict generation has emailProtection and nothing else (S/MIME BR 7.1.2.3 f); the multipurpose one may have more.',
        )
      : []),
  ];
};

const baseline: Rule = (profile) => {
  if (isForMail(profile) && profile.baseline === null)
    return wrong(
      'baseline',
      'A profile for mail says which type and generation of the S/MIME Baseline Requirements it follows.',
    );
  if (!isForMail(profile) && profile.baseline !== null)
    return wrong('baseline', 'Only certificates for mail follow the S/MIME Baseline Requirements.');
  return [];
};

const validity: Rule = (profile) => {
  const { use, validityDays, renewalDays } = profile;
  return [
    ...(profile.baseline !== null && validityDays > MAIL_DAYS
      ? wrong('validityDays', `${validityDays} days are more than the ${MAIL_DAYS} that S/MIME BR 6.3.2 allows.`)
      : []),
    ...(use === 'ocsp' && validityDays > RESPONDER_DAYS
      ? wrong('validityDays', `A responder certificate cannot be revoked: let it end within ${RESPONDER_DAYS} days.`)
      : []),
    ...(renewalDays * 2 > validityDays
      ? wrong(
          'renewalDays',
          'Renewal would begin in the first half of the certificate’s life: it would be renewed without end.',
        )
      : []),
  ];
};

const revocationSources: Rule = ({ use, crlDistributionPoint, authorityInfoAccess, baseline: follows }) => {
  if (use === 'ocsp')
    return crlDistributionPoint || authorityInfoAccess.ocsp
      ? wrong(
          'crlDistributionPoint',
          'Nobody is asked about the responder’s own certificate (RFC 6960 4.2.2.2.1): it has no such address.',
        )
      : [];
  if (follows !== null && !crlDistributionPoint)
    return wrong('crlDistributionPoint', 'A certificate for mail says where its CRL is (S/MIME BR 7.1.2.3 b).');
  return crlDistributionPoint || authorityInfoAccess.ocsp
    ? []
    : wrong('crlDistributionPoint', 'With neither a CRL nor an OCSP address, nobody could learn that it was revoked.');
};

const policies: Rule = ({ policies: list }) => [
  ...(list.length === 0
    ? wrong('policies', 'A certificate names the policy that it was issued under (S/MIME BR 7.1.2.3 a).')
    : []),
  ...(new Set(list.map(({ id }) => id)).size < list.length ? wrong('policies', 'A policy stands there twice.') : []),
  ...list.flatMap(({ id }) => {
    if (id.startsWith('2.23.140.'))
      return wrong('policies', `${id} is reserved for publicly trusted authorities, which this office is not.`);
    return id === '2.5.29.32.0' ? wrong('policies', 'anyPolicy is for authorities alone (S/MIME BR 7.1.6.4).') : [];
  }),
];

const OFFICE_KNOWS: Readonly<Record<Use, readonly ProfileVariable[] | 'all'>> = {
  signing: 'all',
  encryption: 'all',
  gateway: ['id', 'name', 'organisation'],
  ocsp: ['organisation'],
  'scep-ra': ['organisation'],
  admin: ['id', 'name', 'email', 'organisation'],
  seal: ['organisation'],
  partner: ['id', 'name', 'email', 'organisation'],
};

const subject: Rule = (profile) => {
  const { use, subject: attributes, baseline: follows } = profile;
  const names = attributes.map(({ attribute }) => attribute);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  const known = OFFICE_KNOWS[use];
  const asked = attributes.filter(({ optional }) => !optional).flatMap(({ value }) => variablesOf(value));
  const problems = [
    ...(twice === undefined ? [] : wrong('subject', `${twice} stands there twice.`)),
    ...(attributes.every(({ optional }) => optional)
      ? wrong('subject', 'Everything in the subject may be left out: some would have an empty name.')
      : []),
    ...attributes.flatMap(({ value, attribute }) =>
      variablesOf(value)
        .filter((name) => known !== 'all' && !known.includes(name))
        .flatMap((name) =>
          wrong('subject', `${attribute} asks for {${name}}, which a ${use} certificate’s holder never has.`),
        ),
    ),
    ...attributes
      .filter(({ attribute, value }) => attribute === 'emailAddress' && value !== '{email}')
      .flatMap(() => wrong('subject', 'emailAddress is the holder’s own address: write {email}.')),
  ];
  if (!isForMail(profile)) return problems;
  if (!(['id', 'email', 'employeeId', 'externalId'] as const).some((name) => asked.includes(name)))
    problems.push(
      ...wrong(
        'subject',
        'Nothing in the subject tells two people of the same name apart: add {id}, {email} or {employeeId} (RFC 5280 4.1.2.6).',
      ),
    );
  if (follows?.type === 'mailbox') {
    const foreign = names.filter((name) => !['commonName', 'serialNumber', 'emailAddress'].includes(name));
    if (foreign.length > 0)
      problems.push(
        ...wrong('subject', `A mailbox-validated certificate has no ${foreign.join(', ')} (S/MIME BR 7.1.4.2.3).`),
      );
  }
  if ((follows?.type === 'sponsor' || follows?.type === 'organization') && !names.includes('organizationName'))
    problems.push(
      ...wrong('subject', `A ${follows.type}-validated certificate names its organisation (S/MIME BR 7.1.4.2.5).`),
    );
  return problems;
};

const alternativeNames: Rule = (profile) => {
  const { emails, userPrincipalName } = profile.alternativeNames;
  const known = OFFICE_KNOWS[profile.use];
  return [
    ...(isForMail(profile) && emails === 'none'
      ? wrong(
          'alternativeNames.emails',
          'A certificate for mail names the addresses that it is for (S/MIME BR 7.1.4.2.1).',
        )
      : []),
    ...(!isForMail(profile) && profile.use !== 'admin' && emails !== 'none'
      ? wrong('alternativeNames.emails', 'The holder of this certificate has no mail address.')
      : []),
    ...(userPrincipalName !== null && profile.baseline?.generation !== 'multipurpose'
      ? wrong(
          'alternativeNames.userPrincipalName',
          'Only the multipurpose generation has other names beside its addresses (S/MIME BR 7.1.4.2.1).',
        )
      : []),
    ...variablesOf(userPrincipalName ?? '')
      .filter((name) => known !== 'all' && !known.includes(name))
      .flatMap((name) =>
        wrong('alternativeNames.userPrincipalName', `It asks for {${name}}, which its holder never has.`),
      ),
  ];
};

const publication: Rule = (profile) => {
  if (!isForMail(profile) && profile.publication !== 'nowhere')
    return wrong('publication', 'Directories hold the certificates of people: senders look for no other.');
  if (profile.use === 'partner' && Array.isArray(profile.publication))
    return wrong(
      'publication',
      'Partners stand in none of our directories: "everywhere" tells our mail gateways, "nowhere" tells nobody.',
    );
  return [];
};

const exceptions: Rule = ({ lints }) => {
  const names = lints.exceptions.map(({ lint }) => lint);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? [] : wrong('lints.exceptions', `The lint ${twice} is excepted twice.`);
};

const RULES: readonly Rule[] = [
  escrow,
  retention,
  renewalKey,
  approval,
  keyOrigins,
  generatedKey,
  keySizes,
  keyUsage,
  purposes,
  baseline,
  validity,
  revocationSources,
  policies,
  subject,
  alternativeNames,
  publication,
  exceptions,
];
