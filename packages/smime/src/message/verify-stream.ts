/** Verifies a message of any size while it goes by (RFC 8551 section 3.5). */
import { SmimeError } from '../errors.ts';
import type { StreamSource } from './byte-source.ts';
import type { Form } from './layer-stream.ts';
import { openStream } from './open-stream.ts';
import { judgeMessage, type VerifyInput, type VerifyReport } from './verify.ts';

/** A message to verify, where to read it from, whom to trust, and what to open it with. */
export interface VerifyStreamInput extends Omit<VerifyInput, 'message'> {
  /**
   * A whole RFC 5322 message, as it arrived; for `verifyObjectStream` an object. It is read once, and two more times for each encrypted or compressed layer: without a
   * function that opens it such a layer stays closed, which is reported as `source-read-once`.
   */
  readonly source: StreamSource;
}

/** A message on its way through `verifyStream`. */
export interface VerifyingStream extends AsyncDisposable {
  /**
   * The content of the signature that counts, as it stands in the message, while it goes by: nobody vouches for it before the
   * verdict. What was encrypted is handed out only once its whole ciphertext opened and its tag, if it has one, was right; a compressed
   * object is not handed out, but what is signed within it is.
   */
  readonly unverified: AsyncIterable<Uint8Array>;
  /** Reads what was not read yet, and judges. `content` is undefined: it went by. Throws what the source throws, and `source-changed`. */
  report(): Promise<VerifyReport>;
  /** Closes the source: for whoever leaves early and wants no report. `await using` does the same. */
  close(): Promise<void>;
}

/**
 * Judges a message as `verifyMessage` does, through all its layers, in memory that does not grow with it. Signatures without signed
 * attributes over more than `limits.streamKeptOctets` stay unchecked, and are never `valid`. Throws nothing itself.
 */
export function verifyStream(input: VerifyStreamInput): VerifyingStream {
  return verifying(input, { kind: 'entity', text: false });
}

/**
 * The same for a CMS object that came without a message around it, BER or DER: judges it as `verifyObject` does. `unverified` is
 * then what the object holds, whatever that is.
 */
export function verifyObjectStream(input: VerifyStreamInput): VerifyingStream {
  return verifying(input, { kind: 'object', within: undefined });
}

function verifying(input: VerifyStreamInput, form: Form): VerifyingStream {
  let report: VerifyReport | undefined;
  let wanted = true;
  async function* read(): AsyncGenerator<Uint8Array, void, void> {
    const { keys = [], legacy = false } = input;
    const opened = yield* openStream(input.source, form, { keys, legacy }, () => wanted);
    report = { ...judgeMessage(opened, input, opened.root), content: undefined };
  }
  const reading = read();
  const close = async (): Promise<void> => void (await reading.return());
  // Without `return`: whoever leaves the loop early can still ask for the report.
  const unverified = { [Symbol.asyncIterator]: () => ({ next: () => reading.next() }) };
  return {
    unverified,
    report: async () => {
      wanted = false;
      for await (const _ of unverified);
      if (report === undefined) throw new SmimeError('invalid-argument', 'the source ended in an error, or was closed');
      return report;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
