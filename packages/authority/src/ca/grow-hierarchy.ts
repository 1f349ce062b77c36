/**
 * The hierarchy as it grows: further issuing authorities, a request to an outside issuer and its answer, an authority that
 * comes with its key, retirement. A new authority takes over issuing; the one before goes on with CRLs and OCSP for what it
 * signed, so nothing issued breaks.
 */
import { randomUUID } from 'node:crypto';
import { AuthorityKey } from '@chancery/api';
import { buildRequest, readPkcs12, SmimeError } from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import {
  answerAuthorityRequest,
  holdAuthorityRequest,
  insertAuthorityRequest,
  listAuthorities,
  requireAuthority,
  retireAuthority,
} from '../store/authorities.ts';
import { organisationName } from '../store/intents.ts';
import type { World } from '../world.ts';
import { admit, described, freeSlug, readCertificate, sha256 } from './admit-authority.ts';
import { issueCrl } from './crl.ts';
import { authorityName, establish } from './hierarchy.ts';

/** What stands behind the organisation in an authority's name. */
const Title = z.string().trim().min(1).max(40);
const Der = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** A further issuing authority below one of ours, with a new key. It takes over issuing at once. */
export const createAuthority = operation({
  action: 'authority.create',
  permission: 'authority:write',
  irreversible: true,
  input: z.object({ title: Title, key: AuthorityKey, parentId: z.uuid() }),
  subject: ({ title }) => `authority:${title}`,
  async run(tx, { title, key, parentId }, _by, world) {
    const parent = await requireAuthority(tx, parentId);
    if (parent.role !== 'root' || parent.retiredAt !== null)
      throw new AuthorityError('wrong-state', `${parent.name} is no root in force. No authority was made.`);
    const name = authorityName(await organisationName(tx), title);
    const authority = await establish(tx, world, name, 'issuing', await freeSlug(tx, title), key, parent);
    await issueCrl(tx, world, authority);
    return { result: { id: authority.id }, audit: described(authority) };
  },
});

/** A further root, with a new key: what issues below the one before goes on. Cross-certificates lead from one to the other. */
export const createRoot = operation({
  action: 'authority.create-root',
  permission: 'authority:write',
  irreversible: true,
  input: z.object({ title: Title, key: AuthorityKey }),
  subject: ({ title }) => `authority:${title}`,
  async run(tx, { title, key }, _by, world) {
    const name = authorityName(await organisationName(tx), title);
    if ((await listAuthorities(tx)).some((one) => one.name === name.name))
      throw new AuthorityError(
        'conflict',
        `There is an authority called ${name.name} already: two names tell two roots apart. Nothing was made.`,
      );
    const authority = await establish(tx, world, name, 'root', await freeSlug(tx, title), key, undefined);
    await issueCrl(tx, world, authority);
    return { result: { id: authority.id }, audit: described(authority) };
  },
});

/** A new key and its request, for an issuer that is not ours: an offline root, another organisation. */
export const requestAuthority = operation({
  action: 'authority.request',
  permission: 'authority:write',
  input: z.object({ title: Title, key: AuthorityKey }),
  subject: ({ title }) => `authority:${title}`,
  async run(tx, { title, key }, _by, world) {
    const { name, subject } = authorityName(await organisationName(tx), title);
    const keyReference = await world.keyStore.generate(key, name);
    const request = await buildRequest({ subject, signer: await world.keyStore.signer(keyReference) });
    const id = randomUUID();
    await insertAuthorityRequest(tx, {
      id,
      name,
      key_reference: keyReference,
      request: Buffer.from(request),
      created_at: world.clock(),
    });
    return { result: { id, request }, audit: { id, name, key, request: sha256(request) } };
  },
});

/**
 * The certificate that came back for a request, with those above it. It takes over issuing.
 * @throws AuthorityError `unusable-input` for a certificate that is not of that key, not of a CA, or not below its chain
 */
