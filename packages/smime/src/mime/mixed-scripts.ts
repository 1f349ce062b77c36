/** Domains written so that they look like another (UTS 39 section 5, RFC 5890 section 4.4). */
import { domainToUnicode } from 'node:url';

/** Alphabets that have letters in one another's shape: no language writes one word in two of them, and no registry should let it. */
const lookingAlike = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
];

/** Characters of a domain, in either form: longer ones lead nowhere (RFC 1035 section 2.3.4). */
const longest = 255;

/** Whether one label of a domain mixes such alphabets. @param domain in its Unicode or its ASCII (`xn--`) form */
export function mixesScripts(domain: string): boolean {
  if (domain.length > longest || !/[^\0-\x7f]|xn--/i.test(domain)) return false;
  const labels = (domainToUnicode(domain) || domain).split('.');
  return labels.some((label) => lookingAlike.filter((script) => script.test(label)).length > 1);
}
