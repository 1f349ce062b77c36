/** The words of an HTML text and nothing else: no addresses, no pictures, nothing that a reader's program would fetch or run. */
import { parseHtml } from '../parse-html.ts';

/** @param longest characters; what is beyond is left out, and so is what is nested deeper than anybody nests */
export function textOfHtml(html: string, longest: number): string {
  let text = '';
  let silent = 0;
  parseHtml(html.slice(0, longest * 20), {
    onopentagname(name) {
      if (silentTags.has(name)) silent++;
      else if (breaking.has(name)) text += '\n';
      else if (name === 'td' || name === 'th') text += ' ';
    },
    ontext(words) {
      if (silent === 0 && text.length < longest) text += words.replace(/\s+/g, ' ');
    },
    onclosetag(name) {
      if (silentTags.has(name)) silent = Math.max(0, silent - 1);
      else if (breaking.has(name)) text += '\n';
    },
  });
  return text
    .slice(0, longest)
    .replace(/[ \t\u00a0]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

const silentTags = new Set(['script', 'style', 'head', 'title', 'template', 'noscript', 'svg', 'object', 'iframe']);
const breaking = new Set(
  'address article aside blockquote br dd div dl dt footer form h1 h2 h3 h4 h5 h6 header hr li ol p pre section table tr ul'.split(
    ' ',
  ),
);
