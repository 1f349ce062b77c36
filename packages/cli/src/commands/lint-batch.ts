/** What `chancery lint --batch` answers to one line. The fields are described in docs/reference/batch.md. */
import { type LintFinding, lintCertificate, lintProfiles } from '@chancery/authority/lints';
import { parseCertificate, SmimeError } from '@chancery/smime';
import type { BatchCase } from '../batch.ts';
import { CommandError } from '../exit-codes.ts';
import { objectsIn } from './path-input.ts';

export function lintCase(input: BatchCase): object {
  const at = input.instant('at');
  const profile = input.oneOf('profile', lintProfiles, 'auto');
  const issuer = input.text('issuer');
  const certificate = certificateOf(input.requiredText('certificate'), 'the certificate');
  try {
    return reportForScripts(
      lintCertificate(certificate, {
        profile,
        ...(at && { at }),
        ...(issuer !== undefined && { issuer: issuerOf(issuer, 'the issuer') }),
      }),
    );
  } catch (error) {
    if (error instanceof SmimeError) throw new CommandError(`the certificate cannot be read: ${error.message}.`);
    throw error;
  }
}

export function reportForScripts(findings: readonly LintFinding[]): object {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return { errors, warnings: findings.length - errors, findings };
}

/**
 * DER of every certificate of a file, or of base64 or PEM in place of its name; at least one.
 * @param name of what the source is, for the error
 */
export function certificatesOf(source: string, name: string = source): Uint8Array[] {
  try {
    const found = objectsIn(source, ['CERTIFICATE', 'X509 CERTIFICATE']);
    if (found.length > 0) return found;
  } catch (error) {
    if (error instanceof SmimeError) throw new CommandError(`${name} cannot be read: ${error.message}.`);
    throw error;
  }
  throw new CommandError(`${name} is no certificate, neither in PEM nor in DER.`);
}

/** The first of them. */
function certificateOf(source: string, name?: string): Uint8Array {
  return certificatesOf(source, name)[0] as Uint8Array;
}

/** An authority's certificate: one that the engine can read. */
export function issuerOf(source: string, name: string = source): Uint8Array {
  const der = certificateOf(source, name);
  try {
    return parseCertificate(der).der;
  } catch (error) {
    if (error instanceof SmimeError) throw new CommandError(`${name} cannot be read: ${error.message}.`);
    throw error;
  }
}
