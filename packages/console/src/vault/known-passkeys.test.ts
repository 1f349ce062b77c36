import { afterEach, describe, expect, it, vi } from 'vitest';
import { passkeyOf, rememberPasskey } from './known-passkeys.ts';

afterEach(() => vi.unstubAllGlobals());

function keep(content: Record<string, string>) {
  const kept = new Map(Object.entries(content));
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  });
}

describe('known passkeys', () => {
  it('knows the passkey of each share key, older ones too', () => {
    keep({});
    rememberPasskey('key of 2025', 'a');
    rememberPasskey('key of 2026', 'b');
    expect([passkeyOf('key of 2025'), passkeyOf('key of 2026'), passkeyOf('another'), passkeyOf(undefined)]).toEqual([
      'a',
      'b',
      undefined,
      undefined,
    ]);
  });
  it('knows nothing where the browser keeps nothing, or something else', () => {
    keep({ 'chancery.share-passkeys': 'no JSON' });
    expect(passkeyOf('key')).toBeUndefined();
    vi.stubGlobal('localStorage', undefined);
    rememberPasskey('key', 'a');
    expect(passkeyOf('key')).toBeUndefined();
  });
});
