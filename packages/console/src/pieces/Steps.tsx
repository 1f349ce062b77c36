import { Text } from '@mantine/core';
import { IconCheck, IconCircleDashed, IconPlayerStop, IconProgress } from '@tabler/icons-react';
import type { ReactNode } from 'react';

export interface Step {
  readonly title: string;
  readonly detail?: ReactNode;
  readonly state: 'done' | 'now' | 'later' | 'stopped';
  /** What is done in this step, while it is now. */
  readonly content?: ReactNode;
}

const icons = {
  done: [IconCheck, 'ok', 'Done'],
  now: [IconProgress, 'wait', 'Now'],
  later: [IconCircleDashed, 'quiet', 'Later'],
  stopped: [IconPlayerStop, 'quiet', 'Will not happen'],
} as const;

/** One thing after the other, each with where it stands. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    <ol className="steps">
      {steps.map((step) => {
        const [Icon, tone, word] = icons[step.state];
        return (
          <li key={step.title} aria-current={step.state === 'now' ? 'step' : undefined}>
            <span className="step-mark badge" data-tone={tone}>
              <Icon size={18} aria-hidden />
              <span className="visually-hidden">{word}</span>
            </span>
            <div className="step-body">
              <Text fw={step.state === 'now' ? 600 : 500}>{step.title}</Text>
              {step.detail !== undefined && (
                <Text size="sm" c="dimmed" component="div">
                  {step.detail}
                </Text>
              )}
              {step.content}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
