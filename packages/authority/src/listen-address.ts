/** The address to listen on, tried before anything else is opened. */
import { createServer } from 'node:net';

export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code: 'port-in-use' | 'port-not-allowed' | 'address-not-available';

  constructor(code: StartError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * The port itself, or a free one for 0.
 * @throws StartError naming the port and how to change it
 */
export async function tryPort(host: string, port: number, configFile: string): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  } catch (error) {
    throw explainListenError(error, host, port, configFile);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Turns what `listen` throws into what to do about it; anything else comes back as it is. */
export function explainListenError(error: unknown, host: string, port: number, configFile: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  switch (code) {
    case 'EADDRINUSE':
      return new StartError(
        'port-in-use',
        `Port ${port} on ${host} is in use by another program, perhaps by another office. Nothing was started. ` +
          `Stop that program, or set server.port in ${configFile}.`,
        error,
      );
    case 'EACCES':
      return new StartError(
        'port-not-allowed',
        `This user may not listen on port ${port} of ${host}. Nothing was started. ` +
          `Set server.port in ${configFile} to 1024 or above, or allow this user the port.`,
        error,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartError(
        'address-not-available',
        `This machine has no address ${host}. Nothing was started. Set server.host in ${configFile}.`,
        error,
      );
    default:
      return error;
  }
}
