/** The documents that the lints follow, and from when each binds. A certificate is judged by what held when it was issued. */
import type { baselineEditions } from '@chancery/api';

export interface Edition {
  readonly document: string;
  /** The first instant of issuance (UTC) that it binds. */
  readonly from: Date;
}

const edition = (document: string, day: string): Edition => ({ document, from: new Date(`${day}T00:00:00Z`) });

/** RFC 5280, May 2008. Certificates of RFC 2459 and 3280, which differ in details, are not held to it. */
export const rfc5280 = edition('RFC 5280', '2008-05-01');

/** RFC 6818, January 2013: which strings a user notice is written in. */
export const rfc6818 = edition('RFC 6818', '2013-01-01');

/** RFC 8550, April 2019: S/MIME 4.0 certificate handling. */
export const rfc8550 = edition('RFC 8550', '2019-04-01');

/** RFC 8398, May 2018, now RFC 9598: internationalised addresses. */
export const rfc8398 = edition('RFC 8398', '2018-05-01');

/** The S/MIME Baseline Requirements of the CA/Browser Forum: 1.0.0 was adopted on 1 January 2023 and binds from here. */
export const smimeBr = edition('S/MIME BR 1.0.0', '2023-09-01');

/** 1.0.6 (ballot SMC08): no more certificates of the legacy generation. */
export const smimeBrWithoutLegacy = edition('S/MIME BR 1.0.6', '2025-07-15');

/** 1.0.11 (ballot SMC013): ML-DSA and ML-KEM. */
export const smimeBrPostQuantum = edition('S/MIME BR 1.0.11', '2025-08-22');

/** 1.0.15 (ballot SMC017): new RSA keys of authorities have 4096 bits. */
export const smimeBrLongAuthorityKeys = edition('S/MIME BR 1.0.15', '2026-09-15');

/** Editions of the S/MIME Baseline Requirements by their number, as a profile names them. */
export const baselines: Readonly<Record<(typeof baselineEditions)[number], Edition>> = {
  '1.0.0': smimeBr,
  '1.0.6': smimeBrWithoutLegacy,
  '1.0.11': smimeBrPostQuantum,
  '1.0.15': smimeBrLongAuthorityKeys,
};
