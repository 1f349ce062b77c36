/** The text of HTML, to look for words in: however it is cut up, nothing that a reader may see is missing. It is gone through once. */

/** Elements whose content is no text of the document (HTML standard, section 13.2.5: raw text). */
const unshown: ReadonlySet<string> = new Set(['script', 'style', 'title']);

/**
 * Twice the same, with a blank where a tag stood and with nothing there (styles decide which of them a reader sees), and then what
 * stands in comments, scripts and styles. Text that styles hide is in it.
 */
export function wordsOfHtml(html: string): string {
  const { shown, hidden } = parts(html);
  const text = [shown.join(' '), shown.join(''), ...hidden].join('\n');
  return text.replace(
    /&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,8});/gi,
    (entity, name: string) => characterOf(name) ?? entity,
  );
}

function parts(html: string): { shown: string[]; hidden: string[] } {
  const lower = html.toLowerCase();
  const shown: string[] = [];
  const hidden: string[] = [];
  const find = finder(lower);
  let at = 0;
  let from = 0;
  for (let open = find('<', 0); open >= 0; open = find('<', from)) {
    from = open + 1;
    const [tag, slash, name = ''] = /^<(\/?)([a-z][^\s/>]{0,20})|^<[!?/]/.exec(lower.slice(open, open + 24)) ?? [];
    if (tag === undefined) continue;
    const end = html.startsWith('<!--', open) ? endOfComment(find, open) : endOfTag(lower, open, find);
    // What has no end is no tag for some readers.
    if (end < 0) continue;
    shown.push(html.slice(at, open));
    if (html.startsWith('<!--', open)) hidden.push(html.slice(open + 4, end));
    at = end;
    if (slash === '' && unshown.has(name)) {
      const close = find(`</${name}`, end);
      if (close >= 0) {
        hidden.push(html.slice(end, close));
        at = close;
      }
    }
    from = at;
  }
  shown.push(html.slice(at));
  return { shown, hidden };
}

type Find = (what: string, from: number) => number;

/** What is not there is looked for one time, however often it is asked for: places are asked for in their order. */
function finder(text: string): Find {
  const missing = new Set<string>();
  return (what, from) => {
    const at = missing.has(what) ? -1 : text.indexOf(what, from);
    if (at < 0) missing.add(what);
    return at;
  };
}

/** `<!-->` is a whole comment, and `--!>` ends one too. */
function endOfComment(find: Find, open: number): number {
  const [plain, odd] = [find('-->', open + 2), find('--!>', open + 4)];
  if (odd >= 0 && (plain < 0 || odd < plain)) return odd + 4;
  return plain < 0 ? -1 : plain + 3;
}

/** A bracket within a quoted value of an attribute ends nothing. */
function endOfTag(html: string, open: number, find: Find): number {
  let at = open + 1;
  for (let steps = 0; steps < mostQuotes; steps++) {
    const close = find('>', at);
    if (close < 0) return -1;
    const quote = /=\s{0,20}(["'])/.exec(html.slice(at, Math.min(close, at + longestPiece)));
    if (quote === null) return close + 1;
    const end = find(quote[1] ?? '"', at + quote.index + quote[0].length);
    if (end < 0) return close + 1;
    at = end + 1;
  }
  return find('>', at) + 1 || -1;
}

/** Attributes of a tag that are looked at, and characters of each but its value. */
const mostQuotes = 200;
const longestPiece = 2000;

const named: Readonly<Record<string, string>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', shy: '\u00ad', zwnj: '\u200c', zwj: '\u200d' },
  ...{ auml: 'ä', ouml: 'ö', uuml: 'ü', Auml: 'Ä', Ouml: 'Ö', Uuml: 'Ü', szlig: 'ß', eacute: 'é', egrave: 'è' },
  ...{ agrave: 'à', ccedil: 'ç', ecirc: 'ê', ntilde: 'ñ', oacute: 'ó', aacute: 'á', iacute: 'í', uacute: 'ú' },
};

function characterOf(entity: string): string | undefined {
  if (!entity.startsWith('#'))
    return [entity, entity.toLowerCase()]
      .map((one) => (Object.hasOwn(named, one) ? named[one] : undefined))
      .find(Boolean);
  const code = /^#x/i.test(entity) ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1));
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
