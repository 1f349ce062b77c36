/** The DNS, Postfix, web server and mail servers of `own-delivery.test.ts`, started. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import path from 'node:path';
import { freePort } from '../e2e/support/office-process.ts';
import { type NextServer, startNextServer } from '../packages/gateway/test/support/next-server.ts';
import { keyDigest, makeTlsCa, readTls, type TlsFiles } from '../packages/gateway/test/support/tls-files.ts';
import { SignedZone } from './bind.ts';
import { deliveryZones, policyOf } from './delivery-zones.ts';
import { startPolicyServer } from './policy-server.ts';
import { Postfix } from './postfix.ts';

export interface DeliveryServers {
  readonly zone: SignedZone;
  /** At 127.0.0.1 and ::1. */
  readonly postfix: Postfix;
  /** Of all mail servers. */
  readonly port: number;
  readonly policies: Server;
  readonly policyPort: number;
  /** PEM file: the root that MTA-STS is judged by. */
  readonly root: string;
  /** For `mx.plain.example`, from that root. */
  readonly good: TlsFiles;
  /** By the last number of their address: 127.0.0.N. */
  readonly servers: Map<number, NextServer>;
  stop(): Promise<void>;
}

/** @param folder that everybody may read */
export async function startDeliveryServers(folder: string): Promise<DeliveryServers> {
  const [dnsPort, resolverPort, port, policyPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const trusted = await makeTlsCa(folder, 'Trusted Root');
  const stranger = await makeTlsCa(folder, 'Strange Root');
  // Postfix shows one for another name: DANE-EE does not look at it.
  const ofPostfix = await stranger.issue('whatever.example');
  const authority = readTls(await stranger.issue('mx.ta.example.com'));
  const good = await trusted.issue('mx.plain.example');
  const bad = await stranger.issue('bad.plain.example');
  const digests = {
    postfix: keyDigest(readFileSync(ofPostfix.certificate)),
    late: keyDigest(readFileSync(good.certificate)),
    authority: createHash('sha256')
      .update(new X509Certificate(readFileSync(stranger.ca)).raw)
      .digest('hex'),
  };
  const zone = new SignedZone(path.join(folder, 'zone'), dnsPort, resolverPort, deliveryZones(port, digests));
  const policies = await startPolicyServer(
    policyPort,
    (name) => (name.includes('unfetched') ? stranger : trusted).issue(name),
    (request, response) => {
      const policy = request.url === '/.well-known/mta-sts.txt' ? policyOf(request.headers.host ?? '') : undefined;
      response.writeHead(policy === undefined ? 404 : 200, { 'content-type': 'text/plain' });
      response.end(policy);
    },
  );
  const postfix = new Postfix({
    folder: path.join(folder, 'postfix'),
    main: [
      'default_transport = discard',
      'smtpd_tls_security_level = may',
      'smtpd_tls_loglevel = 1',
      'smtpd_authorized_xforward_hosts = 127.0.0.0/8',
      `smtpd_tls_cert_file = ${ofPostfix.certificate}`,
      `smtpd_tls_key_file = ${ofPostfix.key}`,
    ],
    servers: { [port]: [] },
    ipv6: true,
  });
  const servers = new Map<number, NextServer>();
  const chain = Buffer.concat([authority.cert, readFileSync(stranger.ca)]);
  for (const [last, tls] of [
    [82, { cert: chain, key: authority.key }],
    [83, readTls(bad)],
    [84, {}],
    [85, { ...readTls(good), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }],
    [86, readTls(good)],
  ] as const)
    servers.set(last, await startNextServer(port, { host: `127.0.0.${last}`, ...tls }));
  await Promise.all([zone.start(), postfix.start()]);
  return {
    ...{ zone, postfix, port, policies, policyPort, root: trusted.ca, good, servers },
    async stop() {
      postfix.stop();
      await zone.stop();
      policies.closeAllConnections();
      policies.close();
      for (const one of servers.values()) await one.stop();
    },
  };
}
