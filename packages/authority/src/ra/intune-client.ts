/**
 * Intune's services for certification authorities of others: requests are validated, and what became of them is told; what is to be
 * revoked is asked for. Found through Microsoft Graph, called with a token of the office's application. Base addresses come from
 * the configuration.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { IntuneConfig } from '../enrolment-config.ts';
import { AuthorityError } from '../errors.ts';

interface IntuneVerdict {
  /** `Success`, or why not. */
  readonly code: string;
  readonly description: string;
}

interface IntuneRevocation {
  readonly requestContext: string;
  readonly serialNumber: string;
}

export interface IntuneRevocationResult {
  readonly requestContext: string;
  readonly succeeded: boolean;
  /** `0`: none. `4000`: never. `4004`: no such certificate. */
  readonly errorCode: string;
  readonly errorMessage: string;
}

/** All of its methods throw AuthorityError `unavailable` where Intune does not answer, or asks to be left alone for a while. */
export class IntuneClient {
  readonly #config: IntuneConfig;
  readonly #secret: () => string;
  readonly #clock: () => Date;
  /** By scope. */
  readonly #tokens = new Map<string, { value: string; until: number }>();
  #endpoints: { uris: ReadonlyMap<string, string>; until: number } | undefined;
  #quietUntil = 0;

  constructor(config: IntuneConfig, secret: () => string, clock: () => Date) {
    this.#config = config;
    this.#secret = secret;
    this.#clock = clock;
  }

  /** @param request DER PKCS#10 */
  async validate(transactionId: string, request: Uint8Array): Promise<IntuneVerdict> {
    const certificateRequest = Buffer.from(request).toString('base64');
    return this.#scep('validateRequest', { request: { transactionId, certificateRequest, callerInfo: CALLER } });
  }

  async tellSuccess(notification: Record<string, unknown>): Promise<IntuneVerdict> {
    return this.#scep('successNotification', { notification: { ...notification, callerInfo: CALLER } });
  }

  async tellFailure(notification: Record<string, unknown>): Promise<IntuneVerdict> {
    return this.#scep('failureNotification', { notification: { ...notification, callerInfo: CALLER } });
  }

  /** At most a hundred. Intune hands out the next an hour later. */
  async downloadRevocations(): Promise<IntuneRevocation[]> {
    const body = { downloadParameters: { maxRequests: 100, issuerName: null } };
    const answer = await this.#post(CONNECTOR, 'CertificateAuthorityRequests/downloadRevocationRequests', body);
    return expect(Revocations, answer).value;
  }

  async uploadRevocationResults(results: readonly IntuneRevocationResult[]): Promise<void> {
    const answer = await this.#post(CONNECTOR, 'CertificateAuthorityRequests/uploadRevocationResults', { results });
    expect(z.object({ value: z.literal(true) }), answer);
  }

  async #scep(action: string, body: unknown): Promise<IntuneVerdict> {
    const { code, errorDescription } = expect(Verdict, await this.#post(VALIDATION, `ScepActions/${action}`, body));
    return { code, description: errorDescription ?? '' };
  }

