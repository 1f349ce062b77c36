/** What the configuration says of a next hop that is looked up: `mx = { resolver = "127.0.0.1:53" }`. */
import path from 'node:path';
import { isPublicAddress } from '@chancery/smime';
import { z } from 'zod';
import { ResolverAddress } from '../../dns/resolver.ts';
import { Network, withinAny } from '../../network.ts';

export const MxDownstream = z.strictObject({
  mx: z.strictObject({
    /** One of this machine that validates DNSSEC: DANE rests on its word. */
    resolver: ResolverAddress,
    /** Where a domain promises nothing: TLS where a server offers it, or no delivery without it. */
    tls: z.enum(['opportunistic', 'required']).default('opportunistic'),
    /** Fetch and keep what domains promise by MTA-STS (RFC 8461). */
    mtaSts: z.boolean().default(true),
    /** Of the servers found. Another than 25 is for networks of one's own. */
    port: z.int().min(1).max(65_535).default(25),
    /** Which addresses of a server are tried first, where it has both kinds; the other is tried where that one cannot be reached. */
    prefer: z.enum(['ipv4', 'ipv6']).default('ipv4'),
    /** Networks beside the public Internet in which servers may stand. */
    networks: z.array(Network).default([]),
    /** PEM files: roots for MTA-STS in place of the system's. */
    ca: z.array(z.string()).default([]),
    timeoutSeconds: z.number().min(0.1).max(60).default(10),
  }),
});
export type MxDownstream = z.output<typeof MxDownstream>;
export type MxConfig = MxDownstream['mx'];

export function resolveMx({ mx }: MxDownstream, base: string): MxDownstream {
  return { mx: { ...mx, ca: mx.ca.map((file) => path.resolve(base, file)) } };
}

/** Whether a stranger's DNS may lead us to an address: nobody makes us speak to a host of our own network by publishing it. */
export function addressGuard(networks: readonly string[]): (address: string) => boolean {
  const allowed = withinAny(networks);
  return (address) => isPublicAddress(address) || allowed(address);
}
