/** What bounds an authority: basicConstraints, nameConstraints, policy constraints and mappings (RFC 5280 4.2.1.5, 9 to 11, 14). */
import { oids } from '@chancery/smime';
import { rfc5280, smimeBr } from './editions.ts';
import {
  everyCertificate,
  isBrAuthority,
  isBrSubscriber,
  isOfficeEndEntity,
  isOfficeIssued,
  type Lint,
} from './lint.ts';

const br = { severity: 'error', binds: 'smime-br', since: smimeBr } as const;
const pkix = { severity: 'error', binds: 'any', since: rfc5280 } as const;

export const constraintLints: readonly Lint[] = [
  {
    ...pkix,
    id: 'basic-constraints-authority',
    clause: 'RFC 5280 4.2.1.9',
    demand: 'the basicConstraints of an authority is critical',
    applies: ({ certificate }) => certificate.isAuthority,
    check: ({ certificate }) =>
      certificate.extension(oids.basicConstraints)?.critical === true ? [] : ['basicConstraints is not critical'],
  },
  {
    ...pkix,
    id: 'path-length',
    clause: 'RFC 5280 4.2.1.9',
    demand: 'a path length stands only beside cA and keyCertSign, and is not negative',
    applies: everyCertificate,
    check({ certificate }) {
      const constraints = certificate.content(oids.basicConstraints);
      if (constraints?.pathLength === undefined) return [];
      if (constraints.pathLength < 0) return ['the path length is negative'];
      if (!constraints.ca) return ['a path length in a certificate that is no authority'];
      return certificate.content(oids.keyUsage)?.usages.has('keyCertSign') === false
        ? ['a path length without keyCertSign']
        : [];
    },
  },
  {
    ...pkix,
    id: 'name-constraints',
    clause: 'RFC 5280 4.2.1.10',
    demand: 'nameConstraints stands in authorities alone, is not empty, and its subtrees have no bounds',
    applies: ({ certificate }) => certificate.extension(oids.nameConstraints) !== undefined,
    check({ certificate }) {
      const wrong = certificate.isAuthority ? [] : ['nameConstraints in a certificate that is no authority'];
      const constraints = certificate.content(oids.nameConstraints);
      if (constraints === undefined) return wrong;
      const subtrees = [...constraints.permitted, ...constraints.excluded];
      if (subtrees.length === 0) wrong.push('nameConstraints is empty');
      if (subtrees.some(({ bounded }) => bounded)) wrong.push('a subtree of nameConstraints has a minimum or maximum');
      for (const { base } of subtrees)
        if (base.kind === 'iPAddress' && base.octets.length !== 8 && base.octets.length !== 32)
          wrong.push(`an iPAddress of nameConstraints has ${base.octets.length} octets`);
      return wrong;
    },
  },
  {
    ...pkix,
    id: 'policy-constraints',
    clause: 'RFC 5280 4.2.1.11, 4.2.1.14',
    demand: 'policyConstraints says something, and inhibitAnyPolicy is not negative',
    applies: everyCertificate,
    check({ certificate }) {
      const wrong: string[] = [];
      if (certificate.content(oids.policyConstraints)?.empty === true) wrong.push('policyConstraints says nothing');
      if ((certificate.content(oids.inhibitAnyPolicy) ?? 0) < 0) wrong.push('inhibitAnyPolicy is negative');
      return wrong;
    },
  },
  {
    ...pkix,
    id: 'policy-mappings',
    clause: 'RFC 5280 4.2.1.5',
    demand: 'policyMappings is not empty and maps neither from nor to anyPolicy',
    applies: everyCertificate,
    check({ certificate }) {
      const mappings = certificate.content(oids.policyMappings);
      if (mappings === undefined) return [];
      if (mappings.length === 0) return ['policyMappings is empty'];
      return mappings.some(({ issuer, subject }) => issuer === oids.anyPolicy || subject === oids.anyPolicy)
        ? ['policyMappings maps anyPolicy']
        : [];
    },
  },
  {
    ...br,
    id: 'basic-constraints-subscriber',
    clause: 'S/MIME BR 7.1.2.3 (d)',
    demand: 'a subscriber certificate has no path length',
    applies: isBrSubscriber,
    check: ({ certificate }) =>
      certificate.content(oids.basicConstraints)?.pathLength === undefined ? [] : ['it has a path length'],
  },
  {
    ...br,
    id: 'key-usage-authority',
    clause: 'S/MIME BR 7.1.2.1 (b), 7.1.2.2 (e)',
    demand: 'the keyUsage of an authority is critical and has keyCertSign and cRLSign',
    applies: isBrAuthority,
    check({ certificate }) {
      const field = certificate.extension(oids.keyUsage);
      if (field === undefined) return ['keyUsage is missing'];
      const usages = certificate.content(oids.keyUsage)?.usages;
      const wrong = field.critical ? [] : ['keyUsage is not critical'];
      for (const usage of ['keyCertSign', 'cRLSign'] as const)
        if (usages?.has(usage) === false) wrong.push(`keyUsage lacks ${usage}`);
      return wrong;
    },
  },
  {
    id: 'basic-constraints',
    clause: 'RFC 5280 4.2.1.9, S/MIME BR 7.1.2.3 (d)',
    severity: 'error',
    binds: 'office',
    demand: 'an authority says that it is one, an issuing one that none follows, and nobody else does',
    applies: isOfficeIssued,
    check(subject) {
      const { certificate, use } = subject;
      if (isOfficeEndEntity(subject))
        return certificate.isAuthority ? ['an end entity that claims to be an authority'] : [];
      const wrong: string[] = [];
      if (!certificate.isAuthority) wrong.push('an authority that does not say that it is one');
      if (certificate.extension(oids.basicConstraints)?.critical !== true)
        wrong.push('basicConstraints is not critical');
      if (use === 'issuing' && certificate.content(oids.basicConstraints)?.pathLength !== 0)
        wrong.push('an issuing authority with a path length not 0');
      return wrong;
    },
  },
];
