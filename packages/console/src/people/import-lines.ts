/** The line number in the path of an import error (`line 12`, `lines.12.address`, `12`), or the path itself. */
export function lineOf(path: string): string {
  return /\d+/.exec(path)?.[0] ?? path;
}
