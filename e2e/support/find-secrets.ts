/** Looks for secrets where none may be: each in every form that a careless line of code would write it in. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

export interface Secret {
  readonly name: string;
  /** A text, or the octets of a key. */
  readonly value: string | Uint8Array;
}

export interface Place {
  readonly name: string;
  readonly content: Buffer;
}

/** `place: secret (form)` for each that was found; never the secret itself. */
export function findSecrets(places: Iterable<Place>, secrets: readonly Secret[]): string[] {
  const needles = secrets.flatMap(({ name, value }) =>
    formsOf(value).map(([form, octets]) => ({ name, form, octets })),
  );
  const found: string[] = [];
  for (const { name: place, content } of places) {
    for (const { name, form, octets } of needles) {
      if (content.includes(octets)) found.push(`${place}: ${name} (${form})`);
    }
  }
  return found;
}

/** Files below a folder. @param skip by their path from there */
export function* filesBelow(folder: string, skip: (relative: string) => boolean = () => false): Generator<Place> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const relative = path.relative(folder, file);
    if (!entry.isFile() || skip(relative)) continue;
    try {
      yield { name: relative, content: readFileSync(file) };
    } catch (error) {
      // A file that went while we looked holds nothing any more.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Arguments of every process that is running, as anybody on the machine sees them. */
export function* processArguments(): Generator<Place> {
  for (const id of readdirSync('/proc')) {
    if (!/^\d+$/.test(id)) continue;
    try {
      yield {
        name: `process ${id} ${path.basename(readlinkSync(`/proc/${id}/exe`))}`,
        content: readFileSync(`/proc/${id}/cmdline`),
      };
    } catch {
      // Gone meanwhile, or not ours to see.
    }
  }
}

/** Base64 in three alignments, without the letters that what stands before and after has a part in. */
export function formsOf(value: string | Uint8Array): [form: string, octets: Buffer][] {
  const octets = Buffer.from(value);
  const hex = octets.toString('hex');
  const forms: [string, Buffer][] = [
    ['as it is', octets],
    ['hexadecimal', Buffer.from(hex)],
    ['HEXADECIMAL', Buffer.from(hex.toUpperCase())],
  ];
  for (let shift = 0; shift < 3; shift++) {
    const shifted = Buffer.concat([Buffer.alloc(shift), octets]);
    const whole = shifted.toString('base64').replaceAll('=', '');
    const inner = whole.slice(shift === 0 ? 0 : 4, Math.floor((shifted.length * 8) / 6));
    if (inner.length < LEAST) continue;
    forms.push([`Base64, shifted by ${shift}`, Buffer.from(inner)]);
    forms.push([`Base64url, shifted by ${shift}`, Buffer.from(inner.replaceAll('+', '-').replaceAll('/', '_'))]);
    // As in PEM: lines of 64.
    if (inner.length > 70) forms.push([`PEM, shifted by ${shift}`, Buffer.from(inner.slice(0, 60))]);
  }
  if (typeof value === 'string') {
    forms.push(
      ['in JSON', Buffer.from(JSON.stringify(value).slice(1, -1))],
      ['in a URL', Buffer.from(encodeURIComponent(value))],
    );
  }
  return forms.filter(([, form]) => form.length >= LEAST);
}

/** What is shorter is found by chance. */
const LEAST = 10;
