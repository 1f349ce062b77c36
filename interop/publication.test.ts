/** Directories that others write to as well: published, mended, stopped in the middle. */
import { describe, expect, it } from 'vitest';
import { missing } from './peers.ts';
import { keepInLine } from './publication/keep-in-line.ts';

describe.skipIf(missing('slapd'))('OpenLDAP over StartTLS', () => {
  it('is kept in line with the inventory, and others’ values are left alone', async () => {
    const kept = await keepInLine('slapd', 60, { page: 20 });
    expect(kept.mended).toMatchObject({ missing: 2, notFound: 4, refused: 0 });
    expect(kept.afterStop.mended).toBeGreaterThan(0);
  });
});

describe.skipIf(missing('samba'))('Active Directory, by Samba', () => {
  it('is kept in line with the inventory, and others’ values are left alone', async () => {
    const kept = await keepInLine('samba', 60, { page: 20 });
    expect(kept.mended).toMatchObject({ missing: 2, notFound: 4, refused: 0 });
    expect(kept.afterStop.mended).toBeGreaterThan(0);
  });
});
