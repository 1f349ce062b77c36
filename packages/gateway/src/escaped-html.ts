/** Plain text as it stands in HTML, within an element or a quoted value. */
export function escapedHtml(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
