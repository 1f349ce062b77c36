import { describe, expect, it } from 'vitest';
import { readRecord, recoveriesIn, type TrailRecord, tellRecord } from './tell-record.ts';

const record = (change: Partial<TrailRecord>): TrailRecord => ({
  sequence: 7,
  at: '2026-11-25T12:00:00.000Z',
  actor: 'operator:1',
  actorName: 'Rita Officer',
  action: 'person.change',
  outcome: 'succeeded',
  subject: 'person:dora',
  details: {},
  ...change,
});

describe('a record in words', () => {
  it('says who did what, and "you" of the reader', () => {
    expect(tellRecord(record({}), 'dora').what).toBe('Rita Officer changed what is known of you.');
    expect(tellRecord(record({ action: 'person.ask-for-help', actor: 'person:dora' }), 'dora').what).toBe(
      'You asked for help.',
    );
    expect(tellRecord(record({ action: 'key.escrow', actor: 'system' }), 'dora').what).toMatch(/^The office made/);
  });

  it('says what a recovery was for, and who agreed', () => {
    const released = record({
      action: 'recovery.release',
      details: {
        reason: 'lost-device',
        caseNumber: 'C-7',
        approvedBy: [{ officerName: 'Otto' }, { officerName: 'Olga' }],
      },
    });
    expect(tellRecord(released, 'dora')).toEqual({
      what: 'Your encryption keys were given out to Rita Officer, after Otto and Olga had agreed (reason: lost device, case C-7).',
      weighty: true,
    });
    expect(recoveriesIn([record({}), released, record({ action: 'recovery.release', outcome: 'denied' })])).toEqual([
      {
        sequence: 7,
        at: released.at,
        by: 'Rita Officer',
        approvedBy: ['Otto', 'Olga'],
        reason: 'lost device',
        caseNumber: 'C-7',
      },
    ]);
  });

  it('says that something was only tried, and shows what it does not know by its name', () => {
    const denied = record({ action: 'recovery.release', outcome: 'denied', details: { reason: 'Too early.' } });
    expect(tellRecord(denied, 'dora').what).toBe(
      'Refused: Rita Officer wanted to be given your encryption keys. Too early.',
    );
    expect(tellRecord(record({ action: 'person.unheard-of' }), 'dora').what).toBe('Rita Officer: person.unheard-of.');
  });
});

describe('reading a record', () => {
  it('takes records, and nothing else', () => {
    expect(readRecord(JSON.stringify(record({})))).toEqual(record({}));
    for (const text of ['', 'null', '[]', '{}', JSON.stringify({ ...record({}), details: null })]) {
      expect(readRecord(text), text).toBeUndefined();
    }
  });
});
