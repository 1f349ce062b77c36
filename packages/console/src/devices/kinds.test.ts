import { deviceSystems } from '@chancery/api';
import { expect, it } from 'vitest';
import { type DeviceKind, deviceKinds, formatFor, guessedDevice, systemsOf } from './kinds.ts';

it('offers a file that the system reads, to every kind of device', () => {
  const offered = (Object.keys(deviceKinds) as DeviceKind[]).flatMap((kind) => systemsOf(kind));
  expect(new Set(offered.map(({ id }) => id))).toEqual(new Set(deviceSystems.map(({ id }) => id)));
  expect(formatFor({ kind: 'apple', system: 'apple' })).toBe('compat');
  expect(formatFor({ kind: 'outlook', system: 'windows-old' })).toBe('compat');
  expect(formatFor({ kind: 'outlook', system: 'no such system' })).toBe('modern');
});

const guess = (userAgent: string) => guessedDevice(userAgent).kind;

it('guesses the device that somebody sits at', () => {
  expect(guess('Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15')).toBe('apple');
  expect(guess('Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36')).toBe('android');
  expect(guess('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36')).toBe('outlook');
  expect(guess('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36')).toBe('thunderbird');
});
