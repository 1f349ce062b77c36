/** zlint's expectations of S/MIME certificates beside ours: every row, and every difference by name. */
import { expect, it } from 'vitest';
import { describeCorpus } from '../../../smime/test/corpora.ts';
import { lints } from '../../src/ca/lints/catalogue.ts';
import type { Lint } from '../../src/ca/lints/lint.ts';
import { isBound, subjectOf } from '../../src/ca/lints/lint-certificate.ts';
import { readSpecimen } from '../../src/ca/lints/specimen.ts';

interface Row {
  readonly lint: string;
  readonly source: string;
  readonly file: string;
  /** NA: the lint does not look at such certificates. NE: it did not bind yet when this one was issued. */
  readonly expected: 'Pass' | 'Warn' | 'Error' | 'NA' | 'NE';
}

/** Rows whose expectation we do not share: zlint's lint and the file, with the reason. Each fails once it agrees as well. */
const differences = new Map<string, string>(
  ['mld44', 'mld65', 'mld87', 'mlk512', 'mlk768', 'mlk1024'].map((algorithm) => [
    `e_invalid_legacy_spki_algoid smime/sm1_alg_${algorithm}_eff1_pqf0.pem`,
    'issued on 22 July 2025 under S/MIME BR 1.0.10, whose 6.1.5 ends "No other algorithms or key sizes are permitted" after RSA, ECDSA and EdDSA; ML-DSA and ML-KEM came with 1.0.11 on 22 August 2025. zlint lets them pass before that day too',
  ]),
);

describeCorpus('zlint', 'the lints beside zlint', (corpus) => {
  const rows = corpus.json<Row[]>('expected.json').filter(({ source }) => source === 'cabf_smime_br');

  it('say what zlint says of every S/MIME row, or differ by name and reason', () => {
    const disagreeing = new Map<string, string>();
    for (const { lint: theirs, file, expected } of rows) {
      const ours = lints.filter(({ zlint }) => zlint?.includes(theirs));
      const [lint] = ours;
      if (lint === undefined || ours.length > 1) throw new Error(`${theirs} has ${ours.length} counterparts`);
      const said = verdict(lint, corpus.der(`testdata/${file}`));
      const wanted = expected === 'NA' || expected === 'NE' ? 'not bound' : expected;
      if (said !== wanted) disagreeing.set(`${theirs} ${file}`, `${lint.id}: ${said}, not ${wanted}`);
    }
    console.log(
      `zlint: ${rows.length - disagreeing.size} of ${rows.length} rows agree, ${differences.size} differ by name`,
    );
    expect([...disagreeing.keys()].sort(), [...disagreeing.values()].join('\n')).toEqual(
      [...differences.keys()].sort(),
    );
  });

  it('were given all of the rows, and certificates that can be read', () => {
    expect(rows).toHaveLength(228);
    const files = [...corpus.names('testdata', /\.pem$/), ...corpus.names('testdata/smime', /\.pem$/)];
    expect(files.length).toBeGreaterThan(150);
    for (const file of files) expect(() => readSpecimen(corpus.der(file)), file).not.toThrow();
  });
});

function verdict(lint: Lint, certificate: Uint8Array): 'not bound' | 'Pass' | 'Warn' | 'Error' {
  const subject = subjectOf(readSpecimen(certificate));
  if (!isBound(lint, subject, undefined)) return 'not bound';
  if (lint.check(subject).length === 0) return 'Pass';
  return lint.severity === 'error' ? 'Error' : 'Warn';
}