  /** A token that Intune takes no more is asked for anew, once. */
  async #post(service: Service, path: string, body: unknown): Promise<unknown> {
    const request = async () => {
      const uri = await this.#endpointOf(service.name);
      return this.#send(`${uri.replace(/\/+$/, '')}/${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          authorization: `Bearer ${await this.#token(this.#config.scope)}`,
          'client-request-id': randomUUID(),
          'api-version': service.version,
          useragent: CALLER,
        },
        body: JSON.stringify(body),
      });
    };
    let answer = await request();
    if (answer.status === 401) {
      this.#tokens.clear();
      answer = await request();
    }
    return this.#contentOf(answer);
  }

  async #endpointOf(name: string): Promise<string> {
    const now = this.#clock().getTime();
    if (this.#endpoints === undefined || this.#endpoints.until <= now) {
      const { graph } = this.#config;
      const ask = async () =>
        this.#send(`${graph}/v1.0/servicePrincipals/appId=${INTUNE}/endpoints`, {
          headers: {
            accept: 'application/json',
            authorization: `Bearer ${await this.#token(`${graph}/.default`)}`,
            'client-request-id': randomUUID(),
          },
        });
      let answer = await ask();
      if (answer.status === 401) {
        this.#tokens.clear();
        answer = await ask();
      }
      const { value } = expect(Endpoints, await this.#contentOf(answer));
      const uris = new Map(value.map(({ providerName, uri }) => [providerName, uri]));
      this.#endpoints = { uris, until: now + DISCOVERED_MS };
    }
    const uri = this.#endpoints.uris.get(name);
    if (uri === undefined || !URL.canParse(uri)) throw unavailable(`Microsoft Graph knows no ${name} for this tenant`);
    return uri;
  }

  /** OAuth 2.0, client credentials. */
  async #token(scope: string): Promise<string> {
    const now = this.#clock().getTime();
    const known = this.#tokens.get(scope);
    if (known !== undefined && known.until > now) return known.value;
    const { login, tenant, clientId } = this.#config;
    const answer = await this.#send(`${login}/${tenant}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: this.#secret(),
        scope,
      }),
    });
    const { access_token, expires_in } = expect(Token, await this.#contentOf(answer));
    this.#tokens.set(scope, { value: access_token, until: now + Math.max(0, expires_in - 300) * 1000 });
    return access_token;
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    const now = this.#clock().getTime();
    if (now < this.#quietUntil)
      throw unavailable(`Intune asked to be left alone until ${new Date(this.#quietUntil).toISOString()}`);
    let answer: Response;
    try {
      answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(PATIENCE_MS) });
    } catch (error) {
      // Where it was found before, it may be no more.
      this.#endpoints = undefined;
      throw unavailable(`Intune does not answer: ${(error as Error).message}`);
    }
    if (answer.status === 429 || answer.status === 503) {
      this.#quietUntil = now + retryAfter(answer.headers.get('retry-after'), now);
      await answer.body?.cancel();
      throw unavailable(`Intune answers ${answer.status}, and is left alone for a while`);
    }
    return answer;
  }

  async #contentOf(answer: Response): Promise<unknown> {
    const text = await bounded(answer);
    if (!answer.ok) throw unavailable(`Intune answers ${answer.status}`);
    try {
      return JSON.parse(text);
    } catch {
      throw unavailable('Intune answers what is no JSON');
    }
  }
}

interface Service {
  readonly name: string;
  readonly version: string;
}

const VALIDATION: Service = { name: 'ScepRequestValidationFEService', version: '2018-02-20' };
const CONNECTOR: Service = { name: 'PkiConnectorFEService', version: '5019-05-05' };
/** Intune itself, in every tenant. */
const INTUNE = '0000000a-0000-0000-c000-000000000000';
const CALLER = 'Chancery';
const DISCOVERED_MS = 24 * 3_600_000;
const PATIENCE_MS = 15_000;
/** Octets of an answer: a hundred revocations take some 50 KB. */
const LONGEST_ANSWER = 1_048_576;

const Verdict = z.object({ code: z.string().max(200), errorDescription: z.string().max(10_000).nullish() });
const Token = z.object({ access_token: z.string().min(1).max(20_000), expires_in: z.coerce.number() });
const Endpoints = z.object({
  value: z.array(z.object({ providerName: z.string(), uri: z.string().max(2_000) })).max(1_000),
});
const Revocations = z.object({
  value: z.array(z.object({ requestContext: z.string().max(10_000), serialNumber: z.string().max(200) })).max(500),
});

function expect<T extends z.ZodType>(schema: T, answer: unknown): z.output<T> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw unavailable('Intune answers in another form than is documented');
}

/** Milliseconds: seconds or a date (RFC 9110 10.2.3), a minute where nothing is said, an hour at most. */
function retryAfter(value: string | null, now: number): number {
  const seconds =
    value === null ? Number.NaN : /^\d{1,9}$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000;
  return Math.min(3600, Math.max(1, Number.isNaN(seconds) ? 60 : seconds)) * 1000;
}

async function bounded(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let octets = 0;
  for await (const chunk of answer.body ?? []) {
    octets += chunk.length;
    if (octets > LONGEST_ANSWER) throw unavailable('Intune answers with more than a megabyte');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unavailable(what: string): AuthorityError {
  return new AuthorityError('unavailable', `${what}. Nothing was issued. Try again later.`);
}
