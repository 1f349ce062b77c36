/** Takes a correspondent's certificate from a message that has proved everything there is to prove. */
import {
  type Certificate,
  isIssuedBy,
  parseCertificate,
  validatePath,
  verifyCertificateSignature,
} from '@chancery/smime';
import type { Authenticity } from './authenticity.ts';
import type { InboundPolicy } from './inbound-policy.ts';
import type { OfficeView } from './office.ts';
import type { Harvested, Pinned } from './recipients/harvested.ts';
import type { Form } from './unprotect.ts';

export interface Taken {
  /** A sentence for the journal, or nothing. */
  readonly detail: string;
  /** A sentence for the reader, where the signer's certificate is another than the one that was pinned. */
  readonly changed: string | undefined;
}

const nothing: Taken = { detail: '', changed: undefined };

/**
 * Chain, address and From must all pass, and DMARC must not fail (nor be unknown: a forger could see to that).
 * @param message its Message-ID
 * @param now milliseconds since 1970
 */
export async function harvest(
  { report }: Pick<Form, 'report'>,
  message: string | null,
  authenticity: Pick<Authenticity, 'dmarc'>,
  view: OfficeView,
  harvested: Pick<Harvested, 'offer' | 'noteUnsigned'>,
  policy: Pick<InboundPolicy, 'changedCertificate'>,
  now: number,
): Promise<Taken> {
  const from = report?.from[0];
  if (report === undefined || from === undefined || report.from.length !== 1 || view.isOurs(from)) return nothing;
  // Else whoever forges mail of theirs could teach us that they do not sign any more.
  if (report.verdict === 'unsigned' && authenticity.dmarc === 'pass') await harvested.noteUnsigned(from);
  const signer = report.signers[0];
  if (report.verdict !== 'valid' || report.covers !== 'whole' || report.signers.length !== 1) return nothing;
  if (signer?.certificate === undefined || signer.identity !== 'match' || !signer.path.valid) return nothing;
  if (authenticity.dmarc !== 'pass' && authenticity.dmarc !== 'none') return nothing;

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
  const judged = judge(offered, chain);
  if (!judged.valid) return nothing;
  const issuer = judged.path[1];
  // The name alone is anybody's: the authority is the one whose key made both.
  const sameAuthority = ({ certificate }: Pinned) =>
    policy.changedCertificate === 'same-authority' &&
    issuer !== undefined &&
    isIssuedBy(parseCertificate(certificate), issuer) &&
    verifyCertificateSignature(parseCertificate(certificate), issuer);
  const offer = {
    certificate: offered.der,
    chain: chain.map(({ der }) => der),
    message,
    signedAt: signer.signingTime?.getTime() ?? null,
    ...(signer.capabilities !== undefined && { capabilities: signer.capabilities }),
  };
  switch (await harvested.offer(from, offer, sameAuthority)) {
    case 'pinned':
      return { detail: `certificate of ${from} taken`, changed: undefined };
    case 'replaced':
      return {
        detail: `certificate of ${from} replaced by another of the same authority`,
        changed: `${from} signed with a new certificate, from the authority that made the one before.`,
      };
    case 'waiting':
      return {
        detail: `another certificate of ${from} was offered; the pinned one stays until an administrator accepts it`,
        changed: `${from} signed with another certificate than before, which nobody here has accepted yet.`,
      };
    case 'known':
      return nothing;
  }
}
