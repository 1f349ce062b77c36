/** Files of keys, with the right password and with a wrong one. */
import { readPkcs12, SmimeError } from '../../src/index.ts';
import { corpusSeeds } from '../corpus-seeds.ts';
import { mutateDer } from '../mutate-der.ts';
import { mutateOctets } from '../mutate-octets.ts';
import { pkcs12Files, pkcs12Password } from '../seeds.ts';
import { must, type Target } from '../target.ts';

/**
 * Iterations are work that a file asks for by name, and the default budget lets a file of NSS ask for a second of it. What is
 * looked for here is work that nobody asked for.
 */
const work = 20_000;

export const pkcs12: Target = {
  name: 'pkcs12',
  seeds: async () => [
    ...(await pkcs12Files()),
    ...corpusSeeds('pyca-vectors/pkcs12', /\.p12$/),
    ...corpusSeeds('heimdal-hx509', /\.p12$/),
    ...corpusSeeds('openssl-cms/test-certs', /\.p12$/),
  ],
  mutate: (input, dice, other) => (dice.oneIn(6) ? mutateOctets(input, dice, other) : mutateDer(input, dice, other)),
  run: async (input) => {
    for (const password of [pkcs12Password, 'wrong', '']) {
      try {
        const { keys, certificates } = await readPkcs12(input, password, { work });
        for (const { privateKey } of keys) must(privateKey[0] === 0x30, 'a key is a SEQUENCE');
        must(keys.length + certificates.length <= 2_000, 'bags are counted');
      } catch (error) {
        if (!(error instanceof SmimeError)) throw error;
      }
    }
  },
};
