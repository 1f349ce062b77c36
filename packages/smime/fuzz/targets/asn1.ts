/** The readers of DER and BER, and the armour of PEM. */
import { hasDerLengths, normaliseBer } from '../../src/asn1/ber.ts';
import { DerReader, encodeOid, tag } from '../../src/asn1/der.ts';
import { pemBlocks } from '../../src/asn1/pem.ts';
import { SmimeError } from '../../src/errors.ts';
import { corpusSeeds } from '../corpus-seeds.ts';
import { mutateDer } from '../mutate-der.ts';
import { mutateOctets } from '../mutate-octets.ts';
import { encryptedObjects, pkcs12Files, signedObjects } from '../seeds.ts';
import { must, type Target } from '../target.ts';

export const asn1: Target = {
  name: 'asn1',
  seeds: async () => [
    ...(await signedObjects()),
    ...(await encryptedObjects()),
    ...(await pkcs12Files()),
    ...corpusSeeds('fuzz-openssl/cms'),
  ],
  mutate: (input, dice, other) => (dice.oneIn(4) ? mutateOctets(input, dice, other) : mutateDer(input, dice, other)),
  run: (input) => {
    allowed(() => walk(new DerReader(input), { left: leaves }));
    allowed(() => hasDerLengths(input));
    allowed(() => pemBlocks(input.toString('latin1')));
    const normal = allowed(() => normaliseBer(input));
    if (normal === undefined) return;
    must(normaliseBer(normal).equals(normal), 'what was normalised is normal');
    const problem = allowed(() => {
      walk(new DerReader(normal), { left: leaves });
      return undefined;
    });
    must(problem === undefined, 'what was normalised can be walked');
  },
};

/** Primitives whose content is read, of one input: each that is not what it is asked to be costs an error. */
const leaves = 20_000;

/** Every element, constructed ones within; primitives in the form of their tag, and in one that need not fit. */
function walk(reader: DerReader, budget: { left: number }): void {
  while (!reader.atEnd) {
    if ((reader.peek() & 0x20) !== 0) {
      walk(reader.enter(reader.peek()), budget);
      continue;
    }
    const { position } = reader;
    const element = reader.element();
    must(reader.position > position && reader.position <= reader.end, 'a reader goes forward');
    if (budget.left-- <= 0) continue;
    for (const read of [natural[element[0] as number], forms[position % forms.length]])
      if (read) allowed(() => read(new DerReader(element)));
  }
}

type Form = (reader: DerReader) => void;

const oid: Form = (reader) => {
  const content = new DerReader(reader.bytes).content();
  must(encodeOid(reader.oid()).subarray(-content.length).equals(content), 'an object identifier is what it was');
};
const integer: Form = (reader) => {
  const value = reader.smallInteger();
  must(Number.isInteger(value) && Math.abs(value) <= 2 ** 31, 'a small integer is small');
};
const bits: Form = (reader) => void reader.bitString();
const string: Form = (reader) => void reader.string();
const time: Form = (reader) => must(!Number.isNaN(reader.time().getTime()), 'a time is one');

const natural: Readonly<Record<number, Form>> = {
  [tag.integer]: integer,
  [tag.bitString]: bits,
  [tag.oid]: oid,
  [tag.utf8String]: string,
  [tag.printableString]: string,
  [tag.ia5String]: string,
  [tag.bmpString]: string,
  [tag.universalString]: string,
  [tag.utcTime]: time,
  [tag.generalizedTime]: time,
};

const forms: readonly Form[] = [
  oid,
  integer,
  bits,
  string,
  time,
  (reader) => void reader.integerContent(),
  (reader) => void reader.bitStringOctets(),
  (reader) => void reader.boolean(),
  (reader) => void reader.generalizedTime(),
  (reader) => reader.null(),
];

function allowed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SmimeError) return undefined;
    throw error;
  }
}
