/** How keys reach a person's devices: which file each system reads, profiles for phones, and what waits to be fetched. */
import { z } from 'zod';
import { Base64, Instant } from './values.ts';

/** Forms of a PKCS#12 file. `modern`: AES-256 and SHA-256. `compat`: 3DES and SHA-1. `pbmac1`: modern, with the MAC of RFC 9879. */
export const FileFormat = z.enum(['modern', 'compat', 'pbmac1']);
export type FileFormat = z.infer<typeof FileFormat>;

export interface DeviceSystem {
  readonly id: string;
  readonly name: string;
  readonly format: FileFormat;
  readonly why: string;
}

/**
 * Which form of file each system is given, and why. The password is random, of 100 bits: no form of these is weaker for it, and
 * where it is not known what a system reads, it gets the form that all read.
 */
export const deviceSystems: readonly DeviceSystem[] = [
  {
    id: 'windows',
    name: 'Windows 10 from version 1709, Windows 11',
    format: 'modern',
    why: 'Reads AES-256 and SHA-256 in a PFX file since 1709.',
  },
  {
    id: 'windows-old',
    name: 'Windows Server 2016, Windows 8.1 and older',
    format: 'compat',
    why: 'Knows 3DES and SHA-1 only, and says of anything else that the password is wrong.',
  },
  {
    id: 'apple',
    name: 'iPhone, iPad, Mac',
    format: 'compat',
    why: 'Older versions refuse AES-256 and SHA-256 with “wrong password”, and the version is not known here; all of them read this one.',
  },
  {
    id: 'thunderbird',
    name: 'Thunderbird',
    format: 'modern',
    why: 'Its library (NSS) reads AES-256 and SHA-256; tried with 3.87 and 3.125.',
  },
  {
    id: 'android',
    name: 'Android 12 and newer',
    format: 'modern',
    why: 'Reads AES-256 and SHA-256.',
  },
  {
    id: 'android-old',
    name: 'Android 11 and older',
    format: 'compat',
    why: 'Says “wrong password” to AES-256 and SHA-256.',
  },
  {
    id: 'gnupg',
    name: 'GnuPG (gpgsm, Kleopatra)',
    format: 'compat',
    why: 'GnuPG 2.2 reads AES-256 only with the HMAC of SHA-1; and no elliptic curves.',
  },
  {
    id: 'linux',
    name: 'OpenSSL 3.0, GnuTLS, Java 17, and other programs of today',
    format: 'modern',
    why: 'Tried: OpenSSL 3.0, GnuTLS 3.7, Java 17.',
  },
  {
    id: 'newest',
    name: 'Only OpenSSL 3.4 and NSS 3.125, or newer',
    format: 'pbmac1',
    why: 'A MAC by PBKDF2 instead of the one of PKCS#12 (RFC 9879), where rules ask for it. OpenSSL 3.0, NSS 3.87, Java 17 and GnuTLS 3.7 cannot read it.',
  },
];

export const PickUp = z.object({
  /** For the device itself to open: it works a few times, until `expiresAt`. */
  url: z.url(),
  fileName: z.string(),
  expiresAt: Instant,
});

export const KitKind = z.enum(['thunderbird', 'outlook']);
export type KitKind = z.infer<typeof KitKind>;

/** All but the keys, which are added where they are: in the browser. */
export const Kit = z.object({
  fileName: z.string(),
  files: z.array(z.object({ name: z.string(), data: Base64 })),
});
export type Kit = z.infer<typeof Kit>;

export const OrganisationKit = z.object({ fileName: z.string(), data: Base64 });

export const KitQuery = z.object({ kind: KitKind });

/** Where somebody's keys for managed phones stand. */
export const PhoneKeys = z.object({
  allowed: z.boolean(),
  waiting: z.int(),
  taken: z.int(),
  refused: z.int(),
  error: z.string().nullable(),
});
export const AllowPhone = z.object({ allowed: z.boolean() });
export const SealedForPhone = z.object({ sealed: z.int() });
