import { describe, expect, it } from 'vitest';
import { announcedId, isNamed, parsePolicy } from './sts-policy.ts';

const txt = (...strings: string[]) =>
  Buffer.concat(strings.map((one) => Buffer.concat([Buffer.of(one.length), Buffer.from(one)])));
const policy = (...lines: string[]) => parsePolicy(['version: STSv1', ...lines].join('\r\n'));

describe('what announces a policy', () => {
  it('is one record that says so, in however many strings', async () => {
    expect(await announcedId([txt('v=STSv1; id=20160831085700Z;')])).toBe('20160831085700Z');
    expect(await announcedId([txt('v=spf1 -all'), txt('v=STSv1', '; id=', 'a1')])).toBe('a1');
    expect(await announcedId([])).toBeUndefined();
    for (const text of ['v=STSv2; id=1;', 'v=STSv1; id=;', 'v=STSv1; id=a-b;', `v=STSv1; id=${'a'.repeat(33)};`])
      expect(await announcedId([txt(text)])).toBeUndefined();
    expect(await announcedId([txt('v=STSv1; id=1;'), txt('v=STSv1; id=2;')])).toBeUndefined();
  });
});

describe('a policy', () => {
  it('is read as RFC 8461 section 3.2 has it', async () => {
    expect(
      await policy('mode: enforce', 'mx: mail.example.com', 'mx: *.Example.net', 'max_age: 604800', 'new: x'),
    ).toEqual({
      mode: 'enforce',
      mx: ['mail.example.com', '*.example.net'],
      maxAge: 604_800,
    });
    expect((await policy('mode: none', 'max_age: 60')).mx).toEqual([]);
    expect(await policy('mode: testing', 'mode: enforce', 'mx: a.example', 'max_age: 60')).toMatchObject({
      mode: 'testing',
    });
  });

  it('that does not say what it must is none', async () => {
    for (const lines of [
      ['mode: enforce', 'mx: a.example'],
      ['mx: a.example', 'max_age: 60'],
      ['mode: strict', 'mx: a.example', 'max_age: 60'],
      ['mode: enforce', 'max_age: 60'],
      ['mode: enforce', 'mx: a b', 'max_age: 60'],
      ['mode: enforce', 'mx: a.*.example', 'max_age: 60'],
      ['mode: enforce', 'mx: a.example', 'max_age: -1'],
      ['mode: enforce', 'mx: a.example', 'max_age: 31557601'],
    ])
      await expect(policy(...lines)).rejects.toThrow();
    await expect(parsePolicy('mode: enforce\nmx: a.example\nmax_age: 60')).rejects.toThrow('version');
  });

  it('names hosts, and with a star one label more', async () => {
    const of = (...mx: string[]) => ({ mode: 'enforce', mx, maxAge: 60 }) as const;
    expect(await isNamed(of('mail.example.com'), 'mail.example.com')).toBe(true);
    expect(await isNamed(of('mail.example.com'), 'a.mail.example.com')).toBe(false);
    expect(await isNamed(of('*.example.com'), 'mail.example.com')).toBe(true);
    expect(await isNamed(of('*.example.com'), 'a.mail.example.com')).toBe(false);
    expect(await isNamed(of('*.example.com'), 'example.com')).toBe(false);
    expect(await isNamed(of('*.com'), 'com')).toBe(false);
  });
});
