/** Whether a certificate that was found may be encrypted to: path, time, usage, address, revocation and the kind of its key. */
import { createHash } from 'node:crypto';
import {
  type Certificate,
  certificateEmails,
  encryptionSchemeOf,
  parseCertificate,
  validatePath,
} from '@chancery/smime';
import { reasonOf } from '../errors.ts';
import type { OfficeView } from '../office.ts';
import type { Association, Candidate } from './source.ts';

export type Judged =
  | { readonly state: 'good'; readonly certificate: Certificate }
  | { readonly state: 'none'; readonly reason: string }
  | { readonly state: 'unknown'; readonly reason: string };

/**
 * What a certificate is believed by. `path`: one that leads to an anchor of ours. `vouched`: by its source, for itself alone
 * (RFC 8162, usage 3; an administrator's word); then it needs no path, and everything else is judged the same.
 */
export type Belief = 'path' | 'vouched';

export interface Judgement {
  readonly view: OfficeView;
  /** That the certificate must name; undefined for the certificate of a whole domain, whose name its owner chose. */
  readonly address: string | undefined;
  readonly belief: Belief;
  readonly revocation: 'required' | 'if-present';
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function judgeCandidate({ certificate: der, chain }: Candidate, how: Judgement): Judged {
  const { view, address, belief, revocation, now } = how;
  try {
    const certificate = parseCertificate(der);
    const vouched = belief === 'vouched';
    const { valid, problems } = validatePath({
      leaf: certificate,
      intermediates: vouched ? [] : [...view.intermediates, ...chain.map(parseCertificate)],
      anchors: vouched ? [certificate] : view.anchors,
      at: new Date(now),
      purpose: 'email-encryption',
      // One that its source vouches for may name nobody at all (RFC 8162 section 2); one that names others is not theirs.
      ...(address !== undefined && !(vouched && certificateEmails(certificate).length === 0) && { email: address }),
      crls: view.crls,
      revocation,
    });
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (!valid) {
      const isOpen = errors.length > 0 && errors.every(({ code }) => code === 'revocation-unknown');
      return { state: isOpen ? 'unknown' : 'none', reason: errors[0]?.message ?? 'its certificate is not valid' };
    }
    if (certificate.notAfter.getTime() < now || certificate.notBefore.getTime() > now) {
      return { state: 'none', reason: 'its certificate is not of this time' };
    }
    if (certificate.keyKind === undefined || encryptionSchemeOf(certificate.keyKind) === undefined) {
      return { state: 'none', reason: 'nothing can be encrypted to the key of its certificate' };
    }
    return { state: 'good', certificate };
  } catch (error) {
    return { state: 'none', reason: `its certificate cannot be read: ${reasonOf(error)}` };
  }
}

/** RFC 6698 section 2.1: the certificate is the one whose digest the domain's owner has published. */
export function isAssociated(der: Uint8Array, associations: readonly Association[]): boolean {
  return associations.some(({ selector, matching, data }) => {
    try {
      const octets = selector === 'certificate' ? der : parseCertificate(der).spki;
      return createHash(matching).update(octets).digest().equals(data);
    } catch {
      return false;
    }
  });
}
