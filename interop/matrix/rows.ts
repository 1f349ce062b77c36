/** What is tried with every peer, in both directions: one row of the table each. */
import type { HashName } from '@chancery/smime';

/**
 * Whose key: each is named for what it is. `pss` is a key that its certificate restricts to RSASSA-PSS; `second` is a P-256 key
 * under the address of `rsa`, for messages with two signatures.
 */
export type Who = 'rsa' | 'second' | 'pss' | 'p256' | 'p384' | 'p521' | 'ed25519' | 'ed448' | 'x25519' | 'x448' | Other;

/**
 * Recipients of whose keys a peer with a database has none: what is for them and it, it opens as `p256`, `p384` or `rsa`. They are named
 * for their place in a message, where DER sorts the recipients by serial number.
 */
type Other = `p256-${'earlier' | 'before' | 'after' | 'later'}` | 'p384-before' | 'rsa-other';
export const isOther = (who: Who): who is Other => who.includes('-');

export interface SignRow {
  readonly kind: 'sign';
  readonly id: string;
  readonly title: string;
  readonly signers: readonly SignerOf[];
  /** `clear`: the signature beside the content; `opaque`: the content in the signed object. */
  readonly form: 'clear' | 'opaque';
}

export interface SignerOf {
  readonly who: Who;
  /** SHA-1 is only read, and only as legacy. */
  readonly hash: HashName | 'sha1';
  readonly padding?: 'pss';
}

/** Triple DES is only read, and only as legacy. */
type Cipher = `aes-${128 | 192 | 256}-${'cbc' | 'gcm'}` | 'des-ede3-cbc';

export interface EncryptRow {
  readonly kind: 'encrypt';
  readonly id: string;
  readonly title: string;
  readonly cipher: Cipher;
  readonly to: readonly RecipientOf[];
}

export type RecipientOf =
  | { readonly by: 'pkcs1'; readonly who: 'rsa' | 'rsa-other'; readonly named?: 'key-identifier' }
  | { readonly by: 'oaep'; readonly who: 'rsa'; readonly hash: HashName | 'sha1' }
  | { readonly by: 'ecdh'; readonly who: Who; readonly hash: HashName | 'sha1' }
  | { readonly by: 'kek' }
  | { readonly by: 'password' };

interface CompressRow {
  readonly kind: 'compress';
  readonly id: string;
  readonly title: string;
}

/** Signed in clear, then encrypted: what mail programs send. */
interface BothRow {
  readonly kind: 'both';
  readonly id: string;
  readonly title: string;
  readonly sign: SignRow;
  readonly encrypt: EncryptRow;
}

export type Row = SignRow | EncryptRow | CompressRow | BothRow;

const titles = {
  rsa: 'RSA',
  pss: 'RSASSA-PSS',
  second: 'P-256',
  p256: 'P-256',
  p384: 'P-384',
  p521: 'P-521',
  ed25519: 'Ed25519',
  ed448: 'Ed448',
  x25519: 'X25519',
  x448: 'X448',
  'p256-earlier': 'P-256 of another',
  'p256-before': 'P-256 of another',
  'p256-after': 'P-256 of another',
  'p256-later': 'P-256 of another',
  'p384-before': 'P-384 of another',
  'rsa-other': 'RSA of another',
} as const satisfies Record<Who, string>;

const hashTitle = (hash: string): string => hash.toUpperCase().replace('SHA', 'SHA-');

function sign(form: SignRow['form'], ...signers: SignerOf[]): SignRow {
  const id = signers.map(({ who, hash, padding }) => [who, padding, hash].filter(Boolean).join('-')).join('+');
  const title = signers.map(signerTitle).join(' and ');
  return { kind: 'sign', id: `${form} ${id}`, title: `${title}, ${form}`, signers, form };
}

/** What is read only where the caller asks for it by name. */
export const isLegacy = (row: Row): boolean =>
  (row.kind === 'sign' && row.signers.some(({ hash }) => hash === 'sha1')) ||
  (row.kind === 'encrypt' && row.cipher === 'des-ede3-cbc');

function signerTitle({ who, hash, padding }: SignerOf): string {
  if (who === 'rsa') return `RSA ${padding === 'pss' ? 'PSS' : 'PKCS#1 v1.5'} with ${hashTitle(hash)}`;
  if (who === 'pss') return `RSA PSS with ${hashTitle(hash)}, certificate for PSS alone`;
  return who.startsWith('ed') ? titles[who] : `ECDSA ${titles[who]} with ${hashTitle(hash)}`;
}

function encrypt(cipher: Cipher, ...to: RecipientOf[]): EncryptRow {
  const id = to.map((one) =>
    ['who' in one ? one.who : '', one.by, 'hash' in one ? one.hash : '', 'named' in one ? one.named : '']
      .filter(Boolean)
      .join('-'),
  );
  const title = to.map(recipientTitle).join(' and ');
  return { kind: 'encrypt', id: `${id.join('+')} ${cipher}`, title: `${title}; ${cipherTitle(cipher)}`, cipher, to };
}

function recipientTitle(one: RecipientOf): string {
  switch (one.by) {
    case 'pkcs1':
      return `${titles[one.who]} PKCS#1 v1.5${one.named ? ', named by key identifier' : ''}`;
    case 'oaep':
      return `RSA OAEP with ${hashTitle(one.hash)}`;
    case 'ecdh':
      return `${one.who.startsWith('x') ? '' : 'ECDH '}${titles[one.who]} with ${one.who.startsWith('x') ? 'HKDF' : 'X9.63'} ${hashTitle(one.hash)}`;
    case 'kek':
      return 'a shared key (KEK)';
    case 'password':
      return 'a password';
  }
}

