import type { Directory } from '@chancery/api';
import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Losses } from './Losses.tsx';

interface AnswerQuestionProps {
  name: string;
  question: NonNullable<Directory['question']>;
  mayWrite: boolean;
}

/** More people would leave at once than usual: who they are, and whether that is right. */
export function AnswerQuestion({ name, question, mayWrite }: AnswerQuestionProps) {
  const [looking, { open, close }] = useDisclosure(false);
  const [chosen, setChosen] = useState<'confirmed' | 'dismissed' | null>(null);
  const answer = useAct(
    (choice: 'confirmed' | 'dismissed') =>
      api.answerDirectory({ params: { name }, body: { answer: choice, askedAt: question.askedAt } }),
    { stale: ['directories', 'people'], onDone: close },
  );
  const people = question.total === 1 ? '1 person' : `${question.total} people`;
  const title =
    question.answer === 'dismissed'
      ? `${people} stay, though the directory says otherwise`
      : `${people} of ${question.known} would leave at once`;
  return (
    <>
      <Alert
        color={question.answer === null ? 'wax' : 'ink'}
        variant="outline"
        icon={<IconAlertTriangle aria-hidden />}
        title={title}
      >
        <Stack gap="xs" align="flex-start">
          <Text size="sm">
            {question.answer === 'dismissed'
              ? 'Somebody said that the directory is wrong about them. Everybody else is followed.'
              : question.answer === 'confirmed'
                ? 'Somebody confirmed it. The next pass has them leave.'
                : 'Nothing was changed, and the directory is not followed until somebody has looked.'}
          </Text>
          <Button size="compact-sm" variant="default" onClick={open}>
            See who
          </Button>
        </Stack>
      </Alert>
      <Modal opened={looking} onClose={close} title={title} size="xl">
        <Stack>
          <Losses people={question.people} />
          {question.total > question.people.length && (
            <Text size="sm" c="dimmed">
              And {question.total - question.people.length} more.
            </Text>
          )}
          {mayWrite && (
            <>
              <Text size="sm">
                If they leave, their signing certificates are revoked and their encryption certificates are published no
                more; their keys stay in escrow. If they stay, they stay until the directory has them again, or somebody
                confirms it.
              </Text>
              <ProblemAlert error={answer.error} />
              <Group justify="flex-end">
                <Button variant="default" onClick={close} data-autofocus>
                  Cancel
                </Button>
                {question.answer !== 'dismissed' && (
                  <Button
                    variant="default"
                    loading={answer.isPending && chosen === 'dismissed'}
                    onClick={() => {
                      setChosen('dismissed');
                      answer.mutate('dismissed');
                    }}
                  >
                    They stay
                  </Button>
                )}
                <Button
                  color="wax.7"
                  loading={answer.isPending && chosen === 'confirmed'}
                  onClick={() => {
                    setChosen('confirmed');
                    answer.mutate('confirmed');
                  }}
                >
                  They leave
                </Button>
              </Group>
            </>
          )}
        </Stack>
      </Modal>
    </>
  );
}
