/**
 * Counter-signatures (RFC 5652 section 11.4): somebody signs somebody's signature. They stand among the unsigned attributes, so that
 * anybody can add or remove them: they are reported, and change nothing about the signer.
 */
import { DerReader } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import type { Certificate } from '../x509/certificate.ts';
import { checkSigner, contentAtHand, type SignerCheck } from './check-signer.ts';
import { readSignerInfo, type SignerInfo } from './signed-data.ts';

/** What is known of one counter-signature, and of those upon it. */
interface CounterSignatureCheck extends CounterSignatures {
  readonly check: SignerCheck;
}

export interface CounterSignatures {
  readonly counterSignatures: readonly CounterSignatureCheck[];
  /** About counter-signatures that cannot be read or are too many: none is an error. */
  readonly problems: readonly Problem[];
}

/** All counter-signatures on one signer, within a budget. Never throws. Parameters as in `checkSigner`. */
export function checkCounterSignatures(
  signer: SignerInfo,
  certificates: readonly Certificate[],
  legacy: boolean,
): CounterSignatures {
  let left: number = limits.counterSignatures;
  const checkAll = (info: SignerInfo): CounterSignatures => {
    const counterSignatures: CounterSignatureCheck[] = [];
    const problems: Problem[] = [];
    for (const value of counterSignatureValues(info)) {
      if (left-- <= 0) {
        problems.push(
          problem(
            'warning',
            'counter-signatures-too-many',
            `Of the counter-signatures only ${limits.counterSignatures} were looked at.`,
          ),
        );
        break;
      }
      try {
        const counter = readSignerInfo(new DerReader(value).enter());
        const check = checkSigner(counter, contentAtHand(undefined, info.signature), certificates, legacy);
        counterSignatures.push({ check, ...checkAll(counter) });
      } catch (error) {
        if (!(error instanceof SmimeError)) throw error;
        problems.push(
          problem(
            'warning',
            'counter-signature-unreadable',
            `A counter-signature cannot be read: ${error.message}.`,
            'RFC 5652 section 11.4',
          ),
        );
      }
    }
    return { counterSignatures, problems };
  };
  return checkAll(signer);
}

function counterSignatureValues({ unsignedAttributes }: SignerInfo): Buffer[] {
  return unsignedAttributes.filter(({ type }) => type === oids.counterSignature).flatMap(({ values }) => values);
}
