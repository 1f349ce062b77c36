import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyStoreError } from '../errors.ts';
import { forgetRefusedPin, LoginGuard } from './login-guard.ts';
import { TokenFault } from './protocol.ts';
import type { TokenProcess } from './token-child.ts';
import { TokenLink, type TokenLinkOptions } from './token-link.ts';

/** A token that is not there: what each process does is said by the test. */
class Bench {
  /** Processes started. */
  started = 0;
  ended = 0;
  busy = 0;
  busiest = 0;
  open: () => void = () => {};
  work: () => Promise<unknown> = async () => true;

  readonly start = (): TokenProcess => {
    this.started += 1;
    const call = async (name: string): Promise<unknown> => {
      if (name === 'open') {
        this.open();
        return { manufacturer: 'Maker', model: 'Model', serial: '1', sealing: { by: 'gcm' } };
      }
      if (name === 'check') return undefined;
      this.busy += 1;
      this.busiest = Math.max(this.busiest, this.busy);
      try {
        return await this.work();
      } finally {
        this.busy -= 1;
      }
    };
    return {
      call: call as TokenProcess['call'],
      end: async () => {
        this.ended += 1;
      },
    };
  };
}

describe('the link to a token', () => {
  let folder: string;
  let bench: Bench;
  let guard: LoginGuard;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'chancery-link-'));
    bench = new Bench();
    guard = new LoginGuard(path.join(folder, 'refused'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const link = (options: Partial<TokenLinkOptions> = {}) =>
    new TokenLink({
      module: 'module.so',
      token: 'one',
      pin: () => '1234',
      sessions: 2,
      timeoutMs: 1000,
      guard,
      start: bench.start,
      ...options,
    });

  it('starts no process before the first call, and one for all calls', async () => {
    const to = link();
    expect(bench.started).toBe(0);
    await Promise.all(Array.from({ length: 20 }, () => to.call('destroy', 'aa')));
    expect(bench.started).toBe(1);
    expect(bench.busiest).toBe(2);
    expect(await to.health()).toMatchObject({
      state: 'available',
      device: 'Model, Maker',
      sessions: { free: 2, total: 2 },
    });
  });

  it.each(['CKR_DEVICE_REMOVED', 'CKR_SESSION_HANDLE_INVALID', 'CKR_TOKEN_NOT_PRESENT', 'timed-out', 'process-ended'])(
    'opens the token anew after %s, and the caller never knows',
    async (code) => {
      const to = link();
      let failures = 2;
      bench.work = async () => {
        failures -= 1;
        if (failures >= 0) throw new TokenFault(code, 'C_Sign');
        return true;
      };
      expect(await to.call('destroy', 'aa')).toBe(true);
      expect(bench.started).toBe(3);
      await to.close();
      expect(bench.ended).toBe(3);
    },
  );

  it('gives up after three losses in one call, and says what to do', async () => {
    const to = link();
    bench.work = async () => {
      throw new TokenFault('CKR_DEVICE_REMOVED', 'C_Sign');
    };
    const error = await to.call('destroy', 'aa').catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/CKR_DEVICE_REMOVED.*plugged in/),
    });
    expect(bench.started).toBe(3);
    expect(await to.health()).toMatchObject({ lastError: { message: expect.stringContaining('CKR_DEVICE_REMOVED') } });
  });

  it('does not repeat what the token refused for good', async () => {
    const to = link();
    bench.work = async () => {
      throw new TokenFault('CKR_KEY_TYPE_INCONSISTENT', 'C_SignInit');
    };
    await expect(to.call('destroy', 'aa')).rejects.toBeInstanceOf(TokenFault);
    expect(bench.started).toBe(1);
  });

  it('succeeds in every call that begins after the token returned', async () => {
    const to = link();
    let there = false;
    bench.open = () => {
      if (!there) throw new KeyStoreError('unavailable', 'There is no token called "one".');
    };
    // Losers of all sorts: opening is under way, or was tried a moment ago.
    for (let round = 0; round < 3; round += 1) {
      const during = Array.from({ length: 5 }, () => to.call('destroy', 'aa').catch((error: unknown) => error));
      await new Promise((resolve) => setTimeout(resolve, 30 * round));
      there = true;
      expect(await Promise.all(Array.from({ length: 5 }, () => to.call('destroy', 'aa')))).toEqual(Array(5).fill(true));
      await Promise.all(during);
      there = false;
      bench.work = async () => {
        bench.work = async () => true;
        throw new TokenFault('CKR_DEVICE_REMOVED', 'C_Sign');
      };
      await expect(to.call('destroy', 'aa')).rejects.toMatchObject({ code: 'unavailable' });
    }
  });

  it('tries a PIN once: never again in this process, in the next, or beside it', async () => {
    let logins = 0;
    bench.open = () => {
      logins += 1;
      throw new KeyStoreError('pin-refused', 'The token "one" refused the PIN (CKR_PIN_INCORRECT).');
    };
    const refused = { code: 'pin-refused', message: expect.stringContaining('try-pin') };
    const to = link();
    await Promise.all(
      Array.from({ length: 10 }, () => expect(to.call('destroy', 'aa')).rejects.toMatchObject(refused)),
    );
    await expect(to.call('destroy', 'aa')).rejects.toMatchObject(refused);
    await expect(link().call('destroy', 'aa')).rejects.toMatchObject(refused);
    expect(logins).toBe(1);
    expect(existsSync(path.join(folder, 'refused'))).toBe(true);
    expect(await to.health()).toMatchObject({
      state: 'unavailable',
      lastError: { message: expect.stringContaining('PIN') },
    });
    // The PIN is corrected, a person says so, and no restart is needed.
    bench.open = () => {};
    expect(await forgetRefusedPin(path.join(folder, 'refused'))).toBe(true);
    expect(await to.call('destroy', 'aa')).toBe(true);
  });

  it('reads the PIN at each login', async () => {
    const pins = ['first', 'second'];
    const seen: string[] = [];
    const to = link({
      pin: () => {
        const pin = pins.shift() ?? '';
        seen.push(pin);
        return pin;
      },
    });
    let failures = 1;
    bench.work = async () => {
      failures -= 1;
      if (failures >= 0) throw new TokenFault('CKR_USER_NOT_LOGGED_IN', 'C_Sign');
    };
    await to.call('destroy', 'aa');
    expect(seen).toEqual(['first', 'second']);
  });

  it('says when the token went and came', async () => {
    const told: string[] = [];
    const to = link({ notify: (event) => told.push(event) });
    await to.call('destroy', 'aa');
    let failures = 1;
    bench.work = async () => {
      failures -= 1;
      if (failures >= 0) throw new TokenFault('CKR_DEVICE_REMOVED', 'C_Sign');
    };
    await to.call('destroy', 'aa');
    expect(told).toEqual(['returned', 'lost', 'returned']);
  });

  it('lets nobody wait who comes after it was closed, nor who waited before', async () => {
    const to = link({ sessions: 1 });
    let finish = () => {};
    bench.work = () =>
      new Promise((resolve) => {
        finish = () => resolve(true);
      });
    const first = to.call('destroy', 'aa');
    await new Promise((resolve) => setTimeout(resolve, 10));
    const waiting = to.call('destroy', 'bb');
    const refused = expect(waiting).rejects.toMatchObject({ code: 'closed' });
    await to.close();
    finish();
    expect(await first).toBe(true);
    await refused;
    await expect(to.call('destroy', 'cc')).rejects.toMatchObject({ code: 'closed' });
  });
});
