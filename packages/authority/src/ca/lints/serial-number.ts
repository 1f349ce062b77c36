import { rfc5280, smimeBr } from './editions.ts';
import { everyCertificate, isOfficeIssued, type Lint, type LintSubject } from './lint.ts';

export const serialNumberLints: readonly Lint[] = [
  {
    id: 'serial-number',
    clause: 'RFC 5280 4.1.2.2',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'the serial number is positive and has at most 20 octets',
    applies: everyCertificate,
    check(subject) {
      if (serialValue(subject) <= 0n) return ['the serial number is not positive'];
      return subject.certificate.serialNumber.length > 20 ? ['the serial number has more than 20 octets'] : [];
    },
  },
  {
    id: 'serial-number-entropy',
    clause: 'S/MIME BR 7.1',
    severity: 'error',
    binds: 'smime-br',
    since: smimeBr,
    demand: 'the serial number is below 2^159 and holds 64 random bits',
    applies: (subject) => subject.isUnderBr || isOfficeIssued(subject),
    check(subject) {
      const value = serialValue(subject);
      if (value >= 1n << 159n) return ['the serial number is not below 2^159'];
      // 64 random bits leave the top 16 of them empty once in 65,536 times; below that the number was not random.
      return value > 0n && value < 1n << 48n ? ['the serial number is too small to hold 64 random bits'] : [];
    },
  },
];

function serialValue({ certificate: { serialNumber } }: LintSubject): bigint {
  return serialNumber.length === 0
    ? 0n
    : BigInt.asIntN(serialNumber.length * 8, BigInt(`0x${serialNumber.toString('hex')}`));
}
