/** What a threshold means, in words, for whoever chooses it. */
import { plural } from '../format.ts';

export interface ThresholdWords {
  readonly rule: string;
  /** What is unwise about it, or null. */
  readonly warning: string | null;
}

/** As many as possible may be away, and still more than half are needed. At least two. */
export const suggestedThreshold = (officers: number): number => Math.max(2, Math.floor(officers / 2) + 1);

/** @param officers N @param threshold M, from 2 to N */
export function thresholdWords(officers: number, threshold: number): ThresholdWords {
  const spare = officers - threshold;
  const few = threshold - 1;
  const rule = [
    `Any ${threshold} of the ${officers} officers open a key together.`,
    `${few === 1 ? 'One alone opens' : `${few} together open`} nothing, and neither does this server.`,
    spare === 0
      ? ''
      : `${spare === 1 ? 'One of them' : `${spare} of them`} may be ill, away or gone, and keys still come back.`,
  ];
  return {
    rule: rule.filter((sentence) => sentence !== '').join(' '),
    warning:
      spare > 0
        ? null
        : `${officers === 2 ? 'Both are needed: if one of them' : `All ${officers} are needed: if any one of them`} loses their share key, no key in the vault ever comes back. Invite more officers than are needed.`,
  };
}

/** Null where these can found or share a vault; else what is missing. */
export function whyNotShare(officers: number, threshold: number): string | null {
  if (officers < 2) return 'At least two officers share a vault';
  if (officers > 64) return 'At most 64 officers share a vault';
  if (threshold < 2) return 'At least two officers open a key';
  if (threshold > officers) return `${plural(officers, 'officer', 'officers')} cannot make up a quorum of ${threshold}`;
  return null;
}
