import { oids } from '@chancery/smime';

const labels = new Map<string, string>(Object.entries(oids).map(([name, id]) => [id, name]));

/** The name of an object identifier for a person, as RFC 5280 and its like spell it; dotted where we know none. */
export const labelOf = (id: string): string => labels.get(id) ?? id;
