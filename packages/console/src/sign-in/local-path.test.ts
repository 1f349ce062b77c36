import { describe, expect, it } from 'vitest';
import { localPath } from './local-path.ts';

describe('localPath', () => {
  it('goes back to where one was', () => {
    expect(localPath('/people?search=ada')).toBe('/people?search=ada');
  });
  it('never leaves this console, and never loops', () => {
    for (const back of [
      undefined,
      '',
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/sign-in?back=/',
    ]) {
      expect(localPath(back)).toBe('/');
    }
  });
});
