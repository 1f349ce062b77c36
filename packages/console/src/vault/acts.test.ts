import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { checkpointText, formatSignedCheckpoint, formatVerifierKey, keyId, leafHash } from '@chancery/trail';
import {
  type CeremonyPlan,
  canonical,
  digestOf,
  isSignedBy,
  lockedPoint,
  newHalf,
  type Origins,
  type PointOwner,
  PURPOSES,
  sealOwnedHalf,
  type Transcript,
  vaultKeyOf,
} from '@chancery/vault';
import { describe, expect, it } from 'vitest';
import type { Report } from '../worker/answer-order.ts';
import { acts, type ShareKeySource } from './acts.ts';

const silent: Report = () => {};

/** Passkeys that answer as often as they are asked: each act spends the octets that it is given. */
const outputs = ['Olga', 'Otto', 'Oskar'].map((id) => ({ id, output: Uint8Array.from(randomBytes(32)) }));
const sourceOf = (id: string): ShareKeySource => ({
  kind: 'passkey',
  output: Uint8Array.from(outputs.find((one) => one.id === id)?.output ?? []),
  holder: id,
});

async function plan(): Promise<CeremonyPlan> {
  const officers = [];
  for (const { id } of outputs) {
    const { publicKeys } = await acts.register({ source: sourceOf(id), operatorId: id }, silent);
    officers.push({ id, name: `${id} Officer`, publicKeys });
  }
  return { version: 1, vaultId: 'vault', epoch: 1, threshold: 2, officers, previous: null };
}

async function transcript(): Promise<Transcript> {
  const agreed = await plan();
  const dealings = [];
  for (const { id } of outputs) {
    dealings.push(await acts.deal({ source: sourceOf(id), officerId: id, plan: agreed, previous: null }, silent));
  }
  return { plan: agreed, dealings };
}

/** A trail of one record, which says whose that point is. */
function trailWith(owner: PointOwner, sealed: { encapsulation: string; ownership: string }): Origins {
  const locked = [lockedPoint(owner, sealed.encapsulation)];
  const record = { sequence: 1, action: 'key.escrow', outcome: 'succeeded', details: { locked } };
  const text = Buffer.from(canonical(record)).toString();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const key = { name: 'example.com/audit', use: 'log', publicKey: raw } as const;
  const note = checkpointText({ origin: key.name, size: 1, root: leafHash(Buffer.from(text)) });
  const signature = Uint8Array.from(sign(null, Buffer.from(note), privateKey));
  return {
    checkpoint: formatSignedCheckpoint(note, [{ name: key.name, keyId: keyId(key), signature }]),
    keys: [formatVerifierKey(key)],
    consistency: [],
    entries: [{ leaf: 0, canonical: text, proof: [] }],
    points: [{ record: owner.recordId, leaf: 0, ownership: sealed.ownership }],
  };
}

/** A point that officers multiply: any will do. */
const pointOf = ({ plan: { officers } }: Transcript) => officers[0]?.publicKeys.encryption ?? '';

