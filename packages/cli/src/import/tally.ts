/** What became of everything that was found: counted, and told one by one where it matters. */
import type { ImportedItem } from '@chancery/api';

/** Outcomes that are as they should be: a signing key is never escrowed, an authority is no person. */
const BY_DESIGN = new Set(['signing-key', 'authority']);
/** Lines for a person; a script has them all. */
const MOST_LINES = 200;

export class Tally {
  readonly counts: Record<ImportedItem['outcome'] | 'unreadable' | 'skipped' | 'created', number> = {
    imported: 0,
    updated: 0,
    known: 0,
    nobody: 0,
    refused: 0,
    unreadable: 0,
    skipped: 0,
    created: 0,
  };
  files = 0;
  /** By the word that says why. */
  readonly reasons = new Map<string, number>();
  #failures = 0;
  #lines = 0;
  #shown = 0;
  readonly #json: boolean;
  readonly #what: string;
  readonly #progress = process.stderr.isTTY === true;

  constructor({ json, what }: { json: boolean; what: string }) {
    this.#json = json;
    this.#what = what;
  }

  /** Something could not be imported that should have been. */
  get failed(): boolean {
    return this.#failures > 0;
  }

  note(file: string, item: ImportedItem): void {
    this.counts[item.outcome] += 1;
    if (item.created) this.counts.created += 1;
    if (item.code !== null) this.reasons.set(item.code, (this.reasons.get(item.code) ?? 0) + 1);
    const out = item.outcome === 'nobody' || item.outcome === 'refused';
    if (out && !BY_DESIGN.has(item.code ?? '')) this.#failures += 1;
    this.#say({ file, ...item }, out ? `${file}: ${item.reason ?? item.code ?? item.outcome}` : undefined);
  }

  /** A file that holds something to import, which cannot be had. */
  unreadable(file: string, reason: string): void {
    this.counts.unreadable += 1;
    this.#failures += 1;
    this.#say({ file, outcome: 'unreadable', reason }, `${file}: ${reason}`);
  }

  /** Looked at and left: a link, a file without anything to import. */
  skipped(file: string, reason: string, worthALine: boolean): void {
    this.counts.skipped += 1;
    this.#say({ file, outcome: 'skipped', reason }, worthALine ? `${file}: ${reason}` : undefined);
  }

  step(): void {
    if (!this.#progress || this.#json) return;
    const { imported, known } = this.counts;
    process.stderr.write(`\r${this.files} files, ${imported} ${this.#what} imported, ${known} known \u001b[K`);
  }

  finish(dryRun: boolean): void {
    const { counts } = this;
    if (this.#json) {
      const summary = { dryRun, files: this.files, ...counts, reasons: Object.fromEntries(this.reasons) };
      process.stdout.write(`${JSON.stringify({ summary })}\n`);
      return;
    }
    if (this.#progress) process.stderr.write('\r\u001b[K');
    if (this.#lines > this.#shown)
      process.stderr.write(`… and ${this.#lines - this.#shown} more like these; --json tells each.\n`);
    const by = (code: string) => this.reasons.get(code) ?? 0;
    const lines = [
      `${dryRun ? 'Would import' : 'Imported'} ${counts.imported} ${this.#what} from ${this.files} files; ${counts.known} were here already${counts.updated === 0 ? '' : `, of ${counts.updated} something new is known`}.`,
      counts.created === 0 ? '' : `${counts.created} people ${dryRun ? 'would join' : 'joined'} because of them.`,
      counts.nobody === 0
        ? ''
        : `${counts.nobody} name an address that nobody here has: add these people, or give --create-people.`,
      by('signing-key') === 0 ? '' : `${by('signing-key')} are signing keys, which are never escrowed.`,
      by('authority') === 0 ? '' : `${by('authority')} are certificates of authorities, which are nobody's.`,
      refusals(this.reasons) === 0 ? '' : `${refusals(this.reasons)} were refused.`,
      counts.unreadable === 0 ? '' : `${counts.unreadable} files could not be read.`,
    ];
    process.stdout.write(`${lines.filter((line) => line !== '').join('\n')}\n`);
  }

  #say(value: Record<string, unknown>, line: string | undefined): void {
    if (this.#json) process.stdout.write(`${JSON.stringify(value)}\n`);
    else if (line !== undefined) {
      this.#lines += 1;
      if (this.#lines > MOST_LINES) return;
      this.#shown += 1;
      process.stderr.write(`${this.#progress ? '\r\u001b[K' : ''}${line}\n`);
    }
  }
}

const refusals = (reasons: ReadonlyMap<string, number>): number =>
  [...reasons].reduce((sum, [code, count]) => (code === 'nobody' || BY_DESIGN.has(code) ? sum : sum + count), 0);
