/** What an authority publishes: its certificate, its chain, and its lists; over HTTP, in folders and in directories alike. */
import { createHash } from 'node:crypto';
import { certsOnly, parseCertificate } from '@chancery/smime';
import { certificatePath, chainPath, crlPath } from '../ca/addresses.ts';
import { type AuthorityRow, authorityChain, listAuthorities, ownAndOutside } from '../store/authorities.ts';
import { type CrlKind, latestCrl, listCrls, readCrl } from '../store/crls.ts';
import { crossCertificatesOf } from '../store/cross-certificates.ts';
import type { Snapshot } from '../store/database.ts';
import type { StatusWorld } from '../world.ts';

export interface StatusDocument {
  /** Below the address of the office, and below a folder that is published. */
  readonly path: string;
  readonly kind: 'certificate' | 'chain' | CrlKind;
  readonly authority: AuthorityRow;
  /** Of a list: null where it is of all certificates. */
  readonly shard: number | null;
  /** Of a list. */
  readonly number: number | null;
  readonly sha256: Buffer;
  readonly octets: number;
  /** When it was made. */
  readonly modified: Date;
  /** When the next one is there at the latest; of lists. */
  readonly nextUpdate: Date | undefined;
}

/** Every document of an authority, as it is in force. */
export async function documentsOf(snapshot: Snapshot, authority: AuthorityRow): Promise<StatusDocument[]> {
  const [certificate, chain] = await certificateDocuments(snapshot, authority);
  const crls = await listCrls(snapshot, authority.id);
  return [
    certificate,
    chain,
    ...crls.map((crl): StatusDocument => {
      const kind = crl.baseNumber === null ? 'complete' : 'delta';
      return {
        path: crlPath(authority.slug, crl.shard, kind),
        kind,
        authority,
        shard: crl.shard,
        number: crl.number,
        sha256: crl.sha256,
        octets: crl.octets,
        modified: crl.thisUpdate,
        nextUpdate: crl.nextUpdate,
      };
    }),
  ];
}

/** DER. Undefined where a list has been followed by another since it was looked up. */
export async function octetsOf(snapshot: Snapshot, document: StatusDocument): Promise<Buffer | undefined> {
  const { kind, authority, shard, number, octets } = document;
  if (kind === 'certificate') return Buffer.from(authority.certificate.der);
  if (kind === 'chain') return (await chainFor(snapshot, authority)).octets;
  const row = { number: number ?? 0, baseNumber: kind === 'delta' ? 0 : null, octets };
  return readCrl(snapshot, { authorityId: authority.id, shard }, row);
}

/** The document at that path; undefined where there is none. */
async function findDocument(snapshot: Snapshot, path: string): Promise<StatusDocument | undefined> {
  const wanted = parsePath(path);
  if (wanted === undefined) return undefined;
  const authority = (await listAuthorities(snapshot)).find(({ slug }) => slug === wanted.slug);
  if (authority === undefined) return undefined;
  if (wanted.kind === 'certificate' || wanted.kind === 'chain')
    return (await certificateDocuments(snapshot, authority)).find(({ kind }) => kind === wanted.kind);
  const { kind, shard } = wanted;
  const crl = await latestCrl(snapshot, { authorityId: authority.id, shard }, kind);
  if (crl === undefined) return undefined;
  const { number, sha256, octets, thisUpdate, nextUpdate } = crl;
  return { path, kind, authority, shard, number, sha256, octets, modified: thisUpdate, nextUpdate };
}

function parsePath(path: string): { slug: string; kind: StatusDocument['kind']; shard: number | null } | undefined {
  const slug = '([a-z0-9-]+)';
  const match = (pattern: string) => new RegExp(`^${pattern}$`).exec(path);
  const of = (kind: StatusDocument['kind'], found: RegExpExecArray | null) =>
    found?.[1] === undefined
      ? undefined
      : { slug: found[1], kind, shard: found[2] === undefined ? null : Number(found[2]) };
  return (
    of('certificate', match(`ca/${slug}\\.cer`)) ??
    of('chain', match(`ca/${slug}\\.p7c`)) ??
    of('complete', match(`crl/${slug}\\.crl`)) ??
    of('complete', match(`crl/${slug}/(0|[1-9][0-9]{0,4})\\.crl`)) ??
    of('delta', match(`crl/${slug}/delta\\.crl`)) ??
    of('delta', match(`crl/${slug}/(0|[1-9][0-9]{0,4})-delta\\.crl`))
  );
}

