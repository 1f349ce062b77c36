/**
 * The hierarchy as it grows: further issuing authorities, a request to an outside issuer and its answer, an authority that
 * comes with its key, retirement. A new authority takes over issuing; the one before goes on with CRLs and OCSP for what it
 * signed, so nothing issued breaks.
 */
import { createHash, randomUUID } from 'node:crypto';
import { parseKeyReference } from '@chancery/keystore';
import {
  buildRequest,
  type Certificate,
  formatName,
  parseCertificate,
  readPkcs12,
  SmimeError,
  verifyCertificateSignature,
} from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import {
  type AuthorityRow,
  answerAuthorityRequest,
  authorityById,
  holdAuthorityRequest,
  insertAuthority,
  insertAuthorityRequest,
  listAuthorities,
  retireAuthority,
} from '../store/authorities.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { organisationName } from '../store/intents.ts';
import type { World } from '../world.ts';
import { keyLabel } from './authority-key.ts';
import { issueCrl } from './crl.ts';
import { authorityName, establish } from './hierarchy.ts';
import { weaknessesOf } from './key-strength.ts';

const AuthorityKey = z.enum(['rsa-3072', 'rsa-4096', 'p256', 'p384', 'p521', 'ed25519']);
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

async function requireAuthority(snapshot: Snapshot, id: string): Promise<AuthorityRow> {
  const authority = await authorityById(snapshot, id);
  if (authority !== undefined) return authority;
  throw new AuthorityError('not-found', 'There is no such authority. Nothing was changed.');
}

interface Newcomer {
  readonly name: string;
  readonly keyReference: string;
  readonly certificate: Certificate;
  readonly above: readonly Certificate[];
}

/** Judges a certificate from outside, and takes it in as an authority of ours. */
async function admit(tx: Transaction, world: World, newcomer: Newcomer): Promise<AuthorityRow> {
  const { name, keyReference, certificate, above } = newcomer;
  const refuse = (why: string) => new AuthorityError('unusable-input', `${why} No authority was made.`);
  const spki = await world.keyStore.publicKey(parseKeyReference(keyReference));
  if (Buffer.compare(spki, certificate.spki) !== 0) throw refuse('The certificate is of another key.');
  const weak = weaknessesOf(certificate.spki);
  if (weak.length > 0) throw refuse(`The key cannot be used: ${weak.join('; ')}.`);
  if (certificate.basicConstraints?.ca !== true) throw refuse('The certificate is not of a certification authority.');
  const usage = certificate.keyUsage;
  if (usage !== undefined && !(usage.has('keyCertSign') && usage.has('cRLSign')))
    throw refuse('The certificate does not allow its key to sign certificates and CRLs.');
  const now = world.clock();
  if (certificate.notBefore > now || certificate.notAfter <= now) throw refuse('The certificate is not in its period.');
  const known = await listAuthorities(tx);
  if (known.some((one) => Buffer.compare(one.certificate.der, certificate.der) === 0))
    throw new AuthorityError('conflict', 'This authority is here already. Nothing was changed.');
  const parent = known.find((one) => one.role === 'root' && verifyCertificateSignature(certificate, one.certificate));
  const selfSigned = isSignedBy(certificate, certificate);
  const outside = parent !== undefined || selfSigned ? [] : chainAbove(certificate, above, refuse);
  const authority = {
    role: selfSigned ? ('root' as const) : ('issuing' as const),
    slug: await freeSlug(tx, name),
    name,
    keyReference,
    certificate,
    issuerId: parent?.id ?? null,
    outsideChain: outside.map(({ der }) => der),
  };
  const id = await insertAuthority(tx, { ...authority, createdAt: now });
  const row: AuthorityRow = { ...authority, id, revokedAt: null, revocationReason: null, retiredAt: null };
  await issueCrl(tx, world, row);
  return row;
}

/** From the issuer up to a root, each signature checked. */
function chainAbove(
  certificate: Certificate,
  above: readonly Certificate[],
  refuse: (why: string) => AuthorityError,
): Certificate[] {
  const chain: Certificate[] = [];
  const left = new Set(above);
  for (let below = certificate; ; ) {
    const issuer = [...left].find((one) => isSignedBy(below, one));
    if (issuer === undefined)
      throw refuse(
        `Nobody given or known here signed the certificate of ${formatName(below.subject)}: give the certificates above it, up to the root.`,
      );
    if (issuer.basicConstraints?.ca !== true)
      throw refuse(`${formatName(issuer.subject)} is no certification authority.`);
    left.delete(issuer);
    chain.push(issuer);
    if (isSignedBy(issuer, issuer)) return chain;
    below = issuer;
  }
}

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  return (
    formatName(certificate.issuer) === formatName(issuer.subject) && verifyCertificateSignature(certificate, issuer)
  );
}

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

function readCertificate(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw new AuthorityError(
      'unusable-input',
      `A certificate cannot be read: ${error.message}. No authority was made.`,
    );
  }
}

/** For URLs, as long as there are certificates that name it: never used again. */
async function freeSlug(snapshot: Snapshot, title: string): Promise<string> {
  const taken = new Set((await listAuthorities(snapshot)).map(({ slug }) => slug));
  const base =
    title
      .toLowerCase()
      .normalize('NFKD')
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 40) || 'authority';
  if (!taken.has(base)) return base;
  for (let number = 2; ; number++) if (!taken.has(`${base}-${number}`)) return `${base}-${number}`;
}

function described({ slug, name, role, certificate, outsideChain }: AuthorityRow) {
  return {
    authority: slug,
    name,
    role,
    key: keyLabel(certificate),
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    fingerprint: sha256(certificate.der),
    notAfter: certificate.notAfter.toISOString(),
    ...(outsideChain.length > 0 && { above: outsideChain.map(sha256) }),
  };
}

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
