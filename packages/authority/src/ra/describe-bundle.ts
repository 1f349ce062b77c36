/** What stands in a bundle of evidence for whoever opens it and has never heard of us: what it is, and how it is checked. */
import { createHash } from 'node:crypto';
import type { TimeStamp } from './time-stamp.ts';

export interface BundleFacts {
  readonly address: string;
  readonly organisation: string;
  readonly madeAt: string;
  /** DER. */
  readonly roots: readonly Uint8Array[];
  readonly stamp: TimeStamp;
  /** The host of a time-stamping authority elsewhere; undefined where the office stamped. */
  readonly outside: string | undefined;
}

/** Plain text, with commands of OpenSSL 3.0. */
export function describeBundle({ address, organisation, madeAt, roots, stamp, outside }: BundleFacts): string {
  const seconds = Math.floor(stamp.time.getTime() / 1000);
  const whose =
    outside === undefined
      ? `The office stamped it itself. tsa.pem is the certificate of that key; evidence.json names its fingerprint.`
      : `It was stamped by ${outside}. Take the certificate of its root from there; tsa.pem is what the office checked it by.`;
  return [
    `Evidence about ${address}`,
    `Made by the mail certificate office of ${organisation} at ${madeAt}`,
    '',
    'evidence.p7m  what happened, as JSON, signed by the office (CMS SignedData, DER)',
    `evidence.tst  a time stamp upon that file: ${stamp.time.toISOString()} (RFC 3161 token, DER)`,
    "office.pem    the root that the office's signature leads to",
    'tsa.pem       what the time stamp leads to',
    '',
    'Nothing in here proves that office.pem and tsa.pem are whose they say they are. Compare their',
    'fingerprints (SHA-256) with what you have from elsewhere:',
    '',
    ...roots.map((der) => `  office.pem  ${fingerprint(der)}`),
    ...stamp.certificates.map((der) => `  tsa.pem     ${fingerprint(der)}`),
    '',
    whose,
    '',
    'The signature, with what was signed written to evidence.json:',
    '',
    `  openssl cms -verify -binary -inform DER -in evidence.p7m -CAfile office.pem -purpose any -attime ${seconds} -out evidence.json`,
    '',
    'The time stamp, and what it says:',
    '',
    `  openssl ts -verify -data evidence.p7m -in evidence.tst -token_in -CAfile tsa.pem -attime ${seconds}`,
    '  openssl ts -reply -in evidence.tst -token_in -text',
    '',
    '-attime is the time of the stamp: both are checked as of then, also when certificates have ended since.',
    '',
    "Records, proofs and revocation lists, with the key of the office's audit trail as you noted it:",
    '',
    "  chancery audit verify-bundle FILE.zip --key 'NAME+HASH+KEY' --root office.pem",
    '',
  ].join('\n');
}

function fingerprint(der: Uint8Array): string {
  const hex = createHash('sha256').update(der).digest('hex').toUpperCase();
  return (hex.match(/../g) ?? []).join(':');
}
