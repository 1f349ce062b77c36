import type { ImportedCertificate } from '@chancery/api';

/** Many offices issued one certificate for both. */
export function importedUse({ use, alsoSigns }: Pick<ImportedCertificate, 'use' | 'alsoSigns'>): string {
  if (use === 'signing') return 'Signing';
  return alsoSigns ? 'Encryption and signing' : 'Encryption';
}

/** What a person calls an issuer, or all of its name where there is no such part. */
export function commonName(name: string): string {
  return /(?:^|,)CN=((?:\\.|[^,\\])+)/.exec(name)?.[1]?.replace(/\\(.)/g, '$1') ?? name;
}
