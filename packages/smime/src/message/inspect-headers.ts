/** A protected header, described for a person (RFC 9788 section 4). */
import { decodeHeaderText } from '../mime/header-text.ts';
import { type Field, field, optional } from './inspect-objects.ts';
import type { NamedField, ProtectedHeaders } from './protected-headers.ts';

/** Every field within the protection with what protects it, what the composer put outside in its place, and what differs from that. */
export function describeProtectedHeaders({ scheme, intent, fields, outer, differing }: ProtectedHeaders): Field[] {
  const open = new Set(outer?.map(written));
  const shown = fields.slice(0, most);
  return [
    field(
      'Protected header',
      `${schemes[scheme]}, composed to be ${intent === 'cipher' ? 'encrypted' : 'signed only'}`,
    ),
    ...shown.map(({ name, value, protection }) =>
      field(`${titled(name)}, protected`, `${decodeHeaderText(value)} (${protection})`),
    ),
    ...optional('More protected fields', fields.length > most ? `${fields.length - most}` : undefined),
    ...shown
      .filter((one) => outer !== undefined && !open.has(written(one)))
      .map(({ name }) => field(`${titled(name)}, put outside`, outsideOf(name, outer ?? []))),
    ...optional('Delivered otherwise than composed', differing.map(titled).join(', ')),
  ];
}

/** Fields of one kind that are shown. */
const most = 50;

const schemes: Readonly<Record<ProtectedHeaders['scheme'], string>> = {
  rfc9788: 'RFC 9788',
  rfc8551: 'RFC 8551, a whole message within',
  'draft-autocrypt': 'protected-headers="v1", the draft before RFC 9788',
};

const outsideOf = (name: string, outer: readonly NamedField[]): string =>
  outer
    .filter((one) => one.name === name)
    .map(({ value }) => decodeHeaderText(value))
    .join('; ') || 'nothing';
const written = ({ name, value }: NamedField): string => `${name}:${value}`;
const titled = (name: string): string => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
