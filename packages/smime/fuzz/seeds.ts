/** Inputs of our own making: each form that the engine writes, and some that others do. The same each time. */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import {
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../src/asn1/der.ts';
import {
  assembleSigned,
  authorityKeyIdentifier,
  buildName,
  buildOcspRequest,
  buildOcspResponse,
  buildRequest,
  buildTbsCertificate,
  buildTbsCrl,
  type Certificate,
  certIdFor,
  certsOnly,
  createPkcs12,
  crlNumber,
  encryptContent,
  encryptMessage,
  extendedKeyUsage,
  issuingDistributionPoint,
  keyIdentifier,
  localSigner,
  makeTimeStamp,
  ocspErrorResponse,
  oids,
  parseCertificate,
  signatureAlgorithmFor,
  signContent,
  signMessage,
} from '../src/index.ts';
import { bmpPassword } from '../src/pkcs12/password.ts';
import {
  attribute,
  bag,
  certificateBag,
  encryptedSafe,
  keyBag,
  pbes2,
  pfx,
  pfxWithMac,
  pfxWithPbmac1,
  plainSafe,
  scryptScheme,
  shroudedKeyBag,
  tripleDes,
} from '../test/forge-pkcs12.ts';
import { withFixedRandom } from './deterministic.ts';
import { makePeople, now, type People, type Person } from './people.ts';
import type { Seed } from './target.ts';

let made: People | undefined;
export function people(): People {
  made ??= makePeople();
  return made;
}

export const plaintext = Buffer.from('Content-Type: text/plain\r\n\r\nThe meeting is on Friday.\r\n');

const by = ({ privateKey, certificate }: Person) => ({ signer: localSigner(privateKey), certificate });
const chain = (): readonly Certificate[] => [people().ca.certificate];
const at = { signingTime: now } as const;

const packed = (): Buffer => entityOf(compressed(plaintext));

/** Octets that somebody signed: whatever else is called valid was forged. */
export const isSealed = (content: Uint8Array): boolean => plaintext.equals(content) || packed().equals(content);

/** A key-encryption key that sender and recipient have. */
export const sharedKey = { identifier: Buffer.from('key 1'), keyEncryptionKey: Buffer.alloc(32, 9) } as const;

type Makers = Readonly<Record<string, () => Uint8Array | Promise<Uint8Array>>>;

/** Each maker with dice of its own, so that a new one changes none of the others. */
async function make(makers: Makers): Promise<Seed[]> {
  const seeds: Seed[] = [];
  for (const [name, maker] of Object.entries(makers)) {
    const number = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);
    seeds.push({ name, bytes: Buffer.from(await withFixedRandom(number, async () => maker())) });
  }
  return seeds;
}

export function signedObjects(): Promise<Seed[]> {
  const { rsa, p256, ed25519, mlDsa, ca } = people();
  const signed = (...signers: readonly Person[]) =>
    signContent({ content: plaintext, signers: signers.map((signer) => ({ ...by(signer), chain: chain() })), ...at });
  return make({
    'signed by RSA': () => signed(rsa),
    'signed by P-256': () => signed(p256),
    'signed by Ed25519': () => signed(ed25519),
    'signed by ML-DSA-44': () => signed(mlDsa),
    'signed by two': () => signed(rsa, ed25519),
    detached: () => signContent({ content: plaintext, detached: true, signers: [by(ed25519)], ...at }),
    'certificates only': () => certsOnly([rsa.certificate, ca.certificate]),
    'signed and encrypted': async () =>
      encryptContent({ content: entityOf(await signed(ed25519)), recipients: [p256.certificate] }),
    'time stamp': timeStamp,
    compressed: () => compressed(plaintext),
    'compressed zeros': () => compressed(Buffer.alloc(1_000_000)),
    'compressed and signed': async () => signContent({ content: packed(), signers: [by(ed25519)], ...at }),
  });
}

/** By a key with a certificate of its own. */
async function timeStamp(): Promise<Uint8Array> {
  const signer = localSigner(people().ed25519.privateKey);
  const signatureAlgorithm = signatureAlgorithmFor('ed25519', 'sha512');
  const name = buildName([{ type: 'commonName', value: 'Clock' }]);
  const tbs = buildTbsCertificate({
    serialNumber: '71',
    signatureAlgorithm,
    issuer: name,
    subject: name,
    notBefore: new Date(now.getTime() - 1000),
    notAfter: new Date(now.getTime() + 1000),
    spki: signer.spki,
    extensions: [extendedKeyUsage([oids.timeStamping], true)],
  });
  const certificate = parseCertificate(assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, 'sha512')));
  return makeTimeStamp({
    policy: '1.2.3',
    hash: 'sha256',
    hashed: createHash('sha256').update(plaintext).digest(),
    serialNumber: Buffer.of(7),
    time: now,
    nonce: Buffer.of(9),
    signer: { signer, certificate },
  });
}

