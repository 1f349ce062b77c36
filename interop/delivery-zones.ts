/** The domains of `own-delivery.test.ts`: which servers they name, and what they promise of them by DANE and MTA-STS. */
import type { MoreZones } from './bind.ts';

/** SHA-256 in hex: of the keys of two servers, of the certificate of an authority. */
export interface PromisedDigests {
  readonly postfix: string;
  readonly late: string;
  readonly authority: string;
}

/** The MX of `NAME.plain.example`, and its MTA-STS policy as far as they differ. */
const withPolicy: Readonly<Record<string, { readonly mx: string; readonly policy: string }>> = {
  enforced: { mx: 'mx', policy: 'mode: enforce\nmx: mx.plain.example' },
  wild: { mx: 'mx', policy: 'mode: enforce\nmx: *.plain.example' },
  unnamed: { mx: 'mx', policy: 'mode: enforce\nmx: other.plain.example' },
  uncertified: { mx: 'bad', policy: 'mode: enforce\nmx: bad.plain.example' },
  nostarttls: { mx: 'clear', policy: 'mode: enforce\nmx: clear.plain.example' },
  tested: { mx: 'clear', policy: 'mode: testing\nmx: clear.plain.example' },
  unfetched: { mx: 'clear', policy: 'mode: enforce\nmx: mx.plain.example' },
};

/** What the web server of a policy says under that name, `mta-sts.DOMAIN`; undefined where it has none. */
export function policyOf(host: string): string | undefined {
  const policy = withPolicy[/^mta-sts\.([a-z]+)\.plain\.example/.exec(host)?.[1] ?? '']?.policy;
  return policy === undefined ? undefined : `version: STSv1\n${policy}\nmax_age: 86400\n`;
}

/** @param port of all mail servers; the last number of their address, 127.0.0.N, tells them apart */
export function deliveryZones(port: number, digests: PromisedDigests): MoreZones {
  const other = 'ab'.repeat(32);
  return {
    records: `
dane MX 10 mx.dane
mx.dane A 127.0.0.1
_${port}._tcp.mx.dane TLSA 3 1 1 ${digests.postfix}
alias MX 10 mx.alias
mx.alias CNAME mx.dane
second MX 20 mx.dane
second MX 10 mx.wrong
first MX 10 nobody
first MX 20 mx.ta
nobody A 127.0.0.99
ta MX 10 mx.ta
mx.ta A 127.0.0.82
_${port}._tcp.mx.ta TLSA 2 0 1 ${digests.authority}
misnamed MX 10 mx.misnamed
mx.misnamed A 127.0.0.82
_${port}._tcp.mx.misnamed TLSA 2 0 1 ${digests.authority}
wrong MX 10 mx.wrong
mx.wrong A 127.0.0.83
_${port}._tcp.mx.wrong TLSA 3 1 1 ${other}
stripped MX 10 mx.stripped
mx.stripped A 127.0.0.84
_${port}._tcp.mx.stripped TLSA 3 1 1 ${other}
unusable MX 10 mx.unusable
mx.unusable A 127.0.0.83
_${port}._tcp.mx.unusable TLSA 1 1 1 ${other}
bare MX 10 mx.bare
mx.bare A 127.0.0.84
_${port}._tcp.mx.bare TLSA 0 0 1 ${other}
mx.late A 127.0.0.88
_${port}._tcp.mx.late TLSA 3 1 1 ${digests.late}
six MX 10 mx.six
mx.six AAAA ::1
_${port}._tcp.mx.six TLSA 3 1 1 ${digests.postfix}
both MX 10 mx.both
mx.both A 127.0.0.86
mx.both AAAA ::1
_${port}._tcp.mx.both TLSA 3 1 1 ${digests.late}
_${port}._tcp.mx.both TLSA 3 1 1 ${digests.postfix}
sixdown MX 10 mx.sixdown
mx.sixdown A 127.0.0.1
mx.sixdown AAAA 2001:db8::1
_${port}._tcp.mx.sixdown TLSA 3 1 1 ${digests.postfix}
null MX 0 .
self MX 10 gateway
self MX 20 mx.dane`,
    unsigned: {
      'example.net': '@ A 127.0.0.84\nlate MX 10 mx.stripped.example.com.\nlate MX 20 mx.late.example.com.',
      'plain.example': `
@ MX 10 mx
mx A 127.0.0.86
bad A 127.0.0.83
clear A 127.0.0.84
nomx A 127.0.0.84
opportunistic MX 10 bad
cleartext MX 10 clear
private MX 10 private
down A 127.0.0.99
oldtls A 127.0.0.85
silent A 127.0.0.89
private A 10.0.0.1
nothing TXT "x"
half MX 10 mx.bogus.example.
insecure MX 10 insecure
insecure A 127.0.0.83
_${port}._tcp.insecure TLSA 3 1 1 ${other}
${Object.entries(withPolicy)
  .map(
    ([name, { mx }]) => `${name} MX 10 ${mx}
_mta-sts.${name} TXT "v=STSv1; id=1;"
mta-sts.${name} A 127.0.0.90`,
  )
  .join('\n')}`,
    },
    bogus: { 'bogus.example': '@ MX 10 mx\nmx A 127.0.0.84' },
  };
}
