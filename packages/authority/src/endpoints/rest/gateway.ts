/** What a mail gateway asks for. */
import { consult, perform } from '../../operation.ts';
import { enrolGateway, issueGatewaySigning } from '../../ra/enrollment.ts';
import { gatewayConfiguration, readGatewayKeys, usableCertificates } from '../../ra/gateways.ts';
import type { Handlers } from './handler.ts';
import { issued, toBase64 } from './issued.ts';

export const gatewayHandlers: Handlers<
  'enrolGateway' | 'gatewayConfiguration' | 'gatewaySigning' | 'gatewayRecipients' | 'gatewayKeys'
> = {
  async enrolGateway({ world, by }, { body }) {
    return issued(await enrolGateway(world, by, body.csr));
  },
  async gatewayConfiguration({ world, by }) {
    return consult(world, 'gateway:serve', by, (snapshot) =>
      gatewayConfiguration(snapshot, world.clock(), world.config, by.kind === 'gateway' ? by.id : undefined),
    );
  },
  async gatewaySigning({ world, by }, { body }) {
    return issued(await issueGatewaySigning(world, by, body));
  },
  async gatewayRecipients({ world, by }, { query }) {
    const rows = await consult(world, 'gateway:serve', by, (snapshot) =>
      usableCertificates(snapshot, query.address, world.clock()),
    );
    return {
      certificates: rows.map((row) => ({
        serialNumber: row.serial_number,
        certificate: toBase64(row.certificate),
      })),
    };
  },
  async gatewayKeys({ world, by }, { query }) {
    return { keys: await perform(world, readGatewayKeys, by, query) };
  },
};
