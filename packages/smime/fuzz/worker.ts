/** A hunt in a thread of its own: what hangs there can be stopped from outside. */
import { parentPort, workerData } from 'node:worker_threads';
import { attempt } from './attempt.ts';
import { Board } from './board.ts';
import { hunt } from './hunt.ts';
import { Inputs } from './inputs.ts';
import { targets } from './targets/all.ts';
import type { Message, Task } from './watch.ts';

const task = workerData as Task;
const target = targets.find(({ name }) => name === task.target);
if (target === undefined) throw new RangeError(`there is no target ${task.target}`);
const tell = (message: Message): void => parentPort?.postMessage(message);
const board = new Board(task.board);
const inputs = new Inputs(target, await target.seeds());
tell({ kind: 'ready', seeds: inputs.seeds.length });

if (task.only === undefined)
  await hunt({
    ...task,
    target,
    inputs,
    begin: (run, name) => board.write(run, name),
    found: ({ name, input }, defect) => tell({ kind: 'found', name, input, defect }),
    progress: (progress) => tell({ kind: 'progress', ...progress }),
  });
else {
  const { name, input } =
    typeof task.only === 'string' ? inputs.named(task.only) : { name: '', input: Buffer.from(task.only) };
  board.write(0, name);
  const defect = await attempt(target, input);
  if (defect) tell({ kind: 'found', name, input, defect });
  tell({ kind: 'progress', runs: 1, characters: 0, kept: [] });
}
