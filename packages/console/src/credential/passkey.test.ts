import { describe, expect, it } from 'vitest';
import { passkeyObstacle } from './passkey.ts';

describe('passkeyObstacle', () => {
  it('lets names through and refuses addresses, which are no relying party', () => {
    expect(passkeyObstacle('localhost', true)).toBeNull();
    expect(passkeyObstacle('office.example.com', true)).toBeNull();
    expect(passkeyObstacle('127.0.0.1', true)).toContain('host name');
    expect(passkeyObstacle('[::1]', true)).toContain('host name');
  });
  it('says when the browser cannot', () => {
    expect(passkeyObstacle('office.example.com', false)).toContain('HTTPS');
  });
});
