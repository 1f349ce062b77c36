import type { Lint } from './lint.ts';

export const serialNumber: Lint = {
  id: 'serial-number',
  clause: 'S/MIME BR 7.1, RFC 5280 4.1.2.2',
  severity: 'error',
  applies: () => true,
  check({ certificate: { serialNumber: hex } }) {
    const value = hex.startsWith('-') ? -1n : BigInt(`0x${hex}`);
    if (value <= 0n) return ['the serial number is not positive'];
    if (value >= 1n << 159n) return ['the serial number is not below 2^159'];
    // 64 random bits leave the top 16 of them empty once in 65,536 times; below that the number was not random.
    if (value < 1n << 48n) return ['the serial number is too small to hold 64 random bits'];
    return [];
  },
};
