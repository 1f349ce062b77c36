/** Signed, encrypted and compressed objects, judged and opened with the keys of all their recipients. */
import {
  decryptContent,
  inspectMessage,
  parseCertificate,
  readPkiMessage,
  SmimeError,
  verifyContent,
  verifyObject,
  verifyTimeStamp,
} from '../../src/index.ts';
import { corpusSeeds } from '../corpus-seeds.ts';
import { mutateDer } from '../mutate-der.ts';
import { mutateOctets } from '../mutate-octets.ts';
import { now } from '../people.ts';
import { encryptedObjects, isSealed, people, plaintext, sharedKey, signedObjects } from '../seeds.ts';
import { must, type Target } from '../target.ts';

export const cms: Target = {
  name: 'cms',
  seeds: async () => [
    ...(await signedObjects()),
    ...(await encryptedObjects()),
    ...corpusSeeds('fuzz-openssl/cms'),
    ...corpusSeeds('embedded-cms-fixtures/rustcrypto-cms/examples', /\.(bin|ber|der|p7b)$/),
    ...corpusSeeds('heimdal-hx509', /^test-(signed|enveloped)/),
    ...corpusSeeds('scep-est/micromdm-scep/testdata', /\.der$/),
  ],
  mutate: (input, dice, other) => (dice.oneIn(6) ? mutateOctets(input, dice, other) : mutateDer(input, dice, other)),
  run: async (input) => {
    const { root, keys: own } = people();
    const keys = [...own, sharedKey];
    const trust = { anchors: [root.certificate], at: now } as const;
    await allowed(async () => {
      const report = await verifyContent({ der: input, ...trust });
      must(!report.valid || isSealed(report.content ?? Buffer.alloc(0)), 'what is valid is what somebody signed');
    });
    await allowed(async () => {
      const report = await verifyContent({ der: input, content: plaintext, ...trust });
      must(!report.valid || isSealed(report.content ?? Buffer.alloc(0)), 'what is valid is what somebody signed');
    });
    const judged = await verifyObject({ der: input, keys, ...trust });
    must(judged.verdict !== 'valid' || judged.signers.length > 0, 'nothing is valid without a signer');
    await allowed(async () => {
      const opened = await decryptContent({ der: input, keys });
      must(opened.recipients.length > 0, 'what is opened has a recipient');
    });
    await allowed(async () => {
      const read = readPkiMessage(input);
      must(read.signature !== 'valid' || read.signer !== undefined, 'nothing is signed by nobody');
    });
    await allowed(async () => {
      const stamp = verifyTimeStamp({ token: input, content: plaintext, anchors: [root.certificate] });
      must(!stamp.valid || stamp.certificate !== undefined, 'nothing is stamped by nobody');
    });
    await inspectMessage({ message: input, anchors: [root.certificate], keys, at: now });
    for (const { certificate } of judged.signers) if (certificate) parseCertificate(certificate.der);
  },
};

async function allowed(read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
  }
}
