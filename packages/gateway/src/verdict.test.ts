import type { VerifyReport } from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { isForged, verdictFields } from './verdict.ts';

const field = (name: string, value: string) => ({ name, value, start: 0, end: 0 });
const nothing = {
  ...{ spf: 'none', dmarc: 'none', dkim: [], arc: 'none' },
  results: ['spf=none', 'dmarc=none'],
  senderVouched: false,
};
const report = (more: Partial<VerifyReport>): VerifyReport => ({
  verdict: 'unsigned',
  layers: [],
  signers: [],
  from: ['bob@x.example'],
  covers: 'none',
  content: undefined,
  problems: [],
  ...more,
});

describe('isForged', () => {
  it.each([
    ['our name', 'gw.example; spf=pass', true],
    ['our name in capitals', 'GW.Example; spf=pass', true],
    ['a comment before it', '(a (nested) one) gw.example; spf=pass', true],
    ['a version behind it', 'gw.example 1; spf=pass', true],
    ['quotes', '"gw.example"; spf=pass', true],
    ['quotes with an escape', '"gw.exampl\\e"; spf=pass', true],
    ['another name', 'other.example; spf=pass', false],
    ['a longer name', 'gw.example.org; spf=pass', false],
    ['a comment without end', '(gw.example; spf=pass', false],
  ])('knows %s', (_, value, expected) => {
    expect(isForged(field('authentication-results', value), 'gw.example')).toBe(expected);
  });

  it('takes every X-Chancery field for forged, and no other', () => {
    expect(isForged(field('x-chancery-verdict', 'valid'), 'gw.example')).toBe(true);
    expect(isForged(field('subject', 'gw.example; spf=pass'), 'gw.example')).toBe(false);
  });
});

describe('verdictFields', () => {
  it('cannot be broken out of by what a message says', () => {
    const evil = 'x"\r\nX-Evil: yes\r\n <a>@x.example';
    const problems = [{ code: 'x', message: 'bad) ; smime=pass (\r\nX-Evil: 1', severity: 'error' } as const];
    const lines = verdictFields('gw.example', nothing, {
      encrypted: false,
      opened: false,
      handling: 'whole',
      authenticated: false,
      report: report({ verdict: 'invalid', from: [evil], problems }),
    }).flatMap((one) => one.split('\r\n'));
    expect(lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(':')[0])).toEqual([
      'Authentication-Results',
      'X-Chancery-Verdict',
    ]);
    const results = lines.join(' ').replace(/\([^()]*\)|"(?:[^"\\]|\\.)*"/g, '');
    expect(results).toContain('smime=fail');
    expect(results).not.toContain('smime=pass');
  });

  it('folds long lines', () => {
    const fields = verdictFields(
      'gw.example',
      { ...nothing, results: Array(20).fill('dkim=pass header.d=x.example') },
      {
        encrypted: true,
        opened: false,
        handling: 'shut',
        authenticated: false,
        report: undefined,
      },
    );
    expect(Math.max(...fields.flatMap((one) => one.split('\r\n')).map(({ length }) => length))).toBeLessThanOrEqual(78);
  });
});
