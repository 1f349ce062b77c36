/**
 * After an unexpected error a group is done again request by request, so that one request which nobody foresaw does not hold up
 * two hundred others for ever.
 */
import { KeyStoreError } from '@chancery/keystore';
import { AuthorityError } from '../errors.ts';
import { isDatabaseTrouble } from '../store/database.ts';
import type { World } from '../world.ts';

/**
 * What the group made of its requests; where it failed, what each made by itself, with a refusal for one that fails again.
 * @throws the first error where it is nobody's own: the database or the key store is gone, or every one of several fails
 */
export async function groupOrEach<Request, Result>(
  world: World,
  requests: readonly Request[],
  group: () => Promise<readonly (Result | AuthorityError)[]>,
  each: (request: Request) => Promise<Result | AuthorityError>,
): Promise<readonly (Result | AuthorityError)[]> {
  try {
    return await group();
  } catch (first) {
    if (isElsewhere(first)) throw first;
    world.log.warn('issuance.group-failed', { requests: requests.length, error: textOf(first) });
    const results: (Result | AuthorityError)[] = [];
    let failed = 0;
    for (const request of requests) {
      try {
        results.push(await each(request));
      } catch (error) {
        if (isElsewhere(error)) throw error;
        failed += 1;
        world.log.error('issuance.request-failed', { error: textOf(error) });
        results.push(unforeseen());
      }
    }
    // Then the fault is in none of them, and each of thousands would be told otherwise.
    if (failed === requests.length && failed > 1) throw first;
    return results;
  }
}

function unforeseen(): AuthorityError {
  return new AuthorityError(
    'internal',
    'Something went wrong with this request alone, and nothing was issued for it; the others of its group were not touched. The log of the office says what (issuance.request-failed). Retry the batch once it is mended.',
  );
}

const isElsewhere = (error: unknown): boolean =>
  error instanceof KeyStoreError || (error instanceof Error && isDatabaseTrouble(error));

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
