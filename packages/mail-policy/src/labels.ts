/** Classification labels in header fields: what office suites and marking tools write there. */
import type { HeaderFact } from './facts.ts';

const plain: readonly string[] = ['sensitivity', 'classification', 'x-classification', 'x-sensitivity-label'];

/** The fields that labels stand in. */
export const labelFields: readonly string[] = [...plain, 'msip_labels', 'x-protective-marking'];

/** Every label of a message: names and ids, as they stand. */
export function labelsOf(headers: readonly HeaderFact[]): string[] {
  return headers.flatMap(({ name, value }) => {
    if (name === 'msip_labels') return msipLabels(value);
    if (name === 'x-protective-marking') return protectiveMarkings(value);
    return plain.includes(name) && value.trim() !== '' ? [value.trim()] : [];
  });
}

/** `MSIP_Label_<id>_Enabled=true; MSIP_Label_<id>_Name=Confidential; …` */
function msipLabels(value: string): string[] {
  const labels = new Map<string, { name?: string; enabled: boolean }>();
  for (const [, id = '', property = '', text = ''] of value.matchAll(
    /MSIP_Label_([0-9a-f-]{1,64})_(\w{1,40})=([^;]*)/gi,
  )) {
    const label = labels.get(id.toLowerCase()) ?? { enabled: true };
    if (property.toLowerCase() === 'name') label.name = text.trim();
    if (property.toLowerCase() === 'enabled') label.enabled = text.trim().toLowerCase() !== 'false';
    labels.set(id.toLowerCase(), label);
  }
  return [...labels].flatMap(([id, { name, enabled }]) => (enabled ? [id, ...(name === undefined ? [] : [name])] : []));
}

/** `VER=2018.4, NS=gov.au, SEC=PROTECTED, …` */
function protectiveMarkings(value: string): string[] {
  return [...value.matchAll(/\bSEC=([^,]*)/gi)].map(([, marking = '']) => marking.trim());
}
