/** The style nonce that the server put into this page; empty under the development server, which sets no policy. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
}

/** Mantine's scroll lock inserts a style element of its own and asks this global for the nonce. */
export function shareNonce(): void {
  Object.assign(globalThis, { __webpack_nonce__: styleNonce() });
}
