/** Certificates that stand for every address of a partner's domain: their gateway opens the mail of all of them. */

import { readFileSync } from 'node:fs';
import { domainOf } from '@chancery/mail-policy';
import { certificateEmails, parseCertificate, pemBlocks } from '@chancery/smime';
import { GatewayError, reasonOf } from '../errors.ts';
import type { OfficeView } from '../office.ts';
import { type Belief, type Judged, judgeCandidate } from './judge.ts';
import type { DomainCertificateConfig } from './recipients-config.ts';
import { type Candidate, servesAny } from './source.ts';

export interface DomainCertificates {
  /** Of the domain of that address; undefined where it has none. */
  for(address: string): DomainCertificate | undefined;
}

interface DomainCertificate extends Candidate {
  readonly domain: string;
  judge(view: OfficeView, now: number): Judged;
}

/** @throws GatewayError `configuration`, naming the file */
export function openDomainCertificates(entries: readonly DomainCertificateConfig[]): DomainCertificates {
  const all = entries.map((entry) => ({ ...read(entry), serves: servesAny([entry.domain]) }));
  // The nearest domain counts: one of its own before that of the domain above.
  const sorted = all.toSorted((one, other) => other.domain.length - one.domain.length);
  return { for: (address) => sorted.find(({ serves }) => serves(domainOf(address))) };
}

function read({ domain, certificate: file, trust }: DomainCertificateConfig): DomainCertificate {
  try {
    const [first, ...chain] = pemBlocks(readFileSync(file, 'utf8')).flatMap(({ label, der }) =>
      label === 'CERTIFICATE' ? [der] : [],
    );
    if (first === undefined) throw new Error('it holds no CERTIFICATE');
    if (trust === 'path' && !names(first, domain)) throw new Error(`it names nobody of ${domain.replace(/^\./, '')}`);
    const belief: Belief = trust === 'as-given' ? 'vouched' : 'path';
    return {
      ...{ domain, certificate: first, chain },
      judge: (view, now) =>
        judgeCandidate(
          { certificate: first, chain },
          { view, address: undefined, belief, revocation: 'if-present', now },
        ),
    };
  } catch (error) {
    throw new GatewayError(
      'configuration',
      `The certificate file ${file} of ${domain} cannot be used: ${reasonOf(error)}`,
    );
  }
}

/** RFC 3183 section 2.1.1 has it name `domain-confidentiality-authority@domain`; others name a host, or any address of theirs. */
function names(der: Uint8Array, domain: string): boolean {
  const certificate = parseCertificate(der);
  const isOfDomain = servesAny([domain]);
  return (
    certificateEmails(certificate).some((email) => isOfDomain(domainOf(email))) ||
    certificate.subjectAltNames.dns.some((host) => isOfDomain(host.toLowerCase()))
  );
}
