import { Stack, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Entrance } from '../shell/Entrance.tsx';
import { passOnConsent } from './gmail.ts';

const words = {
  given: ['Google has agreed', 'You may close this window: your own page goes on.'],
  refused: ['Google has not agreed', 'You may close this window. Nothing was handed over.'],
  nothing: ['Nothing came back', 'This window belongs to “Gmail” on your own page. Begin there.'],
} as const;

/** Where Google sends the window back to that asked for consent. */
export function GmailReturnPage() {
  const [said] = useState(passOnConsent);
  useEffect(() => {
    if (said === 'given') window.close();
  }, [said]);
  const [title, text] = words[said];
  return (
    <Entrance title={title}>
      <Stack>
        <Text role="status">{text}</Text>
      </Stack>
    </Entrance>
  );
}
