/** A batch on its way through the office: sent, waited for, and what became of each request. */
import { ApiError, type Client } from '@chancery/api';
import { CommandError, exitCodes } from '../exit-codes.ts';
import type { BulkRequest } from './requests.ts';

export type Progress = Awaited<ReturnType<Client['issuance']>>;
export type Item = Awaited<ReturnType<Client['issuanceItems']>>['items'][number];

export interface Waiting {
  /** Told how far it is. */
  readonly say: (line: string) => void;
  /** Milliseconds without an answer after which it is given up. */
  readonly patience: number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Requests of one call: with 4096-bit keys some 500 kB. */
const CHUNK = 200;
const LOOK_EVERY = 1000;

/**
 * Sends what the office does not have yet, and waits until every request is settled. May be stopped at any point, on either
 * side, and called again with the same `id`.
 * @throws CommandError `unreachable` once `patience` is over; ApiError for a refusal
 */
export async function submit(
  client: Client,
  id: string,
  requests: readonly BulkRequest[],
  { note, retry }: { readonly note: string; readonly retry: boolean },
  waiting: Waiting,
): Promise<Progress> {
  const ask = patient(waiting);
  // Calls come one after the other: what is there is a beginning.
  const before = await ask(() => unlessUnknown(client.issuance({ params: { id } })));
  if (before !== undefined && before.total > requests.length)
    throw new CommandError(
      `The batch ${id} has ${before.total} requests, and this file ${requests.length}. Nothing was sent.`,
    );
  if (before !== undefined) waiting.say(`Goes on with the batch ${id}: ${describe(before)}`);
  for (let offset = before?.total ?? 0; offset < requests.length; offset += CHUNK) {
    const items = requests.slice(offset, offset + CHUNK).map(({ address, request, keyOrigin }) => ({
      address,
      csr: Buffer.from(request).toString('base64'),
      keyOrigin,
    }));
    await ask(() => client.submitIssuance({ body: { id, note, offset, items } }));
    waiting.say(`Sent ${Math.min(offset + CHUNK, requests.length)} of ${requests.length}`);
  }
  if (retry) await ask(() => client.retryIssuance({ params: { id } }));
  for (let said = ''; ; ) {
    const now = await ask(() => client.issuance({ params: { id } }));
    if (describe(now) !== said) waiting.say(describe(now));
    said = describe(now);
    if (now.waiting === 0) return now;
    await waiting.sleep(LOOK_EVERY);
  }
}

/** Every request of the batch, in order. */
export async function itemsOf(client: Client, id: string, waiting: Waiting): Promise<Item[]> {
  const ask = patient(waiting);
  const found: Item[] = [];
  for (let after: string | undefined; ; ) {
    const query = { limit: 500, ...(after === undefined ? {} : { after }) };
    const page = await ask(() => client.issuanceItems({ params: { id }, query }));
    found.push(...page.items);
    if (page.next === null) return found;
    after = page.next;
  }
}

const describe = ({ issued, failed, withdrawn, waiting, total }: Progress): string =>
  `${issued} of ${total} issued${failed > 0 ? `, ${failed} failed` : ''}${withdrawn > 0 ? `, ${withdrawn} withdrawn` : ''}${waiting > 0 ? `, ${waiting} wait` : ''}`;

async function unlessUnknown<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** An office that is started again answers in a moment. */
function patient({ say, patience, sleep }: Waiting): <T>(ask: () => Promise<T>) => Promise<T> {
  return async (ask) => {
    for (let waited = 0, pause = 500; ; waited += pause, pause = Math.min(pause * 2, 10_000)) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ApiError && error.code === 'unavailable')) throw error;
        if (waited >= patience)
          throw new CommandError(
            'The office does not answer. What it has taken in is not lost: run the same command again to go on.',
            exitCodes.unreachable,
          );
        say(`The office does not answer; asked again in ${pause / 1000} s`);
        await sleep(pause);
      }
    }
  };
}
