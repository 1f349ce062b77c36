/**
 * HTML that a signer does not see as its readers will: a correspondent's words come back in an answer, with a style of theirs that shows other
 * words elsewhere ("Re: What's Up Johnny?", 2019). Nobody's signature belongs under that.
 */

import type { BodyOf } from '@chancery/mail-facts';
import type { MimeEntity } from '@chancery/smime';
import { parseHtml } from './parse-html.ts';

/**
 * What is wrong with an outgoing answer, in words for its sender; undefined where nothing is. Mail that answers nobody is its author's own.
 * @param root of the message, as `scanMessage` has it
 */
export function hostileQuotation(bodyOf: BodyOf, root: MimeEntity): string | undefined {
  const answers = root.headers.some(({ name }) => name === 'in-reply-to' || name === 'references');
  let texts = 0;
  // A message that is attached is another's words as a whole, and shown as such.
  const pending: MimeEntity[] = [root];
  for (let entity = pending.pop(); entity !== undefined; entity = pending.pop()) {
    if (entity.contentType.type.startsWith('multipart/')) pending.push(...entity.parts.toReversed());
    if (entity.contentType.type !== 'text/html') continue;
    if (++texts > mostTexts) return 'it has more parts than can be looked through';
    const body = bodyOf(entity);
    if (body === undefined || body.length > mostCharacters) return 'it holds more text than can be looked through';
    const found = lookInto(Buffer.from(body).toString('latin1'), answers);
    if (found !== undefined) return found;
  }
  return undefined;
}

const mostTexts = 100;
const mostCharacters = 5_000_000;

function lookInto(html: string, answers: boolean): string | undefined {
  let quoted = 0;
  let hidden = 0;
  let inStyle = false;
  let styles = '';
  let hides = false;
  let quotes = answers;
  const open: { name: string; quotes: boolean; hides: boolean }[] = [];
  const whole = parseHtml(html, {
    onopentag(name, { style = '', class: classes = '', type = '', cite }) {
      const quotation =
        name === 'blockquote' || cite !== undefined || /\b(gmail_quote|moz-cite)/.test(`${classes} ${type}`);
      const concealed = style !== '' && says(style, hiding);
      open.push({ name, quotes: quotation, hides: concealed });
      if (quotation) {
        quoted++;
        quotes = true;
      }
      if (concealed) hidden++;
      if (name === 'style') inStyle = true;
    },
    ontext(text) {
      if (inStyle) styles += text;
      else if (quoted > 0 && hidden > 0 && text.trim() !== '') hides = true;
    },
    onclosetag(name) {
      const at = open.findLastIndex((one) => one.name === name);
      if (at < 0) return;
      for (const one of open.splice(at)) {
        if (one.quotes) quoted--;
        if (one.hides) hidden--;
      }
      if (name === 'style') inStyle = false;
    },
  });
  if (!whole) return 'it is nested deeper than can be looked through';
  if (!quotes) return undefined;
  if (hides) return 'its quotation holds hidden text';
  return says(styles, conditional) ? 'its style shows other words to other readers' : undefined;
}

const conditional = /@(media|supports|import|document|container|-moz-document)/i;
const hiding =
  /display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|mso-hide\s*:\s*all|(opacity|font-size|max-height)\s*:\s*0(?![.\d]*[1-9])/i;

/** In any of the ways in which CSS may be read: where a string begins is not always where a quotation mark stands. */
function says(css: string, what: RegExp): boolean {
  return [css, css.replace(comment, ' '), css.replace(stringOrComment, ' ')].some((one) => what.test(unescaped(one)));
}

/** One that never ends goes to the end (a string: of its line), as for every reader: it is not looked for again from each beginning. */
const comment = /\/\*[\s\S]*?(?:\*\/|$)/g;
const stringOrComment = /"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?|\/\*[\s\S]*?(?:\*\/|$)/g;

/** `@m\65 dia` is `@media`. */
function unescaped(css: string): string {
  return css
    .replace(/\\([0-9a-f]{1,6})\s?/gi, (_, hex: string) =>
      String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff)),
    )
    .replace(/\\(.)/g, '$1');
}
