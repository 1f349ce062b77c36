/** Microsoft Graph as Intune's imported certificates use it: a token, one request a certificate, and what its answers mean. */
import type { IntuneConfig } from './devices-config.ts';

/** What came of one request. */
export type IntuneAnswer =
  /** Intune has it: now, or since before. */
  | { readonly kind: 'taken'; readonly existing: boolean }
  /** This one will never be taken as it is. */
  | { readonly kind: 'refused'; readonly error: string }
  /** None will be for a while: throttled, or nobody answers. */
  | { readonly kind: 'later'; readonly error: string; readonly seconds: number | null };

export interface IntuneAccess {
  readonly config: IntuneConfig;
  readonly clientSecret: string;
  readonly now: () => Date;
}

export class IntuneClient {
  readonly #access: IntuneAccess;
  #token: { value: string; until: number } | undefined;

  constructor(access: IntuneAccess) {
    this.#access = access;
  }

  /** @param body JSON of an `ImportedPfx` */
  async post(body: string): Promise<IntuneAnswer> {
    for (let again = false; ; again = true) {
      const token = await this.#tokenFor();
      if (typeof token !== 'string') return token;
      const { graphUrl } = this.#access.config;
      const answer = await this.#ask(`${graphUrl}/beta/deviceManagement/userPfxCertificates`, {
        body,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' },
      });
      if (!(answer instanceof Response)) return answer;
      // A token that was withdrawn, or a clock that differs: a fresh one, once.
      if (answer.status === 401 && !again) {
        this.#token = undefined;
        await answer.body?.cancel();
        continue;
      }
      return this.#judge(answer);
    }
  }

  async #tokenFor(): Promise<string | IntuneAnswer> {
    const now = this.#access.now().getTime();
    if (this.#token !== undefined && this.#token.until > now) return this.#token.value;
    const { tenant, clientId, loginUrl, graphUrl } = this.#access.config;
    const answer = await this.#ask(`${loginUrl}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, {
      body: new URLSearchParams({
        client_id: clientId,
        client_secret: this.#access.clientSecret,
        scope: `${graphUrl}/.default`,
        grant_type: 'client_credentials',
      }),
      headers: { accept: 'application/json' },
    });
    if (!(answer instanceof Response)) return answer;
    if (!answer.ok) return this.#judge(answer, 'Microsoft gives no token');
    const { access_token: value, expires_in: seconds } = (await boundedJson(answer)) as Record<string, unknown>;
    if (typeof value !== 'string' || typeof seconds !== 'number')
      return { kind: 'later', error: 'Microsoft gives no token: its answer cannot be read.', seconds: null };
    // A minute early: it must not end on its way.
    this.#token = { value, until: now + (seconds - 60) * 1000 };
    return value;
  }

  async #ask(url: string, init: { body: string | URLSearchParams; headers: Record<string, string> }) {
    const { timeoutSeconds } = this.#access.config;
    try {
      return await fetch(url, {
        method: 'POST',
        ...init,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutSeconds * 1000),
      });
    } catch (error) {
      const why =
        error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
      return { kind: 'later', error: `Microsoft does not answer: ${why}`, seconds: null } as const;
    }
  }

  async #judge(answer: Response, what = 'Intune refuses it'): Promise<IntuneAnswer> {
    if (answer.ok || answer.status === 409) {
      await answer.body?.cancel();
      return { kind: 'taken', existing: answer.status === 409 };
    }
    const error = `${what}: ${answer.status} ${messageIn(await boundedJson(answer))}`;
    // 401 and 403 concern the office's own access, and so every key.
    const passing = answer.status === 429 || answer.status >= 500 || answer.status === 401 || answer.status === 403;
    if (!passing && what === 'Intune refuses it') return { kind: 'refused', error };
    return { kind: 'later', error, seconds: retryAfter(answer.headers.get('retry-after'), this.#access.now()) };
  }
}

/** Seconds, or a date (RFC 9110 section 10.2.3); a day at the most. */
function retryAfter(header: string | null, now: Date): number | null {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now.getTime()) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.ceil(seconds), 86_400) : null;
}

/** At most 64 KB of it are read; null where it is no JSON. */
async function boundedJson(answer: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body ?? []) {
      length += chunk.length;
      if (length > 65_536) break;
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return null;
  }
}

/** Graph says `error.message`, the token's address `error_description`. */
function messageIn(body: unknown): string {
  if (typeof body !== 'object' || body === null) return '';
  const { error, error_description: described } = body as Record<string, unknown>;
  const message = typeof error === 'object' && error !== null ? (error as Record<string, unknown>).message : undefined;
  const text = typeof message === 'string' ? message : typeof described === 'string' ? described : '';
  return text.replace(/[\p{Cc}]+/gu, ' ').slice(0, 300);
}
