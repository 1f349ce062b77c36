/** What a mail gateway asks of the authority: it is a client like any device, for many people at once. */
import { z } from 'zod';
import { OpenDecision } from './correspondents.ts';
import { OpenHeldDecision } from './held-mail.ts';
import { RulesInForce } from './mail-rules.ts';
import { NoticeLanguage } from './notices.ts';
import { SigningKeyOrigin } from './people.ts';
import { Address, Base64, Id, SerialNumber } from './values.ts';

/** A PKCS#10 for the gateway's own key, to which the gateway lock of escrowed keys is addressed. */
export const GatewayEnrolment = z.object({ csr: z.string().max(20_000) });

export const GatewayConfiguration = z.object({
  organisation: z.string(),
  domains: z.array(z.string()),
  /** DER: the roots that mail is judged against, and the issuing CAs. */
  trustAnchors: z.array(Base64),
  intermediates: z.array(Base64),
  /** Current CRLs of our own authorities, DER. */
  crls: z.array(Base64),
  people: z.array(
    z.object({
      personId: Id,
      address: Address,
      /** As colleagues know them: mail in that name from outside is told. */
      name: z.string().default(''),
      aliases: z.array(Address),
      signingKey: SigningKeyOrigin,
      decrypts: z.boolean(),
      /** Names, for rules of mail; absent where the authority is older than they are. */
      groups: z.array(z.string()).optional(),
      /** In which they are written to; absent where they, and their attributes, name none. */
      language: NoticeLanguage.optional(),
    }),
  ),
  /** Addresses of partners outside, in small letters, who were given certificates here: they are asked for as our own are. */
  partners: z.array(z.string()).default([]),
  /** To which ACME challenges are answered: mail to it is the authority's. */
  acmeAddress: Address.nullable().default(null),
  /** Certificates, of people or of gateways, in whose place whoever has the key shall ask for another now. */
  renew: z.array(SerialNumber).default([]),
  /** The rules of mail flow; null where the office has none in force. */
  rules: RulesInForce.nullable().default(null),
  /** What operators decided about correspondents, and this gateway has not done yet. */
  decisions: z.array(OpenDecision).default([]),
  /** And about mail that it holds. */
  heldDecisions: z.array(OpenHeldDecision).default([]),
  /** The letter `held-mail-ended` as the office has it; null where the authority is older than that. */
  heldMailEnded: z
    .object({
      texts: z.record(NoticeLanguage, z.object({ subject: z.string(), text: z.string() })),
      /** For whoever names none. */
      language: NoticeLanguage,
      /** Of the office. */
      url: z.string(),
    })
    .nullable()
    .default(null),
});
export type GatewayConfiguration = z.infer<typeof GatewayConfiguration>;

/** A request for a person whose mail this gateway signs; `csr` DER in base64, or PEM. */
export const GatewaySigningRequest = z.object({ address: Address, csr: z.string().max(20_000) });

/** The valid encryption certificates of an address in our own directory, newest first. */
export const RecipientQuery = z.object({ address: Address });
export const RecipientCertificates = z.object({
  certificates: z.array(z.object({ serialNumber: SerialNumber, certificate: Base64 })),
});

/** Escrowed keys whose gateway lock is addressed to the caller. */
export const GatewayKeys = z.object({
  keys: z.array(
    z.object({
      escrowedKeyId: Id,
      certificate: Base64,
      /** `sealed`, `aad`: AES-256-GCM of the PKCS#8 under the DEK: 12-octet nonce, ciphertext, 16-octet tag. */
      sealed: Base64,
      aad: Base64,
      /** CMS (EnvelopedData or AuthEnvelopedData, DER) of the 32-octet DEK to the gateway's certificate. */
      lock: Base64,
    }),
  ),
});