export function encryptedObjects(): Promise<Seed[]> {
  const { rsa, p256, x25519, mlKem } = people();
  const all = [rsa, p256, x25519, mlKem].map(({ certificate }) => certificate);
  return make({
    'to RSA': () => encryptContent({ content: plaintext, recipients: [rsa.certificate] }),
    'to RSA with OAEP': () =>
      encryptContent({ content: plaintext, recipients: [rsa.certificate], keyTransport: 'oaep' }),
    'to P-256, GCM': () =>
      encryptContent({ content: plaintext, recipients: [p256.certificate], cipher: 'aes-128-gcm' }),
    'to X25519': () => encryptContent({ content: plaintext, recipients: [x25519.certificate], cipher: 'aes-192-cbc' }),
    'to ML-KEM': () => encryptContent({ content: plaintext, recipients: [mlKem.certificate], cipher: 'aes-256-gcm' }),
    'to a shared key': () => encryptContent({ content: plaintext, recipients: [sharedKey] }),
    'to a password': () => encryptContent({ content: plaintext, recipients: [{ password: 'right', iterations: 2 }] }),
    'to all': () => encryptContent({ content: plaintext, recipients: all }),
  });
}

/** RFC 3274. */
function compressed(content: Uint8Array): Buffer {
  const inner = encodeSequence(encodeOid(oids.data), encodeExplicit(0, encodeOctetString(deflateSync(content))));
  const data = encodeSequence(encodeInteger(0), encodeSequence(encodeOid(oids.zlibCompress)), inner);
  return encodeSequence(encodeOid(oids.compressedData), encodeExplicit(0, data));
}

/** A CMS object as the MIME entity that holds it. */
function entityOf(der: Uint8Array): Buffer {
  const body = Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\r\n');
  const type = 'Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  return Buffer.from(`${type}${body}`, 'latin1');
}

export function certificateObjects(): Promise<Seed[]> {
  const { root, ca, rsa, p256, ed25519, mlDsa, x25519, mlKem } = people();
  const algorithm = signatureAlgorithmFor('ed25519', 'sha512');
  const crl = async (distribution: boolean): Promise<Uint8Array> => {
    const tbs = buildTbsCrl({
      signatureAlgorithm: algorithm,
      issuer: ca.certificate.subject,
      thisUpdate: new Date(now.getTime() - 86_400_000),
      nextUpdate: new Date(now.getTime() + 86_400_000),
      entries: [
        { serialNumber: '4002', revokedAt: now, reason: 'keyCompromise' },
        { serialNumber: '5001', revokedAt: now },
      ],
      extensions: [
        authorityKeyIdentifier(keyIdentifier(ca.certificate.spki)),
        crlNumber(7),
        ...(distribution ? [issuingDistributionPoint({ uri: 'http://crl.example.org/ca.crl' })] : []),
      ],
    });
    return assembleSigned(tbs, algorithm, await localSigner(ca.privateKey).sign(tbs, 'sha512'));
  };
  const certId = certIdFor(rsa.certificate.serialNumber, ca.certificate);
  const response = (status: 'good' | 'unknown') =>
    buildOcspResponse({
      signer: localSigner(ca.privateKey),
      responses: [{ certId, status, thisUpdate: now, nextUpdate: new Date(now.getTime() + 86_400_000) }],
      producedAt: now,
      nonce: Buffer.alloc(16, 1),
    });
  return make({
    ...Object.fromEntries(
      Object.entries({ root, ca, rsa, p256, ed25519, mlDsa, x25519, mlKem }).map(([name, person]) => [
        `certificate of ${name}`,
        () => person.certificate.der,
      ]),
    ),
    CRL: () => crl(false),
    'CRL of a distribution point': () => crl(true),
    request: () =>
      buildRequest({
        subject: buildName([{ type: 'commonName', value: 'Anna' }]),
        signer: localSigner(ed25519.privateKey),
        emails: ['anna@example.org'],
      }),
    'OCSP request': () =>
      buildOcspRequest({ cert: rsa.certificate, issuer: ca.certificate, nonce: Buffer.alloc(16, 1) }),
    'OCSP response, good': () => response('good'),
    'OCSP response, unknown': () => response('unknown'),
    'OCSP response, error': () => ocspErrorResponse('tryLater'),
  });
}

export const pkcs12Password = 'right';

