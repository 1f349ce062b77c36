import { tag } from '@chancery/smime';
import { rfc5280, smimeBr } from './editions.ts';
import { everyCertificate, isBrSubscriber, isOfficeEndEntity, type Lint } from './lint.ts';
import type { Specimen, TimeField } from './specimen.ts';

const DAY = 86_400_000;

export const validityLints: readonly Lint[] = [
  {
    id: 'validity-encoding',
    clause: 'RFC 5280 4.1.2.5',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'times are UTCTime until 2049 and GeneralizedTime from 2050, with seconds, in Z, without fractions',
    applies: everyCertificate,
    check: ({ certificate }) =>
      endsOf(certificate).flatMap(([name, time]) => {
        const problem = encodingProblem(time);
        return problem === undefined ? [] : [`${name} ${problem}`];
      }),
  },
  {
    id: 'validity-order',
    clause: 'RFC 5280 4.1.2.5',
    severity: 'error',
    binds: 'any',
    demand: 'the validity does not end before it begins',
    applies: everyCertificate,
    check({ certificate }) {
      const period = periodOf(certificate);
      return period !== undefined && period.to < period.from ? ['it ends before it begins'] : [];
    },
  },
  {
    id: 'validity-period',
    clause: 'S/MIME BR 6.3.2',
    severity: 'error',
    binds: 'smime-br',
    since: smimeBr,
    demand: 'a subscriber certificate is valid for at most 825 days, one of the legacy generation for 1185',
    applies: (subject) => isBrSubscriber(subject) || isOfficeEndEntity(subject),
    check({ certificate, claims }) {
      const period = periodOf(certificate);
      if (period === undefined) return [];
      const isLegacy = claims.length > 0 && claims.every(({ generation }) => generation === 'legacy');
      const most = isLegacy ? 1185 : 825;
      // RFC 5280 4.1.2.5: both ends belong to the period. A fraction of a day counts as a day.
      const days = Math.ceil((period.to.getTime() + 1000 - period.from.getTime()) / DAY);
      return days > most ? [`it is valid for ${days} days, more than ${most}`] : [];
    },
  },
  {
    id: 'within-issuer-validity',
    clause: 'RFC 5280 6.1.3 (a)(2)',
    severity: 'error',
    binds: 'office',
    demand: 'a certificate begins and ends within the life of its authority',
    applies: ({ issuer, use }) => issuer !== undefined && use !== undefined,
    check({ certificate, issuer }) {
      const period = periodOf(certificate);
      const limits = issuer && periodOf(issuer);
      if (period === undefined || limits === undefined) return [];
      const wrong: string[] = [];
      if (period.to > limits.to) wrong.push('it outlives the authority that signs it');
      if (period.from < limits.from) wrong.push('it begins before the authority that signs it');
      return wrong;
    },
  },
];

const endsOf = ({ notBefore, notAfter }: Specimen): [string, TimeField][] => [
  ...(notBefore.value ? [['the beginning of the validity', notBefore.value] as [string, TimeField]] : []),
  ...(notAfter.value ? [['the end of the validity', notAfter.value] as [string, TimeField]] : []),
];

function periodOf({ notBefore, notAfter }: Specimen): { from: Date; to: Date } | undefined {
  const from = notBefore.value?.date;
  const to = notAfter.value?.date;
  return from === undefined || to === undefined ? undefined : { from, to };
}

function encodingProblem({ type, text, date }: TimeField): string | undefined {
  if (type !== tag.utcTime && type !== tag.generalizedTime) return 'is neither a UTCTime nor a GeneralizedTime';
  if (date === undefined) return `is no time: ${JSON.stringify(text.slice(0, 40))}`;
  if (!/^(\d{12}|\d{14})Z$/.test(text)) return `is not written with seconds, in Z and without a fraction: ${text}`;
  if (type === tag.generalizedTime && date.getUTCFullYear() < 2050) return `is a GeneralizedTime before 2050: ${text}`;
  return undefined;
}
