import type { Ceremony } from '@chancery/api';
import { describe, expect, it } from 'vitest';
import { hasDoneStage, partOf, waitedFor } from './part.ts';

const officer = (name: string, hasShareKey: boolean, accepted = false) => ({ id: name, name, hasShareKey, accepted });
const dealer = (name: string, dealt: boolean) => ({ id: name, name, dealt });

function ceremony(state: Ceremony['state'], changed: Partial<Ceremony> = {}) {
  return {
    kind: 'found' as const,
    state,
    threshold: 2,
    officers: [officer('Olga', true), officer('Otto', state !== 'gathering')],
    dealers: [dealer('Olga', state === 'accepting'), dealer('Otto', state === 'accepting')],
    ...changed,
  };
}
const states = (...given: Parameters<typeof partOf>) => partOf(...given)?.map(({ name, state }) => `${name} ${state}`);

describe('partOf', () => {
  it('leads an officer of a founding through key, dealing, comparison and acceptance', () => {
    expect(states(ceremony('gathering'), 'Otto', false)).toEqual([
      'share-key now',
      'deal later',
      'compare later',
      'accept later',
    ]);
    expect(states(ceremony('dealing'), 'Otto', false)).toEqual([
      'share-key done',
      'deal now',
      'compare later',
      'accept later',
    ]);
    expect(states(ceremony('accepting'), 'Otto', false)).toEqual([
      'share-key done',
      'deal done',
      'compare now',
      'accept later',
    ]);
  });
  it('opens the acceptance only to whoever has compared', () => {
    expect(states(ceremony('accepting'), 'Otto', true)?.slice(2)).toEqual(['compare done', 'accept now']);
    const accepted = ceremony('accepting', { officers: [officer('Olga', true), officer('Otto', true, true)] });
    expect(states(accepted, 'Otto', false)?.slice(2)).toEqual(['compare done', 'accept done']);
  });
  it('says for whom an officer waits who has done their part', () => {
    expect(partOf(ceremony('gathering'), 'Olga', false)?.[0]?.detail).toBe('You have one. Waiting for Otto');
    const dealt = ceremony('dealing', { dealers: [dealer('Olga', true), dealer('Otto', false)] });
    expect(partOf(dealt, 'Olga', false)?.[1]?.detail).toBe('You have dealt. Waiting for Otto');
  });
  it('asks a leaving officer to deal and no more, a new one not to deal, and a stranger nothing', () => {
    const anew = ceremony('dealing', { kind: 'reshare', dealers: [dealer('Lena', false), dealer('Otto', false)] });
    expect(states(anew, 'Lena', false)).toEqual(['deal now']);
    expect(states(anew, 'Olga', false)).toEqual(['share-key done', 'compare later', 'accept later']);
    expect(partOf(anew, 'Ada', false)).toBeNull();
  });
});

describe('hasDoneStage', () => {
  it('follows the stage', () => {
    const gathering = ceremony('gathering');
    expect(gathering.officers.map((one) => hasDoneStage(gathering, one))).toEqual([true, false]);
    const dealing = ceremony('dealing', { dealers: [dealer('Otto', false)] });
    expect(dealing.officers.map((one) => hasDoneStage(dealing, one))).toEqual([true, false]);
    expect(waitedFor(dealing).dealing).toEqual(['Otto']);
  });
});
