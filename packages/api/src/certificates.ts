/** Certificates, their profiles and the authorities that sign them. */
import { z } from 'zod';
import { Address, Base64, Id, Instant, PageQuery, SerialNumber } from './values.ts';

/** `partner`: for the mail of somebody outside the organisation, whose key is theirs alone. */
export const CertificateUse = z.enum([
  'signing',
  'encryption',
  'gateway',
  'ocsp',
  'scep-ra',
  'admin',
  'seal',
  'partner',
]);
export type CertificateUse = z.infer<typeof CertificateUse>;

/** RFC 5280 section 5.3.1: the reasons for good. A hold and a release are acts of their own. */
export const RevocationReason = z.enum([
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
  'aACompromise',
]);
export type RevocationReason = z.infer<typeof RevocationReason>;

/** `held`: revoked until somebody releases it. */
export const CertificateState = z.enum(['valid', 'expiring', 'expired', 'held', 'revoked']);

export const CertificateSummary = z.object({
  serialNumber: SerialNumber,
  use: CertificateUse,
  profile: z.string(),
  profileVersion: z.int(),
  personId: Id.nullable(),
  address: Address.nullable(),
  subject: z.string(),
  state: CertificateState,
  notBefore: Instant,
  notAfter: Instant,
  /** From when its profile wants it renewed; it is `expiring` from then. */
  renewFrom: Instant,
  keyAlgorithm: z.string(),
  keyOrigin: z.enum(['device', 'browser', 'gateway', 'kra', 'authority']),
  revokedAt: Instant.nullable(),
  revocationReason: z.enum([...RevocationReason.options, 'certificateHold']).nullable(),
});
export type CertificateSummary = z.infer<typeof CertificateSummary>;

export const CertificateDetail = CertificateSummary.extend({
  issuer: z.string(),
  fingerprintSha256: z.string(),
  /** DER. */
  der: Base64,
  /** DER, leaf's issuer first, root last. */
  chain: z.array(Base64),
  escrowedKeyId: Id.nullable(),
  publications: z.array(
    z.object({
      target: z.string(),
      state: z.enum(['pending', 'published', 'failed', 'removed']),
      error: z.string().nullable(),
      updatedAt: Instant,
    }),
  ),
});
export type CertificateDetail = z.infer<typeof CertificateDetail>;

export const CertificateQuery = PageQuery.extend({
  search: z.string().max(200).optional(),
  use: CertificateUse.optional(),
  state: CertificateState.optional(),
  personId: Id.optional(),
});

export const RevokeRequest = z.object({ reason: RevocationReason, note: z.string().max(1000).default('') });

/** PKCS#10 for a person's signing key (the CSR is the proof of possession). DER in base64, or PEM. */
export const SigningRequest = z.object({
  csr: z.string().max(20_000),
  keyOrigin: z.enum(['device', 'browser', 'gateway']),
});

/** Of the SCEP registration authority, whose key the office makes: clients encrypt to it with RSA (RFC 8894 3.1). */
export const ScepRaRequest = z.object({ key: z.enum(['rsa-2048', 'rsa-3072', 'rsa-4096']).default('rsa-3072') });
/** PKCS#10 for an operator's TLS client key. DER in base64, or PEM. */
export const AdminRequest = z.object({
  csr: z.string().max(20_000),
  keyOrigin: z.enum(['device', 'browser']).default('device'),
});

/** DER, in base64. */
export const IssuedCertificate = z.object({ serialNumber: SerialNumber, certificate: Base64, chain: z.array(Base64) });

