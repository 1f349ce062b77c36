/** One MIME entity as offsets into the message it stands in: nothing is copied, nothing is normalised (RFC 2045). */
import { asBuffer } from '../asn1/der.ts';
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import { decodeBase64, decodeQuotedPrintable } from './transfer-encoding.ts';

/** One header field, where it stands in the message. */
export interface HeaderField {
  /** Field name in lower case. */
  readonly name: string;
  /** The raw value, unfolded and trimmed, one character per octet (latin-1): decode with `decodeHeaderText`. */
  readonly value: string;
  /** First octet of the name, and the octet after the field's last line break. */
  readonly start: number;
  readonly end: number;
}

/** A Content-Type field, read (RFC 2045 section 5). */
export interface ContentType {
  /** `type/subtype` in lower case. */
  readonly type: string;
  /** By lower-case name; where one stands twice, the first. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A message or one part of it. Offsets count octets from the start of the message that was scanned. */
export interface MimeEntity {
  /** First octet of the headers. */
  readonly start: number;
  /** The octet after the last header field's line break: where the empty line stands. */
  readonly headerEnd: number;
  readonly bodyStart: number;
  /** The octet after the body. For a part, the line break before the delimiter is not in it (RFC 2046 section 5.1.1). */
  readonly end: number;
  readonly headers: readonly HeaderField[];
  readonly contentType: ContentType;
  /** In lower case; `7bit` where none is given. */
  readonly transferEncoding: string;
  /** Parts of a multipart, or the one message within a message/rfc822. */
  readonly parts: readonly MimeEntity[];
  /** A multipart whose close delimiter stands where it should. */
  readonly closed: boolean;
  /** Where this entity (its parts have their own) can be read in more than one way. */
  readonly ambiguities: readonly Problem[];
}

/** All fields of that name, in order. */
export function headerFields(entity: Pick<MimeEntity, 'headers'>, name: string): HeaderField[] {
  return entity.headers.filter((field) => field.name === name);
}

/** Value of the first field of that name. */
export function headerValue(entity: MimeEntity, name: string): string | undefined {
  return entity.headers.find((field) => field.name === name)?.value;
}

/** The body with its Content-Transfer-Encoding undone: for `7bit`, `8bit`, `binary` and unknown encodings a view of it. */
export function decodeBody(bytes: Uint8Array, entity: MimeEntity): Uint8Array {
  const body = asBuffer(bytes).subarray(entity.bodyStart, entity.end);
  if (entity.transferEncoding === 'base64') return decodeBase64(body);
  if (entity.transferEncoding === 'quoted-printable') return decodeQuotedPrintable(body);
  return body;
}

/** The ambiguities of entities and of everything in them; beyond the budget, one that says whether an error is among the others. */
export function allAmbiguities(...entities: readonly MimeEntity[]): Problem[] {
  const all: Problem[] = [];
  const left = { out: 0, error: false };
  for (const entity of entities) collect(entity, all, left);
  if (left.out > 0)
    all.push(
      problem(
        left.error ? 'error' : 'warning',
        'more-ambiguities',
        `The message has ${left.out} more places that can be read in more than one way.`,
      ),
    );
  return all;
}

function collect(entity: MimeEntity, all: Problem[], left: { out: number; error: boolean }): void {
  for (const ambiguity of entity.ambiguities) {
    if (all.length < limits.ambiguities) all.push(ambiguity);
    else {
      left.out++;
      left.error ||= ambiguity.severity === 'error';
    }
  }
  for (const part of entity.parts) collect(part, all, left);
}