/** Few iterations, so that time goes into what is looked for. */
export function pkcs12Files(): Promise<Seed[]> {
  const { ed25519, p256, ca } = people();
  const name = attribute(oids.friendlyName, Buffer.concat([Buffer.of(0x1e, 4), Buffer.from('\0E\0v')]));
  const label = attribute(oids.localKeyId, encodeOctetString(Buffer.of(1)));
  const certificates = [certificateBag(ed25519.certificate.der, name, label), certificateBag(ca.certificate.der)];
  const octets = bmpPassword(pkcs12Password);
  return make({
    'PKCS#12 in the clear': () => pfx(plainSafe(keyBag(ed25519.pkcs8, name, label), ...certificates)),
    'PKCS#12 with 3DES': async () => {
      const scheme = await tripleDes(octets);
      return pfxWithMac(octets, [
        encryptedSafe(scheme, encodeSequence(...certificates)),
        plainSafe(shroudedKeyBag(scheme, ed25519.pkcs8, name, label), shroudedKeyBag(scheme, p256.pkcs8)),
      ]);
    },
    'PKCS#12 with PBES2': async () => {
      const scheme = await pbes2(Buffer.from(pkcs12Password));
      return pfx(encryptedSafe(scheme, encodeSequence(keyBag(p256.pkcs8), certificateBag(p256.certificate.der))));
    },
    'PKCS#12 with scrypt': async () => {
      const scheme = await scryptScheme(pkcs12Password);
      return pfx(plainSafe(shroudedKeyBag(scheme, p256.pkcs8), certificateBag(p256.certificate.der)));
    },
    'PKCS#12 with PBMAC1': () => pfxWithPbmac1(pkcs12Password, [plainSafe(...certificates)], { keyLength: 32 }),
    'PKCS#12 nested': () =>
      pfx(
        plainSafe(
          bag(oids.safeContentsBag, encodeSequence(keyBag(ed25519.pkcs8), bag(oids.secretBag, encodeSequence()))),
          bag(oids.crlBag, encodeSetOf([])),
        ),
      ),
    'PKCS#12 as we write it': () =>
      createPkcs12({
        privateKey: p256.pkcs8,
        certificate: p256.certificate.der,
        password: pkcs12Password,
        profile: 'compat',
      }),
  });
}

const mail = (headers: readonly string[], body: string): Buffer =>
  Buffer.from(
    [
      'From: Eve <eve@example.org>',
      'To: Bob <bob@example.org>',
      'Subject: =?utf-8?q?Caf=C3=A9?=',
      'Date: Mon, 15 Jun 2026 12:00:00 +0000',
      'Message-ID: <1@example.org>',
      'MIME-Version: 1.0',
      ...headers,
      '',
      body,
    ].join('\r\n'),
  );

const plain = mail(['Content-Type: text/plain; charset=utf-8'], 'The meeting is on Friday.\r\n');
const rich = mail(
  ['Content-Type: multipart/alternative; boundary="a b"'],
  [
    'preamble',
    '--a b',
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Caf=E9 =',
    'and more',
    '--a b',
    "Content-Type: text/html; name*0*=utf-8''%e2%82%ac; name*1=x",
    'Content-Transfer-Encoding: base64',
    '',
    'PGI+Q2Fmw6k8L2I+',
    '--a b--',
    'epilogue',
    '',
  ].join('\r\n'),
);

/** Text that somebody signed: whatever else is called valid was forged. */
export const sealedText: readonly string[] = ['The meeting is on Friday.', 'Caf=E9 ='];

export function messages(): Promise<Seed[]> {
  const { ed25519, p256, rsa, x25519 } = people();
  const signed = (message: Uint8Array, form: 'clear' | 'opaque') =>
    signMessage({ message, form, signers: [{ ...by(ed25519), chain: chain() }], ...at });
  const sealed = (message: Uint8Array, ...to: readonly Person[]) =>
    encryptMessage({ message, recipients: to.map(({ certificate }) => certificate) });
  return make({
    plain: () => plain,
    rich: () => rich,
    'clear-signed': () => signed(plain, 'clear'),
    'rich, clear-signed': () => signed(rich, 'clear'),
    'opaque-signed': () => signed(plain, 'opaque'),
    encrypted: () => sealed(plain, p256),
    'signed and encrypted': async () => sealed(await signed(rich, 'clear'), p256, x25519),
    'with a protected header': async () =>
      sealed(
        await signMessage({
          message: plain,
          form: 'clear',
          signers: [{ ...by(ed25519), chain: chain() }],
          headerProtection: 'baseline',
          legacyDisplay: true,
          ...at,
        }),
        p256,
      ),
    'opaque, encrypted with GCM': async () =>
      encryptMessage({ message: await signed(plain, 'opaque'), recipients: [p256.certificate], cipher: 'aes-256-gcm' }),
    'triple-wrapped': async () => signed(await sealed(await signed(plain, 'clear'), rsa), 'opaque'),
    forwarded: async () =>
      mail(['Content-Type: message/rfc822'], Buffer.from(await signed(plain, 'clear')).toString('latin1')),
    'with a footer': async () =>
      mail(
        ['Content-Type: multipart/mixed; boundary=list'],
        `--list\r\n${Buffer.from(await signed(plain, 'clear')).toString('latin1')}\r\n--list\r\n\r\nUnsubscribe\r\n--list--\r\n`,
      ),
    compressed: () =>
      Buffer.concat([mail(['X: y'], '').subarray(0, -4), Buffer.from('\r\n'), entityOf(compressed(plaintext))]),
  });
}
