/** The certification authorities, and how their hierarchy grows. */
import { formatName, parseCertificate } from '@chancery/smime';
import { keyLabel } from '../../ca/authority-key.ts';
import {
  createAuthority,
  createRoot,
  importAuthority,
  installAuthority,
  requestAuthority,
  retireIssuing,
} from '../../ca/grow-hierarchy.ts';
import { publicUrlOf } from '../../config.ts';
import { consult, perform } from '../../operation.ts';
import { type AuthorityRow, issuingAuthority, listAuthorities } from '../../store/authorities.ts';
import { latestCrl } from '../../store/crls.ts';
import type { Handlers } from './handler.ts';
import { octets, toBase64 } from './issued.ts';

export const authorityHandlers: Handlers<
  | 'authorities'
  | 'createAuthority'
  | 'createRoot'
  | 'requestAuthority'
  | 'installAuthority'
  | 'importAuthority'
  | 'retireAuthority'
> = {
  async authorities({ world, by }) {
    const base = publicUrlOf(world.config);
    return consult(world, 'certificate:read', by, async (snapshot) => {
      const items = [];
      const all = await listAuthorities(snapshot);
      const issuing = await issuingAuthority(snapshot).catch(() => undefined);
      for (const one of all) {
        const { id, role, name, slug, certificate } = one;
        const crl = await latestCrl(snapshot, { authorityId: id, shard: null });
        items.push({
          id,
          role,
          slug,
          name,
          issuerId: one.issuerId,
          outside: one.outsideChain.map((der) => formatName(parseCertificate(der).subject)),
          state: stateOf(one, issuing?.id),
          keyAlgorithm: keyLabel(certificate),
          notAfter: certificate.notAfter.toISOString(),
          certificate: Buffer.from(certificate.der).toString('base64'),
          certificateUrl: `${base}/ca/${slug}.cer`,
          crlUrl: `${base}/crl/${slug}.crl`,
          crl:
            crl === undefined
              ? null
              : {
                  number: Number(crl.number),
                  thisUpdate: crl.thisUpdate.toISOString(),
                  nextUpdate: crl.nextUpdate.toISOString(),
                  entries: crl.entries,
                },
        });
      }
      return { items };
    });
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

function stateOf({ id, role, retiredAt, revokedAt }: AuthorityRow, issuing: string | undefined) {
  if (revokedAt !== null) return 'revoked' as const;
  if (retiredAt !== null) return 'retired' as const;
  if (role === 'root') return 'root' as const;
  return id === issuing ? ('issuing' as const) : ('kept' as const);
}
