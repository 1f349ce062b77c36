/**
 * The one table that ties object identifiers to node:crypto names. Nothing else in the engine spells either.
 */

export type HashName = 'sha256' | 'sha384' | 'sha512';

/** The kinds of key the engine signs and decrypts with. */
export type KeyKind = 'rsa' | 'p256' | 'p384' | 'p521' | 'ed25519';

export type ContentCipher = 'aes-256-cbc' | 'aes-256-gcm' | 'aes-128-cbc' | 'aes-128-gcm' | 'aes-192-cbc' | 'aes-192-gcm';
