/** TLS of a listener: its certificate, read again when it is renewed, and who of its clients may stay. */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type TLSSocket } from 'node:tls';
import type { AllowedCertificate, ListenerTls } from '../config-smtp.ts';
import { GatewayError, reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** What smtp-server makes its contexts of. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer[];
}

/** @throws GatewayError `configuration` when a file is missing, or certificate and key are no pair */
export async function readTlsMaterial({ certificate, key, clientCa }: ListenerTls): Promise<TlsMaterial> {
  try {
    const material = {
      cert: await readFile(certificate),
      key: await readFile(key),
      ...(clientCa.length === 0 ? {} : { ca: await Promise.all(clientCa.map((file) => readFile(file))) }),
    };
    createSecureContext(material);
    return material;
  } catch (error) {
    throw new GatewayError(
      'configuration',
      `The TLS files ${certificate} and ${key} cannot be used: ${reasonOf(error)}`,
    );
  }
}

/** Milliseconds between two looks at the files. */
const lookEvery = 10_000;

/**
 * Calls `changed` with what the files hold once they have changed and are whole again; until then the old ones stay.
 * @returns ends it
 */
export function watchTls(
  tls: ListenerTls,
  changed: (material: TlsMaterial) => void,
  log: Log,
  interval = lookEvery,
): () => void {
  const files = [tls.certificate, tls.key, ...tls.clientCa];
  const marks = () =>
    Promise.all(
      files.map((file) =>
        stat(file).then(
          (is) => `${is.mtimeMs} ${is.size} ${is.ino}`,
          () => 'gone',
        ),
      ),
    ).then((all) => all.join());
  let seen = marks();
  const look = async () => {
    const now = await marks();
    if (now === (await seen)) return;
    try {
      changed(await readTlsMaterial(tls));
      seen = Promise.resolve(now);
      log.info('smtp.certificate-renewed', { certificate: tls.certificate });
    } catch (error) {
      log.error('smtp.certificate-not-renewed', { reason: reasonOf(error) });
    }
  };
  const timer = setInterval(() => void look(), interval);
  timer.unref();
  return () => clearInterval(timer);
}

/** Why a client of that certificate may not stay; undefined when it may. */
export function certificateObjection(socket: TLSSocket, tls: ListenerTls): string | undefined {
  if (tls.clientCertificates === 'none') return undefined;
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
  if (raw === undefined) {
    return tls.clientCertificates === 'required' ? 'a client certificate is required here' : undefined;
  }
  const certificate = new X509Certificate(raw);
  const allowed = (one: AllowedCertificate) =>
    // A fingerprint vouches for itself; anything else only says something where the roots vouch for it.
    (socket.authorized || one.fingerprint !== undefined) && isAllowed(certificate, one);
  const good = tls.allow.length === 0 ? socket.authorized : tls.allow.some(allowed);
  return good ? undefined : 'your certificate is not one of those that may connect here';
}

/** What `allow` could name of the certificate that a client shows: for the log, since only its owner knows it otherwise. */
export function certificateShown(socket: TLSSocket): Record<string, string> {
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
  if (raw === undefined) return {};
  const certificate = new X509Certificate(raw);
  return {
    names: namesOf(certificate).join(', ').slice(0, 500),
    issuer: (commonNameOf(certificate.issuer) ?? '').slice(0, 200),
    fingerprint: certificate.fingerprint256,
  };
}

function isAllowed(certificate: X509Certificate, { name, fingerprint, issuer }: AllowedCertificate): boolean {
  if (fingerprint !== undefined && certificate.fingerprint256.replaceAll(':', '').toLowerCase() !== fingerprint) {
    return false;
  }
  if (issuer !== undefined && commonNameOf(certificate.issuer) !== issuer) return false;
  return name === undefined || namesOf(certificate).some((one) => matches(one, name));
}

function namesOf(certificate: X509Certificate): string[] {
  const alternatives = (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((one) => one.startsWith('DNS:'))
    .map((one) => one.slice(4));
  if (alternatives.length > 0) return alternatives;
  const name = commonNameOf(certificate.subject);
  return name === undefined ? [] : [name];
}

function commonNameOf(name: string): string | undefined {
  return /^CN=(.*)$/m.exec(name)?.[1];
}

/** The certificate may say `*.example.com` of itself; who may connect may be put so too. */
function matches(shown: string, wanted: string): boolean {
  const [one, other] = [shown.toLowerCase(), wanted.toLowerCase()];
  if (one === other) return true;
  const covers = (pattern: string, name: string) =>
    pattern.startsWith('*.') && name.slice(name.indexOf('.')) === pattern.slice(1) && name.indexOf('.') > 0;
  return covers(other, one);
}
