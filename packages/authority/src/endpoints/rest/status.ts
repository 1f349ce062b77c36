/** Revocation, hold and release; how lists and OCSP are doing. */
import type { AuthorityHealth, StatusHealth } from '@chancery/api';
import { describeCertificate } from '../../ca/describe.ts';
import {
  changeAuthorityCertificates,
  changePersonCertificates,
  holdCertificate,
  releaseCertificate,
  revokeCertificate,
} from '../../ca/revoke.ts';
import { changeAuthority } from '../../ca/revoke-authority.ts';
import { consult, perform } from '../../operation.ts';
import { documentTargetsOf } from '../../publication/publish-documents.ts';
import { documentsOf } from '../../status/documents.ts';
import { authorityHealth } from '../../status/health.ts';
import { warningsOf } from '../../status/judge-health.ts';
import { authorityById } from '../../store/authorities.ts';
import type { Snapshot } from '../../store/database.ts';
import { documentPublications } from '../../store/document-publications.ts';
import type { World } from '../../world.ts';
import { requireCertificate } from './certificates.ts';
import type { Context, Handlers } from './handler.ts';

export const statusHandlers: Handlers<
  | 'revokeCertificate'
  | 'holdCertificate'
  | 'releaseCertificate'
  | 'changePersonCertificates'
  | 'changeAuthorityCertificates'
  | 'changeAuthority'
  | 'status'
> = {
  async revokeCertificate(context, { params, body }) {
    await perform(context.world, revokeCertificate, context.by, { ...params, ...body });
    return described(context, params.serialNumber);
  },
  async holdCertificate(context, { params, body }) {
    await perform(context.world, holdCertificate, context.by, { ...params, ...body });
    return described(context, params.serialNumber);
  },
  async releaseCertificate(context, { params, body }) {
    await perform(context.world, releaseCertificate, context.by, { ...params, ...body });
    return described(context, params.serialNumber);
  },
  async changePersonCertificates({ world, by }, { params, body }) {
    return { changed: await perform(world, changePersonCertificates, by, { personId: params.id, ...body }) };
  },
  async changeAuthorityCertificates({ world, by }, { params, body }) {
    return { changed: await perform(world, changeAuthorityCertificates, by, { authorityId: params.id, ...body }) };
  },
  async changeAuthority({ world, by }, { params, body }) {
    await perform(world, changeAuthority, by, { authorityId: params.id, ...body });
    return {};
  },
  async status({ world, by, responder }): Promise<StatusHealth> {
    const authorities = await consult(world, 'certificate:read', by, async (snapshot) => {
      const found = [];
      for (const one of await authorityHealth(world, snapshot))
        found.push({ ...one, publications: await publicationsOf(world, snapshot, one.id) });
      return found;
    });
    const now = world.clock();
    return {
      authorities,
      warnings: authorities.flatMap((one) => warningsOf(one, now)),
      keyPool: world.keyPool?.figures() ?? null,
      ocsp: { answersPerMinute: responder.answers.perMinute(world.clock()), keptAnswers: responder.kept.count },
    };
  },
};

async function described({ world }: Context, serialNumber: string) {
  const row = await world.database.snapshot((snapshot) => requireCertificate(snapshot, serialNumber));
  return describeCertificate(row, world.clock());
}

/** Target by target: of many documents the last success, and the first failure. */
async function publicationsOf(
  world: World,
  snapshot: Snapshot,
  authorityId: string,
): Promise<AuthorityHealth['publications']> {
  const targets = documentTargetsOf(world);
  const authority = targets.length === 0 ? undefined : await authorityById(snapshot, authorityId);
  if (authority === undefined) return [];
  const documents = await documentsOf(snapshot, authority);
  const rows = await documentPublications(snapshot, authorityId);
  return targets.map((target) => {
    const own = rows.filter((row) => row.target === target.name);
    const stands = new Map(own.map((row) => [row.document, row.sha256]));
    const wanted = documents.filter((document) => target.takes(document));
    return {
      target: target.name,
      documents: wanted.length,
      behind: wanted.filter(({ path, sha256 }) => stands.get(path)?.equals(sha256) !== true).length,
      publishedAt: latest(own.map(({ publishedAt }) => publishedAt)),
      error: own.find(({ error }) => error !== null)?.error ?? null,
      triedAt: latest(own.map(({ updatedAt }) => updatedAt)),
    };
  });
}

function latest(dates: readonly (Date | null)[]): string | null {
  const known = dates.flatMap((date) => date?.getTime() ?? []);
  return known.length === 0 ? null : new Date(Math.max(...known)).toISOString();
}
