import type { AuthorityHealth } from '@chancery/api';
import { describe, expect, it } from 'vitest';
import { findingsOf, judgeResponder, listFreshness } from './judge-status.ts';

const now = Date.parse('2026-11-25T12:00:00Z');
const at = (hours: number) => new Date(now + hours * 3_600_000).toISOString();
const list = (made: number, ends: number) => ({
  number: 7,
  baseNumber: null,
  entries: 3,
  octets: 500,
  thisUpdate: at(made),
  nextUpdate: at(ends),
  url: 'http://pki.example.com/crl/issuing.crl',
});
const authority = (rest: Partial<AuthorityHealth> = {}): AuthorityHealth => ({
  id: 'a',
  slug: 'issuing',
  name: 'Issuing CA',
  serialNumber: '01',
  role: 'issuing',
  offline: null,
  revoked: null,
  complete: list(-10, 158),
  delta: null,
  shards: null,
  responder: { notBefore: at(-24), notAfter: at(144) },
  publications: [],
  ...rest,
});
const found = (rest: Partial<AuthorityHealth>) =>
  findingsOf([authority(rest)], now).map(({ tone, text }) => `${tone}: ${text}`);

describe('what the state of lists and OCSP means', () => {
  it('is nothing where all is well', () => {
    expect(findingsOf([authority()], now)).toEqual([]);
  });

  it('asks for a ceremony in time where a root is offline', () => {
    const offline = { warnFrom: at(1), behind: 0 };
    expect(found({ role: 'root', offline, complete: list(-100, 40) })).toEqual([]);
    expect(found({ role: 'root', offline: { ...offline, warnFrom: at(-1) }, complete: list(-100, 40) })).toEqual([
      expect.stringMatching(/^warn: .* ends .*Hold a ceremony/),
    ]);
    expect(found({ role: 'root', offline, complete: list(-100, -1) })).toEqual([expect.stringMatching(/^bad: /)]);
    expect(found({ role: 'root', offline: { ...offline, behind: 1 }, complete: list(-100, 40) })).toEqual([
      expect.stringContaining('no list of it yet'),
    ]);
  });

  it('tells a late list from one that has ended', () => {
    expect(listFreshness(list(-84, 84), now)).toBe('ok');
    expect(listFreshness(list(-85, 83), now)).toBe('warn');
    expect(listFreshness(list(-168, 0), now)).toBe('bad');
    expect(found({ complete: list(-100, 68) })).toEqual([
      expect.stringMatching(/^warn: The revocation list .* was made 4 days ago/),
    ]);
    expect(found({ delta: list(-10, -2) })).toEqual([
      expect.stringMatching(/^bad: The delta list .* ended 2 hours ago/),
    ]);
    expect(found({ complete: null })).toEqual([expect.stringMatching(/^bad: Issuing CA has no revocation list yet/)]);
  });

  it('says that a responder has not renewed itself, unless nobody asks it', () => {
    const responder = { notBefore: at(-160), notAfter: at(8) };
    expect(judgeResponder(responder, now)).toBe('warn');
    expect(found({ responder })).toEqual([expect.stringMatching(/^warn: The OCSP certificate .* ends in 8 hours/)]);
    expect(found({ responder: null })).toEqual([expect.stringContaining('has no certificate to answer with')]);
    expect(found({ responder, revoked: { at: at(-1), reason: 'keyCompromise' } })).toEqual([]);
    expect(found({ responder: null, role: 'root' })).toEqual([]);
  });

  it('names the target that refuses, with its own words, and puts what is worst first', () => {
    const publication = { target: 'ldap:corporate', documents: 3, behind: 2, publishedAt: at(-48), triedAt: at(0) };
    const findings = found({
      complete: list(-100, 68),
      publications: [
        { ...publication, error: 'connection refused.' },
        { ...publication, target: 'folder:www', error: null },
      ],
    });
    expect(findings).toEqual([
      expect.stringMatching(
        /^bad: ldap:corporate refuses 2 documents of Issuing CA: connection refused\. .*2 days ago/,
      ),
      expect.stringMatching(/^warn: The revocation list/),
    ]);
  });
});
