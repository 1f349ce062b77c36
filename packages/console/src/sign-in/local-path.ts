/** Where to go after sign-in: only ever a path of this console, whatever the address says. */
export function localPath(back: string | undefined): string {
  if (back === undefined || !back.startsWith('/') || /^\/[/\\]/.test(back) || back.startsWith('/sign-in')) return '/';
  return back;
}