export const installAuthority = operation({
  action: 'authority.install',
  permission: 'authority:write',
  irreversible: true,
  input: z.object({
    requestId: z.uuid(),
    certificate: Der,
    chain: z.array(Der).max(8),
    /** Of the ceremony at which it was signed, as it was printed. */
    transcript: z.string().max(200_000).optional(),
  }),
  subject: ({ requestId }) => `authority-request:${requestId}`,
  async run(tx, { requestId, certificate: der, chain, transcript }, _by, world) {
    const request = await holdAuthorityRequest(tx, requestId);
    if (request === undefined) throw new AuthorityError('not-found', 'There is no such request. Nothing was changed.');
    if (request.authority_id !== null)
      throw new AuthorityError('wrong-state', 'This request has its certificate already. Nothing was changed.');
    const authority = await admit(tx, world, {
      name: request.name,
      keyReference: request.key_reference,
      certificate: readCertificate(der),
      above: chain.map(readCertificate),
    });
    await answerAuthorityRequest(tx, requestId, authority.id);
    return {
      result: { id: authority.id },
      audit: {
        ...described(authority),
        ...(transcript !== undefined && { transcript: sha256(Buffer.from(transcript)) }),
      },
    };
  },
});

/**
 * An authority that has issued elsewhere: from a PKCS#12 file, whose key goes into the key store, or by a reference to a key
 * that is in it. What it signed before stays for its old status service to say.
 */
export const importAuthority = operation({
  action: 'authority.import',
  permission: 'authority:write',
  irreversible: true,
  input: z.object({
    name: z.string().trim().min(1).max(200),
    source: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('pkcs12'), file: Der, password: z.string() }),
      z.object({ kind: z.literal('key'), keyReference: z.string().min(1), certificate: Der }),
    ]),
    chain: z.array(Der).max(8),
  }),
  subject: ({ name }) => `authority:${name}`,
  async run(tx, { name, source, chain }, _by, world) {
    const found =
      source.kind === 'key'
        ? { keyReference: source.keyReference, certificate: source.certificate, above: [] }
        : await takeKey(world, name, source);
    const authority = await admit(tx, world, {
      name,
      keyReference: found.keyReference,
      certificate: readCertificate(found.certificate),
      above: [...chain, ...found.above].map(readCertificate),
    });
    return { result: { id: authority.id }, audit: { ...described(authority), source: source.kind } };
  },
});

/** It signs no more certificates, and goes on with CRLs and OCSP. @throws AuthorityError `wrong-state` for the last one */
export const retireIssuing = operation({
  action: 'authority.retire',
  permission: 'authority:write',
  input: z.object({ id: z.uuid() }),
  subject: ({ id }) => `authority:${id}`,
  async run(tx, { id }, _by, world) {
    const authority = await requireAuthority(tx, id);
    if (authority.retiredAt !== null)
      throw new AuthorityError('wrong-state', `${authority.name} is retired already. Nothing was changed.`);
    const others = (await listAuthorities(tx)).filter(
      (one) => one.role === 'issuing' && one.id !== id && one.retiredAt === null && one.revokedAt === null,
    );
    if (authority.role === 'issuing' && others.length === 0)
      throw new AuthorityError(
        'wrong-state',
        `${authority.name} is the last that issues. Make another first. Nothing was changed.`,
      );
    await retireAuthority(tx, id, world.clock());
    return { result: undefined, audit: { authority: authority.slug } };
  },
});

async function takeKey(world: World, label: string, { file, password }: { file: Uint8Array; password: string }) {
  try {
    const { keys, certificates } = await readPkcs12(file, password);
    const [key, another] = keys;
    if (key?.certificate === undefined || another !== undefined)
      throw new AuthorityError(
        'unusable-input',
        `The file holds ${keys.length} keys; it must hold one, with its certificate. No authority was made.`,
      );
    try {
      const keyReference = await world.keyStore.importKey(key.privateKey, label);
      return { keyReference, certificate: key.certificate, above: certificates.map((one) => one.certificate) };
    } finally {
      key.privateKey.fill(0);
    }
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw new AuthorityError(
      'unusable-input',
      `The PKCS#12 file cannot be opened: ${error.message}. Nothing was changed.`,
    );
  }
}
