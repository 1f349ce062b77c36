/** What a script can rely on. Every command's `--help` ends with this table. */
export const exitCodes = {
  /** Done, valid, intact. */
  ok: 0,
  /** The answer is no: an invalid signature, a broken trail, a refusal by the office. */
  refused: 1,
  /** The input, option or configuration cannot be used. Nothing was changed. */
  unusable: 2,
  /** The office does not answer. Nothing was changed. */
  unreachable: 3,
} as const;

/** A failure that ends the command with one sentence on standard error (with `--json`, one object). */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  /** Lines below the sentence: one field or CSV line each. */
  readonly lines: readonly string[];

  constructor(message: string, exitCode: number = exitCodes.unusable, lines: readonly string[] = []) {
    super(message);
    this.exitCode = exitCode;
    this.lines = lines;
  }
}
