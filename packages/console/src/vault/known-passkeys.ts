/**
 * Which passkey gave which share key, as far as this browser knows: the office names an officer's newest one, and a vault
 * may still go by the one before. Identifiers and public keys; nothing secret.
 */
const PLACE = 'chancery.share-passkeys';

/** @param encryption public half of the share key, base64url */
export function rememberPasskey(encryption: string, credentialId: string): void {
  try {
    localStorage.setItem(PLACE, JSON.stringify({ ...known(), [encryption]: credentialId }));
  } catch {
    // A browser that keeps nothing loses a convenience.
  }
}

export function passkeyOf(encryption: string | undefined): string | undefined {
  const id = encryption === undefined ? undefined : known()[encryption];
  return typeof id === 'string' ? id : undefined;
}

function known(): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(PLACE) ?? '{}');
    return typeof kept === 'object' && kept !== null ? { ...kept } : {};
  } catch {
    return {};
  }
}
