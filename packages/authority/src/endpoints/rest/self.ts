/** An employee's own page. Whose it is, the session says: nothing that the caller sends names a person. */
import { consistencyProof } from '@chancery/trail';
import { recordsAbout } from '../../audit/about-person.ts';
import { deliverKeyset } from '../../delivery/deliver-keyset.ts';
import { describePhoneKeys } from '../../delivery/phone-keys.ts';
import { AuthorityError } from '../../errors.ts';
import { passkeyChallenge } from '../../identity/passkey.ts';
import { enrolPersonPasskey, offerPersonPasskey, removePersonPasskey } from '../../identity/person-passkeys.ts';
import {
  askSignInLink,
  beginPersonSessionWithLink,
  beginPersonSessionWithPasskey,
  endPersonSession,
} from '../../identity/person-sessions.ts';
import { signOutAtProvider } from '../../identity/providers/sign-out.ts';
import { addOwnerLocks, removeOwnerLocks } from '../../kra/owner-locks.ts';
import { consult, perform } from '../../operation.ts';
import { askForHelp } from '../../ra/help.ts';
import { describeMyself } from '../../ra/myself.ts';
import { latestCheckpoint, nodeReader } from '../../store/audit-tree.ts';
import { keysLockedTo } from '../../store/escrow.ts';
import { cursorNumber } from './cursor.ts';
import type { Handlers } from './handler.ts';
import { toBase64 } from './issued.ts';

export const selfHandlers: Handlers<
  | 'askSignInLink'
  | 'selfLinkLogin'
  | 'selfPasskeyOptions'
  | 'selfPasskeyLogin'
  | 'selfLogout'
  | 'myself'
  | 'newPasskeyOptions'
  | 'addPasskey'
  | 'removePasskey'
  | 'ownerLocks'
  | 'addOwnerLocks'
  | 'removeOwnerLocks'
  | 'deliverKeyset'
  | 'askForHelp'
  | 'myRecords'
  | 'myConsistency'
> = {
  async askSignInLink({ world, by }, { body }) {
    await perform(world, askSignInLink, by, body);
    return { done: true };
  },
  async selfLinkLogin(context, { body }) {
    context.beginPersonSession(await perform(context.world, beginPersonSessionWithLink, context.by, body));
    return { done: true };
  },
  async selfPasskeyOptions({ world, origin }) {
    return world.database.snapshot((snapshot) => passkeyChallenge(world, snapshot, origin, 'person'));
  },
  async selfPasskeyLogin(context, { body }) {
    const { world, by, origin } = context;
    context.beginPersonSession(await perform(world, beginPersonSessionWithPasskey, by, { ...body, origin }));
    return { done: true };
  },
  async selfLogout(context) {
    const { world, by, origin, personSession } = context;
    const token = personSession?.token ?? '';
    const next = await signOutAtProvider(world, 'person-session', token, `${origin}/me`);
    await perform(world, endPersonSession, by, { token });
    context.endPersonSession();
    return { done: true, next };
  },
  async myself({ world, by, personSession }) {
    const endsAt = personSession?.endsAt ?? world.clock();
    return consult(world, 'self:read', by, async (snapshot) => ({
      ...(await describeMyself(world, snapshot, by.id, endsAt)),
      phone: await describePhoneKeys(world, snapshot, by.id),
    }));
  },
  async newPasskeyOptions({ world, by, origin }) {
    return consult(world, 'self:read', by, (snapshot) => offerPersonPasskey(world, snapshot, by.id, origin));
  },
  async addPasskey({ world, by, origin }, { body }) {
    return perform(world, enrolPersonPasskey, by, { ...body, personId: by.id, origin });
  },
  async removePasskey({ world, by }, { body }) {
    await perform(world, removePersonPasskey, by, { ...body, personId: by.id });
    return { done: true };
  },
  async ownerLocks({ world, by }, { query }) {
    return consult(world, 'self:read', by, async (snapshot) => {
      const locked = await keysLockedTo(snapshot, { kind: 'owner', holder: query.credentialId, personId: by.id });
      return { items: locked.map(({ key, wrapped }) => ({ id: key.id, wrapped: wrapped.toString('base64url') })) };
    });
  },
  async addOwnerLocks({ world, by }, { body }) {
    const { credentialId, locks } = body;
    const from = { kind: 'owner', locks } as const;
    return perform(world, addOwnerLocks, by, { personId: by.id, credentialId, from });
  },
  async removeOwnerLocks({ world, by }, { body }) {
    await perform(world, removeOwnerLocks, by, { ...body, personId: by.id });
    return { done: true };
  },
  async deliverKeyset({ world, by }, { body }) {
    const { fileName, data } = await perform(world, deliverKeyset, by, { ...body, personId: by.id });
    return { fileName, data: toBase64(data) };
  },
  async askForHelp({ world, by }, { body }) {
    await perform(world, askForHelp, by, { ...body, personId: by.id });
    return { done: true };
  },
  async myRecords({ world, by }, { query }) {
    const { after, limit } = query;
    return consult(world, 'self:read', by, (snapshot) =>
      recordsAbout(snapshot, by.id, { before: cursorNumber(after), limit }),
    );
  },
  async myConsistency({ world, by }, { query: { from, to } }) {
    return consult(world, 'self:read', by, async (snapshot) => {
      const grown = (await latestCheckpoint(snapshot))?.size ?? 0;
      if (from > to || to > grown) {
        throw new AuthorityError('invalid-request', `The trail has ${grown} records under checkpoints: from, then to.`);
      }
      const proof = await consistencyProof(from, to, nodeReader(snapshot));
      return { from, to, proof: proof.map((hash) => Buffer.from(hash).toString('hex')) };
    });
  },
};
