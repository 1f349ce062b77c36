/** Certificates that were imported before their issuer came: from now on their status is this office's to say. */
import { formatName, parseCertificate, verifyCertificateSignature } from '@chancery/smime';
import type { AuthorityRow } from '../store/authorities.ts';
import type { Transaction } from '../store/database.ts';
import { importedWithoutIssuer, updateImported } from '../store/imported-certificates.ts';

/** Those that it signed, by name and by signature. One with a serial number that is taken stays as it is. */
export async function adoptImported(tx: Transaction, authority: AuthorityRow): Promise<number> {
  const issuer = formatName(authority.certificate.subject);
  const taken = new Set<string>();
  let adopted = 0;
  for (let after: string | undefined; ; ) {
    const rows = await importedWithoutIssuer(tx, issuer, after);
    for (const { id, serial_number, certificate } of rows) {
      if (taken.has(serial_number) || !verifyCertificateSignature(parseCertificate(certificate), authority.certificate))
        continue;
      taken.add(serial_number);
      await updateImported(tx, id, { authority_id: authority.id });
      adopted += 1;
    }
    after = rows.at(-1)?.id;
    if (after === undefined) return adopted;
  }
}
