/** The certification authorities, and how their hierarchy grows. */
import { createHash } from 'node:crypto';
import type { Authority, AuthorityDetail } from '@chancery/api';
import { formatName, parseCertificate, parseRequest } from '@chancery/smime';
import { chainPath, crlAddress } from '../../ca/addresses.ts';
import { isExperimental, keyLabel } from '../../ca/authority-key.ts';
import {
  createAuthority,
  createRoot,
  importAuthority,
  installAuthority,
  requestAuthority,
  retireIssuing,
} from '../../ca/grow-hierarchy.ts';
import { publicUrlOf } from '../../config.ts';
import { AuthorityError } from '../../errors.ts';
import { consult, perform } from '../../operation.ts';
import {
  type AuthorityRow,
  authorityById,
  chainOf,
  issuingAuthority,
  listAuthorities,
  openAuthorityRequests,
} from '../../store/authorities.ts';
import { certificatesInForce, responderCertificates } from '../../store/certificates.ts';
import { latestCrl, listCrls } from '../../store/crls.ts';
import type { Snapshot } from '../../store/database.ts';
import type { World } from '../../world.ts';
import type { Handlers } from './handler.ts';
import { octets, toBase64 } from './issued.ts';

export const authorityHandlers: Handlers<
  | 'authorities'
  | 'authority'
  | 'authorityRequests'
  | 'createAuthority'
  | 'createRoot'
  | 'requestAuthority'
  | 'installAuthority'
  | 'importAuthority'
  | 'retireAuthority'
> = {
  async authorities({ world, by }) {
    return consult(world, 'certificate:read', by, async (snapshot) => {
      const describe = await describer(world, snapshot);
      const items = [];
      for (const one of await listAuthorities(snapshot)) items.push(await describe(one));
      return { items };
    });
  },
  async authority({ world, by }, { params }): Promise<AuthorityDetail> {
    return consult(world, 'certificate:read', by, async (snapshot) => {
      const one = await authorityById(snapshot, params.id);
      if (one === undefined) throw new AuthorityError('not-found', 'There is no such authority.');
      const describe = await describer(world, snapshot);
      const { certificate, slug, revokedAt, revocationReason } = one;
      const [responder] = await responderCertificates(snapshot, one.id, world.clock());
      return {
        ...(await describe(one)),
        subject: formatName(certificate.subject),
        serialNumber: certificate.serialNumber,
        fingerprintSha256: createHash('sha256').update(certificate.der).digest('hex'),
        revoked: revokedAt && { at: revokedAt.toISOString(), reason: revocationReason ?? 'unspecified' },
        chain: (await chainOf(snapshot, one.id)).slice(1).map(toBase64),
        chainUrl: `${publicUrlOf(world.config)}/${chainPath(slug)}`,
        lists: (await listCrls(snapshot, one.id)).map((list) => {
          const kind = list.baseNumber === null ? 'complete' : 'delta';
          const { shard, number, baseNumber, entries, octets } = list;
          return {
            kind,
            ...{ shard, number, baseNumber, entries, octets },
            thisUpdate: list.thisUpdate.toISOString(),
            nextUpdate: list.nextUpdate.toISOString(),
            url: crlAddress(world.config, slug, shard, kind),
          };
        }),
        responder:
          responder === undefined
            ? null
            : { notBefore: responder.notBefore.toISOString(), notAfter: responder.notAfter.toISOString() },
      };
    });
  },
  async authorityRequests({ world, by }) {
    const rows = await consult(world, 'certificate:read', by, openAuthorityRequests);
    return {
      items: rows.map((row) => ({
        id: row.id,
        name: row.name,
        keyAlgorithm: keyLabel(parseRequest(row.request)),
        keyPlace: placeOf(row.key_reference),
        request: toBase64(row.request),
        createdAt: row.created_at.toISOString(),
      })),
    };
  },
  async createAuthority({ world, by }, { body }) {
    return perform(world, createAuthority, by, body);
  },
  async createRoot({ world, by }, { body }) {
    return perform(world, createRoot, by, body);
  },
  async requestAuthority({ world, by }, { body }) {
    const { id, request } = await perform(world, requestAuthority, by, body);
    return { id, request: toBase64(request) };
  },
  async installAuthority({ world, by }, { params, body }) {
    return perform(world, installAuthority, by, {
      requestId: params.id,
      certificate: octets(body.certificate),
      chain: body.chain.map(octets),
      ...(body.transcript === undefined ? {} : { transcript: body.transcript }),
    });
  },
  async importAuthority({ world, by }, { body: { name, source, chain } }) {
    return perform(world, importAuthority, by, {
      name,
      source:
        source.kind === 'pkcs12'
          ? { ...source, file: octets(source.file) }
          : { ...source, certificate: octets(source.certificate) },
      chain: chain.map(octets),
    });
  },
  async retireAuthority({ world, by }, { params }) {
    await perform(world, retireIssuing, by, params);
    return { done: true };
  },
};

/** What is counted and compared once for all of them. */
async function describer(world: World, snapshot: Snapshot): Promise<(one: AuthorityRow) => Promise<Authority>> {
  const base = publicUrlOf(world.config);
  const issuing = await issuingAuthority(snapshot).catch(() => undefined);
  const inForce = await certificatesInForce(snapshot, world.clock());
  return async (one) => {
    const { id, role, name, slug, certificate } = one;
    const crl = await latestCrl(snapshot, { authorityId: id, shard: null });
    return {
      id,
      role,
      slug,
      name,
      issuerId: one.issuerId,
      outside: one.outsideChain.map((der) => formatName(parseCertificate(der).subject)),
      state: stateOf(one, issuing?.id),
      keyAlgorithm: keyLabel(certificate),
      experimental: isExperimental(certificate),
      keyPlace: one.keyReference === null ? 'offline' : placeOf(one.keyReference),
      notBefore: certificate.notBefore.toISOString(),
      notAfter: certificate.notAfter.toISOString(),
      retiredAt: one.retiredAt?.toISOString() ?? null,
      certificate: toBase64(certificate.der),
      certificateUrl: `${base}/ca/${slug}.cer`,
      crlUrl: `${base}/crl/${slug}.crl`,
      crl:
        crl === undefined
          ? null
          : {
              number: crl.number,
              thisUpdate: crl.thisUpdate.toISOString(),
              nextUpdate: crl.nextUpdate.toISOString(),
              entries: crl.entries,
            },
      certificatesInForce: inForce.get(id) ?? 0,
    };
  };
}

/** A reference begins with the store that holds the key. */
const placeOf = (keyReference: string): 'software' | 'token' =>
  keyReference.startsWith('software:') ? 'software' : 'token';

function stateOf({ id, role, retiredAt, revokedAt }: AuthorityRow, issuing: string | undefined) {
  if (revokedAt !== null) return 'revoked' as const;
  if (retiredAt !== null) return 'retired' as const;
  if (role === 'root') return 'root' as const;
  return id === issuing ? ('issuing' as const) : ('kept' as const);
}
