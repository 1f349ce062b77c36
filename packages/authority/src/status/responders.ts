/** Who answers for which authority: delegated certificates of the inventory whose keys this process can use (RFC 6960 4.2.2.2). */
import { parseKeyReference } from '@chancery/keystore';
import { type CertId, type Certificate, certIdFor, parseCertificate, type Signer } from '@chancery/smime';
import { isResponderKeyInPlace } from '../key-stores.ts';
import { type AuthorityRow, listAuthorities } from '../store/authorities.ts';
import { responderCertificates } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import type { StatusWorld } from '../world.ts';

export interface Responder {
  readonly authority: AuthorityRow;
  readonly certificate: Certificate;
  readonly signer: Signer;
}

/** Makes a certificate for an authority that has none to answer with; a process that may only read has no such thing. */
export type Renew = (authority: AuthorityRow) => Promise<void>;

const MINUTE = 60_000;
/** From then on a process looks again whether another has renewed a certificate. */
const CHECK_EVERY = 30 * MINUTE;
/** A question about an authority that is not known is looked into so often, at most: anybody may ask anything. */
const LOOK_EVERY = 10_000;

export class Responders {
  readonly #world: StatusWorld;
  readonly #renew: Renew | undefined;
  #known: Promise<ReadonlyMap<string, Responder>> | undefined;
  /** Of the certificates in use. */
  #serialNumbers: ReadonlySet<string> = new Set();
  #openedAt = 0;
  #checkAgainAt = 0;

  constructor(world: StatusWorld, renew: Renew | undefined) {
    this.#world = world;
    this.#renew = renew;
  }

  /** Who answers about those certificates; undefined where they are not all of one authority of ours, or nobody can. */
  async find(certIds: readonly CertId[]): Promise<Responder | undefined> {
    const now = this.#world.clock().getTime();
    if (this.#known === undefined || now >= this.#checkAgainAt || now < this.#openedAt) this.#open(now);
    let found = oneOf(await this.#known, certIds);
    if (found === undefined && now >= this.#openedAt + LOOK_EVERY) {
      this.#open(now);
      found = oneOf(await this.#known, certIds);
    }
    return found;
  }

  /** A certificate in use may have been revoked itself: then the next question looks again. Undefined: it may be any. */
  forget(serialNumbers: readonly string[] | undefined): void {
    if (serialNumbers === undefined || serialNumbers.some((serial) => this.#serialNumbers.has(serial)))
      this.#known = undefined;
  }

  /** Everyone who answers just now. */
  async all(): Promise<Responder[]> {
    const now = this.#world.clock().getTime();
    if (this.#known === undefined || now >= this.#checkAgainAt) this.#open(now);
    return [...new Set((await this.#known)?.values())];
  }

  #open(now: number): void {
    const opening = this.#read();
    this.#known = opening;
    this.#openedAt = now;
    this.#checkAgainAt = now + CHECK_EVERY;
    // A failure is not remembered: the next question tries again.
    opening.catch(() => {
      if (this.#known === opening) this.#known = undefined;
    });
  }

  async #read(): Promise<ReadonlyMap<string, Responder>> {
    const world = this.#world;
    if (this.#renew !== undefined) {
      for (const authority of await world.database.snapshot((snapshot) => dueForRenewal(world, snapshot)))
        await this.#renew(authority).catch((error: Error) =>
          world.log.error('ocsp.not-renewed', { authority: authority.slug, error: error.message }),
        );
    }
    const candidates = await world.database.snapshot(async (snapshot) => {
      const found = [];
      for (const authority of await listAuthorities(snapshot))
        found.push({ authority, rows: await responderCertificates(snapshot, authority.id, world.clock()) });
      return found;
    });
    const known = new Map<string, Responder>();
    for (const { authority, rows } of candidates) {
      const responder = await firstUsable(world, authority, rows);
      if (responder === undefined) continue;
      for (const hash of ['sha1', 'sha256'] as const)
        known.set(issuerKey(certIdFor('01', authority.certificate, hash)), responder);
    }
    this.#serialNumbers = new Set([...known.values()].map(({ certificate }) => certificate.serialNumber));
    return known;
  }
}

/**
 * Authorities that sign end entities, and whose responder certificate is missing, or wants renewal by its profile. One whose key is not where
 * such keys belong by now counts as missing, and answers until the next is there.
 */
export async function dueForRenewal(
  { config, clock }: Pick<StatusWorld, 'config' | 'clock'>,
  snapshot: Snapshot,
): Promise<AuthorityRow[]> {
  const now = clock();
  const due: AuthorityRow[] = [];
  for (const authority of await listAuthorities(snapshot)) {
    if (authority.role !== 'issuing' || authority.certificate.notAfter <= now) continue;
    const rows = await responderCertificates(snapshot, authority.id, now);
    const row = rows.find(({ keyReference }) => isResponderKeyInPlace(config, keyReference));
    if (row === undefined || row.renewAt <= now) due.push(authority);
  }
  return due;
}

/** The key of the newest may not have reached this process's key store yet: one before it answers as well. */
async function firstUsable(
  world: StatusWorld,
  authority: AuthorityRow,
  rows: readonly { readonly keyReference: string; readonly certificate: Buffer }[],
): Promise<Responder | undefined> {
  for (const { keyReference, certificate: der } of rows) {
    try {
      const signer = await world.keyStore.signer(parseKeyReference(keyReference));
      const certificate = parseCertificate(der);
      if (Buffer.compare(signer.spki, certificate.spki) === 0) return { authority, certificate, signer };
      world.log.error('ocsp.wrong-key', { authority: authority.slug });
    } catch (error) {
      world.log.warn('ocsp.key-missing', {
        authority: authority.slug,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return undefined;
}

function oneOf(known: ReadonlyMap<string, Responder> | undefined, certIds: readonly CertId[]): Responder | undefined {
  const [first, ...others] = certIds;
  const found = first && known?.get(issuerKey(first));
  return others.every((one) => known?.get(issuerKey(one)) === found) ? found : undefined;
}

function issuerKey({ hash, issuerNameHash, issuerKeyHash }: CertId): string {
  return `${hash} ${Buffer.from(issuerNameHash).toString('latin1')}${Buffer.from(issuerKeyHash).toString('latin1')}`;
}
