/**
 * HTML that a signer does not see as its readers will: a correspondent's words come back in an answer, with a style of theirs that shows other
 * words elsewhere ("Re: What's Up Johnny?", 2019). Nobody's signature belongs under that.
 */

import type { BodyOf } from '@chancery/mail-facts';
import type { MimeEntity } from '@chancery/smime';
import { Parser } from 'htmlparser2';

/**
 * What is wrong with an outgoing answer, in words for its sender; undefined where nothing is. Mail that answers nobody is its author's own.
 * @param root of the message, as `scanMessage` has it
 */
export function hostileQuotation(bodyOf: BodyOf, root: MimeEntity): string | undefined {
  const answers = root.headers.some(({ name }) => name === 'in-reply-to' || name === 'references');
  const pending: MimeEntity[] = [root];
  for (let parts = 0; parts < mostParts; parts++) {
    const entity = pending.shift();
    if (entity === undefined) return undefined;
    pending.push(...entity.parts.filter(() => entity.contentType.type.startsWith('multipart/')));
    if (entity.contentType.type !== 'text/html') continue;
    const body = bodyOf(entity);
    if (body === undefined) return 'it holds more text than can be looked through';
    const html = Buffer.from(body).toString('latin1');
    const found = lookInto(html.slice(0, mostCharacters), answers);
    if (found !== undefined) return found;
  }
  return undefined;
}

const mostParts = 100;
const mostCharacters = 5_000_000;

function lookInto(html: string, answers: boolean): string | undefined {
  let quoted = 0;
  let hidden = 0;
  let inStyle = false;
  let styles = '';
  let hides = false;
  let quotes = answers;
  const open: { name: string; quotes: boolean; hides: boolean }[] = [];
  const parser = new Parser(
    {
      onopentag(name, { style = '', class: classes = '', type = '', cite }) {
        const quotation =
          name === 'blockquote' || cite !== undefined || /\b(gmail_quote|moz-cite)/.test(`${classes} ${type}`);
        const concealed = hiding.test(plainCss(style));
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
    },
    { decodeEntities: true },
  );
  parser.write(html);
  parser.end();
  if (!quotes) return undefined;
  if (hides) return 'its quotation holds hidden text';
  return conditional.test(plainCss(styles)) ? 'its style shows other words to other readers' : undefined;
}

const conditional = /@(media|supports|import|document|container|-moz-document)/i;
const hiding =
  /display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|mso-hide\s*:\s*all|(opacity|font-size|max-height)\s*:\s*0(?![.\d]*[1-9])/i;

/** CSS as a reader of CSS has it: without comments and escapes (`@m\65 dia` is `@media`). */
function plainCss(css: string): string {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\\([0-9a-f]{1,6})\s?/gi, (_, hex: string) =>
      String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff)),
    )
    .replace(/\\(.)/g, '$1');
}
