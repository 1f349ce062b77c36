/**
 * A passkey that gives a share key: by its PRF extension it answers the same question with the same secret octets each
 * time (Web Authentication level 3, section 10.1.4). It is not the one that signs in.
 */
import { fromBase64Url, PRF_INPUT } from '@chancery/vault';
import { NOT_GIVEN, prfOctets } from '../credential/prf.ts';
import { InWords } from '../problem.ts';

const NO_PRF =
  'This authenticator cannot give a share key: it has no PRF extension. Take another one, such as a newer security key, or choose a file. If it kept a passkey called “Chancery share key”, delete that.';

/** @returns id of the new passkey, base64url @throws InWords */
export async function makeSharePasskey(holder: { name: string; address: string }): Promise<string> {
  const credential = await asking(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { name: 'Chancery' },
        // A handle of its own: with that of the sign-in passkey, or of an older share key, it would take that one's place.
        user: {
          id: crypto.getRandomValues(new Uint8Array(16)),
          name: `Chancery share key, ${holder.address}`,
          displayName: `Chancery share key of ${holder.name}`,
        },
        // Nobody checks a signature of it: what counts is what it gives.
        challenge: crypto.getRandomValues(new Uint8Array(32)),
        pubKeyCredParams: [
          { type: 'public-key', alg: -7 },
          { type: 'public-key', alg: -257 },
        ],
        // It needs no place in the list that is offered at sign-in. The octets differ with and without verification.
        authenticatorSelection: { residentKey: 'discouraged', userVerification: 'required' },
        extensions: { prf: {} },
      },
    }),
  );
  if (credential.getClientExtensionResults().prf?.enabled !== true) throw new InWords(NO_PRF);
  return credential.id;
}

/** @param credentialId base64url @returns 32 octets @throws InWords */
export async function askSharePasskey(credentialId: string): Promise<Uint8Array<ArrayBuffer>> {
  const credential = await asking(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: crypto.getRandomValues(new Uint8Array(32)),
        allowCredentials: [{ type: 'public-key', id: fromBase64Url(credentialId) }],
        userVerification: 'required',
        extensions: { prf: { eval: { first: Uint8Array.from(PRF_INPUT) } } },
      },
    }),
  );
  const output = credential.getClientExtensionResults().prf?.results?.first;
  if (output === undefined) throw new InWords(NO_PRF);
  return prfOctets(output);
}

async function asking(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await ask();
    if (credential instanceof PublicKeyCredential) return credential;
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name !== 'NotAllowedError') throw error;
  }
  throw new InWords(NOT_GIVEN);
}
