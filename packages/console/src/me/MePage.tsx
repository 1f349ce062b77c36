import { Alert, Group, Stack, Text } from '@mantine/core';
import { IconArrowRight, IconCheck } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { Entrance } from '../shell/Entrance.tsx';
import { AskForHelp } from './AskForHelp.tsx';
import { GmailKeys } from './GmailKeys.tsx';
import { ManagedPhones } from './ManagedPhones.tsx';
import { MeFrame } from './MeFrame.tsx';
import { MyDevices } from './MyDevices.tsx';
import { MyNotices } from './MyNotices.tsx';
import { MySignIn } from './MySignIn.tsx';
import { NewDevice } from './NewDevice.tsx';
import { OtherKeys } from './OtherKeys.tsx';
import { Passkeys } from './Passkeys.tsx';
import { ReportCompromise } from './ReportCompromise.tsx';
import { useMyself } from './use-myself.ts';
import { WhatIHave } from './WhatIHave.tsx';

/** A person's own page: what they have, another device, what is on record about them. */
export function MePage() {
  const myself = useMyself();
  const [said, setSaid] = useState<string | null>(null);
  if (myself.data === undefined) {
    return (
      <Entrance title="My mail keys">
        <Stack>
          {myself.isPending && <Text role="status">One moment…</Text>}
          <ProblemAlert error={myself.error} onRetry={() => void myself.refetch()} />
        </Stack>
      </Entrance>
    );
  }
  if (myself.data === null) return <MySignIn />;
  return (
    <MeFrame title="My mail keys" myself={myself.data}>
      {said !== null && (
        <Alert role="status" color="moss" variant="outline" icon={<IconCheck aria-hidden />} title={said} />
      )}
      <WhatIHave myself={myself.data} />
      <NewDevice myself={myself.data} />
      <MyDevices myself={myself.data} />
      <OtherKeys myself={myself.data} />
      <ManagedPhones myself={myself.data} onSaid={setSaid} />
      <GmailKeys myself={myself.data} onSaid={setSaid} />
      <Passkeys myself={myself.data} onSaid={setSaid} />
      <MyNotices onSaid={setSaid} />
      <ReportCompromise myself={myself.data} />
      <AskForHelp help={myself.data.help} onSaid={setSaid} />
      <Panel title="Everything about me">
        <Text size="sm">
          Whatever is done with your keys is written into a record that nobody can change unnoticed: who asked for them,
          who agreed, what came of it. Your browser checks that record itself.
        </Text>
        <Group mt="sm" gap={4} wrap="nowrap">
          <Link to="/me/records" className="quiet-link">
            See everything that is on record about you
          </Link>
          <IconArrowRight size={16} aria-hidden />
        </Group>
      </Panel>
    </MeFrame>
  );
}