async function certificateDocuments(
  snapshot: Snapshot,
  authority: AuthorityRow,
): Promise<[StatusDocument, StatusDocument]> {
  const document = (
    kind: 'certificate' | 'chain',
    path: string,
    octets: Uint8Array,
    modified: Date,
  ): StatusDocument => ({
    path,
    kind,
    authority,
    shard: null,
    number: null,
    sha256: createHash('sha256').update(octets).digest(),
    octets: octets.length,
    modified,
    nextUpdate: undefined,
  });
  const { certificate, slug } = authority;
  const chain = await chainFor(snapshot, authority);
  return [
    document('certificate', certificatePath(slug), certificate.der, certificate.notBefore),
    document('chain', chainPath(slug), chain.octets, chain.modified),
  ];
}

/**
 * RFC 5280 4.2.2.1: certs-only, with cross-certificates and what stands above them outside. A root that has a cross-certificate is
 * left out itself: who trusts it has it, and OpenSSL, where it finds an unknown root that signed itself, looks no further.
 */
async function chainFor(snapshot: Snapshot, authority: AuthorityRow): Promise<{ octets: Buffer; modified: Date }> {
  const above = await authorityChain(snapshot, authority.id);
  const crossed = await crossCertificatesOf(
    snapshot,
    above.map(({ id }) => id),
  );
  const bridged = new Set(crossed.map(({ subjectId }) => subjectId));
  const all = [
    ...above.filter(({ id, role }) => role !== 'root' || !bridged.has(id)).flatMap(ownAndOutside),
    ...crossed.flatMap((one) => [one.certificate.der, ...one.above]),
  ];
  const each = new Map(all.map((der) => [Buffer.from(der).toString('latin1'), der]));
  const dates = [authority.certificate.notBefore, ...crossed.map(({ createdAt }) => createdAt)];
  return {
    octets: Buffer.from(certsOnly([...each.values()].map(parseCertificate))),
    modified: new Date(Math.max(...dates.map((date) => date.getTime()))),
  };
}

/** Octets of documents that are kept in memory; what is larger is read anew for each question. */
const MEMORY = 134_217_728;

/** Serves documents, and keeps the octets of those that are asked for while they are in force. */
export class DocumentShelf {
  readonly #world: StatusWorld;
  /** By path; the least recently used goes first. */
  readonly #kept = new Map<string, { sha256: Buffer; octets: Promise<Buffer | undefined>; size: number }>();
  #size = 0;

  constructor(world: StatusWorld) {
    this.#world = world;
  }

  /** What is in force at that path; undefined where nothing is. */
  find(path: string): Promise<StatusDocument | undefined> {
    return this.#world.database.snapshot((snapshot) => findDocument(snapshot, path));
  }

  /** DER. Undefined where a list has been followed by another since: look it up again. */
  octets(document: StatusDocument): Promise<Buffer | undefined> {
    const kept = this.#kept.get(document.path);
    if (kept?.sha256.equals(document.sha256)) return kept.octets;
    const octets = this.#world.database.snapshot((snapshot) => octetsOf(snapshot, document));
    this.#drop(document.path);
    if (document.octets <= MEMORY) {
      this.#kept.set(document.path, { sha256: document.sha256, octets, size: document.octets });
      this.#size += document.octets;
      for (const path of this.#kept.keys()) {
        if (this.#size <= MEMORY) break;
        this.#drop(path);
      }
      octets.then(
        (read) => read === undefined && this.#drop(document.path),
        () => this.#drop(document.path),
      );
    }
    return octets;
  }

  #drop(path: string): void {
    const kept = this.#kept.get(path);
    if (kept === undefined) return;
    this.#kept.delete(path);
    this.#size -= kept.size;
  }
}
