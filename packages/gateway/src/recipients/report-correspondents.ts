/** Tells the authority what is kept of correspondents, and does what operators decided about them. */
import type { Client, CorrespondentStanding } from '@chancery/api';
import type { Log } from '../log.ts';
import type { OfficeView } from '../office.ts';
import { type Telling, tellingOf } from '../telling.ts';
import type { Harvested } from './harvested.ts';
import { judgeCandidate } from './judge.ts';
import type { KeptCorrespondent } from './kept-correspondent.ts';

/** Carries out what the view says, and tells what has changed. */
export type CorrespondentReports = Telling<OfficeView>;

/** The contract's limit is 100 a call. */
const batchSize = 50;
/** At each look at the office: a judgement costs two or three signatures. */
const lookedAt = 50;

export function reportCorrespondents(
  client: Pick<Client, 'reportCorrespondents'>,
  harvested: Pick<Harvested, 'untold' | 'told' | 'accept' | 'forget' | 'pinnedFor' | 'everybody' | 'tellAgain'>,
  now: () => number,
  log: Log,
): CorrespondentReports {
  /** Done, and not told yet. */
  const done = new Set<string>();
  /** Done in this run: an answer from before it was told brings it again. */
  const carriedOut = new Set<string>();
  /** Whether each could be written to, as it was told. */
  const toldEncryption = new Map<string, string>();
  let round: Iterator<KeptCorrespondent> = harvested.everybody()[Symbol.iterator]();

  /** A certificate ends, and an authority revokes it, without any mail: some are looked at each time, and all of them in turn. */
  function lookAgain(view: OfficeView): void {
    for (let looked = 0; looked < lookedAt; looked += 1) {
      const { done: ended, value } = round.next();
      if (ended === true || value === undefined) {
        round = harvested.everybody()[Symbol.iterator]();
        return;
      }
      const before = toldEncryption.get(value.address);
      if (before !== undefined && before !== JSON.stringify(encryptionOf(value.address, view)))
        harvested.tellAgain(value);
    }
  }

  function encryptionOf(address: string, view: OfficeView): CorrespondentStanding['encryption'] {
    const pinned = harvested.pinnedFor(address);
    if (pinned === undefined) return { state: 'none', reason: 'none of their certificates is used' };
    const how = { view, address, belief: 'path', revocation: 'if-present', now: now() } as const;
    const judged = judgeCandidate(pinned, how);
    return { state: judged.state, reason: judged.state === 'good' ? null : judged.reason.slice(0, 500) };
  }

  async function tell(view: OfficeView): Promise<void> {
    const { decisions } = view;
    lookAgain(view);
    for (const { id, kind, address, sha256, by } of decisions) {
      if (carriedOut.has(id)) continue;
      const forgets = kind === 'forget';
      const known = forgets ? await harvested.forget(address) : await harvested.accept(address, sha256 ?? '', by);
      log.info('correspondents.decided', { address, kind, known });
      carriedOut.add(id);
      done.add(id);
    }
    for (;;) {
      const entries = harvested.untold(batchSize);
      if (telling.isStopped() || (entries.length === 0 && done.size === 0)) return;
      const settled = [...done];
      const correspondents = entries.map((one) => ({
        ...standingOf(one),
        encryption: encryptionOf(one.address, view),
      }));
      await client.reportCorrespondents({ body: { correspondents, done: settled } });
      harvested.told(entries);
      for (const { address, encryption } of correspondents) toldEncryption.set(address, JSON.stringify(encryption));
      for (const id of settled) done.delete(id);
    }
  }

  const telling: CorrespondentReports = tellingOf(tell, 'correspondents.waiting', log);
  return telling;
}

function standingOf({ address, certificates, signed, unsigned }: KeptCorrespondent): CorrespondentStanding {
  return {
    address,
    signed,
    unsigned,
    certificates: certificates.map(({ chain: _, capabilities, capabilitiesAt: __, ...one }) => ({
      ...one,
      capabilities: capabilities?.map(({ oid }) => oid) ?? null,
    })),
  };
}
