/**
 * A person's keys to the hosted S/MIME of their own Gmail: from their browser, by their own consent at Google. The office sees
 * neither the consent nor what is sent. Gmail API, users.settings.sendAs.smimeInfo; OAuth 2.0 for browsers, without a secret.
 */
import type { Myself } from '@chancery/api';
import { decodeCertificate } from '../certificates/decode-certificate.ts';
import { fromBase64, readCertificates } from '../files.ts';
import { InWords } from '../problem.ts';

export type GmailAccess = NonNullable<Myself['gmail']>;

/** Lets an address of the account have keys, and nothing else of the mailbox be read. */
const SCOPE = 'https://www.googleapis.com/auth/gmail.settings.basic';
/** Below our own address, as it stands in the Google Cloud project. */
const RETURN_PATH = '/me/gmail';
const CHANNEL = 'gmail-consent';
/** Whoever has not answered by then has closed the window; a page may not look whether it is still there. */
const PATIENCE_MS = 10 * 60_000;

interface Consent {
  state: string;
  token: string | null;
  /** As Google names it. */
  error: string | null;
}

/** Asks for consent in a window of its own. @returns the access token, which stays in this page @throws InWords */
export function askConsent({ clientId, authorizationUrl }: GmailAccess, address: string): Promise<string> {
  const state = crypto.randomUUID();
  const url = new URL(authorizationUrl);
  url.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: `${location.origin}${RETURN_PATH}`,
    response_type: 'token',
    scope: SCOPE,
    state,
    login_hint: address,
  }).toString();
  const channel = new BroadcastChannel(CHANNEL);
  return new Promise<string>((resolve, reject) => {
    const end = setTimeout(
      () => reject(new InWords('Nothing came back from Google. Nothing was handed over. Try again.')),
      PATIENCE_MS,
    );
    channel.onmessage = ({ data }: MessageEvent<Consent>) => {
      // What another attempt, or another tab, was answered.
      if (data.state !== state) return;
      clearTimeout(end);
      if (data.token !== null) resolve(data.token);
      else reject(new InWords(`Google says: ${data.error ?? 'no'}. Nothing was handed over.`));
    };
    // Without a name, and with no way back to this page: what is opened is not ours.
    window.open(url, '_blank', 'popup,noopener,width=520,height=680');
  }).finally(() => channel.close());
}

/** In the window that Google sends back: hands on what its address says, which leaves the address. @returns what was said */
export function passOnConsent(): 'given' | 'refused' | 'nothing' {
  const said = new URLSearchParams(location.hash.replace(/^#/, '') || location.search.replace(/^\?/, ''));
  history.replaceState(history.state, '', location.pathname);
  const state = said.get('state');
  if (state === null) return 'nothing';
  const consent: Consent = { state, token: said.get('access_token'), error: said.get('error') };
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(consent);
  channel.close();
  return consent.token === null ? 'refused' : 'given';
}

/** A configuration of S/MIME as Gmail shows it. */
interface SmimeInfo {
  id: string;
  isDefault?: boolean;
  /** The chain, never a key. */
  pem?: string;
}

/** One address of one Gmail account, by the consent of whose it is. */
export class Gmail {
  readonly #url: string;
  readonly #token: string;
  readonly #wait: (ms: number) => Promise<void>;

  /** @param wait for tests */
  constructor(apiUrl: string, address: string, token: string, wait = sleep) {
    this.#url = `${apiUrl}/gmail/v1/users/me/settings/sendAs/${encodeURIComponent(address)}/smimeInfo`;
    this.#token = token;
    this.#wait = wait;
  }

  /** Serial numbers (hexadecimal) of the certificates that it has keys of, with the name that Gmail has for each. */
  async holds(): Promise<Map<string, string>> {
    const { smimeInfo = [] } = (await this.#call('GET')) as { smimeInfo?: SmimeInfo[] };
    const held = new Map<string, string>();
    for (const { id, pem } of smimeInfo) {
      const [own] = readCertificates(new TextEncoder().encode(pem ?? ''));
      if (own !== undefined) held.set(bare(decodeCertificate(fromBase64(own)).serialNumber), id);
    }
    return held;
  }

  /** @param pkcs12 base64: one key with its chain, as Gmail takes it @returns the name that Gmail has for it */
  async hand(pkcs12: string, password: string): Promise<string> {
    const made = (await this.#call('POST', '', { pkcs12, encryptedKeyPassword: password })) as SmimeInfo;
    return made.id;
  }

  /** What mail of this address is signed and encrypted with from now on. */
  async prefer(id: string): Promise<void> {
    await this.#call('POST', `/${encodeURIComponent(id)}/setDefault`);
  }

  /** Waits where Google asks for it or is out of order, a few times. @throws InWords */
  async #call(method: 'GET' | 'POST', path = '', body?: object): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      const answer = await fetch(`${this.#url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // Nothing of ours goes along.
        credentials: 'omit',
        signal: AbortSignal.timeout(60_000),
      }).catch(() => undefined);
      if (answer?.ok) return answer.status === 204 ? {} : await answer.json().catch(() => ({}));
      const reason = answer === undefined ? 'it cannot be reached' : await reasonOf(answer);
      const later = answer === undefined || answer.status === 429 || answer.status >= 500;
      if (!later || tries === TRIES) throw new InWords(refusal(answer?.status, reason));
      const asked = Number(answer?.headers.get('retry-after') ?? '');
      await this.#wait(asked > 0 ? Math.min(asked, 60) * 1000 : 1000 * 2 ** tries);
    }
  }
}

const TRIES = 4;

function refusal(status: number | undefined, reason: string): string {
  if (status === 401) return 'Your consent at Google has ended. Nothing more was handed over. Give it again.';
  if (status === 403) {
    return `Gmail does not let you: ${reason} Your administrator allows it in Google's Admin console (Gmail, User settings, S/MIME).`;
  }
  return `Gmail did not take it: ${reason}`;
}

/** As Google's errors say it. */
async function reasonOf(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => null)) as { error?: { message?: unknown } } | null;
  const message = body?.error?.message;
  return typeof message === 'string' && message !== '' ? message.slice(0, 300) : `it answers ${answer.status}.`;
}

/** A serial number without zeros in front, which some write. */
export const bare = (serialNumber: string): string => serialNumber.toLowerCase().replace(/^0+(?=.)/, '');

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
