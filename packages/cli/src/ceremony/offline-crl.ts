/** The revocation list of an offline root: which authorities it takes back, read from a file that the office wrote. */
import {
  assembleSigned,
  authorityKeyIdentifier,
  buildTbsCrl,
  type Certificate,
  type Crl,
  crlNumber,
  defaultHash,
  keyIdentifier,
  parseCrl,
  type RevocationReason,
  RevokedList,
  revocationReasons,
  type Signer,
  signatureAlgorithmFor,
  verifyCrlSignature,
} from '@chancery/smime';
import { CommandError } from '../exit-codes.ts';

export interface RevokedLine {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly reason: RevocationReason;
  readonly revokedAt: Date;
}

/**
 * One line each: serial number, reason, instant; what follows `#` is for people. What `chancery authorities revoked` prints.
 * @throws CommandError naming the line
 */
export function revokedIn(text: string, name: string): RevokedLine[] {
  const lines: RevokedLine[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [serialNumber, reason, instant, ...rest] = line.replace(/#.*$/, '').trim().split(/\s+/);
    if (serialNumber === undefined || serialNumber === '') continue;
    const revokedAt = new Date(instant ?? '');
    if (
      !/^[0-9a-f]{2,40}$/.test(serialNumber) ||
      !isReason(reason) ||
      Number.isNaN(revokedAt.getTime()) ||
      rest.length > 0
    )
      throw new CommandError(
        `${name}, line ${index + 1}: a line is a serial number, a reason and an instant, as "4a5b cACompromise 2026-11-25T12:00:00Z". Nothing was signed.`,
      );
    if (lines.some((one) => one.serialNumber === serialNumber))
      throw new CommandError(`${name}, line ${index + 1}: ${serialNumber} is there twice. Nothing was signed.`);
    lines.push({ serialNumber, reason, revokedAt });
  }
  return lines;
}

/** A complete list of everything that the root signed; no extension limits it, for nobody else signs for that root. */
export async function signCrl(
  signer: Signer,
  root: Certificate,
  { number, days, revoked }: { number: number; days: number; revoked: readonly RevokedLine[] },
): Promise<Crl> {
  const hash = defaultHash(signer.kind);
  const signatureAlgorithm = signatureAlgorithmFor(signer.kind, hash);
  const thisUpdate = new Date(Math.floor(Date.now() / 1000) * 1000);
  const entries = new RevokedList();
  for (const { serialNumber, revokedAt, reason } of revoked)
    entries.add(serialNumber, revokedAt.getTime(), reason === 'unspecified' ? undefined : reason);
  const tbs = buildTbsCrl({
    signatureAlgorithm,
    issuer: root.subject,
    thisUpdate,
    nextUpdate: new Date(Math.min(thisUpdate.getTime() + days * 86_400_000, root.notAfter.getTime())),
    entries,
    extensions: [authorityKeyIdentifier(root.subjectKeyIdentifier ?? keyIdentifier(root.spki)), crlNumber(number)],
  });
  const crl = parseCrl(assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, hash)));
  if (verifyCrlSignature(crl, root) && crl.entryCount === revoked.length) return crl;
  throw new CommandError('The list does not read back as it should. It was thrown away.');
}

const isReason = (text: string | undefined): text is RevocationReason =>
  text !== undefined && text !== 'removeFromCRL' && Object.hasOwn(revocationReasons, text);
