/** Messages: their structure, their headers, and all that is done with what they carry. */
import {
  decodeBody,
  decodeHeaderText,
  decryptMessage,
  decryptStream,
  inspectMessage,
  type MimeEntity,
  parseAddressHeader,
  SmimeError,
  scanMessage,
  type Verdict,
  verifyMessage,
  verifyStream,
} from '../../src/index.ts';
import { corpusSeeds } from '../corpus-seeds.ts';
import { mutateMime } from '../mutate-mime.ts';
import { now } from '../people.ts';
import { messages, people, sealedText } from '../seeds.ts';
import { must, type Target } from '../target.ts';

export const mime: Target = {
  name: 'mime',
  seeds: async () => [
    ...(await messages()),
    ...corpusSeeds('fuzz-openssl/smime'),
    ...corpusSeeds('protected-headers/autocrypt', /\.eml$/),
    ...corpusSeeds('mime-expected/apache-mime4j/mimetools-testmsgs', /\.msg$/, 80),
    ...corpusSeeds('rfc9788', /\.eml$/),
  ],
  mutate: mutateMime,
  run: async (input, next) => {
    const before = Buffer.from(input);
    const root = scanMessage(input);
    checkRanges(root);
    readEntity(input, root);
    next();
    const { root: anchor, keys } = people();
    const trust = { anchors: [anchor.certificate], at: now } as const;
    const report = await verifyMessage({ message: input, keys, ...trust });
    if (report.verdict === 'valid') {
      must(report.signers.length > 0 && report.covers === 'whole', 'a valid message is signed as a whole');
      must(
        sealedText.some((text) => Buffer.from(report.content ?? []).includes(text)),
        'what is valid is what somebody signed',
      );
    }
    next();
    const opened = await allowed(async () => (await decryptMessage({ message: input, keys })).message);
    next();
    await stream(input, report.verdict, opened, next);
    await inspectMessage({ message: input, anchors: [anchor.certificate], keys, at: now });
    must(input.equals(before), 'the octets of a message stay as they are');
  },
};

/** The same octets in pieces: a stream must not say more than what reads them whole. */
async function stream(
  input: Buffer,
  verdict: Verdict,
  opened: Uint8Array | undefined,
  next: () => void,
): Promise<void> {
  // Sizes that go through every place of a short message, and do not take long for a long one.
  const size = 1 + (input.length % 61) + (input.length >> 6);
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < input.length; at += size) yield input.subarray(at, at + size);
  }
  const { root, keys } = people();
  for (const opening of [[], keys]) {
    const report = await verifyStream({ source, keys: opening, anchors: [root.certificate], at: now }).report();
    must(report.verdict !== 'valid' || verdict === 'valid', 'a stream is valid only where the message is');
    next();
  }
  const streamed = await allowed(async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of (await decryptStream({ source, keys })).message) pieces.push(piece);
    return Buffer.concat(pieces);
  });
  next();
  must(streamed === undefined || opened === undefined || streamed.equals(opened), 'a stream opens to the same octets');
}

async function allowed<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SmimeError) return undefined;
    throw error;
  }
}

/** Parts lie within their parents, one after another. */
function checkRanges(entity: MimeEntity): void {
  const { start, headerEnd, bodyStart, end } = entity;
  must(start <= headerEnd && headerEnd <= bodyStart && bodyStart <= end, 'an entity is in order');
  let from = bodyStart;
  for (const part of entity.parts) {
    must(part.start >= from && part.end <= end, 'parts are in order and within');
    from = part.end;
    checkRanges(part);
  }
}

function readEntity(input: Buffer, entity: MimeEntity): void {
  for (const field of entity.headers) {
    must(field.start < field.end && field.end <= entity.headerEnd, 'a field is in its header');
    decodeHeaderText(field.value);
    if (/^(from|to|cc|sender|reply-to)$/.test(field.name)) parseAddressHeader(field.value);
  }
  decodeBody(input, entity);
  for (const part of entity.parts) readEntity(input, part);
}
