import type { InspectNode } from '@chancery/api';
import { describe, expect, it } from 'vitest';
import { errorsBelow, flatten, move } from './tree.ts';

const leaf = (title: string, ...children: InspectNode[]): InspectNode => ({
  kind: 'x',
  title,
  fields: [],
  problems: [],
  children,
});
const root = leaf('root', leaf('a', leaf('a1'), leaf('a2')), leaf('b'));
const none = new Set<string>();

describe('the tree of layers', () => {
  it('lists what is visible, depth first', () => {
    expect(
      flatten(root, none).map((item) => [item.path, item.node.title, item.depth, item.position, item.size]),
    ).toEqual([
      ['0', 'root', 0, 1, 1],
      ['0.0', 'a', 1, 1, 2],
      ['0.0.0', 'a1', 2, 1, 2],
      ['0.0.1', 'a2', 2, 2, 2],
      ['0.1', 'b', 1, 2, 2],
    ]);
    expect(flatten(root, new Set(['0.0'])).map((item) => item.node.title)).toEqual(['root', 'a', 'b']);
  });

  it('moves as the ARIA tree pattern says', () => {
    const visible = flatten(root, none);
    expect(move(visible, '0', 'ArrowDown', none)).toEqual({ to: '0.0' });
    expect(move(visible, '0', 'ArrowUp', none)).toBeNull();
    expect(move(visible, '0.0', 'ArrowRight', none)).toEqual({ to: '0.0.0' });
    expect(move(visible, '0.0', 'ArrowLeft', none)).toEqual({ toggle: '0.0' });
    expect(move(visible, '0.0.1', 'ArrowLeft', none)).toEqual({ to: '0.0' });
    expect(move(visible, '0', 'End', none)).toEqual({ to: '0.1' });
    expect(move(visible, '0.1', 'Home', none)).toEqual({ to: '0' });
    expect(move(visible, '0.1', 'Enter', none)).toBeNull();
    expect(move(visible, '0.1', 'x', none)).toBeNull();
  });

  it('opens a closed node before it goes in', () => {
    const closed = new Set(['0.0']);
    expect(move(flatten(root, closed), '0.0', 'ArrowRight', closed)).toEqual({ toggle: '0.0' });
    expect(move(flatten(root, closed), '0.0', 'ArrowLeft', closed)).toEqual({ to: '0' });
  });
});

describe('errorsBelow', () => {
  it('finds errors at every depth, with their place, and leaves warnings and its own out', () => {
    const problem = (code: string, severity: 'error' | 'warning') => ({ code, message: code, severity });
    const tree: InspectNode = {
      ...leaf('root', leaf('a'), {
        ...leaf('b', { ...leaf('b0'), problems: [problem('deep', 'error')] }),
        problems: [problem('near', 'error'), problem('mild', 'warning')],
      }),
      problems: [problem('own', 'error')],
    };
    expect(errorsBelow(tree, '0').map(({ path, title, finding }) => [path, title, finding.code])).toEqual([
      ['0.1', 'b', 'near'],
      ['0.1.0', 'b0', 'deep'],
    ]);
  });
});
