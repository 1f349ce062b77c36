/** Property lists as Apple's systems read them: XML, in which no value can be anything but a value. */

/** A number is an integer; octets are `data`. */
type PlistValue = string | number | boolean | Uint8Array | readonly PlistValue[] | PlistDictionary;

export interface PlistDictionary {
  /** Keys whose value is undefined are left out. */
  readonly [key: string]: PlistValue | undefined;
}

/** UTF-8. */
export function writePlist(root: PlistDictionary): Buffer {
  return Buffer.from(`${HEAD}${element(root, 0)}</plist>\n`, 'utf8');
}

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`;

function element(value: PlistValue, depth: number): string {
  const indent = '\t'.repeat(depth);
  if (typeof value === 'string') return `${indent}<string>${escaped(value)}</string>\n`;
  if (typeof value === 'boolean') return `${indent}<${value}/>\n`;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError('A property list has whole numbers here');
    return `${indent}<integer>${value}</integer>\n`;
  }
  if (value instanceof Uint8Array) {
    const base64 = Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
    return `${indent}<data>${base64}</data>\n`;
  }
  if (isList(value)) {
    return `${indent}<array>\n${value.map((one) => element(one, depth + 1)).join('')}${indent}</array>\n`;
  }
  const entries = Object.entries(value).flatMap(([key, one]) =>
    one === undefined ? [] : `${indent}\t<key>${escaped(key)}</key>\n${element(one, depth + 1)}`,
  );
  return `${indent}<dict>\n${entries.join('')}${indent}</dict>\n`;
}

const isList = (value: PlistValue): value is readonly PlistValue[] => Array.isArray(value);

/** What XML 1.0 (section 2.2) cannot hold at all becomes U+FFFD; what means something in it is written as a reference. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(FORBIDDEN, '\uFFFD')
    .replace(/[&<>]/g, (character) => REFERENCES[character] ?? '');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
const REFERENCES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
