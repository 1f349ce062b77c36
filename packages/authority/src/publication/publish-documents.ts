/**
 * Publication of CA certificates and CRLs: every target by itself, after the commit that made the list. One that is down delays
 * neither a list nor another target; the queue asks it again.
 */
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { documentsOf, octetsOf, type StatusDocument } from '../status/documents.ts';
import { authorityById } from '../store/authorities.ts';
import { documentPublications, noteDocument } from '../store/document-publications.ts';
import type { World } from '../world.ts';
import type { DocumentTarget } from './document-target.ts';
import { folderTarget } from './folder.ts';
import { ldapDocumentTarget } from './ldap-documents.ts';

/** @throws Error when a target could not be brought in line: the queue tries again */
export async function publishDocuments(world: World, authorityId: string): Promise<void> {
  const targets = documentTargetsOf(world);
  if (targets.length === 0) return;
  const { documents, rows } = await world.database.snapshot(async (snapshot) => {
    const authority = await authorityById(snapshot, authorityId);
    return {
      documents: authority === undefined ? [] : await documentsOf(snapshot, authority),
      rows: await documentPublications(snapshot, authorityId),
    };
  });
  const failures = await Promise.all(
    targets.map(async (target) => {
      const stands = new Map(rows.filter((row) => row.target === target.name).map((row) => [row.document, row]));
      const open = documents.filter((document) => {
        const row = stands.get(document.path);
        return target.takes(document) && (row?.error != null || row?.sha256?.equals(document.sha256) !== true);
      });
      if (open.length === 0) return undefined;
      const outcomes = await putAll(world, target, open);
      await perform(world, noteDocuments, system, { authorityId, target: target.name, outcomes });
      return outcomes.find(({ error }) => error !== null)?.error ?? undefined;
    }),
  );
  const failed = failures.filter((one) => one !== undefined);
  if (failed.length > 0) throw new Error(failed.join('; '));
}

interface Outcome {
  readonly document: string;
  readonly sha256: string;
  readonly number: number | null;
  readonly error: string | null;
}

/** One after the other; the first that fails ends it for now, lest each of a thousand lists wait for the same dead server. */
async function putAll(world: World, target: DocumentTarget, open: readonly StatusDocument[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const document of open) {
    const { path, sha256, number } = document;
    const outcome = { document: path, sha256: sha256.toString('hex'), number };
    try {
      const octets = await world.database.snapshot((snapshot) => octetsOf(snapshot, document));
      // A list that was followed meanwhile is published by the job of the one that followed.
      if (octets === undefined) continue;
      await target.put(document, octets);
      outcomes.push({ ...outcome, error: null });
    } catch (error) {
      outcomes.push({ ...outcome, error: error instanceof Error ? error.message : String(error) });
      break;
    }
  }
  return outcomes;
}

export const noteDocuments = operation({
  action: 'publication.note-documents',
  permission: 'system',
  input: z.strictObject({
    authorityId: z.uuid(),
    target: z.string(),
    outcomes: z.array(
      z.strictObject({
        document: z.string(),
        sha256: z.string(),
        number: z.int().nullable(),
        error: z.string().nullable(),
      }),
    ),
  }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId, target, outcomes }, _by, world) {
    for (const { document, sha256, number, error } of outcomes) {
      const published = error === null ? { sha256: Buffer.from(sha256, 'hex'), number } : undefined;
      await noteDocument(tx, { target, document, authorityId, published, error }, world.clock());
    }
    return { result: undefined, audit: { target, outcomes } };
  },
});

/** By configuration. A folder and a directory of the same name are told apart. */
export function documentTargetsOf({ config }: Pick<World, 'config'>): DocumentTarget[] {
  const { folder, ldap } = config.publication;
  return [
    ...Object.entries(folder).map(([name, target]) => folderTarget(`folder:${name}`, target, config.home)),
    ...Object.entries(ldap).flatMap(([name, target]) =>
      target.authorityDn === undefined
        ? []
        : ldapDocumentTarget(`ldap:${name}`, target, target.authorityDn, config.home),
    ),
  ];
}
