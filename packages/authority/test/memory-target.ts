/** A place in memory in which certificates are published. */
import { type Holder, type Sight, type Target, TargetDown, wantedOf } from '../src/publication/target.ts';

export class MemoryTarget implements Target {
  readonly name: string;
  readonly kind = 'ldap';
  readonly where = 'memory';
  /** By address: whose certificates stand there, ours and others'. */
  readonly entries = new Map<string, Buffer[]>();
  /** Called before each entry is looked at, or changed. */
  before: (act: 'look' | 'mend', holder: Holder) => void | Promise<void> = () => {};
  isDown = false;

  constructor(name: string) {
    this.name = name;
  }

  async attend(holders: readonly Holder[], act: 'look' | 'mend'): Promise<Sight[]> {
    if (this.isDown) throw new TargetDown('memory does not answer');
    const sights: Sight[] = [];
    for (const holder of holders) {
      await this.before(act, holder);
      sights.push(this.#attend(holder, act));
    }
    return sights;
  }

  #attend(holder: Holder, act: 'look' | 'mend'): Sight {
    const [address] = holder.addresses;
    const values = this.entries.get(address);
    const wanted = wantedOf(holder);
    const nothing = { missing: [], extra: [], others: 0, dropped: [] };
    if (values === undefined) {
      const problem = { kind: 'not-found', detail: `no entry matches ${address}` } as const;
      return { ...nothing, entry: null, problem: wanted.length === 0 ? null : problem };
    }
    const stands = (one: { der: Buffer }) => values.some((value) => value.equals(one.der));
    const missing = wanted.filter((one) => !stands(one));
    const extra = holder.own.filter((one) => stands(one) && !wanted.includes(one));
    const others = values.filter((value) => !holder.own.some(({ der }) => der.equals(value)));
    if (act === 'mend') this.entries.set(address, [...others, ...wanted.map(({ der }) => der)]);
    const serials = (list: typeof missing) => list.map(({ serialNumber }) => serialNumber);
    return {
      entry: { id: address, place: address },
      missing: serials(missing),
      extra: serials(extra),
      others: others.length,
      problem: null,
      dropped: [],
    };
  }
}
