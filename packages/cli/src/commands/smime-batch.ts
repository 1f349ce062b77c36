/** What `chancery smime … --batch` answers to one line. The fields are described in docs/reference/batch.md. */
import { type VerifyReport, verifyMessage } from '@chancery/smime';
import type { BatchCase } from '../batch.ts';
import { certificatesIn, crlsIn, readRegularFile } from '../input-files.ts';

export async function verifyCase(input: BatchCase): Promise<object> {
  const at = input.instant('at');
  const crls = input.texts('crls').flatMap((file) => crlsIn(readRegularFile(file), file));
  const report = await verifyMessage({
    message: readRegularFile(input.requiredText('message')),
    anchors: input.texts('trust').flatMap((file) => certificatesIn(readRegularFile(file), file)),
    intermediates: input.texts('untrusted').flatMap((file) => certificatesIn(readRegularFile(file), file)),
    crls,
    ...(at && { at }),
    revocation: crls.length > 0 ? 'required' : 'if-present',
  });
  return reportForScripts(report);
}

/** The report with nothing but JSON in it; the path's problems stand among its signer's. */
export function reportForScripts({ verdict, signers, from, covers, problems }: VerifyReport): object {
  return {
    verdict,
    signers: signers.map((signer) => ({
      signature: signer.signature,
      path: signer.path.valid ? 'valid' : 'invalid',
      revocation: signer.path.revocation,
      identity: signer.identity,
      certificate: signer.certificate === undefined ? null : Buffer.from(signer.certificate.der).toString('base64'),
      emails: signer.emails,
      signingTime: signer.signingTime ?? null,
      digestAlgorithm: signer.digestAlgorithm,
      signatureAlgorithm: signer.signatureAlgorithm,
      problems: [...signer.problems, ...signer.path.problems],
    })),
    from,
    covers,
    problems,
  };
}
