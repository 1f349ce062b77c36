/**
 * Certificate policies (RFC 5280 6.1 as amended by RFC 9618): a graph with one node per policy and level, where the tree of
 * RFC 5280 grows exponentially with mapped policies (CVE-2023-0464).
 */
import { DerReader } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Certificate } from '../x509/certificate.ts';
import { readPolicyConstraints, readPolicyMappings } from '../x509/read-extensions.ts';
import { readOnce } from '../x509/read-once.ts';

/** What the caller demands of the policies (RFC 5280 6.1.1 c, e to g). */
export interface PolicyInput {
  /** Acceptable policies, dotted object identifiers; any where absent. */
  readonly acceptable?: readonly string[];
  readonly explicitPolicy?: boolean;
  readonly inhibitMapping?: boolean;
  readonly inhibitAny?: boolean;
}

interface PolicyNode {
  expected: Set<string>;
  /** Policies of the level above. */
  readonly parents: Set<string>;
}
type Level = Map<string, PolicyNode>;

/** Follows the policies down one path. Feed it every certificate below the anchor, the leaf last. */
export class PolicyTracker {
  private readonly acceptable: ReadonlySet<string> | undefined;
  private readonly levels: Level[] = [
    new Map([[oids.anyPolicy, { expected: new Set([oids.anyPolicy]), parents: new Set<string>() }]]),
  ];
  private alive = true;
  private explicitPolicy: number;
  private policyMapping: number;
  private inhibitAny: number;
  private nodes = 0;

  /** @param length number of certificates below the anchor */
  constructor(length: number, input: PolicyInput) {
    this.acceptable =
      input.acceptable && !input.acceptable.includes(oids.anyPolicy) ? new Set(input.acceptable) : undefined;
    this.explicitPolicy = input.explicitPolicy ? 0 : length + 1;
    this.policyMapping = input.inhibitMapping ? 0 : length + 1;
    this.inhibitAny = input.inhibitAny ? 0 : length + 1;
  }

  /**
   * The user-constrained-policy-set of RFC 5280 6.1.6 as RFC 9618 6.1.5 (g) has it, once the leaf was fed: dotted object
   * identifiers, anyPolicy among them where the path and the caller allow every policy.
   */
  get policies(): readonly string[] {
    const { acceptable } = this;
    const authority = this.authorityPolicies();
    if (!acceptable) return [...authority];
    if (authority.has(oids.anyPolicy)) return [...acceptable];
    return [...acceptable].filter((policy) => authority.has(policy));
  }

  /** False where the path must be rejected. Throws `SmimeError` for malformed extensions and spent budgets. */
  next(certificate: Certificate, selfIssued: boolean, last: boolean): boolean {
    this.descend(certificate, selfIssued, last);
    if (this.explicitPolicy === 0 && !this.alive) return false;
    const { requireExplicitPolicy, inhibitPolicyMapping } = policyConstraintsOf(certificate) ?? {};
    if (last) {
      // 6.1.5 (a), (b), (g)
      if (this.explicitPolicy > 0) this.explicitPolicy -= 1;
      if (requireExplicitPolicy === 0) this.explicitPolicy = 0;
      return this.explicitPolicy > 0 || this.policies.length > 0;
    }
    const mappings = policyMappingsOf(certificate);
    if (mappings && !this.map(mappings)) return false;
    if (!selfIssued) {
      // 6.1.4 (h)
      if (this.explicitPolicy > 0) this.explicitPolicy -= 1;
      if (this.policyMapping > 0) this.policyMapping -= 1;
      if (this.inhibitAny > 0) this.inhibitAny -= 1;
    }
    if (requireExplicitPolicy !== undefined) this.explicitPolicy = Math.min(this.explicitPolicy, requireExplicitPolicy);
    if (inhibitPolicyMapping !== undefined) this.policyMapping = Math.min(this.policyMapping, inhibitPolicyMapping);
    this.inhibitAny = Math.min(this.inhibitAny, inhibitAnyPolicyOf(certificate) ?? this.inhibitAny);
    return true;
  }

