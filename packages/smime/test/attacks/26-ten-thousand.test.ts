import { createHash, createPublicKey, generatePrimeSync, pbkdf2Sync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { DerReader, encodeElement, encodeInteger, encodeSetOf } from '../../src/asn1/der.ts';
import { readContentInfo } from '../../src/cms/content-info.ts';
import { readEnvelopedData } from '../../src/cms/enveloped-data.ts';
import { encodeIssuerAndSerial } from '../../src/cms/identifier.ts';
import { encodeSignerInfo, type SignerInfo } from '../../src/cms/signed-data.ts';
import {
  assembleSigned,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  type Decrypter,
  decryptContent,
  encryptContent,
  keyUsage,
  limits,
  namesEqual,
  parseCertificate,
  SmimeError,
  signatureAlgorithmFor,
  subjectAltName,
  verifyMessage,
} from '../../src/index.ts';
import { digestAlgorithm } from '../../src/keys/algorithms.ts';
import { attributes, clear, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';
import { readSigned, signatureHolds, signersOf } from './naive.ts';

describe('attack 26: ten thousand of everything', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  const many = 10_000;

  it('signers', async () => {
    const info = await signerInfo(alice, attributes(text));
    // Verifies one after another.
    const few = signedData(new Array<Buffer>(10).fill(info), [alice]);
    const naive = await cost(() => {
      const holding = signersOf(readSigned(few)).filter((signer) => signatureHolds(signer, text));
      expect(holding).toHaveLength(10);
    });
    const message = clear(text, signedData(new Array<Buffer>(many).fill(info), [alice]));
    const ours = await cost(async () => {
      const report = await verify(message);
      expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
      expect(codes(report.problems)).toContain('malformed-signature');
    });
    expect(naive * (many / 10)).toBeGreaterThan(5 * ours);
  });

  it('certificates', async () => {
    const info = await signerInfo(alice, attributes(text));
    const [signer] = readSigned(signedData([info], [alice])).signers as [SignerInfo];
    // Reads whatever is carried, and tries whether it made the signature.
    const naive = await cost(() => {
      for (let at = 0; at < 100; at++) {
        const certificate = parseCertificate(Buffer.from(alice.certificate.der));
        expect(signatureHolds({ info: signer, certificate }, text)).toBe(true);
      }
    });
    const message = clear(text, signedData([info], new Array<Holder>(many).fill(alice)));
    const ours = await cost(async () =>
      expect(await verify(message)).toMatchObject({ verdict: 'invalid', signers: [] }),
    );
    expect(naive * (many / 100)).toBeGreaterThan(5 * ours);
  });

  it('attributes', async () => {
    const set = new Array<Buffer>(many).fill(attributes(text)[0] as Buffer);
    // Compares each with each, to see that none is there twice.
    const naive = await cost(() => {
      let same = 0;
      for (const one of set.slice(0, 100)) for (const other of set) if (Buffer.from(one).equals(other)) same++;
      expect(same).toBe(100 * many);
    });
    const message = clear(text, signedData([await signerInfo(alice, set)], [alice]));
    const ours = await cost(async () => expect((await verify(message)).verdict).toBe('invalid'));
    expect(naive * (many / 100)).toBeGreaterThan(5 * ours);
  });

  it('recipients who are all us: a few are tried, and then no more', async () => {
    const bob = await issue({ email: 'bob@example.org', kind: 'rsa' }, root);
    const entries = 100;
    const der = Buffer.from(
      await encryptContent({ content: Buffer.from('x'), recipients: new Array(entries).fill(bob.certificate) }),
    );
    const { recipients } = readEnvelopedData(readContentInfo(der).content);
    for (const entry of recipients) {
      if (entry.kind !== 'key-transport') throw new Error('a recipient of another kind');
      const at = der.indexOf(entry.encryptedKey);
      der[at + 100] = (der[at + 100] as number) ^ 1;
    }
    const { decrypter } = bob.key;
    let operations = 0;
    const counting: Decrypter = {
      ...decrypter,
      unwrapRsa: (encryptedKey, scheme) => {
        operations++;
        return decrypter.unwrapRsa(encryptedKey, scheme);
      },
    };
    // Goes on until one opens.
    const naive = async (): Promise<void> => {
      for (const entry of recipients)
        if (entry.kind === 'key-transport') await counting.unwrapRsa(entry.encryptedKey, { padding: 'pkcs1' });
    };
    await naive();
    expect(operations).toBe(entries);
    operations = 0;
    const keys = [{ certificate: bob.certificate, decrypter: counting }];
    await expect(decryptContent({ der, keys })).rejects.toMatchObject({ code: 'decryption-failed' });
    expect(operations).toBeGreaterThan(0);
    expect(operations).toBeLessThanOrEqual(limits.recipientAttempts);
  });

  it('recipients: as many as the budget are read, one more is not', async () => {
    const rsa = await issue({ email: 'bob@example.org', kind: 'rsa' }, root);
    const recipients = new Array(limits.recipients).fill(rsa.certificate);
    await expect(
      encryptContent({ content: Buffer.from('x'), recipients: [...recipients, rsa.certificate] }),
    ).rejects.toMatchObject({ code: 'limit-exceeded' });
    const der = await encryptContent({ content: Buffer.from('x'), recipients });
    expect((await decryptContent({ der, keys: [rsa.key] })).recipients).toHaveLength(limits.recipients);
  });

  it('a signer whose certificate is its own issuer’s issuer', async () => {
    const a = await issue({ ca: true, name: 'A' });
    const b = await issue({ ca: true, name: 'B' }, a);
    const loop = await issue({ email: 'alice@example.org' }, b);
    const info = await signerInfo(loop, attributes(text));
    const report = await verify(clear(text, signedData([info], [loop, a, b])));
    expect(report.signers[0]).toMatchObject({ signature: 'valid', path: { valid: false } });
  });

  it('CAs that have all certified one another', async () => {
    const cas = await Promise.all(Array.from({ length: 9 }, (_, at) => issue({ ca: true, name: `CA ${at}` })));
    const mesh = (
      await Promise.all(
        cas.flatMap((subject) => cas.filter((issuer) => issuer !== subject).map((issuer) => cross(subject, issuer))),
      )
    ).map((certificate) => ({ ...alice, certificate }));
    const leaf = await issue({ email: 'alice@example.org' }, cas[0]);
    // Follows every issuer that is not on the path yet, and every issuer of that: nine factorial paths lead nowhere.
    let naive = 0;
    const walk = (at: Certificate, path: readonly Certificate[]): void => {
      if (++naive > 20_000) return;
      for (const { certificate } of mesh)
        if (namesEqual(certificate.subject, at.issuer) && !path.some((one) => namesEqual(one.subject, at.issuer)))
          walk(certificate, [...path, certificate]);
    };
    walk(leaf.certificate, []);
    expect(naive).toBeGreaterThan(20_000);
    const info = await signerInfo(leaf, attributes(text));
    const report = await verify(clear(text, signedData([info], [leaf, ...mesh])));
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]).toMatchObject({ signature: 'valid', path: { valid: false } });
    const [control] = await Promise.all([cross(cas[0] as Holder, root)]);
    const trusted = await verify(clear(text, signedData([info], [leaf, { ...alice, certificate: control }])));
    expect(trusted.verdict).toBe('valid');
  });

  it('two billion iterations between a password and its key', async () => {
    const recipient = { password: 'between us', iterations: 1_234 };
    const der = Buffer.from(await encryptContent({ content: Buffer.from('x'), recipients: [recipient] }));
    expect((await decryptContent({ der, keys: [recipient] })).content).toEqual(Buffer.from('x'));
    const bomb = withInteger(der, 1_234, 0x7fff_ffff);
    expect(bomb.equals(der)).toBe(false);
    const start = performance.now();
    pbkdf2Sync('between us', 'salt', 20_000, 32, 'sha256');
    const naive = ((performance.now() - start) * 0x7fff_ffff) / 20_000;
    expect(naive).toBeGreaterThan(60_000);
    const cpu = process.cpuUsage();
    await expect(decryptContent({ der: bomb, keys: [recipient] })).rejects.toThrow(SmimeError);
    const { user, system } = process.cpuUsage(cpu);
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });

  /** A message signed by a key of these numbers. @param sign of the DER of the signed attributes */
  async function signedBy(n: Buffer, e: Buffer, sign: (octets: Buffer) => Buffer): Promise<Buffer> {
    const [modulus, exponent] = [n, e].map((number) => number.toString('base64url')) as [string, string];
    const key = createPublicKey({ key: { kty: 'RSA', n: modulus, e: exponent }, format: 'jwk' });
    const algorithm = signatureAlgorithmFor(root.signer.kind, 'sha256');
    const tbs = buildTbsCertificate({
      serialNumber: '4711',
      signatureAlgorithm: algorithm,
      issuer: root.certificate.subject,
      subject: buildName([{ type: 'commonName', value: 'Heavy' }]),
      notBefore: new Date(now.getTime() - 86_400_000),
      notAfter: new Date(now.getTime() + 86_400_000),
      spki: key.export({ format: 'der', type: 'spki' }),
      extensions: [subjectAltName({ emails: ['alice@example.org'] })],
    });
    const certificate = parseCertificate(assembleSigned(tbs, algorithm, await root.signer.sign(tbs, 'sha256')));
    const set = encodeSetOf(attributes(text));
    const info = encodeSignerInfo({
      issuerAndSerial: encodeIssuerAndSerial(certificate),
      digestAlgorithm: digestAlgorithm('sha256'),
      signedAttributes: set,
      signatureAlgorithm: signatureAlgorithmFor('rsa', 'sha256'),
      signature: sign(set),
    });
    return clear(text, signedData([info], [{ ...alice, certificate }]));
  }

  it('an RSA key of 16,384 bits and an exponent as long: the signature is looked at, and takes no second', async () => {
    const full = Buffer.alloc(2_048, 0xff);
    for (const exponent of [Buffer.from([1, 0, 1]), full]) {
      const message = await signedBy(full, exponent, () => Buffer.alloc(2_048, 0x55));
      const start = performance.now();
      const report = await verify(message);
      expect(report.verdict).toBe('invalid');
      expect(report.signers[0]?.signature).not.toBe('valid');
      expect(performance.now() - start).toBeLessThan(1_000);
    }
  });

  it('a right signature by such a key takes whoever verifies it seconds, and us none', async () => {
    // Of 32 primes, so that making the key and signing with it is no work: it is only for the others.
    const { n, e, sign, verify: naive } = heavyKey();
    let signature: Buffer = Buffer.alloc(0);
    let signed: Buffer = Buffer.alloc(0);
    const message = await signedBy(n, e, (octets) => {
      signed = octets;
      signature = sign(octets);
      return signature;
    });
    let holds = false;
    const theirs = await cost(() => {
      holds = naive(signed, signature);
    });
    expect(holds).toBe(true);
    const ours = await cost(async () => expect((await verify(message)).verdict).toBe('invalid'));
    // With an exponent as long as the modulus it would be 32 times that.
    expect(theirs).toBeGreaterThan(10 * ours);
    expect(ours).toBeLessThan(1_000);
  });
});

