/** Tells the authority what is kept of correspondents, and does what operators decided about them. */
import type { Client, CorrespondentStanding } from '@chancery/api';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { OfficeView } from '../office.ts';
import type { Harvested } from './harvested.ts';
import type { KeptCorrespondent } from './kept-correspondent.ts';

export interface CorrespondentReports {
  /** Carries out what the view says and tells what has changed; joins the telling under way. Never throws. */
  run(view: Pick<OfficeView, 'decisions'>): void;
  /** Ends the telling under way. */
  stop(): Promise<void>;
}

/** The contract's limit is 100 a call. */
const batchSize = 50;

export function reportCorrespondents(
  client: Pick<Client, 'reportCorrespondents'>,
  harvested: Pick<Harvested, 'untold' | 'told' | 'accept' | 'forget'>,
  log: Log,
): CorrespondentReports {
  /** Done, and not told yet. */
  const done = new Set<string>();
  /** Done in this run: an answer from before it was told brings it again. */
  const carriedOut = new Set<string>();
  let running: Promise<void> | undefined;
  let failedBefore = false;
  let stopped = false;

  async function tell({ decisions }: Pick<OfficeView, 'decisions'>): Promise<void> {
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
      if (stopped || (entries.length === 0 && done.size === 0)) return;
      const settled = [...done];
      await client.reportCorrespondents({ body: { correspondents: entries.map(standingOf), done: settled } });
      harvested.told(entries);
      for (const id of settled) done.delete(id);
    }
  }

  return {
    run(view) {
      running ??= tell(view)
        .then(() => {
          failedBefore = false;
        })
        .catch((error: unknown) => {
          if (!failedBefore) log.warn('correspondents.waiting', { reason: reasonOf(error) });
          failedBefore = true;
        })
        .finally(() => {
          running = undefined;
        });
    },
    async stop() {
      stopped = true;
      await running;
    },
  };
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
