/** One contender as a process of its own: given a task, it warms up, then runs for as long as it is told, turn by turn. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Task, taskLine } from './task.ts';

export interface ContenderInput {
  readonly id: string;
  /** For a person, with its version. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** Milliseconds before the first measurement of a task; a compiler at run time needs more. */
  readonly warmUp: number;
}

/** Microseconds for one operation. */
export interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

export class Contender {
  readonly id: string;
  readonly name: string;
  readonly warmUp: number;
  private readonly input: ContenderInput;
  private child: ChildProcess | undefined;
  private answered: ((line: string) => void) | undefined;

  constructor(input: ContenderInput) {
    this.id = input.id;
    this.name = input.name;
    this.warmUp = input.warmUp;
    this.input = input;
  }

  /** Undefined once it is ready; else why it cannot do the task. @param warmUp milliseconds */
  async prepare(task: Task, warmUp: number): Promise<string | undefined> {
    const answer = await this.ask(`prepare ${warmUp} ${taskLine(task)}`);
    return answer === 'ready' ? undefined : answer.replace(/^cannot (Error: )?/, '');
  }

  async run(milliseconds: number): Promise<Sample> {
    const answer = await this.ask(`run ${milliseconds}`);
    const [wall, cpu] = answer.split(' ').map(Number);
    if (wall === undefined || cpu === undefined || Number.isNaN(wall) || Number.isNaN(cpu))
      throw new Error(`${this.name}: ${answer}`);
    return { wall, cpu };
  }

  /** Octets of memory that the process has held at most (Linux: VmHWM). */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.child?.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Ends the process; the next task starts another. */
  stop(): void {
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }

  private ask(line: string): Promise<string> {
    this.child ??= this.start();
    const { child } = this;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.stop();
        this.answered = undefined;
        resolve(`cannot it took more than ${patience / 1_000} s`);
      }, patience);
      this.answered = (answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      child.stdin?.write(`${line}\n`);
    });
  }

  private start(): ChildProcess {
    const [program, ...parameters] = this.input.command;
    const child = spawn(program, parameters, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...this.input.environment },
    });
    const answer = (line: string): void => {
      const { answered } = this;
      this.answered = undefined;
      answered?.(line);
    };
    createInterface({ input: child.stdout }).on('line', answer);
    child.on('exit', (code, signal) => {
      if (this.child !== child) return;
      this.child = undefined;
      answer(`cannot it ended with ${signal ?? code}`);
    });
    child.stdin.on('error', () => undefined);
    return child;
  }
}

/** Milliseconds for one answer. */
const patience = 60_000;
