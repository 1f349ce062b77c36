/** A web server of MTA-STS policies and the like, at 127.0.0.90: it shows a certificate for whichever name it is asked for. */
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { readTls, type TlsFiles } from '../packages/gateway/test/support/tls-files.ts';

export async function startPolicyServer(
  port: number,
  certify: (name: string) => Promise<TlsFiles>,
  answer: RequestListener,
): Promise<Server> {
  const server = createServer(
    {
      SNICallback: (name, settle) =>
        void certify(name).then((files) => settle(null, createSecureContext(readTls(files))), settle),
    },
    answer,
  );
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.90', resolve));
  return server;
}
