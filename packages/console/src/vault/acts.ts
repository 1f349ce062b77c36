/**
 * What an officer's browser does with a share key. It runs in a worker of its own, which ends with the act: the key, the
 * passphrase and the shares are never in the page, its cache or its storage.
 */
import {
  acceptFor,
  approve,
  argon2idInJavaScript,
  type BatchPart,
  type CeremonyPlan,
  contributeToBatches,
  type Dealing,
  dealFor,
  deriveShareKey,
  forgetShareKey,
  type KnownTrail,
  newSeed,
  type Opening,
  openShareKey,
  type Partial,
  type PointEvidence,
  PURPOSES,
  type RewrapTarget,
  type ShareKey,
  type ShareKeyFile,
  type SharePublicKeys,
  sealShareKey,
  seedFromPasskey,
  signDocument,
  type Transcript,
  VaultError,
} from '@chancery/vault';
import type { Report } from '../worker/answer-order.ts';

/** Where the share key comes from: the octets that a passkey gave, or a file and its passphrase. */
export type ShareKeySource =
  | { readonly kind: 'passkey'; readonly output: Uint8Array; readonly holder: string }
  | { readonly kind: 'file'; readonly file: unknown; readonly passphrase: string };

/** A ceremony's earlier transcript, where there is one, says who deals. */
interface InCeremony {
  readonly source: ShareKeySource;
  readonly officerId: string;
  readonly previous: Transcript | null;
}

/** Every act by its name. Errors are `VaultError`s whose message is for the officer and names who is at fault. */
export const acts = {
  async make(
    { passphrase, holder, at }: { passphrase: string; holder: string; at: Date },
    report: Report,
  ): Promise<ShareKeyFile> {
    const seed = newSeed();
    try {
      return await sealShareKey(seed, passphrase, holder, at, stretching(report, 'Sealing the file'));
    } finally {
      seed.fill(0);
    }
  },

  /** The public half, and the signature that shows who holds the private one. */
  register({ source, operatorId }: { source: ShareKeySource; operatorId: string }, report: Report) {
    return withKey(source, report, async (key): Promise<{ publicKeys: SharePublicKeys; signature: string }> => {
      const { publicKeys } = key;
      return { publicKeys, signature: signDocument(key, PURPOSES.shareKey, { operatorId, publicKeys }) };
    });
  },

  deal({ source, officerId, previous, plan }: InCeremony & { plan: CeremonyPlan }, report: Report): Promise<Dealing> {
    return withKey(source, report, async (key) => {
      const dealers = (previous?.plan ?? plan).officers;
      const planned = dealers.find(({ id }) => id === officerId);
      if (planned !== undefined && planned.publicKeys.signing !== key.publicKeys.signing) throw otherKey();
      report('Dealing', null);
      // Only the shares of the epoch before are opened here, and what is wrong with them is of that ceremony.
      return namingFault(previous === null ? null : dealersOf(previous, null), () =>
        dealFor(plan, previous, officerId, key),
      );
    });
  },

  accept(
    { source, officerId, previous, transcript, opening }: InCeremony & { transcript: Transcript; opening: Opening },
    report: Report,
  ): Promise<{ signature: string; partial: Partial }> {
    return withKey(source, report, (key) => {
      report('Checking what everybody dealt', null);
      return namingFault(dealersOf(transcript, previous), () =>
        acceptFor(transcript, previous, officerId, key, opening),
      );
    });
  },

  approve(
    input: {
      source: ShareKeySource;
      officerId: string;
      transcript: Transcript;
      opening: Opening;
      /** The canonical request. */
      document: string;
      points: PointEvidence;
    },
    report: Report,
  ): Promise<{ signature: string; partial: Partial; known: KnownTrail }> {
    const { source, officerId, transcript, opening, document, points } = input;
    return withKey(source, report, (key) => {
      const count = opening.records.length;
      const what = `Computing your part of the opening of ${count === 1 ? 'one key' : `${count} keys`}`;
      report(what, null);
      return namingFault(dealersOf(transcript, null), () =>
        approve(transcript, officerId, key, opening, document, points, (share) => report(what, share)),
      );
    });
  },

  /** Parts of a drill's batches, or of a re-wrapping's. */
  contribute(
    input: {
      source: ShareKeySource;
      officerId: string;
      kind: 'drill' | 'rewrap';
      transcript: Transcript;
      target: RewrapTarget | null;
      acceptAttested: boolean;
      documents: readonly string[];
    },
    report: Report,
  ): Promise<BatchPart[]> {
    const { source, officerId, kind, transcript, target, acceptAttested, documents } = input;
    return withKey(source, report, (key) => {
      const what = kind === 'drill' ? 'Computing your part of the drill' : 'Computing your part of the move';
      report(what, 0);
      return namingFault(dealersOf(transcript, null), () =>
        contributeToBatches(kind, { transcript, officerId, key, target, acceptAttested }, documents, (done) =>
          report(what, done / documents.length),
        ),
      );
    });
  },

  reject({ source, digest }: { source: ShareKeySource; digest: string }, report: Report) {
    return withKey(source, report, async (key) => ({
      signature: signDocument(key, PURPOSES.decision, { request: digest, decision: 'reject' }),
    }));
  },
};

type Acts = typeof acts;
export type ActName = keyof Acts;
export type ActInput<N extends ActName> = Parameters<Acts[N]>[0];
export type ActOutput<N extends ActName> = Awaited<ReturnType<Acts[N]>>;

/** The key lives for one act. */
async function withKey<T>(source: ShareKeySource, report: Report, act: (key: ShareKey) => Promise<T>): Promise<T> {
  const key = await openSource(source, report);
  try {
    return await act(key);
  } finally {
    forgetShareKey(key);
  }
}

async function openSource(source: ShareKeySource, report: Report): Promise<ShareKey> {
  if (source.kind === 'passkey') {
    const seed = seedFromPasskey(source.output, source.holder);
    source.output.fill(0);
    try {
      return deriveShareKey(seed);
    } finally {
      seed.fill(0);
    }
  }
  try {
    return await openShareKey(source.file, source.passphrase, stretching(report, 'Opening the file'));
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'cannot-open') throw error;
    throw new VaultError('cannot-open', 'The passphrase does not open this file, or the file was altered.');
  }
}

function stretching(report: Report, what: string) {
  report(what, 0);
  return argon2idInJavaScript((share) => report(what, share));
}

/** Who dealt, by index: officers of the epoch before, or of the plan itself. Null where that epoch is not known. */
function dealersOf(transcript: Transcript, previous: Transcript | null): CeremonyPlan['officers'] | null {
  if (transcript.plan.previous === null) return transcript.plan.officers;
  return previous?.plan.officers ?? null;
}

async function namingFault<T>(dealers: CeremonyPlan['officers'] | null, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    if (error.code === 'cannot-open') throw otherKey();
    if (error.officer === undefined) throw error;
    const who = dealers?.[error.officer - 1]?.name ?? `Officer ${error.officer}`;
    throw new VaultError(
      error.code,
      `What ${who} dealt is wrong: ${lowerFirst(error.message)} Do not go on: tell the other officers, and have the ceremony held again.`,
      error.officer,
    );
  }
}

const otherKey = () =>
  new VaultError(
    'cannot-open',
    'This is another share key than the one that you have in the ceremony. Nothing was done. Use the one that you had then.',
  );

const lowerFirst = (sentence: string) => sentence.charAt(0).toLowerCase() + sentence.slice(1);
