/** Runs the catalogue over a certificate: one that stands alone, or one that this office is about to sign. */
import { oids } from '@chancery/smime';
import { lints } from './catalogue.ts';
import { type Claim, claimsOf, isForMail } from './claims.ts';
import type { Edition } from './editions.ts';
import type { Lint, LintFinding, LintSubject, OfficeUse } from './lint.ts';
import { readSpecimen, type Specimen } from './specimen.ts';

export { lints } from './catalogue.ts';
export type { Lint, LintFinding } from './lint.ts';

export interface LintOptions {
  /** Judge by what held then, not by what held when the certificate was issued. */
  readonly at?: Date;
  /**
   * `smime-br`: of a publicly trusted authority, whatever it claims. `rfc`: the RFCs alone. `auto`, the default: under the
   * S/MIME Baseline Requirements where it claims one of their policies; where it is for mail and names no policy at all, that alone
   * is an error.
   */
  readonly profile?: LintProfile;
  /** DER of the authority's certificate, for the lints that compare the two. */
  readonly issuer?: Uint8Array;
}

export const lintProfiles = ['auto', 'smime-br', 'rfc'] as const;
export type LintProfile = (typeof lintProfiles)[number];

/**
 * Everything that is wrong with a certificate, errors first.
 * @param der DER. Throws `SmimeError` for what is no certificate at all; a part of one that cannot be read is a finding.
 */
export function lintCertificate(der: Uint8Array, options: LintOptions = {}): LintFinding[] {
  return findings(subjectOf(readSpecimen(der), options), options.at);
}

/**
 * Everything that is wrong with a certificate that this office is about to sign, errors first.
 * @param issuer the authority that will sign; for a root, the certificate itself
 */
export function lintForIssuance(input: {
  readonly use: OfficeUse;
  readonly certificate: { readonly der: Uint8Array };
  readonly issuer: { readonly der: Uint8Array };
  /** Judge it by the S/MIME Baseline Requirements too, as this edition has them and as if it named the policy of that claim. */
  readonly baseline?: { readonly claim: Claim; readonly edition: Edition };
}): LintFinding[] {
  const certificate = readSpecimen(input.certificate.der);
  const issuer = issuerSpecimen(input.issuer);
  const { use, baseline } = input;
  const claims = baseline === undefined ? claimsOf(certificate) : [baseline.claim];
  const subject = { certificate, claims, isUnderBr: baseline !== undefined, isUnclaimed: false, issuer, use };
  return findings(subject, undefined, baseline?.edition.from);
}

/** One issuer signs a whole group: it is laid out once for as long as the caller holds it. */
function issuerSpecimen(issuer: { readonly der: Uint8Array }): Specimen {
  const known = issuers.get(issuer);
  if (known !== undefined) return known;
  const fresh = readSpecimen(issuer.der);
  issuers.set(issuer, fresh);
  return fresh;
}

const issuers = new WeakMap<object, Specimen>();

export function subjectOf(certificate: Specimen, { profile = 'auto', issuer }: LintOptions = {}): LintSubject {
  const claims = claimsOf(certificate);
  const isSilent = certificate.extension(oids.certificatePolicies) === undefined && isForMail(certificate);
  return {
    certificate,
    claims,
    isUnderBr: profile === 'smime-br' || (profile === 'auto' && claims.length > 0),
    isUnclaimed: profile !== 'rfc' && isSilent,
    ...(issuer && { issuer: readSpecimen(issuer) }),
  };
}

/** True where the lint has something to say about certificates like this one, and bound when it was issued. */
export function isBound(lint: Lint, subject: LintSubject, at: Date | undefined): boolean {
  return isInForce(lint, subject, at) && lint.applies(subject);
}

/** A certificate that does not say when it was issued is judged by what holds now. */
function isInForce({ since, until }: Lint, { certificate }: LintSubject, at: Date | undefined): boolean {
  const issued = at ?? certificate.notBefore.value?.date;
  if (issued === undefined) return until === undefined;
  return (since === undefined || issued >= since.from) && (until === undefined || issued < until.from);
}

/**
 * The lints in force for that subject. A group of certificates is issued in the same second: what was found for that
 * second serves them all, as comparing two dates for each lint would take longer than the lints.
 */
function lintsInForce(subject: LintSubject, at: Date | undefined, baselineAt: Date | undefined): readonly Lint[] {
  const issued = subject.certificate.notBefore.value?.date;
  const instants = `${(at ?? issued)?.getTime()} ${(baselineAt ?? issued)?.getTime()}`;
  if (lastInForce?.instants === instants) return lastInForce.lints;
  const found = lints.filter((lint) => isInForce(lint, subject, lint.binds === 'smime-br' ? baselineAt : at));
  lastInForce = { instants, lints: found };
  return found;
}

let lastInForce: { readonly instants: string; readonly lints: readonly Lint[] } | undefined;

/** @param baselineAt where a profile says by which edition of the Baseline Requirements it is judged */
function findings(subject: LintSubject, at: Date | undefined, baselineAt = at): LintFinding[] {
  const found: LintFinding[] = [];
  for (const lint of lintsInForce(subject, at, baselineAt)) {
    if (!lint.applies(subject)) continue;
    for (const message of bounded(lint.check(subject)))
      found.push({
        lint: lint.id,
        severity: lint.severity,
        clause: lint.clause,
        message: printable(message),
        ...(lint.since && { edition: lint.since.document }),
      });
  }
  return found.sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
}

/** A certificate of a megabyte can break one rule ten thousand times: twenty times are enough to know. */
function bounded(messages: string[]): string[] {
  const most = 20;
  return messages.length <= most
    ? messages
    : [...messages.slice(0, most), `the same is wrong ${messages.length - most} times more`];
}

/** A message quotes the certificate: nothing in it may move the cursor or turn the line around, and nothing go on for ever. */
function printable(message: string): string {
  const most = 400;
  const cut = message.length > most ? `${message.slice(0, most)}…` : message;
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
