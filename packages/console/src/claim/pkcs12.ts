/**
 * Writes a PKCS#12 file (RFC 7292) in the browser, so that the signing key never leaves it.
 * Key and certificates under PBES2 (RFC 8018): PBKDF2 with HMAC-SHA-256 and AES-256-CBC; the whole under an HMAC-SHA-256.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import {
  bmpString,
  concat,
  implicit,
  integer,
  nothing,
  type Octets,
  octetString,
  oid,
  sequence,
  setOf,
  tagged,
  ucs2,
} from '../der/write.ts';

export interface Pkcs12Contents {
  /** PKCS#8, DER. */
  privateKey: Uint8Array;
  /** DER, the key's own first. */
  certificates: readonly Uint8Array[];
  /** What the importing program shows. */
  friendlyName: string;
  /** ASCII: programs disagree about anything else. */
  password: string;
}

/** What OWASP asks of PBKDF2 with HMAC-SHA-256. */
const encryptionIterations = 600_000;
/** RFC 7292 appendix B has no fast path in browsers; the password has 100 bits of its own. */
const macIterations = 100_000;

export async function writePkcs12(contents: Pkcs12Contents): Promise<Octets> {
  const [own] = contents.certificates;
  if (own === undefined) throw new RangeError('A PKCS#12 file without a certificate');
  const keyId = new Uint8Array(await crypto.subtle.digest('SHA-1', new Uint8Array(own)));
  const attributes = setOf(
    sequence(oid(oids.friendlyName), setOf(bmpString(contents.friendlyName))),
    sequence(oid(oids.localKeyId), setOf(octetString(keyId))),
  );
  const certificateBags = contents.certificates.map((certificate, index) =>
    bag(
      oids.certBag,
      sequence(oid(oids.x509Certificate), tagged(0, octetString(certificate))),
      index === 0 ? attributes : undefined,
    ),
  );
  const sealedKey = await seal(contents.privateKey, contents.password);
  const keyBag = bag(oids.shroudedKeyBag, sequence(sealedKey.algorithm, octetString(sealedKey.octets)), attributes);

  const sealedCertificates = await seal(sequence(...certificateBags), contents.password);
  const authenticatedSafe = sequence(
    sequence(
      oid(oids.encryptedData),
      tagged(
        0,
        sequence(
          integer(0),
          sequence(oid(oids.data), sealedCertificates.algorithm, implicit(0, sealedCertificates.octets)),
        ),
      ),
    ),
    sequence(oid(oids.data), tagged(0, octetString(sequence(keyBag)))),
  );
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const macKey = deriveMacKey(contents.password, salt, macIterations);
  return sequence(
    integer(3),
    sequence(oid(oids.data), tagged(0, octetString(authenticatedSafe))),
    sequence(
      sequence(sequence(oid(oids.sha256), nothing()), octetString(hmac(sha256, macKey, authenticatedSafe))),
      octetString(salt),
      integer(macIterations),
    ),
  );
}

/** RFC 7292 appendix B.2 for one block: ID 3 (MAC), SHA-256, whose v is 64 octets and u is 32. */
export function deriveMacKey(password: string, salt: Uint8Array, iterations: number): Uint8Array {
  const block = 64;
  const terminated = ucs2(`${password}\0`);
  let digest: Uint8Array = sha256(
    concat(new Uint8Array(block).fill(3), repeatTo(salt, block), repeatTo(terminated, block)),
  );
  for (let round = 1; round < iterations; round++) digest = sha256(digest);
  return digest;
}

/** `octets` over and over until a whole number of blocks is full. */
function repeatTo(octets: Uint8Array, block: number): Octets {
  const result = new Uint8Array(Math.ceil(octets.length / block) * block);
  for (let index = 0; index < result.length; index++) result[index] = octets[index % octets.length] ?? 0;
  return result;
}

async function seal(plain: Uint8Array, password: string): Promise<{ algorithm: Octets; octets: Octets }> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  const material = await crypto.subtle.importKey('raw', new TextEncoder().encode(password), 'PBKDF2', false, [
    'deriveKey',
  ]);
  const key = await crypto.subtle.deriveKey(
    { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: encryptionIterations },
    material,
    { name: 'AES-CBC', length: 256 },
    false,
    ['encrypt'],
  );
  const octets = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, new Uint8Array(plain)));
  const algorithm = sequence(
    oid(oids.pbes2),
    sequence(
      sequence(
        oid(oids.pbkdf2),
        sequence(octetString(salt), integer(encryptionIterations), sequence(oid(oids.hmacWithSha256), nothing())),
      ),
      sequence(oid(oids.aes256Cbc), octetString(iv)),
    ),
  );
  return { algorithm, octets };
}

function bag(type: string, value: Uint8Array, attributes?: Uint8Array): Octets {
  return sequence(oid(type), tagged(0, value), ...(attributes === undefined ? [] : [attributes]));
}

const oids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacWithSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  sha256: '2.16.840.1.101.3.4.2.1',
} as const;
