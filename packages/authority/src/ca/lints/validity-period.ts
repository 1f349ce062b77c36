import { isEndEntity, type Lint } from './lint.ts';

const DAY = 86_400_000;

export const validityPeriod: Lint = {
  id: 'validity-period',
  clause: 'S/MIME BR 6.3.2',
  severity: 'error',
  applies: isEndEntity,
  check({ certificate: { notBefore, notAfter } }) {
    // RFC 5280 4.1.2.5: both ends belong to the period.
    const days = (notAfter.getTime() + 1000 - notBefore.getTime()) / DAY;
    return days > 825 ? [`it is valid for ${Math.ceil(days)} days, more than 825`] : [];
  },
};
