/**
 * A person's passkey. It signs in like any other, and by its PRF extension (Web Authentication level 3, section 10.1.4) it gives
 * the same secret octets each time, of which the person's own key is made. Those never leave the browser.
 */
import { OWNER_PRF_INPUT, toBase64Url } from '@chancery/vault';
import { startAuthentication, startRegistration } from '@simplewebauthn/browser';
import { NOT_GIVEN, prfOctets } from '../credential/prf.ts';
import { InWords } from '../problem.ts';

type Json = Record<string, unknown>;

/** What the office is sent of an answer of the authenticator: no output of an extension. */
export interface ShownPasskey {
  readonly response: Json;
  readonly credentialId: string;
  /** 32 octets; null where the authenticator has no PRF extension. */
  readonly output: Uint8Array<ArrayBuffer> | null;
}

/** @param options WebAuthn's own JSON @throws InWords */
export async function makeOwnerPasskey(options: Json): Promise<ShownPasskey> {
  return asked(() => startRegistration({ optionsJSON: asking(options) as never }));
}

/** Shows a passkey that is there already, by the office's challenge. @throws InWords */
export async function showOwnerPasskey(options: Json): Promise<ShownPasskey> {
  return asked(() => startAuthentication({ optionsJSON: asking(options) as never }));
}

/** Asks one passkey for its octets; no signature of it counts for anything. @throws InWords */
export async function askOwnerPasskey(credentialId: string): Promise<Uint8Array<ArrayBuffer>> {
  const { output } = await showOwnerPasskey({
    challenge: toBase64Url(crypto.getRandomValues(new Uint8Array(32))),
    allowCredentials: [{ type: 'public-key', id: credentialId }],
    userVerification: 'required',
  });
  if (output === null) {
    throw new InWords(
      'This passkey cannot open keys in this browser: it has no PRF extension here. Try another browser.',
    );
  }
  return output;
}

function asking(options: Json): Json {
  const extensions = typeof options.extensions === 'object' ? options.extensions : {};
  return { ...options, extensions: { ...extensions, prf: { eval: { first: Uint8Array.from(OWNER_PRF_INPUT) } } } };
}

async function asked(
  ask: () => Promise<{ id: string; clientExtensionResults: ExtensionOutputs }>,
): Promise<ShownPasskey> {
  try {
    const { clientExtensionResults, ...rest } = await ask();
    const given = clientExtensionResults.prf?.results?.first;
    return {
      response: { ...rest, clientExtensionResults: {} },
      credentialId: rest.id,
      output: given === undefined ? null : prfOctets(given),
    };
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name === 'NotAllowedError') throw new InWords(NOT_GIVEN);
    if (name === 'InvalidStateError')
      throw new InWords('This device already has a passkey for your page. Nothing was done.');
    throw error;
  }
}

/** As far as it matters here; how browsers' and the library's types spell octets differs. */
interface ExtensionOutputs {
  readonly prf?: { readonly results?: { readonly first: ArrayBuffer | ArrayBufferView } };
}