/** Processor time in milliseconds. */
async function cost(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** An RSA key of 16,384 bits with an exponent of 512, and PKCS#1 v1.5 with it by the book. */
function heavyKey() {
  const primes = Array.from({ length: 32 }, () => generatePrimeSync(512, { bigint: true }));
  const n = primes.reduce((product, prime) => product * prime, 1n);
  const e = generatePrimeSync(512, { bigint: true });
  const octets = (number: bigint): Buffer => {
    const hex = number.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  };
  const length = octets(n).length;
  const padded = (message: Buffer): bigint => {
    const prefix = Buffer.from('003031300d060960864801650304020105000420', 'hex');
    const info = Buffer.concat([prefix, createHash('sha256').update(message).digest()]);
    const block = Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(length - 2 - info.length, 0xff), info]);
    return BigInt(`0x${block.toString('hex')}`);
  };
  /** Prime by prime, and put together by the Chinese remainder theorem. */
  const sign = (message: Buffer): Buffer => {
    const block = padded(message);
    let signature = 0n;
    for (const prime of primes) {
      const others = n / prime;
      const root = power(block % prime, inverse(e, prime - 1n), prime);
      signature = (signature + root * inverse(others, prime) * others) % n;
    }
    return Buffer.from(signature.toString(16).padStart(2 * length, '0'), 'hex');
  };
  const verify = (message: Buffer, signature: Buffer): boolean =>
    power(BigInt(`0x${signature.toString('hex')}`), e, n) === padded(message);
  return { n: octets(n), e: octets(e), sign, verify };
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === '1') result = (result * base) % modulus;
  }
  return result;
}

