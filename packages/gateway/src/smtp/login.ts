/** AUTH: who may hand in mail by name and password. Guessing is slow, whoever is guessed. */
import { createHash, scrypt, timingSafeEqual } from 'node:crypto';
import type { ListenerLogin, User } from '../config-smtp.ts';
import { GatewayError } from '../errors.ts';
import { readSecret } from '../read-secret.ts';
import { countedAs } from './rates.ts';

export interface Login {
  /** `throttled`: not looked at, for there were too many failures. */
  check(address: string, user: string, password: string): Promise<'good' | 'bad' | 'throttled'>;
}

/** Failures of one address, or for one name, after which it waits. */
const failuresAtOnce = 5;
/** Milliseconds of waiting after that, and until failures are forgotten. */
const rest = 60_000;
/** Names and addresses kept in mind; guessing more forgets the oldest. */
const kept = 10_000;

/** @throws GatewayError `configuration` for a hash whose costs are beyond reason */
export function openLogin({ users }: ListenerLogin, baseDirectory: string, now: () => number): Login {
  const known = new Map(users.map((user) => [user.name, judgeOf(user, baseDirectory)] as const));
  const stranger = hashJudge('scrypt:16384:8:1:bm9ib2R5IGF0IGFsbA==:', '');
  /** From where each has logged in: as many as there are users and servers. */
  const goodPlaces = new Set<string>();
  const failures = new Map<string, { count: number; at: number }>();

  function isResting(who: string): boolean {
    const failed = failures.get(who);
    return failed !== undefined && failed.count >= failuresAtOnce && now() - failed.at < rest;
  }

  function note(who: string, good: boolean): void {
    const failed = failures.get(who);
    failures.delete(who);
    if (good) return;
    const count = failed === undefined || now() - failed.at >= rest ? 1 : failed.count + 1;
    failures.set(who, { count, at: now() });
    for (const oldest of failures.keys()) {
      if (failures.size <= kept) break;
      failures.delete(oldest);
    }
  }

  return {
    async check(address, user, password) {
      const from = countedAs(address);
      const place = `${from} ${user}`;
      // Whoever guesses at a name from elsewhere must not keep its owner out.
      const who = [`address ${from}`, ...(known.has(user) && goodPlaces.has(place) ? [] : [`user ${user}`])];
      if (who.some(isResting)) return 'throttled';
      const judge = known.get(user);
      // An unknown name costs the same.
      const good = await (judge ?? stranger)(password);
      for (const one of who) note(one, good && judge !== undefined);
      if (good && judge !== undefined) goodPlaces.add(place);
      return good && judge !== undefined ? 'good' : 'bad';
    },
  };
}

function judgeOf(user: User, baseDirectory: string): (password: string) => Promise<boolean> {
  if (user.scrypt !== undefined) return hashJudge(user.scrypt, user.name);
  const reference = user.password;
  if (reference === undefined) throw new GatewayError('configuration', `The user ${user.name} has no password`);
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(readSecret(reference, baseDirectory));
  return async (password) => timingSafeEqual(digest(password), expected);
}

function hashJudge(text: string, name: string): (password: string) => Promise<boolean> {
  const [, n = '', r = '', p = '', salt = '', hash = ''] = text.split(':');
  const costs = { N: Number(n), r: Number(r), p: Number(p) };
  const memory = 128 * costs.N * costs.r;
  if (memory > 256 * 1024 * 1024 || costs.p > 16 || (costs.N & (costs.N - 1)) !== 0 || costs.N < 2) {
    throw new GatewayError('configuration', `The scrypt costs of the user ${name} cannot be used`);
  }
  const expected = Buffer.from(hash, 'base64');
  const octets = expected.length === 0 ? 32 : expected.length;
  return async (password) => {
    const made = await new Promise<Buffer>((resolve, reject) => {
      scrypt(password, Buffer.from(salt, 'base64'), octets, { ...costs, maxmem: memory * 2 }, (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    });
    return made.length === expected.length && timingSafeEqual(made, expected);
  };
}
