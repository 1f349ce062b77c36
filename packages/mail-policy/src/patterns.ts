/** How texts are compared: letters the same in either case, and `*` and `?` in patterns. */

/** Compatibility forms are one: a full-width or ligatured word is the word that people read. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** Shell patterns without backtracking: `*` anything, `?` one character. */
export function isNamed(pattern: string, name: string): boolean {
  const wanted = [...fold(pattern)];
  const given = [...fold(name)];
  let at = 0;
  let star = -1;
  let resume = 0;
  let index = 0;
  while (index < given.length) {
    if (wanted[at] === '*') {
      star = at++;
      resume = index;
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (wanted[at] === '*') at++;
  return at === wanted.length;
}
