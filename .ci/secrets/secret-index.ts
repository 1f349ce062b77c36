/** Finds many secrets in much text at once: each in every form that a careless line of code would write it in. */
import { formsOf } from '../../e2e/support/find-secrets.ts';

interface Needle {
  readonly form: string;
  readonly octets: Buffer;
}

export class SecretIndex {
  /** By the first octets of every form, as latin1. */
  readonly #needles = new Map<string, Needle[]>();
  /** One bit for each hash of four octets that a form begins with: most of a text is passed over by this alone. */
  readonly #begins = new Uint8Array(2 ** (BITS - 3));

  constructor(secrets: Iterable<Uint8Array>) {
    for (const [form, octets] of privateKeyForms) this.#add(form, octets);
    // As octets and as a text: whatever it was, both are looked for.
    for (const secret of secrets)
      for (const [form, octets] of formsOf(isText(secret) ? Buffer.from(secret).toString('utf8') : secret))
        if (octets.length >= HEAD) this.#add(`a secret of ${secret.length} octets, ${form}`, octets);
  }

  /** What was found and where, never the secret itself. */
  findIn(content: Buffer): string[] {
    // Lines of PEM and of JSON that holds PEM are joined: a secret stands across them.
    const joined = Buffer.from(content.toString('latin1').replaceAll(/[\r\n]|\\[rn]/g, ''), 'latin1');
    return [...new Set([...this.#scan(content), ...(joined.length === content.length ? [] : this.#scan(joined))])];
  }

  #add(form: string, octets: Buffer): void {
    const head = octets.toString('latin1', 0, HEAD);
    const others = this.#needles.get(head);
    if (others === undefined) this.#needles.set(head, [{ form, octets }]);
    else others.push({ form, octets });
    const hash = hashOf(octets.readUInt32LE(0));
    this.#begins[hash >>> 3] = (this.#begins[hash >>> 3] ?? 0) | (1 << (hash & 7));
  }

  *#scan(content: Buffer): Generator<string> {
    const begins = this.#begins;
    let four = content.length < HEAD ? 0 : content.readUInt32LE(0) << 8;
    for (let at = 0; at + HEAD <= content.length; at++) {
      // Of the octets from here on, little-endian.
      four = (four >>> 8) | ((content[at + 3] ?? 0) << 24);
      const hash = hashOf(four);
      if (((begins[hash >>> 3] ?? 0) & (1 << (hash & 7))) === 0) continue;
      for (const { form, octets } of this.#needles.get(content.toString('latin1', at, at + HEAD)) ?? [])
        if (content.subarray(at, at + octets.length).equals(octets)) yield `${form}, after “${before(content, at)}”`;
    }
  }
}

/** What stands before it on its line, without what may be a secret too. */
const before = (content: Buffer, at: number): string =>
  (
    content
      .toString('latin1', Math.max(0, at - 100), at)
      .split('\n')
      .at(-1) ?? ''
  )
    .replaceAll(/[\w+/=-]{16,}/g, '…')
    .replaceAll(/[^ -~]/g, '.');

/** Octets of a form by which it is looked up; no form is shorter. */
const HEAD = 10;
const BITS = 24;
const hashOf = (four: number): number => Math.imul(four, 0x9e_37_79_b1) >>> (32 - BITS);

const isText = (secret: Uint8Array): boolean => secret.every((octet) => octet >= 0x20 && octet < 0x7f);

/** How a private key begins that is not sealed: PKCS#8 (RFC 5958) of the usual kinds, and PEM. */
const privateKeyForms: [form: string, octets: Buffer][] = [
  ...['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'OPENSSH PRIVATE KEY'].map((label): [string, Buffer] => [
    `a private key (PEM)`,
    Buffer.from(`-----BEGIN ${label}-----`),
  ]),
  ...Object.entries({
    // version, algorithm, and for RSA its NULL; the key itself follows
    RSA: '020100300d06092a864886f70d0101010500',
    'P-256': '020100301306072a8648ce3d020106082a8648ce3d030107',
    'P-384': '020100301006072a8648ce3d020106052b81040022',
    'P-521': '020100301006072a8648ce3d020106052b81040023',
    X25519: '020100300506032b656e',
    Ed25519: '020100300506032b6570',
  }).flatMap(([kind, hex]) =>
    formsOf(Buffer.from(hex, 'hex')).map(([form, octets]): [string, Buffer] => [
      `a private key (PKCS#8, ${kind}), ${form}`,
      octets,
    ]),
  ),
];
