import { describe, expect, it } from 'vitest';
import {
  colonHex,
  formatBytes,
  formatDay,
  formatMonth,
  formatRelative,
  percent,
  plural,
  shortHex,
  timeLeft,
} from './format.ts';

describe('format', () => {
  it('names months and days without sliding across a time zone', () => {
    expect(formatMonth('2027-03')).toBe('Mar 2027');
    expect(formatDay('2026-11-01')).toBe('1 Nov');
  });

  it('says how much time is left, never more than there is', () => {
    const now = Date.parse('2026-11-24T12:00:00Z');
    expect(timeLeft('2026-11-30T11:00:00Z', now)).toBe('5 days left');
    expect(timeLeft('2026-11-26T11:00:00Z', now)).toBe('47 hours left');
    expect(timeLeft('2026-11-24T13:30:00Z', now)).toBe('1 hour left');
    expect(timeLeft('2026-11-24T12:59:00Z', now)).toBe('less than an hour left');
    expect(timeLeft('2026-11-24T12:00:00Z', now)).toBe('ended');
  });

  it('says how far away an instant is', () => {
    const now = Date.parse('2026-11-24T12:00:00Z');
    expect(formatRelative('2026-11-27T13:00:00Z', now)).toBe('in 3 days');
    expect(formatRelative('2026-11-23T12:00:00Z', now)).toBe('yesterday');
    expect(formatRelative('2026-11-24T10:00:00Z', now)).toBe('2 hours ago');
    expect(formatRelative('2026-11-24T11:59:50Z', now)).toBe('just now');
    expect(formatRelative('2026-11-24T12:00:20Z', now)).toBe('in less than a minute');
  });

  it('never rounds to all or nothing', () => {
    expect(percent(999, 1000)).toBe(99);
    expect(percent(1, 1000)).toBe(1);
    expect(percent(1000, 1000)).toBe(100);
    expect(percent(0, 0)).toBe(0);
  });

  it('writes counts, hex and sizes', () => {
    expect(plural(1, 'person', 'people')).toBe('1 person');
    expect(plural(1204, 'person', 'people')).toBe('1,204 people');
    expect(colonHex('0A1B2C')).toBe('0a:1b:2c');
    expect(shortHex('0123456789abcdef0123456789')).toBe('01234567…456789');
    expect(formatBytes(1)).toBe('1 octet');
    expect(formatBytes(2_500_000)).toBe('2.5 MB');
  });
});
