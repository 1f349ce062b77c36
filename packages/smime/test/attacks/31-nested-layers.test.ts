import { beforeAll, describe, expect, it } from 'vitest';
import { decryptMessage, encryptMessage, type InspectNode, inspectMessage, limits } from '../../src/index.ts';
import { codes, type Holder, issue, mail } from '../office.ts';

describe('attack 31: layers without end', () => {
  let bob: Holder;
  beforeAll(async () => {
    bob = await issue({ email: 'bob@example.org' }, await issue({ ca: true }));
  });

  it('every layer is reported, and no more are opened than the budget allows', async () => {
    let message: Uint8Array = mail();
    for (let layer = 0; layer < limits.layers + 3; layer++)
      message = await encryptMessage({ message, recipients: [bob.certificate] });
    // Opens whatever is within, until nothing is closed any more.
    let naive = 0;
    for (let at = message; Buffer.from(at).includes('smime-type=enveloped-data'); naive++)
      at = (await decryptMessage({ message: at, keys: [bob.key] })).message;
    expect(naive).toBe(limits.layers + 3);
    const kinds: string[] = [];
    let node: InspectNode | undefined = await inspectMessage({ message, keys: [bob.key] });
    let last = node;
    for (; node; node = node.children[0]) {
      kinds.push(node.kind);
      last = node;
    }
    expect(kinds.filter((kind) => kind === 'enveloped-data')).toHaveLength(limits.layers);
    expect(codes(last?.problems ?? [])).toEqual(['limit-exceeded']);
  });
});
