/** Certificates of the service itself, and of its operators. */
import { issueAdmin, issueScepRa } from '../../ra/service-certificates.ts';
import type { Handlers } from './handler.ts';
import { issued } from './issued.ts';

export const serviceCertificateHandlers: Handlers<'issueScepRa' | 'issueAdmin'> = {
  async issueScepRa({ world, by }, { body }) {
    return issued(await issueScepRa(world, by, body.key));
  },
  async issueAdmin({ world, by }, { params, body }) {
    return issued(await issueAdmin(world, by, { operatorId: params.id, ...body }));
  },
};
