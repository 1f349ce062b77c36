/** A mail domain as people type it (`@Example.com `) to the domain itself. */
export function normaliseDomain(typed: string): string {
  return typed.trim().toLowerCase().replace(/^@/, '').replace(/\.$/, '');
}

/** RFC 1123 section 2.1: labels of letters, digits and hyphens; one dot at least. */
export function validDomain(domain: string): boolean {
  return domain.length <= 253 && /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(domain);
}
