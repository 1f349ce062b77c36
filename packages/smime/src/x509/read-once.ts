import type { Certificate } from './certificate.ts';

/**
 * A function that reads one extension of a certificate, and remembers what it read: one certificate may stand in many paths.
 * Undefined where the certificate does not have it; what `read` throws is thrown each time.
 */
export function readOnce<T>(id: string, read: (value: Uint8Array) => T): (certificate: Certificate) => T | undefined {
  const known = new WeakMap<Certificate, { readonly content: T } | 'absent'>();
  return (certificate) => {
    let found = known.get(certificate);
    if (!found) {
      const extension = certificate.extensions.find((candidate) => candidate.id === id);
      found = extension ? { content: read(extension.value) } : 'absent';
      known.set(certificate, found);
    }
    return found === 'absent' ? undefined : found.content;
  };
}
