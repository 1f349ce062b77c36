/** The name that a part gives to the file in it (RFC 2183 section 2.3). */
import { parseContentType } from './content-type.ts';
import { headerValue, type MimeEntity } from './entity.ts';
import { decodeHeaderText } from './header-text.ts';

/**
 * The file name of a part, for a person: that of its Content-Disposition, else the `name` of its Content-Type; sections joined and
 * character sets decoded (RFC 2231), and the encoded words (RFC 2047) that many programs write there. Undefined where it has none.
 * It is a stranger's text: it may hold slashes, dots and control characters, and is no path.
 */
export function fileName(entity: MimeEntity): string | undefined {
  return fileNames(entity)[0];
}

/** Both names, that of the Content-Disposition first. */
export function fileNames(entity: MimeEntity): string[] {
  const disposition = headerValue(entity, 'content-disposition');
  const names = [
    disposition === undefined ? undefined : parseContentType(`x/${disposition}`, []).parameters.get('filename'),
    entity.contentType.parameters.get('name'),
  ];
  return names.flatMap((name) => (name === undefined ? [] : [decodeHeaderText(name)]));
}
