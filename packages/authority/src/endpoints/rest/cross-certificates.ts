/** Cross-certificates of our authorities, and those that our roots give to others. */
import { formatName, parseCertificate } from '@chancery/smime';
import { keyLabel } from '../../ca/authority-key.ts';
import { crossCertify, installCross, requestCross, revokeCross } from '../../ca/cross-certify.ts';
import { consult, perform } from '../../operation.ts';
import { listCrossCertificates } from '../../store/cross-certificates.ts';
import type { Handlers } from './handler.ts';
import { octets, toBase64 } from './issued.ts';

export const crossCertificateHandlers: Handlers<
  'crossCertificates' | 'crossCertify' | 'requestCross' | 'installCross' | 'revokeCross'
> = {
  async crossCertificates({ world, by }) {
    const rows = await consult(world, 'certificate:read', by, listCrossCertificates);
    return {
      items: rows.map(({ id, subjectId, issuerId, certificate, above, revokedAt }) => ({
        id,
        subjectId,
        subject: formatName(certificate.subject),
        issuerId,
        issuer: formatName(certificate.issuer),
        above: above.map((der) => formatName(parseCertificate(der).subject)),
        serialNumber: certificate.serialNumber,
        keyAlgorithm: keyLabel(certificate),
        notBefore: certificate.notBefore.toISOString(),
        notAfter: certificate.notAfter.toISOString(),
        revokedAt: revokedAt?.toISOString() ?? null,
        certificate: toBase64(certificate.der),
      })),
    };
  },
  async crossCertify({ world, by }, { body: { subject, ...rest } }) {
    const { id, certificate } = await perform(world, crossCertify, by, {
      ...rest,
      subject:
        subject.kind === 'certificate'
          ? { ...subject, certificate: octets(subject.certificate) }
          : subject.kind === 'request'
            ? { ...subject, request: octets(subject.request) }
            : subject,
    });
    return { id, certificate: toBase64(certificate) };
  },
  async requestCross({ world, by }, { params }) {
    const { request } = await perform(world, requestCross, by, { authorityId: params.id });
    return { request: toBase64(request) };
  },
  async installCross({ world, by }, { params, body }) {
    return perform(world, installCross, by, {
      authorityId: params.id,
      certificate: octets(body.certificate),
      chain: body.chain.map(octets),
    });
  },
  async revokeCross({ world, by }, { params, body }) {
    await perform(world, revokeCross, by, { ...params, ...body });
    return { done: true };
  },
};