export const Authority = z.object({
  id: Id,
  role: z.enum(['root', 'issuing']),
  slug: z.string(),
  name: z.string(),
  /** The authority of ours that signed it; null for a root, and for one that an outside root signed. */
  issuerId: Id.nullable(),
  /** Above it, keys that are not ours: names, its issuer first. */
  outside: z.array(z.string()),
  /** `issuing`: signs new certificates; `kept`: goes on with CRLs and OCSP alone, though a newer one may retire again. */
  state: z.enum(['root', 'issuing', 'kept', 'retired', 'revoked']),
  keyAlgorithm: z.string(),
  /** ML-DSA: most relying parties cannot check what it signs. */
  experimental: z.boolean(),
  /** Which key store holds its key. */
  keyPlace: z.enum(['software', 'token', 'offline']),
  notBefore: Instant,
  notAfter: Instant,
  retiredAt: Instant.nullable(),
  certificate: Base64,
  certificateUrl: z.url(),
  crlUrl: z.url(),
  crl: z.object({ number: z.int(), thisUpdate: Instant, nextUpdate: Instant, entries: z.int() }).nullable(),
  /** Certificates that it signed which are neither ended, held nor revoked; not those of authorities. */
  certificatesInForce: z.int(),
});
export type Authority = z.infer<typeof Authority>;

export const AuthorityList = z.object({
  kind: z.enum(['complete', 'delta']),
  /** Null where it is of all certificates. */
  shard: z.int().nullable(),
  number: z.int(),
  /** Of a delta: the number of the complete list that it continues. */
  baseNumber: z.int().nullable(),
  entries: z.int(),
  octets: z.int(),
  thisUpdate: Instant,
  nextUpdate: Instant,
  url: z.url(),
});
export type AuthorityList = z.infer<typeof AuthorityList>;

export const AuthorityDetail = Authority.extend({
  subject: z.string(),
  serialNumber: SerialNumber,
  fingerprintSha256: z.string(),
  revoked: z.object({ at: Instant, reason: z.string() }).nullable(),
  /** DER, its issuer first, root last. */
  chain: z.array(Base64),
  /** The chain as PKCS#7. */
  chainUrl: z.url(),
  /** In force, complete ones and deltas, that of all certificates first. */
  lists: z.array(AuthorityList),
  /** Whose certificate its OCSP answers are signed with. */
  responder: z.object({ notBefore: Instant, notAfter: Instant }).nullable(),
});
export type AuthorityDetail = z.infer<typeof AuthorityDetail>;

const AuthorityTitle = z.string().trim().min(1).max(40);
/** ML-DSA (FIPS 204, RFC 9881) is experimental: few relying parties know it. */
export const AuthorityKey = z.enum([
  'rsa-3072',
  'rsa-4096',
  'p256',
  'p384',
  'p521',
  'ed25519',
  'ml-dsa-65',
  'ml-dsa-87',
]);
export type AuthorityKey = z.infer<typeof AuthorityKey>;

/** A further issuing authority below a root of ours; it takes over issuing. `title` follows the organisation in its name. */
export const NewAuthority = z.object({ title: AuthorityTitle, key: AuthorityKey, parentId: Id });
export type NewAuthority = z.infer<typeof NewAuthority>;
/** A further root. */
export const NewRoot = z.object({ title: AuthorityTitle, key: AuthorityKey });
/** A key and a request for an issuer that is not ours. */
export const NewAuthorityRequest = z.object({ title: AuthorityTitle, key: AuthorityKey });
/** DER. */
export const AuthorityRequest = z.object({ id: Id, request: Base64 });
/** One whose certificate has not come back. DER. */
export const OpenAuthorityRequest = AuthorityRequest.extend({
  name: z.string(),
  keyAlgorithm: z.string(),
  keyPlace: Authority.shape.keyPlace,
  createdAt: Instant,
});
export type OpenAuthorityRequest = z.infer<typeof OpenAuthorityRequest>;
/** What came back for a request. DER; the chain from its issuer to the root. */
export const AuthorityAnswer = z.object({
  certificate: Base64,
  chain: z.array(Base64).max(8).default([]),
  /** Of the ceremony, as it was printed: its hash goes into the audit trail. */
  transcript: z.string().max(200_000).optional(),
});
/** An authority that has issued elsewhere. DER. */
export const ImportedAuthority = z.object({
  name: z.string().trim().min(1).max(200),
  source: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('pkcs12'), file: Base64, password: z.string().max(1000) }),
    z.object({ kind: z.literal('key'), keyReference: z.string().min(1).max(500), certificate: Base64 }),
  ]),
  chain: z.array(Base64).max(8).default([]),
});
