import type { NewCredential } from '@chancery/api';
import { Button, Group, Radio, Stack, Stepper, TagsInput, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, meQuery, officeQuery, queryClient } from '../api.ts';
import { CredentialForm } from '../credential/CredentialForm.tsx';
import { forgetLinkSecret, linkSecret } from '../fragment.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Entrance } from '../shell/Entrance.tsx';
import { normaliseDomain, validDomain } from './domain.ts';

/** The first page anybody sees: names the organisation, makes its authorities and its first administrator. */
export function SetupPage() {
  const office = useQuery(officeQuery);
  const [token] = useState(linkSecret);
  if (office.data?.setUp === true) return <AlreadySetUp />;
  if (token === '') return <NoToken />;
  return <SetupSteps token={token} />;
}

function SetupSteps({ token }: { token: string }) {
  const [step, setStep] = useState(0);
  const navigate = useNavigate();
  const form = useForm({
    initialValues: {
      organisation: '',
      domains: [] as string[],
      caAlgorithm: 'ecdsa' as 'ecdsa' | 'rsa',
      name: '',
      address: '',
    },
    validate: (values) => ({
      ...(values.organisation.trim() === '' ? { organisation: 'What is the organisation called?' } : {}),
      ...(values.domains.length === 0 ? { domains: 'At least one mail domain, such as example.com' } : {}),
      ...(values.domains.some((domain) => !validDomain(domain))
        ? { domains: `Not a domain: ${values.domains.filter((domain) => !validDomain(domain)).join(', ')}` }
        : {}),
      ...(step >= 1 && values.name.trim() === '' ? { name: 'Your name' } : {}),
      ...(step >= 1 && !/^[^@\s]+@[^@\s]+$/.test(values.address) ? { address: 'Your e-mail address' } : {}),
    }),
  });
  const offer = useAct(
    () => api.setupOptions({ body: { token, name: form.values.name, address: form.values.address } }),
    {
      form,
      onDone: () => setStep(2),
    },
  );
  const complete = useAct(
    (credential: NewCredential) => api.completeSetup({ body: { token, ...form.values, credential } }),
    {
      form,
      onDone: (me) => {
        forgetLinkSecret();
        queryClient.removeQueries({ queryKey: officeQuery.queryKey });
        queryClient.setQueryData(meQuery.queryKey, me);
        void navigate({ to: '/' });
      },
    },
  );
  const next = () => {
    if (form.validate().hasErrors) return;
    if (step === 0) setStep(1);
    else offer.mutate(undefined);
  };
  return (
    <Entrance title="Set up your S/MIME office" lead="Three short steps. Nothing is made until the last." width={560}>
      <Stepper active={step} size="xs" iconSize={26} mb="lg" allowNextStepsSelect={false} onStepClick={setStep}>
        <Stepper.Step label="Organisation" />
        <Stepper.Step label="You" />
        <Stepper.Step label="Sign-in" />
      </Stepper>
      {step < 2 ? (
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            next();
          }}
        >
          <Stack>
            {step === 0 ? (
              <>
                <TextInput
                  label="Organisation"
                  description="Stands in the name of your certification authorities"
                  required
                  maxLength={64}
                  autoFocus
                  {...form.getInputProps('organisation')}
                />
                <TagsInput
                  label="Mail domains"
                  description="The domains your people's addresses end in. Press Enter after each"
                  placeholder="example.com"
                  required
                  splitChars={[',', ' ', ';']}
                  acceptValueOnBlur
                  {...form.getInputProps('domains')}
                  onChange={(domains) => form.setFieldValue('domains', domains.map(normaliseDomain))}
                />
                <Radio.Group label="Keys of the certification authorities" {...form.getInputProps('caAlgorithm')}>
                  <Stack gap="xs" mt="xs">
                    <Radio
                      value="ecdsa"
                      label="ECDSA (recommended)"
                      description="P-384 root, P-256 issuing: small and fast, read by every current mail client"
                    />
                    <Radio
                      value="rsa"
                      label="RSA"
                      description="4096-bit root, 3072-bit issuing: for correspondents with very old software"
                    />
                  </Stack>
                </Radio.Group>
              </>
            ) : (
              <>
                <Text size="sm" c="dimmed">
                  The first administrator looks after people, certificates and operators. Recovering a key always takes
                  other people: you invite them as recovery officers afterwards.
                </Text>
                <TextInput label="Your name" autoComplete="name" required autoFocus {...form.getInputProps('name')} />
                <TextInput
                  label="Your e-mail address"
                  type="email"
                  autoComplete="email"
                  required
                  {...form.getInputProps('address')}
                />
              </>
            )}
            <ProblemAlert error={offer.error} placed={Object.keys(form.values)} />
            <Group justify="space-between">
              {step === 0 ? (
                <span />
              ) : (
                <Button variant="default" onClick={() => setStep(0)}>
                  Back
                </Button>
              )}
              <Button type="submit" loading={offer.isPending}>
                Continue
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        offer.data !== undefined && (
          <CredentialForm
            options={offer.data}
            busy={complete.isPending}
            error={complete.error}
            submitLabel="Set up the office"
            onCredential={(credential) => complete.mutate(credential)}
            onBack={() => setStep(1)}
          />
        )
      )}
    </Entrance>
  );
}

function AlreadySetUp() {
  const navigate = useNavigate();
  return (
    <Entrance title="This office is set up already">
      <Stack>
        <Text>A set-up link works once. Sign in, or ask an administrator for an invitation.</Text>
        <Button onClick={() => void navigate({ to: '/sign-in', search: {} })}>Sign in</Button>
      </Stack>
    </Entrance>
  );
}

function NoToken() {
  return (
    <Entrance title="Open the whole set-up link">
      <Text>
        The link that the first start printed ends in <code className="mono">#</code> and a long secret. This address
        lacks it: copy the whole line.
      </Text>
    </Entrance>
  );
}
