import { weaknessesOf } from '../key-strength.ts';
import type { Lint } from './lint.ts';

export const publicKey: Lint = {
  id: 'public-key',
  clause: 'S/MIME BR 6.1.1.3, 6.1.5, 6.1.6',
  severity: 'error',
  applies: () => true,
  check: ({ kind, certificate }) => {
    const weaknesses = weaknessesOf(certificate.spki);
    const bits = certificate.keyKind === 'rsa' ? certificate.publicKey.asymmetricKeyDetails?.modulusLength : undefined;
    const least = kind === 'root' ? 4096 : kind === 'issuing' ? 3072 : 2048;
    return bits !== undefined && bits >= 2048 && bits < least
      ? [...weaknesses, `an RSA key of ${bits} bits is too short for this authority; ${least} are needed`]
      : weaknesses;
  },
};
