/** The MAC over a PKCS#12 file: HMAC with PKCS#12's own derivation (RFC 7292 4), or PBMAC1 (RFC 9879). */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  type DerReader,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { type DerivationBudget, derivePkcs12, purpose } from './derive.ts';
import { digestSizes, hmacDigest, macDigest, type PasswordDigest } from './digests.ts';
import {
  derivationAlgorithm,
  deriveByAlgorithm,
  derivePbkdf2Key,
  type Pkcs12Profile,
  profileIterations,
} from './encryption.ts';
import { bmpPassword, type PasswordForms } from './password.ts';

/**
 * The forms of the password under which the MAC holds. Throws `wrong-password` where it holds under none.
 * @param macData reader over the content of MacData
 * @param content what the MAC is over: the octets of the authenticated safe
 */
export async function checkMac(
  macData: DerReader,
  content: Uint8Array,
  password: PasswordForms,
  budget: DerivationBudget,
): Promise<PasswordForms> {
  const info = macData.enter();
  const algorithm = info.enter();
  const id = algorithm.oid();
  const expected = info.octetString();
  const holds = (digest: PasswordDigest, key: Uint8Array): boolean => {
    const computed = createHmac(digest, key).update(content).digest();
    return computed.length === expected.length && timingSafeEqual(computed, expected);
  };
  if (id === oids.pbmac1) {
    const parameters = algorithm.enter();
    const derivation = parameters.element(tag.sequence);
    const digest = hmacDigest(parameters.enter().oid());
    for (const octets of password.pkcs5) {
      const key = await deriveByAlgorithm(derivation, octets, undefined, budget);
      // RFC 9879 9: the length is the writer's choice, and one octet of key would let anybody through.
      if (key.length < minimumKeyOctets)
        throw new SmimeError('unexpected-structure', `a MAC key of ${key.length} octets is no protection`);
      if (holds(digest, key)) return { ...password, pkcs5: [octets] };
    }
    throw wrongPassword();
  }
  const digest = macDigest(id);
  const salt = macData.octetString();
  const iterations = macData.atEnd ? 1 : macData.smallInteger();
  for (const octets of password.pkcs12) {
    const length = digestSizes[digest].output;
    const key = await derivePkcs12(octets, salt, iterations, length, purpose.mac, digest, budget);
    if (holds(digest, key)) return { ...password, pkcs12: [octets] };
  }
  throw wrongPassword();
}

const minimumKeyOctets = 20;

export const wrongPassword = (): SmimeError =>
  new SmimeError('wrong-password', 'the password does not open the PKCS#12 file, or the file was altered');

/** DER MacData over the content of the authenticated safe. */
export async function encodeMac(content: Uint8Array, password: string, profile: Pkcs12Profile): Promise<Buffer> {
  const salt = randomBytes(16);
  if (profile === 'pbmac1') {
    const iterations = profileIterations.pbmac1;
    const key = await derivePbkdf2Key(password, salt, iterations, 32);
    const parameters = encodeSequence(
      derivationAlgorithm(salt, iterations, 32),
      encodeSequence(encodeOid(oids.hmacSha256), encodeNull),
    );
    return macData(encodeSequence(encodeOid(oids.pbmac1), parameters), 'sha256', key, content, salt, iterations);
  }
  const digest = profile === 'compat' ? 'sha1' : 'sha256';
  // The function runs in JavaScript here and on a telephone there, and guards no key: the bags have derivations of their own.
  const iterations = profileIterations.compat;
  const length = digestSizes[digest].output;
  const key = await derivePkcs12(bmpPassword(password), salt, iterations, length, purpose.mac, digest);
  return macData(encodeSequence(encodeOid(oids[digest]), encodeNull), digest, key, content, salt, iterations);
}

/** RFC 9879 4: with PBMAC1 salt and count stand in the algorithm, and those of MacData are there for old parsers only. */
function macData(
  algorithm: Uint8Array,
  digest: PasswordDigest,
  key: Uint8Array,
  content: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Buffer {
  const mac = createHmac(digest, key).update(content).digest();
  return encodeSequence(
    encodeSequence(algorithm, encodeOctetString(mac)),
    encodeOctetString(salt),
    encodeInteger(iterations),
  );
}