describe('acts', () => {
  it('shows that a share key is the operator’s, and forgets what the passkey gave', async () => {
    const source = sourceOf('Olga');
    const { publicKeys, signature } = await acts.register({ source, operatorId: 'Olga' }, silent);
    expect(isSignedBy(publicKeys.signing, signature, PURPOSES.shareKey, { operatorId: 'Olga', publicKeys })).toBe(true);
    expect(source.kind === 'passkey' && source.output.every((octet) => octet === 0)).toBe(true);
  });

  it('holds a ceremony, and contributes to an opening', async () => {
    const dealt = await transcript();
    const request = vaultKeyOf(dealt).transcript;
    const records = [{ id: 'test', encapsulation: pointOf(dealt) }];
    const acceptance = await acts.accept(
      {
        source: sourceOf('Otto'),
        officerId: 'Otto',
        previous: null,
        transcript: dealt,
        opening: { vaultId: 'vault', request, records },
      },
      silent,
    );
    expect(acceptance.partial.officer).toBe(2);
    const owner = { recordId: 'record', personId: 'Dora', vaultId: 'vault' };
    const sealed = await sealOwnedHalf(vaultKeyOf(dealt).publicKey, newHalf(), owner);
    const asked = [{ id: 'record', encapsulation: sealed.encapsulation }];
    const document = Buffer.from(canonical({ vaultId: 'vault', records: asked, person: { id: 'Dora' } })).toString();
    const digest = digestOf(JSON.parse(document));
    const said: string[] = [];
    const approval = await acts.approve(
      {
        source: sourceOf('Olga'),
        officerId: 'Olga',
        transcript: dealt,
        opening: { vaultId: 'vault', request: digest, records: asked },
        document,
        points: { origins: trailWith(owner, sealed), known: null, acceptAttested: false },
      },
      (what) => said.push(what),
    );
    const signing = dealt.plan.officers[0]?.publicKeys.signing ?? '';
    expect(isSignedBy(signing, approval.signature, PURPOSES.decision, { request: digest, decision: 'approve' })).toBe(
      true,
    );
    expect(said).toContain('Computing your part of the opening of one key');
    const rejection = await acts.reject({ source: sourceOf('Olga'), digest }, silent);
    expect(isSignedBy(signing, rejection.signature, PURPOSES.decision, { request: digest, decision: 'reject' })).toBe(
      true,
    );
  });

  it('names the officer who dealt wrongly', async () => {
    const dealt = await transcript();
    const [first, second, third] = dealt.dealings;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three have dealt');
    const altered: Transcript = {
      plan: dealt.plan,
      dealings: [first, { ...second, commitments: [...second.commitments].reverse() }, third],
    };
    const opening = { vaultId: 'vault', request: vaultKeyOf(altered).transcript, records: [] };
    const accepting = acts.accept(
      { source: sourceOf('Olga'), officerId: 'Olga', previous: null, transcript: altered, opening },
      silent,
    );
    await expect(accepting).rejects.toThrow(/^What Otto Officer dealt is wrong: the dealing is not signed/);
  });

  it('refuses to accept by opening anything but the test record', async () => {
    const dealt = await transcript();
    const opening = {
      vaultId: 'vault',
      request: vaultKeyOf(dealt).transcript,
      records: [{ id: 'somebody’s key', encapsulation: pointOf(dealt) }],
    };
    await expect(
      acts.accept({ source: sourceOf('Olga'), officerId: 'Olga', previous: null, transcript: dealt, opening }, silent),
    ).rejects.toThrow(/something else than the test record/);
  });

  it('contributes to a drill, and to nothing that passes for one', async () => {
    const dealt = await transcript();
    const { encapsulation, ownership } = await sealOwnedHalf(vaultKeyOf(dealt).publicKey, newHalf(), {
      recordId: 'record',
      personId: 'person',
      vaultId: 'vault',
    });
    const document = (kind: string) =>
      Buffer.from(
        canonical({
          version: 1,
          kind,
          id: 'batch',
          roundId: 'round',
          vaultId: 'vault',
          records: [{ id: 'record', person: 'person', encapsulation, ownership }],
          at: '2026-11-25T12:00:00.000Z',
        }),
      ).toString();
    const contribute = (kind: string) =>
      acts.contribute(
        {
          source: sourceOf('Olga'),
          officerId: 'Olga',
          kind: 'drill',
          transcript: dealt,
          target: null,
          acceptAttested: false,
          documents: [document(kind)],
        },
        silent,
      );
    const [part] = await contribute('drill');
    expect(part).toMatchObject({ digest: digestOf(JSON.parse(document('drill'))), partial: { officer: 1 } });
    await expect(contribute('offline')).rejects.toThrow(/something else than a drill/);
  });

  it('says when the share key is another one than that of the ceremony', async () => {
    const agreed = await plan();
    const other = { source: sourceOf('Otto'), officerId: 'Olga', plan: agreed, previous: null };
    await expect(acts.deal(other, silent)).rejects.toThrow(/another share key than the one that you have/);
  });

  it('makes a file that opens with its passphrase and no other, and says how far it is', {
    timeout: 120_000,
  }, async () => {
    const shares: (number | null)[] = [];
    const file = await acts.make({ passphrase: 'several words of it', holder: 'Olga', at: new Date() }, (_, share) =>
      shares.push(share),
    );
    expect(shares[0]).toBe(0);
    expect(shares.at(-1)).toBe(1);
    const opened = await acts.register(
      { source: { kind: 'file', file, passphrase: 'several words of it' }, operatorId: 'Olga' },
      silent,
    );
    expect(opened.publicKeys).toEqual(file.publicKeys);
    // Stretched little, so that the refusal need not be waited for.
    const other = { ...file, argon2id: { ...file.argon2id, memory: 8, passes: 1 } };
    await expect(
      acts.register({ source: { kind: 'file', file: other, passphrase: 'other words' }, operatorId: 'Olga' }, silent),
    ).rejects.toThrow('The passphrase does not open this file, or the file was altered.');
    await expect(
      acts.register({ source: { kind: 'file', file: {}, passphrase: 'x' }, operatorId: 'Olga' }, silent),
    ).rejects.toThrow('This is not a share key file');
  });
});
