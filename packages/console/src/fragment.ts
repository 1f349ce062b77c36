/** The secret behind `#` of a one-time link: browsers never send it, so it is in no server's log. */
export function linkSecret(): string {
  return decodeURIComponent(location.hash.replace(/^#/, '')).trim();
}

/** A used secret leaves the address bar and the history entry. */
export function forgetLinkSecret(): void {
  history.replaceState(history.state, '', location.pathname + location.search);
}
