/** An entry's values of ours beside others': which stand there, and which should. */
import { ownInValue, type SmimeForm, smimeValue } from './smime-value.ts';
import type { Holder, OwnCertificate } from './target.ts';

/** Which attributes hold what. */
export interface EntryLayout {
  /** Certificates, DER. */
  readonly attribute: string;
  /** S/MIME's own values, of encryption certificates. */
  readonly smimeAttribute: string | undefined;
  readonly smimeForm: SmimeForm;
}

/** By attribute. */
export type EntryValues = ReadonlyMap<string, readonly Buffer[]>;

/** One value of ours in one attribute. */
export interface OwnValue {
  readonly attribute: string;
  readonly serialNumber: string;
  readonly value: Buffer;
}

export interface Drift {
  readonly add: readonly OwnValue[];
  readonly remove: readonly OwnValue[];
  readonly others: number;
}
export const NO_DRIFT: Drift = { add: [], remove: [], others: 0 };

export function driftOf(
  layout: EntryLayout,
  values: EntryValues,
  holder: Pick<Holder, 'own'>,
  wanted: readonly OwnCertificate[],
): Drift {
  const should = wanted.flatMap((one) => valuesFor(layout, one));
  const stands = ownValues(layout, values, holder);
  const all = [...values.values()].reduce((sum, { length }) => sum + length, 0);
  const same = (one: OwnValue) => (other: OwnValue) =>
    one.attribute === other.attribute && one.value.equals(other.value);
  return {
    add: should.filter((one) => !stands.some(same(one))),
    remove: stands.filter((one) => !should.some(same(one))),
    others: all - stands.length,
  };
}

/** What a certificate is published as. */
export function valuesFor({ attribute, smimeAttribute, smimeForm }: EntryLayout, one: OwnCertificate): OwnValue[] {
  const { serialNumber, der } = one;
  const plain = { attribute, serialNumber, value: der };
  return smimeAttribute === undefined || one.use !== 'encryption'
    ? [plain]
    : [plain, { attribute: smimeAttribute, serialNumber, value: smimeValue(smimeForm, one) }];
}

/** Whatever stands there that is ours. */
export function ownValues(
  { attribute, smimeAttribute }: EntryLayout,
  values: EntryValues,
  { own }: Pick<Holder, 'own'>,
): OwnValue[] {
  const found = (name: string, whose: (value: Buffer) => OwnCertificate | undefined) =>
    (values.get(name) ?? []).flatMap((value) => {
      const one = whose(value);
      return one === undefined ? [] : [{ attribute: name, serialNumber: one.serialNumber, value }];
    });
  return [
    ...found(attribute, (value) => own.find(({ der }) => der.equals(value))),
    ...(smimeAttribute === undefined ? [] : found(smimeAttribute, (value) => ownInValue(value, own))),
  ];
}
