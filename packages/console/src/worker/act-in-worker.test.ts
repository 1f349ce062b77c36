import { VaultError } from '@chancery/vault';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { InWords } from '../problem.ts';
import { actInWorker } from './act-in-worker.ts';
import { answerOrder } from './answer-order.ts';

/** A worker in this thread: what is sent to it is cloned, and what is transferred is gone, as in a browser. */
function workerOf(acts: Parameters<typeof answerOrder>[0]) {
  const inside: { onmessage?: (event: object) => void; postMessage(data: unknown): void } = {
    postMessage: (data) => worker.onmessage?.({ data: structuredClone(data) }),
  };
  const worker = {
    onmessage: undefined as ((event: object) => void) | undefined,
    postMessage: (data: unknown, transfer: ArrayBuffer[]) =>
      inside.onmessage?.({ data: structuredClone(data, { transfer }) }),
    terminate: vi.fn(),
  };
  vi.stubGlobal('self', inside);
  answerOrder(acts);
  return worker as typeof worker & Worker;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('an act in a worker', () => {
  it('is given its secrets, which are gone here, says how far it is, and ends the worker', async () => {
    const worker = workerOf({
      async sum(octets: Uint8Array, report: (what: string, share: number | null) => void) {
        report('Adding', 0.5);
        return octets.reduce((sum, octet) => sum + octet);
      },
    });
    const octets = Uint8Array.of(1, 2, 3);
    const report = vi.fn();
    expect(await actInWorker(worker, { name: 'sum', input: octets }, [octets.buffer], report)).toBe(6);
    expect(octets).toHaveLength(0);
    expect(report.mock.calls).toEqual([['Adding', 0.5]]);
    expect(worker.terminate).toHaveBeenCalledOnce();
  });

  it('fails in words where they are for a person, and ends the worker', async () => {
    const failing = (error: Error) => workerOf({ fail: () => Promise.reject(error) });
    const refusing = failing(new VaultError('cannot-open', 'This does not open it.'));
    const order = { name: 'fail', input: null };
    await expect(actInWorker(refusing, order, [])).rejects.toEqual(new InWords('This does not open it.'));
    expect(refusing.terminate).toHaveBeenCalledOnce();
    const broken = actInWorker(failing(new TypeError('x is not a function')), order, []);
    await expect(broken).rejects.not.toBeInstanceOf(InWords);
    await expect(actInWorker(workerOf({}), order, [])).rejects.toThrow(/not a function/);
  });

  it('fails where the worker does not start', async () => {
    const worker = workerOf({ wait: () => new Promise(() => undefined) });
    const acting = actInWorker(worker, { name: 'wait', input: null }, []);
    worker.onerror?.({} as ErrorEvent);
    await expect(acting).rejects.toThrow(/did not start/);
    expect(worker.terminate).toHaveBeenCalledOnce();
  });
});
