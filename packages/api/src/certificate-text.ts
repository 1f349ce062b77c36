/**
 * Certificates in text of any kind: PEM bundles, CSV and JSON exports of other offices, LDIF. They are found by what they are
 * rather than by columns, whose names depend on a program's version and language.
 */

export interface FoundInText {
  /** `pkcs7`: an object with certificates in it. */
  readonly kind: 'certificate' | 'pkcs7';
  /** DER in base64, without line breaks. */
  readonly base64: string;
}

/** Text comes piece by piece; memory is bounded by the longest certificate, not by the text. */
export class CertificateText {
  /** PEM blocks that are cut off, or hold what is no base64. */
  broken = 0;
  #text = '';
  readonly #nested: boolean;

  /** @param nested inside base64 of base64, which has no third layer */
  constructor(nested = false) {
    this.#nested = nested;
  }

  push(text: string): FoundInText[] {
    this.#text += text;
    return this.#scan(false);
  }

  end(): FoundInText[] {
    return this.#scan(true);
  }

  #scan(ended: boolean): FoundInText[] {
    const found: FoundInText[] = [];
    const text = this.#text;
    CANDIDATE.lastIndex = 0;
    let kept = Math.max(0, text.length - LONGEST_LABEL);
    for (let match = CANDIDATE.exec(text); match !== null; match = CANDIDATE.exec(text)) {
      const [opening = ''] = match;
      const pem = opening.startsWith('-');
      const from = pem ? match.index + opening.length : match.index;
      if (opening === DOUBLE) {
        const inner = this.#nested ? '' : readBase64(text, from, LONGEST);
        if (inner === undefined && !ended) {
          kept = match.index;
          break;
        }
        if (inner !== undefined && inner !== '') {
          CANDIDATE.lastIndex = from + inner.length;
          const within = new CertificateText(true);
          const at = CANDIDATE.lastIndex;
          found.push(...within.push(decode(inner)), ...within.end());
          CANDIDATE.lastIndex = at;
        }
        continue;
      }
      const der = readDer(text, from);
      if (der === 'more' && !ended) {
        kept = match.index;
        break;
      }
      if (typeof der === 'object') {
        CANDIDATE.lastIndex = der.end;
        if (pem) found.push({ kind: opening.includes('PKCS') ? 'pkcs7' : 'certificate', base64: der.base64 });
        else if (looksLikeCertificate(der.base64)) found.push({ kind: 'certificate', base64: der.base64 });
      } else if (pem) this.broken += 1;
      kept = Math.max(kept, CANDIDATE.lastIndex);
    }
    // One character before stays: whether a word begins here shows by what is before it.
    this.#text = ended ? '' : text.slice(Math.max(0, kept - 1));
    return found;
  }
}

/** `MII`: a DER SEQUENCE of 256 to 16,383 octets. `TUlJ`: the same in base64 once more, as some versions of EJBCA answer. */
const DOUBLE = 'TUlJ';
const CANDIDATE =
  /-----BEGIN (?:(?:X509 |TRUSTED )?CERTIFICATE|PKCS7|PKCS #7 SIGNED DATA)-----|(?<![A-Za-z0-9+/=])(?:MI[IJKL]|TUlJ)/g;
/** Characters that may be the beginning of a candidate. */
const LONGEST_LABEL = 48;
/** Characters of base64 that are read for one object: 16 MB of PKCS#7, as it may carry a whole office. */
const LONGEST = 24_000_000;

/** The base64 of the DER object that begins there: as long as its own header says, across line breaks of text, CSV, LDIF and JSON. */
function readDer(text: string, from: number): { base64: string; end: number } | 'more' | 'broken' {
  const head = collect(text, from, 12);
  if (head.state !== 'whole') return head.state;
  const octets = bytesOf(head.base64);
  const [first = 0, second = 0] = octets;
  if (first !== 0x30) return 'broken';
  const lengthOctets = second < 0x80 ? 0 : second - 0x80;
  if (lengthOctets > 3 || second === 0x80) return 'broken';
  let length = second < 0x80 ? second : 0;
  for (let index = 0; index < lengthOctets; index++) length = length * 256 + (octets[2 + index] ?? 0);
  const total = 2 + lengthOctets + length;
  const wanted = Math.ceil((total * 4) / 3);
  if (wanted > LONGEST) return 'broken';
  const whole = collect(text, from, wanted);
  if (whole.state !== 'whole') return whole.state;
  return { base64: padded(whole.base64), end: whole.end };
}

/** RFC 4648 3.5: the last character has no bits of what follows in it. */
function padded(base64: string): string {
  const rest = base64.length % 4;
  if (rest === 0) return base64;
  const last = ALPHABET.indexOf(base64.charAt(base64.length - 1)) & (rest === 2 ? 0x30 : 0x3c);
  return `${base64.slice(0, -1)}${ALPHABET.charAt(last)}${'='.repeat(4 - rest)}`;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** That many characters of base64, without what lies between lines. */
function collect(
  text: string,
  from: number,
  wanted: number,
): { state: 'whole'; base64: string; end: number } | { state: 'more' | 'broken' } {
  const pieces: string[] = [];
  let have = 0;
  let at = from;
  while (have < wanted) {
    WORD.lastIndex = at;
    const word = WORD.exec(text)?.[0] ?? '';
    const piece = word.slice(0, wanted - have);
    pieces.push(piece);
    have += piece.length;
    at += piece.length;
    if (have === wanted) break;
    GAP.lastIndex = at;
    const gap = GAP.exec(text)?.[0] ?? '';
    if (gap === '' && at < text.length - 1) {
      // JSON may write a slash as `\/`.
      if (!text.startsWith('\\/', at)) return { state: 'broken' };
      at += 1;
      continue;
    }
    if (gap === '') return { state: 'more' };
    at += gap.length;
  }
  return { state: 'whole', base64: pieces.join(''), end: at };
}

const WORD = /[A-Za-z0-9+/]*/y;
/** Line breaks and indentation, also as JSON writes them. */
const GAP = /(?:\s|\\[nrt])*/y;

/** A run of base64 to its end; undefined where it may go on. */
function readBase64(text: string, from: number, most: number): string | undefined {
  WORD.lastIndex = from;
  const run = WORD.exec(text)?.[0] ?? '';
  return from + run.length >= text.length && run.length < most ? undefined : run;
}

/** RFC 5280 4.1: SEQUENCE { SEQUENCE { [0] { INTEGER …: what a request, a list or a key does not begin with. */
function looksLikeCertificate(base64: string): boolean {
  const octets = bytesOf(base64.slice(0, 20));
  const inner = octets[1] === 0x82 ? 4 : 3;
  const version = inner + (octets[inner + 1] === 0x82 ? 4 : 3);
  return octets[inner] === 0x30 && octets[version] === 0xa0 && octets[version + 1] === 0x03;
}

const bytesOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64.slice(0, base64.length - (base64.length % 4))), (character) => character.charCodeAt(0));

/** Of a run without its padding. */
function decode(base64: string): string {
  const whole = base64.length % 4 === 1 ? base64.slice(0, -1) : base64;
  return atob(whole.padEnd(Math.ceil(whole.length / 4) * 4, '='));
}
