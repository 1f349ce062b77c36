/**
 * Connections over TLS that stay open for a moment after a message, for the next one to the same server. What a connection was judged by
 * for one domain says nothing for another: whoever takes one judges what its server showed as if it had just been made.
 */
import type { SmtpClient } from '../smtp-client.ts';
import type { Shown } from './secure-host.ts';

export interface KeptConnection {
  /** Its address, the server's name, and the name that it was asked for: only for these three was the certificate looked at. */
  readonly key: string;
  readonly client: SmtpClient;
  readonly shown: Shown;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** Messages that went over it. */
  messages: number;
  /** Domains whose counts of TLS sessions it stands in already. */
  readonly counted: Set<string>;
}

export interface KeptConnections {
  /** One that is still open and good enough; it is nobody else's until it is kept again. */
  take(key: string, isGood: (shown: Shown) => boolean): KeptConnection | undefined;
  /** For the next message, or closed where it has served enough. */
  keep(connection: KeptConnection): void;
  /** Closes those that are idle, and from now on whatever is to be kept. */
  close(): void;
}

/** Milliseconds without a message: what Postfix allows itself at a stranger's server. */
const longestIdle = 2_000;
/** Milliseconds: what it knows of the server, a certificate that has since been revoked included, is not much older. */
const longestLife = 300_000;
const mostMessages = 100;
/** Idle at once, to all servers. */
const mostIdle = 100;

/** @param now milliseconds since 1970 */
export function keepConnections(now: () => number): KeptConnections {
  const idle = new Map<KeptConnection, NodeJS.Timeout>();
  let closed = false;

  function drop(connection: KeptConnection): void {
    clearTimeout(idle.get(connection));
    idle.delete(connection);
    connection.client.quit();
  }

  return {
    take(key, isGood) {
      // The one used last: it is the least likely to be on its server's way out.
      for (const connection of [...idle.keys()].reverse()) {
        if (connection.key !== key) continue;
        if (!connection.client.usable) drop(connection);
        else if (isGood(connection.shown)) {
          clearTimeout(idle.get(connection));
          idle.delete(connection);
          return connection;
        }
      }
      return undefined;
    },
    keep(connection) {
      const { client, messages, openedAt } = connection;
      if (closed || !client.usable || messages >= mostMessages || now() - openedAt >= longestLife) {
        client.quit();
        return;
      }
      const [oldest] = idle.keys();
      if (idle.size >= mostIdle && oldest !== undefined) drop(oldest);
      const timer = setTimeout(() => drop(connection), longestIdle);
      timer.unref();
      idle.set(connection, timer);
    },
    close() {
      closed = true;
      for (const connection of [...idle.keys()]) drop(connection);
    },
  };
}
