/** What `chancery path validate --batch` answers to one line. The fields are described in docs/reference/batch.md. */
import { type Certificate, formatName, oids, type PathReport, validatePath } from '@chancery/smime';
import type { BatchCase } from '../batch.ts';
import type { CertificateReader } from './path-input.ts';

/** Every line with its fields has `valid`, also where they cannot be used. */
export function validateCase(input: BatchCase, reader: CertificateReader): object {
  try {
    const policies = input.texts('initialPolicySet').map((text) => (text === 'anyPolicy' ? oids.anyPolicy : text));
    const wrong = policies.find((policy) => !isObjectIdentifier(policy));
    if (wrong !== undefined) throw new Error(`"initialPolicySet" holds "${wrong}", which is no object identifier.`);
    const settings = {
      at: input.instant('at') ?? new Date(),
      purpose: input.oneOf('purpose', ['any', 'email'], 'any'),
      policy: {
        // An empty set would accept nothing at all: it stands for one that was not given.
        ...(policies.length > 0 && { acceptable: policies }),
        explicitPolicy: input.flag('requireExplicitPolicy'),
        inhibitMapping: input.flag('inhibitPolicyMapping'),
        inhibitAny: input.flag('inhibitAnyPolicy'),
      },
      revocation: input.oneOf('revocation', ['required', 'leaf-required', 'if-present', 'none'], 'if-present'),
      legacy: input.flag('legacy'),
    };
    const leaf = reader.leaf(input.requiredText('leaf'));
    const anchors = reader.certificates(input.texts('anchors'));
    const intermediates = reader.certificates(input.texts('intermediates'));
    const crls = reader.crls(input.texts('crls'));
    if ('unreadable' in leaf) return refusal(leaf.unreadable, 'malformed-certificate', 'RFC 5280 section 4.1');
    return reportForScripts(validatePath({ leaf, anchors, intermediates, crls, ...settings }));
  } catch (error) {
    return refusal(error instanceof Error ? error.message : String(error), 'unusable-input', null);
  }
}

/** The verdict with the first error, which is the reason to show. */
export function reportForScripts({ valid, policies, problems }: PathReport): object {
  if (valid) return { valid, problem: null, code: null, clause: null, policies };
  const error = problems.find(({ severity }) => severity === 'error');
  return refusal(error?.message ?? 'no path was found', error?.code ?? 'no-path', error?.clause ?? null);
}

/** Dotted, with a first arc of 0, 1 or 2. */
export function isObjectIdentifier(text: string): boolean {
  return /^([01]\.[1-3]?[0-9]|2\.(0|[1-9][0-9]*))(\.(0|[1-9][0-9]*))*$/.test(text);
}

/** How a certificate is called in print: its subject, or where that is empty its serial number. */
export function certificateName({ subject, serialNumber }: Certificate): string {
  return formatName(subject) || `serial number ${serialNumber}`;
}

function refusal(problem: string, code: string, clause: string | null): object {
  return { valid: false, problem, code, clause, policies: [] };
}
