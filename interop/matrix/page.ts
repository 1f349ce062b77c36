/** docs/protocols/interop.md, made from answers.json and reasons.ts. `npm run docs` writes it; no peer is needed for that. */
import { writeFileSync } from 'node:fs';
import { expectedAnswers, type PeerAnswers } from './answers.ts';
import { type MatrixPeerName, matrixPeers } from './peers.ts';
import { reasonFor } from './reasons.ts';
import { encryptRows, manyRows, otherRows, type Row, signRows } from './rows.ts';

export const pageFile = new URL('../../docs/protocols/interop.md', import.meta.url);

const names = Object.keys(matrixPeers) as MatrixPeerName[];

export function interopPage(): string {
  const answers = expectedAnswers();
  const notes = new Notes();
  const table = (rows: readonly Row[]): string => {
    const lines = rows.map((row) => {
      const cells = names.map((name) => cell(name, row, answers[name], notes));
      return `| ${row.title} | ${cells.join(' | ')} |`;
    });
    const heads = names.map((name) => `${matrixPeers[name].title} ${shortVersion(answers[name].version)}`);
    return [`| | ${heads.join(' | ')} |`, `| --- |${' --- |'.repeat(names.length)}`, ...lines].join('\n');
  };
  return `<!-- Made from interop/matrix by \`npm run docs\`. -->

# Who reads what

Each cell has two answers: whether the peer reads what the library writes, and whether the library reads what the peer writes.
**Y**: down to the text, with the right key and a path to the right root. **n**: refused; the number says why. **–**: one side
has no such thing, or cannot be asked for it (NSS and Thunderbird choose their algorithms themselves; the library writes no SHA-1).

All peers are Debian 12's. \`npm run test:interop -- matrix\` asks them all again; an answer that has changed, for the better too, fails.

Not in the tables, for want of a peer: ML-DSA signatures (RFC 9882) and ML-KEM recipients (RFC 9936). OpenSSL 3.0 and Bouncy Castle 1.72 have
neither; the OpenSSL 3.5 inside Node 24 has both, and is what the library itself stands on. They are held against published examples instead.

## Signatures

${table(signRows)}

"Clear" is multipart/signed, the signature beside the content; "opaque" is one object with the content in it.

## Encryption

${table(encryptRows)}

## To several recipients

${table(manyRows)}

In these rows gpgsm, NSS and Thunderbird have the key of one recipient only, which is the first, the second or the third; OpenSSL, Bouncy Castle
and the library open each message as every one of its recipients. The library combines one ephemeral key for each curve with the keys of all
recipients on it, and still writes an entry for each of them.

## Both, and compression

${table(otherRows)}

## Why not

${notes.text()}
`;
}

/** The reasons, numbered in the order in which they come up; each peer has its own. */
class Notes {
  readonly #numbers = new Map<string, number>();
  readonly #lines: string[] = [];

  numberOf(peer: MatrixPeerName, row: string, answer: string): number {
    const says = answer.slice('n: '.length);
    const reason = reasonFor(peer, row, says);
    const key = `${peer} ${reason.because}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size + 1;
    this.#numbers.set(key, number);
    const words = says.startsWith('we say ') ? '' : ` (\`${reason.says}\`)`;
    this.#lines.push(`${number}. ${matrixPeers[peer].title}: ${reason.because}${words}.`);
    return number;
  }

  text(): string {
    return this.#lines.join('\n');
  }
}

function cell(peer: MatrixPeerName, row: Row, answers: PeerAnswers, notes: Notes): string {
  return [answers.reads[row.id], answers.writes[row.id]]
    .map((answer) => {
      if (answer === undefined) throw new Error(`answers.json says nothing of ${peer} and "${row.id}"`);
      if (answer === '-') return '–';
      return answer === 'Y' ? 'Y' : `n<sup>${notes.numberOf(peer, row.id, answer)}</sup>`;
    })
    .join(' ');
}

const shortVersion = (version: string): string => /^\d+(\.\d+)?/.exec(version)?.[0] ?? version;

if (import.meta.main) {
  writeFileSync(pageFile, interopPage());
  console.log('docs/protocols/interop.md');
}
