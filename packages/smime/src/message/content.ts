/** Signatures over octets that are no message: locks, recovery requests, releases. */

import { oids } from '../asn1/oids.ts';
import { contentAtHand } from '../cms/check-signer.ts';
import { joined } from '../cms/chunks.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { contentToSign, makeSignedData, type SignatureInput } from '../cms/make-signature.ts';
import { readSignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { type Problem, problem } from '../problem.ts';
import { isSound, type SignerReport, signerJudge, type TrustInput } from './judge-signers.ts';

/** Octets to sign, with whose key and how. */
export interface SignContentInput extends Omit<SignatureInput, 'signingTime'> {
  readonly content: Uint8Array;
  /** Leave the content out of the object; default false. */
  readonly detached?: boolean;
  /** UTC; default: now. */
  readonly signingTime?: Date;
}

/** Signs octets: a DER ContentInfo with SignedData. Throws `invalid-argument` where key and certificate differ. */
export async function signContent(input: SignContentInput): Promise<Uint8Array> {
  return joined(
    await makeSignedData(contentToSign(input.content, input.detached ?? false), {
      ...input,
      signingTime: input.signingTime ?? new Date(),
    }),
  );
}

/** A signed object, and whom to trust. */
export interface VerifyContentInput extends TrustInput {
  /** A ContentInfo with SignedData, BER or DER. */
  readonly der: Uint8Array;
  /** The octets that a detached signature covers; must not be given for one that carries its content. */
  readonly content?: Uint8Array;
}

/** What `verifyContent` found. */
export interface ContentReport {
  /** There is a signer, and every signer is right in every respect. Whose it is is for the caller to judge. */
  readonly valid: boolean;
  readonly signers: readonly SignerReport[];
  readonly content: Uint8Array | undefined;
  readonly problems: readonly Problem[];
}

/** Verifies signed octets. Throws `SmimeError` for what is no SignedData; a signature that is wrong is in the report. */
export async function verifyContent(input: VerifyContentInput): Promise<ContentReport> {
  const info = readContentInfo(input.der);
  if (info.contentType !== oids.signedData)
    throw new SmimeError('unexpected-structure', 'the object holds no signed data');
  const data = readSignedData(info.content);
  if ((data.content === undefined) === (input.content === undefined)) {
    const code = data.content === undefined ? 'content-missing' : 'detached-signature-with-content';
    return {
      valid: false,
      signers: [],
      content: undefined,
      problems: [
        problem('error', code, 'The content must be either in the signed object or beside it.', 'RFC 5652 section 5.2'),
      ],
    };
  }
  const content = data.content ?? input.content ?? Buffer.alloc(0);
  const problems: Problem[] = [];
  const judge = signerJudge(data, input, { addresses: [], sender: undefined, micalg: undefined }, problems);
  const signers = judge(contentAtHand(data.contentType, content));
  if (signers.length === 0)
    problems.push(problem('error', 'no-signers', 'The signed object has no signer.', 'RFC 5652 section 5.1'));
  const valid = signers.length > 0 && signers.every(isSound) && !problems.some(({ severity }) => severity === 'error');
  return { valid, signers, content, problems };
}
