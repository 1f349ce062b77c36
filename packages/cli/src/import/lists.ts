/** What the lists of the other office say of its certificates: each list judged by its issuer's signature first. */
import { type Certificate, type Crl, formatName, namesEqual, verifyCrlSignature } from '@chancery/smime';
import { CommandError } from '../exit-codes.ts';
import { certificatesIn, crlsIn, readInput } from '../input-files.ts';

/** What is known of a certificate; null for one that no list names. */
export type Lists = (certificate: Certificate) => { at: string; reason: ReasonText } | null;
type ReasonText = Exclude<NonNullable<ReturnType<Crl['find']>>['reason'], undefined | 'removeFromCRL'>;

/** @throws CommandError for a list that none of the issuers signed, or that tells only a part */
export function readLists(files: { readonly crl: readonly string[]; readonly issuer: readonly string[] }): Lists {
  const issuers = files.issuer.flatMap((file) => certificatesIn(readInput(file), file));
  const crls = files.crl.flatMap((file) => crlsIn(readInput(file), file).map((crl) => judged(crl, file, issuers)));
  return (certificate) => {
    for (const crl of crls) {
      if (!namesEqual(crl.issuer, certificate.issuer)) continue;
      const entry = crl.find(certificate.serialNumber);
      if (entry === undefined || entry.reason === 'removeFromCRL') continue;
      return { at: entry.revokedAt.toISOString(), reason: entry.reason ?? 'unspecified' };
    }
    return null;
  };
}

function judged(crl: Crl, file: string, issuers: readonly Certificate[]): Crl {
  const named = issuers.filter((one) => namesEqual(one.subject, crl.issuer));
  if (named.length === 0)
    throw new CommandError(
      `${file} is the list of ${formatName(crl.issuer)}: give that one's certificate with --issuer, so that its signature can be checked. Nothing was imported.`,
    );
  if (!named.some((one) => verifyCrlSignature(crl, one)))
    throw new CommandError(`${file} does not bear the signature of ${formatName(crl.issuer)}. Nothing was imported.`);
  if (crl.baseCrlNumber !== undefined || crl.unknownCritical.length > 0)
    throw new CommandError(`${file} is a delta or has extensions that are not known here. Nothing was imported.`);
  return crl;
}