  /** 6.1.3 (d), (e). */
  private descend(certificate: Certificate, selfIssued: boolean, last: boolean): void {
    const above = this.levels.at(-1) as Level;
    const level: Level = new Map();
    const stated = certificate.certificatePolicies.map(({ policy }) => policy);
    if (!certificate.extensions.some(({ id }) => id === oids.certificatePolicies)) this.alive = false;
    if (!this.alive) return;
    // Each policy that the level above expects, with the nodes that expect it: the work stays linear in what was stated.
    const expecting = new Map<string, Set<string>>();
    for (const [parent, { expected }] of above)
      for (const policy of expected) expecting.set(policy, (expecting.get(policy) ?? new Set()).add(parent));
    for (const policy of stated) {
      if (policy === oids.anyPolicy) continue;
      const parents = expecting.get(policy) ?? (above.has(oids.anyPolicy) ? new Set([oids.anyPolicy]) : undefined);
      if (parents) this.add(level, policy, parents);
    }
    if (stated.includes(oids.anyPolicy) && (this.inhibitAny > 0 || (!last && selfIssued)))
      for (const [policy, parents] of expecting) if (!level.has(policy)) this.add(level, policy, parents);
    this.levels.push(level);
    if (level.size === 0) this.alive = false;
  }

  /** 6.1.4 (a), (b). */
  private map(mappings: readonly { issuer: string; subject: string }[]): boolean {
    if (mappings.some(({ issuer, subject }) => issuer === oids.anyPolicy || subject === oids.anyPolicy)) return false;
    if (!this.alive) return true;
    const level = this.levels.at(-1) as Level;
    const targets = new Map<string, Set<string>>();
    for (const { issuer, subject } of mappings) targets.set(issuer, (targets.get(issuer) ?? new Set()).add(subject));
    for (const [issuer, subjects] of targets) {
      const node = level.get(issuer);
      if (this.policyMapping === 0) level.delete(issuer);
      else if (node) node.expected = subjects;
      else if (level.has(oids.anyPolicy)) this.add(level, issuer, new Set([oids.anyPolicy]), subjects);
    }
    if (level.size === 0) this.alive = false;
    return true;
  }

  private add(level: Level, policy: string, parents: Set<string>, expected: Set<string> = new Set([policy])): void {
    this.nodes += 1;
    if (this.nodes > limits.policyNodes)
      throw new SmimeError('limit-exceeded', `a path with more than ${limits.policyNodes} certificate policies`);
    level.set(policy, { expected, parents });
  }

  /** RFC 9618 6.1.5 (g): of what reaches the last level, the policies in the terms of the first domain. */
  private authorityPolicies(): Set<string> {
    const found = new Set<string>();
    if (!this.alive) return found;
    let reaching = new Set((this.levels.at(-1) as Level).keys());
    if (reaching.has(oids.anyPolicy)) found.add(oids.anyPolicy);
    for (let depth = this.levels.length - 1; depth > 0; depth--) {
      const above = new Set<string>();
      for (const policy of reaching) {
        for (const parent of this.levels[depth]?.get(policy)?.parents ?? []) {
          above.add(parent);
          if (parent === oids.anyPolicy && policy !== oids.anyPolicy) found.add(policy);
        }
      }
      reaching = above;
    }
    return found;
  }
}

const policyConstraintsOf = readOnce(oids.policyConstraints, readPolicyConstraints);
const policyMappingsOf = readOnce(oids.policyMappings, readPolicyMappings);
const inhibitAnyPolicyOf = readOnce(oids.inhibitAnyPolicy, (value) => {
  const skipCertificates = new DerReader(value).smallInteger();
  if (skipCertificates < 0) throw new SmimeError('unexpected-structure', 'inhibitAnyPolicy is negative');
  return skipCertificates;
});
