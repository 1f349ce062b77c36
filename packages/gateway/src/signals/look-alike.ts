/** Domains that a reader takes for another: letters in one another's shape, a letter more or less, the same word elsewhere (UTS 39). */
import { domainToUnicode } from 'node:url';
import { getDomain, getPublicSuffix } from 'tldts';

/** The domain that somebody registered, in ASCII and lower case: `mail.example.co.uk` is `example.co.uk`'s. */
export function registeredDomain(domain: string): string {
  const lower = domain.toLowerCase().replace(/\.$/, '');
  return getDomain(lower, { allowPrivateDomains: true }) ?? lower;
}

/** How one domain looks like another, in words that follow "it"; undefined where nobody would mix them up. */
export function likeness(domain: string, known: Known): string | undefined {
  const mine = partsOf(domain);
  const theirs = partsOf(known.domain);
  if (mine.domain === theirs.domain) return undefined;
  if (skeleton(mine.unicode) === skeleton(theirs.unicode))
    return `is written with other characters than ${theirs.domain}, and looks the same`;
  const [label, other] = [skeleton(mine.label), skeleton(theirs.label)];
  if (known.own && theirs.label.length >= 4) {
    if (mine.label === theirs.label) return `has the name of ${theirs.domain} and another ending`;
    const words = mine.label.split('-');
    if (words.length > 1 && words.includes(theirs.label)) return `has the name of ${theirs.domain} in it`;
  }
  if (mine.suffix !== theirs.suffix && !known.own) return undefined;
  const most = theirs.label.length >= 12 ? 2 : theirs.label.length >= 5 ? 1 : 0;
  return label !== '' && distanceWithin(label, other, most) ? `differs from ${theirs.domain} in a letter` : undefined;
}

export interface Known {
  /** A registered domain. */
  readonly domain: string;
  /** One of our own: anything that borrows its name is told. */
  readonly own: boolean;
}

interface Parts {
  readonly domain: string;
  readonly unicode: string;
  /** The word before the ending, in Unicode. */
  readonly label: string;
  readonly suffix: string;
}

function partsOf(domain: string): Parts {
  const unicode = (domainToUnicode(domain) || domain).toLowerCase();
  const suffix = getPublicSuffix(domain, { allowPrivateDomains: true }) ?? '';
  const ending = domainToUnicode(suffix) || suffix;
  const label = unicode.endsWith(`.${ending}`) ? unicode.slice(0, -ending.length - 1) : unicode;
  return { domain, unicode, label: label.slice(label.lastIndexOf('.') + 1), suffix };
}

/** What a text looks like at a glance: two that have the same skeleton are mixed up (UTS 39 section 4, the letters that domains are forged with). */
export function skeleton(text: string): string {
  const plain = [...text.normalize('NFKD').toLowerCase()]
    .filter((letter) => !/[\p{M}\p{Default_Ignorable_Code_Point}]/u.test(letter))
    .map((letter) => shapes.get(letter) ?? letter)
    .join('');
  return plain.replace(/rn/g, 'm').replace(/vv/g, 'w').replace(/cl/g, 'd').replace(/[1i|]/g, 'l').replace(/0/g, 'o');
}

/** Small letters and digits of other alphabets by the Latin letter whose shape they have. */
const shapes = new Map(
  Object.entries({
    a: 'аαɑ',
    b: 'ƅьЬ',
    c: 'сϲᴄ',
    d: 'ԁժ',
    e: 'еєҽ℮',
    f: 'ϝքʄ',
    g: 'ɡցԍ',
    h: 'һհ',
    i: 'іıιɩӏ',
    j: 'јϳյ',
    k: 'кκᴋ',
    l: 'ӏℓǀ',
    m: 'мṃ',
    n: 'пոռ',
    o: 'оοօσ',
    p: 'рρ',
    q: 'ԛզ',
    r: 'гᴦ',
    s: 'ѕꜱ',
    t: 'тτ',
    u: 'υսцᴜ',
    v: 'ѵνᴠ',
    w: 'ѡԝωա',
    x: 'хχ',
    y: 'уүγყ',
    z: 'ᴢʐ',
    ss: 'ß',
    '-': '‐‑–—',
  }).flatMap(([latin, others]) => [...others].map((other): [string, string] => [other, latin])),
);

/** Whether so many letters put in, left out, exchanged or swapped with their neighbour make one of the other (optimal string alignment). */
export function distanceWithin(one: string, other: string, most: number): boolean {
  if (Math.abs(one.length - other.length) > most) return false;
  if (one.length > longestLabel || other.length > longestLabel) return one === other;
  let before: number[] = [];
  let above = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      let least = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1])
        least = Math.min(least, (before[column - 2] ?? 0) + 1);
      current.push(least);
    }
    before = above;
    above = current;
  }
  return (above[other.length] ?? 0) <= most;
}

/** RFC 1035 2.3.4: of a label. */
const longestLabel = 63;
