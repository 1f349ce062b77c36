/** Messages: their structure, their headers, and all that is done with what they carry. */
import {
  decodeBody,
  decodeHeaderText,
  decryptMessage,
  inspectMessage,
  type MimeEntity,
  parseAddressHeader,
  SmimeError,
  scanMessage,
  verifyMessage,
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
  run: async (input) => {
    const before = Buffer.from(input);
    const root = scanMessage(input);
    checkRanges(root);
    readEntity(input, root);
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
    try {
      await decryptMessage({ message: input, keys });
    } catch (error) {
      if (!(error instanceof SmimeError) || !/^(decryption-failed|no-matching-recipient)$/.test(error.code))
        throw error;
    }
    await inspectMessage({ message: input, anchors: [anchor.certificate], keys, at: now });
    must(input.equals(before), 'the octets of a message stay as they are');
  },
};

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
