import type { Authority, CrossCertificate } from '@chancery/api';
import { describe, expect, it } from 'vitest';
import { breadthOf, hierarchyOf, neighbour, type TreeNode, walk } from './forest.ts';

const authority = (id: string, rest: Partial<Authority>): Authority => ({
  id,
  role: 'issuing',
  slug: id,
  name: id,
  issuerId: null,
  outside: [],
  state: 'kept',
  keyAlgorithm: 'P-256',
  experimental: false,
  keyPlace: 'software',
  notBefore: '2026-01-01T00:00:00Z',
  notAfter: '2036-01-01T00:00:00Z',
  retiredAt: null,
  certificate: '',
  certificateUrl: 'http://pki.example.com/ca/x.cer',
  crlUrl: 'http://pki.example.com/crl/x.crl',
  crl: null,
  certificatesInForce: 0,
  ...rest,
});
const request = {
  id: 'asked',
  name: 'Asked for',
  keyAlgorithm: 'P-384',
  keyPlace: 'token',
  request: '',
  createdAt: '2026-11-01T00:00:00Z',
} as const;

/** Names, and what is below each in brackets. */
const drawn = (nodes: readonly TreeNode[]): string =>
  nodes
    .map((node) => {
      const name = node.kind === 'authority' ? node.key : node.kind === 'outside' ? `(${node.name})` : `?${node.key}`;
      return node.below.length === 0 ? name : `${name} [${drawn(node.below)}]`;
    })
    .join(' ');

const cross = (id: string, rest: Partial<CrossCertificate>): CrossCertificate => ({
  id,
  subjectId: null,
  subject: 'CN=Partner',
  issuerId: null,
  issuer: 'CN=Bridge',
  above: [],
  serialNumber: '01',
  keyAlgorithm: 'P-256',
  notBefore: '2026-01-01T00:00:00Z',
  notAfter: '2036-01-01T00:00:00Z',
  revokedAt: null,
  certificate: '',
  ...rest,
});
const now = Date.parse('2026-11-25T00:00:00Z');

const { forest } = hierarchyOf(
  [
    authority('root', { role: 'root', state: 'root' }),
    authority('old', { issuerId: 'root', state: 'retired' }),
    authority('kept', { issuerId: 'root' }),
    authority('now', { issuerId: 'root', state: 'issuing' }),
    authority('west', { outside: ['Bridge', 'Partner Root'] }),
    authority('east', { outside: ['Bridge', 'Partner Root'], state: 'revoked' }),
    authority('south', { outside: ['Partner Root'] }),
  ],
  [request],
  [],
  now,
);

describe('the hierarchy', () => {
  it('has each below its issuer, ours or not, whoever issues first and requests last', () => {
    expect(drawn(forest)).toBe('root [now kept old] (Partner Root) [(Bridge) [west east] south] ?asked');
    expect(breadthOf(forest)).toBe(7);
    expect(walk(forest).map(({ key }) => key)).toHaveLength(10);
  });

  it('stands above an authority whose issuer is not among them', () => {
    expect(drawn(hierarchyOf([authority('orphan', { issuerId: 'gone' })], [], [], now).forest)).toBe('orphan');
  });

  it('is walked by arrow keys', () => {
    expect(neighbour(forest, 'root', 'ArrowDown')).toBe('now');
    expect(neighbour(forest, 'now', 'ArrowUp')).toBe('root');
    expect(neighbour(forest, 'now', 'ArrowRight')).toBe('kept');
    expect(neighbour(forest, 'now', 'ArrowLeft')).toBeUndefined();
    expect(neighbour(forest, 'root', 'ArrowUp')).toBeUndefined();
    expect(neighbour(forest, 'west', 'Enter')).toBeUndefined();
  });

  it('has a second edge for a cross-certificate, and a node for whoever is outside', () => {
    const roots = ['new', 'old'].map((id) => authority(id, { role: 'root', state: 'root' }));
    const picture = hierarchyOf(
      [...roots, authority('west', { outside: ['Bridge', 'Partner Root'] })],
      [],
      [
        cross('overlap', { issuerId: 'old', subjectId: 'new' }),
        cross('in', { subjectId: 'new', above: ['Bridge', 'Partner Root'] }),
        cross('out', { issuerId: 'new', revokedAt: '2026-11-01T00:00:00Z' }),
        cross('ended', { issuerId: 'old', subjectId: 'new', notAfter: '2026-11-24T00:00:00Z' }),
      ],
      now,
    );
    expect(drawn(picture.forest)).toBe('new old (Partner Root) [(Bridge) [west]] (CN=Partner)');
    const bridge = walk(picture.forest).find((node) => node.kind === 'outside' && node.name === 'Bridge');
    const partner = picture.forest.at(-1);
    expect(picture.crosses).toEqual([
      { key: 'overlap', from: 'old', to: 'new', inForce: true },
      { key: 'in', from: bridge?.key, to: 'new', inForce: true },
      { key: 'out', from: 'new', to: partner?.key, inForce: false },
      { key: 'ended', from: 'old', to: 'new', inForce: false },
    ]);
  });
});
