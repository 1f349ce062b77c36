/** A partner as an ACME client and a mail domain of their own: requests that may be as wrong as wanted, replies that their domain signs or not. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { buildName, buildRequest, type Extension, localSigner } from '@chancery/smime';
import { calculateJwkThumbprint, exportJWK, FlattenedSign, type JWK } from 'jose';
import { dkimSign } from 'mailauth';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Of problem documents, the type without what all have in common. */
  readonly problem: string | undefined;
  readonly body: Body;
  /** As it came. */
  readonly text: string;
}

/** Every resource's, as far as tests look. */
interface Body {
  readonly status?: string;
  readonly url?: string;
  readonly token?: string;
  readonly from?: string;
  readonly detail?: string;
  readonly finalize?: string;
  readonly certificate?: string;
  readonly authorizations?: readonly string[];
  readonly challenges?: readonly Body[];
  readonly orders?: readonly string[];
  readonly algorithms?: readonly string[];
  readonly identifiers?: readonly { type: string; value: string }[];
  readonly error?: { readonly type: string; readonly detail: string };
  readonly type?: string;
}

export interface Wrong {
  readonly header?: Record<string, unknown>;
  readonly alg?: string;
  readonly contentType?: string;
  /** In the place of the key that signs. */
  readonly signedBy?: KeyObject;
  readonly change?: (jws: Record<string, unknown>) => unknown;
}

export const ecKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

export class Partner {
  readonly base: string;
  key: KeyObject = ecKey();
  kid: string | undefined;
  /** Of the last answer. */
  nonce = '';

  /** @param base of the office, without a trailing slash */
  constructor(base: string) {
    this.base = base;
  }

  async jwk(key: KeyObject = this.key): Promise<JWK> {
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...jwk } = await exportJWK(key);
    return jwk;
  }

  async freshNonce(): Promise<string> {
    const answer = await fetch(`${this.base}/acme/new-nonce`, { method: 'HEAD' });
    return answer.headers.get('replay-nonce') ?? '';
  }

  /** @param payload undefined for a POST-as-GET; a string goes as it is */
  async post(where: string, payload: unknown, wrong: Wrong = {}): Promise<Answer> {
    const url = where.startsWith('http') ? where : `${this.base}/acme/${where}`;
    if (this.nonce === '') this.nonce = await this.freshNonce();
    const header = {
      alg: wrong.alg ?? 'ES256',
      nonce: this.nonce,
      url,
      ...(this.kid === undefined ? { jwk: await this.jwk() } : { kid: this.kid }),
      ...wrong.header,
    };
    const text = payload === undefined ? '' : typeof payload === 'string' ? payload : JSON.stringify(payload);
    const jws = signJws(header, text, wrong.signedBy ?? this.key);
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': wrong.contentType ?? 'application/jose+json' },
      body: JSON.stringify(wrong.change?.(jws) ?? jws),
    });
    this.nonce = answer.headers.get('replay-nonce') ?? '';
    const said = await answer.text();
    const body: Body = answer.headers.get('content-type')?.includes('json') === true ? JSON.parse(said) : {};
    const problem = body.type?.split(':error:')[1];
    return { status: answer.status, headers: answer.headers, problem, body, text: said };
  }

  /** RFC 8555 7.3.4. */
  async binding(key: { id: string; macKey: string }, url = `${this.base}/acme/new-account`, bound?: JWK) {
    const text = JSON.stringify(bound ?? (await this.jwk()));
    return new FlattenedSign(Buffer.from(text))
      .setProtectedHeader({ alg: 'HS256', kid: key.id, url })
      .sign(Buffer.from(key.macKey, 'base64url'));
  }

  async join(key: { id: string; macKey: string }): Promise<Answer> {
    const answer = await this.post('new-account', {
      termsOfServiceAgreed: true,
      contact: ['mailto:petra@partner.example'],
      externalAccountBinding: await this.binding(key),
    });
    this.kid = answer.headers.get('location') ?? undefined;
    return answer;
  }

  order(...addresses: string[]): Promise<Answer> {
    return this.post('new-order', { identifiers: addresses.map((value) => ({ type: 'email', value })) });
  }

  /** RFC 8823 3.2: what goes between the lines. */
  async response(first: string, second: string): Promise<string> {
    const thumbprint = await calculateJwkThumbprint(await this.jwk());
    return createHash('sha256').update(`${first}${second}.${thumbprint}`).digest('base64url');
  }
}

/** Whatever stands in its header: `none` and shared secrets are tried too. */
export function signJws(header: Record<string, unknown>, payload: string, key: KeyObject): Record<string, unknown> {
  const encoded = { protected: base64url(JSON.stringify(header)), payload: base64url(payload) };
  const signed = sign('sha256', Buffer.from(`${encoded.protected}.${encoded.payload}`), {
    key,
    dsaEncoding: 'ieee-p1363',
  });
  return { ...encoded, signature: signed.toString('base64url') };
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** @param extensions what the key is wanted for */
export async function csr(
  key: KeyObject,
  emails: readonly string[],
  extensions: readonly Extension[] = [],
): Promise<string> {
  const request = await buildRequest({
    subject: buildName([{ type: 'commonName', value: emails[0] ?? 'nobody' }]),
    signer: localSigner(key),
    emails,
    extensions,
  });
  return Buffer.from(request).toString('base64url');
}

/** A mail domain: its DNS, and its signature on what leaves it. */
export class MailDomain {
  readonly name: string;
  readonly records: Record<string, string>;
  readonly #key = generateKeyPairSync('rsa', { modulusLength: 2048 });

  constructor(name: string) {
    this.name = name;
    const published = this.#key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    this.records = {
      [`s1._domainkey.${name}`]: `v=DKIM1; k=rsa; p=${published}`,
      [`_dmarc.${name}`]: 'v=DMARC1; p=reject',
    };
  }

  async sign(message: string, more: { headerList?: string[]; maxBodyLength?: number } = {}): Promise<Buffer> {
    const privateKey = this.#key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const key = { signingDomain: this.name, selector: 's1', privateKey, canonicalization: 'relaxed/relaxed', ...more };
    const { signatures } = await dkimSign(message, { ...key, signatureData: [key] });
    return Buffer.from(`${signatures}${message}`, 'latin1');
  }
}

export interface Challenge {
  readonly from: string;
  readonly messageId: string;
  readonly subject: string;
  readonly raw: string;
}

/** A challenge as it lies in the mailbox. */
export function readChallenge(raw: string): Challenge {
  const value = (name: string) =>
    new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(raw)?.[1]?.replaceAll('\r\n', '');
  return {
    raw,
    from: value('From') ?? '',
    messageId: value('Message-ID') ?? '',
    subject: value('Subject') ?? '',
  };
}

/** The reply that a mail program would send. */
export function replyTo(
  challenge: Challenge,
  { from, response, extra = '', text }: { from: string; response: string; extra?: string; text?: string },
): string {
  return [
    `From: ${from}`,
    `To: ${challenge.from}`,
    `Subject: Re: ${challenge.subject}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${Math.random().toString(36).slice(2)}@${from.split('@')[1]}>`,
    `In-Reply-To: ${challenge.messageId}`,
    `References: ${challenge.messageId}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    ...(extra === '' ? [] : [extra]),
    '',
    text ?? `-----BEGIN ACME RESPONSE-----\r\n${response}\r\n-----END ACME RESPONSE-----`,
    '',
  ].join('\r\n');
}
