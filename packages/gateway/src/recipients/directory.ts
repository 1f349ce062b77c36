/** Certificates of our own people, from the authority. Answers are kept for a while, and for longer when it does not answer. */
import { ApiError, type Client, routes } from '@chancery/api';
import { reasonOf } from '../errors.ts';

type Answer =
  /** DER, newest first; empty when there is none. */
  | { readonly certificates: readonly Uint8Array[] }
  /** Nobody could be asked. */
  | { readonly unknown: string };

export interface Directory {
  certificatesOf(address: string): Promise<Answer>;
}

/** Milliseconds that an answer is used when no newer one can be had: certificates are judged by path and CRL each time anyway. */
const usableUnanswered = 60 * 60 * 1000;
const remembered = 10_000;

/** @param lifetime milliseconds that an answer is good for, also the answer that there is none */
export function openDirectory(
  client: Pick<Client, 'gatewayRecipients'>,
  lifetime: number,
  now: () => number,
): Directory {
  const answers = new Map<string, { at: number; certificates: readonly Uint8Array[] }>();
  const asking = new Map<string, Promise<Answer>>();

  async function ask(address: string): Promise<Answer> {
    const before = answers.get(address);
    try {
      const { certificates } = await client.gatewayRecipients({ query: { address } });
      const found = certificates.map(({ certificate }) => Buffer.from(certificate, 'base64'));
      answers.delete(address);
      answers.set(address, { at: now(), certificates: found });
      if (answers.size > remembered) {
        const [oldest] = answers.keys();
        if (oldest !== undefined) answers.delete(oldest);
      }
      return { certificates: found };
    } catch (error) {
      if (error instanceof ApiError && error.code === 'not-found') return { certificates: [] };
      const mayStandIn = before !== undefined && before.certificates.length > 0 && now() - before.at < usableUnanswered;
      return mayStandIn ? { certificates: before.certificates } : { unknown: whyUnanswered(error) };
    }
  }

  return {
    async certificatesOf(given) {
      const address = given.toLowerCase();
      // The office has no people with such addresses: nobody need be asked.
      if (!routes.gatewayRecipients.query.safeParse({ address }).success) return { certificates: [] };
      const known = answers.get(address);
      if (known !== undefined && now() - known.at < lifetime) return { certificates: known.certificates };
      const under = asking.get(address) ?? ask(address).finally(() => asking.delete(address));
      asking.set(address, under);
      return under;
    },
  };
}

function whyUnanswered(error: unknown): string {
  return error instanceof ApiError && error.code !== 'unavailable' ? reasonOf(error) : 'the authority does not answer';
}
