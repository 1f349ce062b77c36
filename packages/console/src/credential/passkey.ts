import { startAuthentication, startRegistration } from '@simplewebauthn/browser';

type Json = Record<string, unknown>;

/** Why no passkey can be used here, or null when one can. */
export function passkeyObstacle(
  host: string = location.hostname,
  supported = 'PublicKeyCredential' in globalThis,
): string | null {
  // Web Authentication, section 5.1.2: the relying party's identifier is a domain, never an address.
  if (/^[\d.]+$/.test(host) || host.includes(':') || host.startsWith('[')) {
    return 'Passkeys need a host name: open this page under a name such as localhost, not under a number.';
  }
  if (!supported) return 'This browser has no passkeys here: they need HTTPS, or the name localhost.';
  return null;
}

/** Asks the browser for a new passkey; `options` and the result are WebAuthn's own JSON. */
export async function makePasskey(options: Json): Promise<Json> {
  try {
    const response = await startRegistration({
      optionsJSON: options as unknown as Parameters<typeof startRegistration>[0]['optionsJSON'],
    });
    return { ...response };
  } catch (error) {
    throw inWords(error);
  }
}

/** Asks the browser to sign in with a passkey that it, or a security key, holds. */
export async function answerPasskey(options: Json): Promise<Json> {
  try {
    const response = await startAuthentication({
      optionsJSON: options as unknown as Parameters<typeof startAuthentication>[0]['optionsJSON'],
    });
    return { ...response };
  } catch (error) {
    throw inWords(error);
  }
}

function inWords(error: unknown): Error {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError') return new Error('the passkey was not given, or the browser waited too long.');
  if (name === 'InvalidStateError') return new Error('this device already has a passkey for this account.');
  return error instanceof Error ? error : new Error(String(error));
}
