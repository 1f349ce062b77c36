/** Exchange Online's commands over HTTP: a token by client credentials, then `InvokeCommand`. Opt-in: Microsoft calls it beta. */
import { readSecret } from '../../config.ts';
import type { ExchangeTarget } from '../../publication-config.ts';
import { TargetDown } from '../target.ts';

export type InvokeConfig = NonNullable<ExchangeTarget['invoke']>;

export interface AdminApi {
  /**
   * Runs one command about one mailbox.
   * @returns its rows; undefined where there is no such mailbox
   * @throws TargetDown, CommandRefused
   */
  invoke(
    command: string,
    parameters: Readonly<Record<string, unknown>>,
    mailbox: string,
  ): Promise<unknown[] | undefined>;
}

/** The service answers, and does not do it. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
}

/** @param home the folder that the secret's file is relative to */
export function adminApi(config: InvokeConfig, home: string, fetcher: typeof fetch = fetch): AdminApi {
  let token: string | undefined;
  const send = async (url: string, init: { headers: Record<string, string>; body: string }): Promise<Answer> => {
    try {
      const signal = AbortSignal.timeout(config.timeoutSeconds * 1000);
      // A token that follows a redirection goes to whoever it leads to.
      const answer = await fetcher(url, { ...init, method: 'POST', redirect: 'error', signal });
      return { status: answer.status, text: await answer.text(), retryAfter: answer.headers.get('retry-after') };
    } catch (error) {
      throw new TargetDown(`${new URL(url).host} does not answer: ${reasonOf(error)}`);
    }
  };
  const fetchToken = async (): Promise<string> => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: config.clientId,
      client_secret: readSecret(config.clientSecret, home),
      scope: `${config.adminUrl}/.default`,
    });
    const url = `${config.loginUrl}/${config.tenant}/oauth2/v2.0/token`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await send(url, { headers, body: body.toString() });
    throwWhereDown(config.loginUrl, answer);
    const given = answer.status === 200 ? read(answer.text) : {};
    if (typeof given.access_token === 'string') return given.access_token;
    throw new TargetDown(`${new URL(url).host} does not let us in as ${config.clientId}: ${errorOf(answer)}`);
  };
  return {
    async invoke(command, parameters, mailbox) {
      const url = `${config.adminUrl}/adminapi/beta/${config.tenant}/InvokeCommand`;
      const body = JSON.stringify({ CmdletInput: { CmdletName: command, Parameters: parameters } });
      for (const isLast of [false, true]) {
        token ??= await fetchToken();
        const headers = {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'x-anchormailbox': `UPN:${mailbox}`,
          prefer: 'odata.maxpagesize=1000',
        };
        const answer = await send(url, { headers, body });
        if (answer.status === 401 && !isLast) {
          // It has run out: they live for an hour.
          token = undefined;
          continue;
        }
        throwWhereDown(config.adminUrl, answer);
        if (answer.status === 404 || answer.text.includes('ManagementObjectNotFoundException')) return undefined;
        if (answer.status === 401 || answer.status === 403)
          throw new TargetDown(`${new URL(url).host} does not let us in as ${config.clientId}: ${errorOf(answer)}`);
        if (answer.status !== 200) throw new CommandRefused(`${command} is refused: ${errorOf(answer)}`);
        const { value } = read(answer.text);
        return Array.isArray(value) ? value : [];
      }
      return [];
    },
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

/** Throttling and outages are about nobody in particular: the service says for how long it wants to be left alone. */
function throwWhereDown(base: string, { status, retryAfter }: Answer): void {
  if (status !== 429 && status < 500) return;
  const restFor = restOf(retryAfter);
  const { host } = new URL(base);
  throw new TargetDown(
    status === 429 ? `${host} wants us to ask more slowly` : `${host} does not answer: status ${status}`,
    restFor,
  );
}

/** Milliseconds; seconds or a date (RFC 9110 section 10.2.3). An hour is the most that one answer gets. */
function restOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const rest = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isFinite(rest) ? Math.min(Math.max(rest, 0), 3_600_000) : undefined;
}

function read(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function errorOf({ status, text }: Answer): string {
  const { error, error_description } = read(text);
  const message =
    typeof error === 'object' && error !== null && 'message' in error ? error.message : (error_description ?? error);
  return typeof message === 'string' ? message.slice(0, 300) : `status ${status}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
