/** HTML of strangers, gone through by htmlparser2 within a time that grows as the text does. */
import { type Handler, Parser } from 'htmlparser2';

/** Elements within elements: browsers stop at 512, and the parser's time grows with the square of it. */
const deepest = 1_000;

/** @returns false where it is nested deeper than anybody nests: what is behind that place was not looked at */
export function parseHtml(html: string, handler: Partial<Handler>): boolean {
  let depth = 0;
  const parser = new Parser(
    {
      ...handler,
      onopentagname(name) {
        if (++depth > deepest) throw tooDeep;
        handler.onopentagname?.(name);
      },
      onclosetag(name, implied) {
        depth--;
        handler.onclosetag?.(name, implied);
      },
    },
    { decodeEntities: true },
  );
  try {
    parser.write(html);
    parser.end();
    return true;
  } catch (error) {
    if (error === tooDeep) return false;
    throw error;
  }
}

const tooDeep = new Error('nested too deep');
