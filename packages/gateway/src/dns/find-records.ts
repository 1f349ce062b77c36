/** Records under a name as a resolver finds them: aliases followed, and told apart from what is not there and what is not known. */
import { type ReceivedRecord, recordType, responseCode } from '@chancery/dns';
import { reasonOf } from '../errors.ts';
import { askResolver, type ResolverAddress } from './resolver.ts';

export interface Found {
  /** Empty where there are none. */
  readonly records: readonly ReceivedRecord[];
  /** The name that they stand under: another than was asked about where that is an alias. */
  readonly owner: string;
  /** There is such a name, whatever stands under it. */
  readonly exists: boolean;
  /** The resolver has validated all of it: each alias on the way, and that there is nothing. */
  readonly proven: boolean;
}

/** @throws DnsSilence */
export type FindRecords = (name: string, type: number) => Promise<Found>;

/** Nobody answers, or what is answered is bogus (SERVFAIL): whether there are records is not known. */
export class DnsSilence extends Error {
  override readonly name = 'DnsSilence';
}

/** RFC 1034 section 3.6.2 wants none of them; resolvers follow about as many. */
const mostAliases = 8;

/** @param patience milliseconds for each question */
export function findRecordsBy(resolver: ResolverAddress, patience: number): FindRecords {
  return async (name, type) => {
    const unknown = (why: string) => new DnsSilence(`the DNS does not say what ${name} is: ${why}`);
    const answer = await askResolver(resolver, name, type, AbortSignal.timeout(patience)).catch((error: unknown) => {
      throw unknown(reasonOf(error));
    });
    if (answer.code === responseCode.serverFailure)
      throw unknown('no answer, or one whose signature does not hold (SERVFAIL)');
    if (answer.code !== responseCode.noError && answer.code !== responseCode.noSuchName)
      throw unknown(`code ${answer.code}`);
    const owner = type === recordType.cname ? name.toLowerCase() : endOfAliases(name.toLowerCase(), answer.answers);
    return {
      records: answer.answers.filter((one) => one.type === type && one.name === owner),
      owner,
      exists: answer.code !== responseCode.noSuchName,
      proven: answer.proven,
    };
  };
}

function endOfAliases(name: string, records: readonly ReceivedRecord[]): string {
  let at = name;
  for (let followed = 0; followed < mostAliases; followed += 1) {
    const next = records.find((one) => one.type === recordType.cname && one.name === at)?.leadsTo;
    if (next === undefined) return at;
    at = next;
  }
  throw new DnsSilence(`the DNS does not say what ${name} is: an alias of an alias, without end`);
}
