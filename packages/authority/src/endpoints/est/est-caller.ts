/** Who calls EST: by a TLS client certificate of ours, by HTTP Basic with a challenge as the password, or nobody yet. */
import type { TLSSocket } from 'node:tls';
import { type Certificate, parseCertificate, pemToDer, SmimeError } from '@chancery/smime';
import type { FastifyRequest } from 'fastify';
import type { EstConfig } from '../../enrolment-config.ts';
import { type CertificateRow, certificateBySerial } from '../../store/certificates.ts';
import type { World } from '../../world.ts';

/** Where the connection comes in: a TLS listener of our own, or a proxy that ended the TLS. */
export type EstDoor = 'tls' | { readonly proxy: NonNullable<EstConfig['proxy']> };

export interface EstCaller {
  /** The inventory's own entry for the certificate that the device proved; whether it is good is judged where it is used. */
  readonly certificate: CertificateRow | undefined;
  readonly basic: { readonly user: string; readonly password: string } | undefined;
}

/** Is that the proxy? Of anybody else no header is believed, and nothing is answered. */
export function isAdmitted(door: EstDoor, request: FastifyRequest): boolean {
  if (door === 'tls') return true;
  const address = request.raw.socket.remoteAddress ?? '';
  return door.proxy.from.includes(address.replace(/^::ffff:(?=\d+\.)/, ''));
}

export async function estCaller(world: World, door: EstDoor, request: FastifyRequest): Promise<EstCaller> {
  const presented = door === 'tls' ? ofConnection(request) : ofProxy(door.proxy.header, request);
  const row =
    presented && (await world.database.snapshot((snapshot) => certificateBySerial(snapshot, presented.serialNumber)));
  return {
    // Octet for octet: any other certificate is none of ours, whoever seems to have signed it.
    certificate: row && Buffer.compare(row.certificate, presented?.der ?? Buffer.alloc(0)) === 0 ? row : undefined,
    basic: basicOf(request.headers.authorization),
  };
}

/** TLS has seen that the device holds the key. */
function ofConnection(request: FastifyRequest): Certificate | undefined {
  const { raw } = (request.raw.socket as TLSSocket).getPeerCertificate();
  return raw === undefined ? undefined : readable(() => raw);
}

function ofProxy(header: string, request: FastifyRequest): Certificate | undefined {
  const value = request.headers[header];
  if (typeof value !== 'string' || value.length > 20_000) return undefined;
  // RFC 9440 2.1: a byte sequence of structured fields.
  const sequence = /^:([A-Za-z0-9+/=]+):$/.exec(value.trim())?.[1];
  return readable(() =>
    sequence === undefined ? pemToDer(decodeURIComponent(value)) : Buffer.from(sequence, 'base64'),
  );
}

function readable(der: () => Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(der());
  } catch (error) {
    if (error instanceof SmimeError || error instanceof URIError) return undefined;
    throw error;
  }
}

/** RFC 7617. */
function basicOf(authorization: string | undefined): EstCaller['basic'] {
  const encoded = /^Basic ([A-Za-z0-9+/]{1,1000}={0,2})$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
