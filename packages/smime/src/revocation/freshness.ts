/** How long a source that does not say so is believed: S/MIME Baseline Requirements 4.9.7 and 4.9.10 renew both within a week. */
const assumedLife = 7 * 86_400_000;

/**
 * Not past its next update, or where it names none, not older than a week: without that an old answer could be shown for ever. A
 * source newer than `at` is welcome, since it knows more.
 */
export function isCurrent(
  source: { readonly thisUpdate: Date; readonly nextUpdate: Date | undefined },
  at: Date,
): boolean {
  return at.getTime() <= (source.nextUpdate?.getTime() ?? source.thisUpdate.getTime() + assumedLife);
}