function inverse(number: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [((number % modulus) + modulus) % modulus, modulus, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** The subject's name and key, certified by another CA. */
async function cross(subject: Holder, issuer: Holder): Promise<Certificate> {
  const algorithm = signatureAlgorithmFor(issuer.signer.kind, 'sha256');
  const tbs = buildTbsCertificate({
    serialNumber: '4712',
    signatureAlgorithm: algorithm,
    issuer: issuer.certificate.subject,
    subject: subject.certificate.subject,
    notBefore: new Date(now.getTime() - 86_400_000),
    notAfter: new Date(now.getTime() + 86_400_000),
    spki: subject.signer.spki,
    extensions: [basicConstraints({ ca: true }), keyUsage(['keyCertSign', 'cRLSign'])],
  });
  return parseCertificate(assembleSigned(tbs, algorithm, await issuer.signer.sign(tbs, 'sha256')));
}

/** One INTEGER replaced wherever it stands, with the lengths around it. */
function withInteger(der: Buffer, from: number, to: number): Buffer {
  const out: Buffer[] = [];
  for (const reader = new DerReader(der); !reader.atEnd; ) {
    const identifier = reader.peek();
    if ((identifier & 0x20) !== 0) {
      out.push(encodeElement(identifier, withInteger(reader.content(identifier), from, to)));
      continue;
    }
    const element = reader.element();
    out.push(element.equals(encodeInteger(from)) ? encodeInteger(to) : element);
  }
  return Buffer.concat(out);
}