const cipherTitle = (cipher: Cipher): string => (cipher === 'des-ede3-cbc' ? '3DES-CBC' : cipher.toUpperCase());

const pkcs1 = { by: 'pkcs1', who: 'rsa' } as const;
const pkcs1OfAnother = { by: 'pkcs1', who: 'rsa-other' } as const;
const agreed = (who: Who, hash: HashName | 'sha1'): RecipientOf => ({ by: 'ecdh', who, hash });
const hashes = ['sha256', 'sha384', 'sha512'] as const;

export const signRows: readonly SignRow[] = [
  ...hashes.map((hash) => sign('clear', { who: 'rsa', hash })),
  sign('opaque', { who: 'rsa', hash: 'sha256' }),
  ...hashes.map((hash) => sign('clear', { who: 'rsa', hash, padding: 'pss' })),
  sign('clear', { who: 'pss', hash: 'sha256' }),
  sign('clear', { who: 'p256', hash: 'sha256' }),
  sign('opaque', { who: 'p256', hash: 'sha256' }),
  sign('clear', { who: 'p384', hash: 'sha384' }),
  sign('clear', { who: 'p521', hash: 'sha512' }),
  sign('clear', { who: 'ed25519', hash: 'sha512' }),
  sign('opaque', { who: 'ed25519', hash: 'sha512' }),
  sign('clear', { who: 'ed448', hash: 'sha512' }),
  sign('clear', { who: 'rsa', hash: 'sha256' }, { who: 'second', hash: 'sha256' }),
  sign('clear', { who: 'rsa', hash: 'sha1' }),
];

const all = (hash: HashName, ...who: Who[]): RecipientOf[] => who.map((one) => agreed(one, hash));

/** To several, who share the ephemeral key of their curve: each finds its own entry, as the first, the second and the third. */
export const manyRows: readonly EncryptRow[] = [
  encrypt('aes-128-cbc', ...all('sha256', 'p256', 'p256-after', 'p256-later')),
  encrypt('aes-128-cbc', ...all('sha256', 'p256-before', 'p256', 'p256-after')),
  encrypt('aes-128-cbc', ...all('sha256', 'p256-earlier', 'p256-before', 'p256')),
  encrypt('aes-256-gcm', ...all('sha256', 'p256-before', 'p256', 'p256-after')),
  // DER has RSA first.
  encrypt('aes-256-cbc', pkcs1, ...all('sha384', 'p256-before', 'p384-before')),
  encrypt('aes-256-cbc', pkcs1OfAnother, ...all('sha384', 'p256', 'p384-before')),
  encrypt('aes-256-cbc', pkcs1OfAnother, ...all('sha384', 'p384-before', 'p384')),
];

export const encryptRows: readonly EncryptRow[] = [
  ...(['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'aes-128-gcm', 'aes-192-gcm', 'aes-256-gcm'] as const).map(
    (cipher) => encrypt(cipher, pkcs1),
  ),
  encrypt('aes-256-cbc', { ...pkcs1, named: 'key-identifier' }),
  encrypt('des-ede3-cbc', pkcs1),
  ...(['sha1', ...hashes] as const).map((hash) => encrypt('aes-256-cbc', { by: 'oaep', who: 'rsa', hash })),
  encrypt('aes-256-gcm', { by: 'oaep', who: 'rsa', hash: 'sha256' }),
  ...(['sha1', ...hashes] as const).map((hash) => encrypt('aes-256-cbc', agreed('p256', hash))),
  encrypt('aes-128-cbc', agreed('p256', 'sha256')),
  encrypt('aes-256-gcm', agreed('p256', 'sha256')),
  encrypt('aes-256-cbc', agreed('p384', 'sha384')),
  encrypt('aes-256-cbc', agreed('p521', 'sha384')),
  encrypt('aes-256-cbc', agreed('p521', 'sha512')),
  ...hashes.map((hash) => encrypt('aes-256-cbc', agreed('x25519', hash))),
  encrypt('aes-256-gcm', agreed('x25519', 'sha256')),
  encrypt('aes-256-cbc', agreed('x448', 'sha512')),
  encrypt('aes-256-cbc', { by: 'kek' }),
  encrypt('aes-256-gcm', { by: 'kek' }),
  encrypt('aes-256-cbc', { by: 'password' }),
  encrypt('aes-128-cbc', pkcs1, agreed('p256', 'sha256')),
  encrypt('aes-256-cbc', pkcs1, { by: 'password' }),
];

function both(signRow: SignRow, encryptRow: EncryptRow): BothRow {
  return {
    kind: 'both',
    id: `${signRow.id} in ${encryptRow.id}`,
    title: `${signRow.title}, in ${encryptRow.title}`,
    sign: signRow,
    encrypt: encryptRow,
  };
}

export const otherRows: readonly Row[] = [
  both(sign('clear', { who: 'rsa', hash: 'sha256' }), encrypt('aes-256-cbc', pkcs1)),
  both(sign('clear', { who: 'p256', hash: 'sha256' }), encrypt('aes-256-cbc', agreed('p256', 'sha384'))),
  both(sign('opaque', { who: 'rsa', hash: 'sha256' }), encrypt('aes-256-gcm', pkcs1)),
  { kind: 'compress', id: 'compressed', title: 'CompressedData (zlib)' },
];

export const rows: readonly Row[] = [...signRows, ...encryptRows, ...manyRows, ...otherRows];
