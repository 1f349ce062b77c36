/** Takes a correspondent's certificate from a message that has proved everything there is to prove. */
import { type Certificate, parseCertificate, validatePath } from '@chancery/smime';
import type { Authenticity } from './authenticity.ts';
import type { OfficeView } from './office.ts';
import type { Harvested, Pinned } from './recipients/harvested.ts';
import type { Form } from './unprotect.ts';

/**
 * Chain, address and From must all pass, and DMARC must not fail (nor be unknown: a forger could see to that).
 * @param now milliseconds since 1970
 * @returns a sentence for the journal, or nothing
 */
export async function harvest(
  { report }: Pick<Form, 'report'>,
  authenticity: Pick<Authenticity, 'dmarc'>,
  view: OfficeView,
  harvested: Pick<Harvested, 'offer'>,
  now: number,
): Promise<string> {
  const signer = report?.signers[0];
  const from = report?.from[0];
  if (report?.verdict !== 'valid' || report.covers !== 'whole' || report.signers.length !== 1) return '';
  if (signer?.certificate === undefined || signer.identity !== 'match' || !signer.path.valid) return '';
  if (from === undefined || report.from.length !== 1 || view.isOurs(from)) return '';
  if (authenticity.dmarc !== 'pass' && authenticity.dmarc !== 'none') return '';

  const judge = (leaf: Certificate, chain: readonly Certificate[]) =>
    validatePath({
      leaf,
      intermediates: [...view.intermediates, ...chain],
      anchors: view.anchors,
      at: new Date(now),
      purpose: 'email-encryption',
      email: from,
      crls: view.crls,
      revocation: 'if-present',
    });
  const offered = signer.encryptionCertificate ?? signer.certificate;
  const chain = signer.path.path.slice(1, -1);
  if (!judge(offered, chain).valid) return '';
  const isSpent = (pinned: Pinned) => {
    const certificate = parseCertificate(pinned.certificate);
    const report = judge(certificate, pinned.chain.map(parseCertificate));
    return certificate.notAfter.getTime() <= now || report.revocation === 'revoked';
  };
  const offer = { certificate: offered.der, chain: chain.map(({ der }) => der) };
  switch (await harvested.offer(from, offer, isSpent)) {
    case 'pinned':
      return `certificate of ${from} taken`;
    case 'replaced':
      return `certificate of ${from} replaced: the one before had expired or was revoked`;
    case 'offered':
      return `another certificate of ${from} was offered; the pinned one stays`;
    case 'known':
      return '';
  }
}
