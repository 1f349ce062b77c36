import type { Myself } from '@chancery/api';
import { Stack, Text, Title } from '@mantine/core';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { certificateStates } from '../words.ts';

const places: Record<Myself['signing'][number]['keyOrigin'], string> = {
  browser: 'Made in your browser. It is where you imported the file that you saved then.',
  device: 'Made on one of your devices, and it is there only.',
  gateway: "In your organisation's mail gateway, which signs for you.",
  kra: '',
  authority: '',
};

/** Signing and encryption, in words for somebody who never saw a certificate. */
export function WhatIHave({ myself }: { myself: Myself }) {
  const signing = myself.signing.find(({ state }) => state === 'valid' || state === 'expiring') ?? myself.signing[0];
  const [current, ...older] = myself.keys;
  return (
    <Panel title="What you have">
      <Stack gap="lg">
        <section aria-label="Signing">
          <Title order={3} size="h4">
            Signing
          </Title>
          {signing === undefined ? (
            <Text size="sm">
              You cannot sign mail yet. Open the link that your administrator gave you, or ask for one below.
            </Text>
          ) : (
            <>
              <Text size="sm">
                <StateBadge state={certificateStates[signing.state]} /> Shows others that mail is from you. Since{' '}
                <When at={signing.notBefore} />, until <When at={signing.notAfter} />.
              </Text>
              <Text size="sm" c="dimmed">
                {places[signing.keyOrigin]}
              </Text>
            </>
          )}
        </section>
        <section aria-label="Encryption">
          <Title order={3} size="h4">
            Encryption
          </Title>
          {current === undefined ? (
            <Text size="sm">Your key is not made yet.</Text>
          ) : (
            <>
              <Text size="sm">
                <StateBadge state={certificateStates[current.certificates[0]?.state ?? 'expired']} /> Opens mail that is
                sent to you encrypted. Since <When at={current.createdAt} />
                {current.certificates[0] !== undefined && (
                  <>
                    , until <When at={current.certificates[0].notAfter} />
                  </>
                )}
                .
              </Text>
              <Text size="sm" c="dimmed">
                {current.deliveredAt === null
                  ? 'You have not fetched it yet.'
                  : `${older.length === 0 ? 'It' : `It and ${plural(older.length, 'older key', 'older keys')}, for mail from before,`} can be recovered if you lose yours.`}
                {current.gatewayOpens && " Your organisation's mail gateway opens mail with it, too."}
              </Text>
              {myself.devices.length > 0 && (
                <ul className="plain-list">
                  {myself.devices.slice(0, 5).map((device) => (
                    <li key={device.at}>
                      <Text size="sm" span>
                        {device.name === ''
                          ? device.kind === 'apple'
                            ? 'An iPhone, iPad or Mac'
                            : 'Fetched with your claim link'
                          : device.name}
                        : {plural(device.keys, 'key', 'keys')}, <When at={device.at} style="time" />
                      </Text>
                    </li>
                  ))}
                </ul>
              )}
            </>
          )}
        </section>
      </Stack>
    </Panel>
  );
}
