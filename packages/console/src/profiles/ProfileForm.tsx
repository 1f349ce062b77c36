import {
  baselineEditions,
  contentCiphers,
  generatedKeys,
  type ProfileDocument,
  profileKeyAlgorithms,
  profileKeyOrigins,
  profileKeyUsages,
} from '@chancery/api';
import {
  Checkbox,
  Fieldset,
  Group,
  NumberInput,
  Select,
  Stack,
  Switch,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { keyOrigins } from '../words.ts';
import { Exceptions, Policies, SubjectTemplate } from './Rows.tsx';
import { errorAt, type Update } from './use-draft.ts';

interface FormProps {
  document: ProfileDocument;
  update: Update;
  problems: readonly { path: string; message: string }[];
}

/** The document as a form. What a field may not say stands beneath it. */
export function ProfileForm(props: FormProps) {
  return (
    <Stack gap="lg">
      <About {...props} />
      <Validity {...props} />
      <Keys {...props} />
      <Names {...props} />
      <Usage {...props} />
      <Addresses {...props} />
      <Lints {...props} />
    </Stack>
  );
}

function About({ document, update, problems }: FormProps) {
  const { baseline } = document;
  const isForMail = document.use === 'signing' || document.use === 'encryption';
  return (
    <Fieldset legend="About">
      <Stack gap="sm">
        <TextInput
          label="Name"
          value={document.name}
          error={errorAt(problems, 'name')}
          onChange={(event) => update({ name: event.currentTarget.value })}
        />
        <Textarea
          label="Description"
          autosize
          minRows={2}
          value={document.description}
          error={errorAt(problems, 'description')}
          onChange={(event) => update({ description: event.currentTarget.value })}
        />
        {isForMail && baseline !== null && (
          <Group grow align="flex-start">
            <Select
              label="Generation"
              description="S/MIME Baseline Requirements"
              allowDeselect={false}
              data={[
                { value: 'strict', label: 'Strict' },
                { value: 'multipurpose', label: 'Multipurpose' },
              ]}
              value={baseline.generation}
              error={errorAt(problems, 'baseline')}
              onChange={(value) =>
                update({ baseline: { ...baseline, generation: value as typeof baseline.generation } })
              }
            />
            <Select
              label="Type"
              description="What its subject vouches for"
              allowDeselect={false}
              data={[
                { value: 'mailbox', label: 'Mailbox-validated' },
                { value: 'organization', label: 'Organization-validated' },
                { value: 'sponsor', label: 'Sponsor-validated' },
                { value: 'individual', label: 'Individual-validated' },
              ]}
              value={baseline.type}
              onChange={(value) => update({ baseline: { ...baseline, type: value as typeof baseline.type } })}
            />
          </Group>
        )}
      </Stack>
    </Fieldset>
  );
}

function Validity({ document, update, problems }: FormProps) {
  const number = (path: 'validityDays' | 'renewalDays' | 'backdateMinutes', label: string, description: string) => (
    <NumberInput
      label={label}
      description={description}
      min={path === 'backdateMinutes' ? 0 : 1}
      allowDecimal={false}
      hideControls
      value={document[path]}
      error={errorAt(problems, path)}
      onChange={(value) => update({ [path]: typeof value === 'number' ? value : Number.NaN })}
    />
  );
  return (
    <Fieldset legend="Validity">
      <Group grow align="flex-start">
        {number('validityDays', 'Valid for', 'Days')}
        {number('renewalDays', 'Renewed from', 'Days before the end')}
        {number('backdateMinutes', 'Begins early by', 'Minutes, for slow clocks')}
      </Group>
    </Fieldset>
  );
}

function Keys({ document, update, problems }: FormProps) {
  const { keys } = document;
  const bits = (end: 'minimum' | 'maximum', label: string) => (
    <NumberInput
      label={label}
      description="Bits"
      min={2048}
      max={8192}
      step={1024}
      allowDecimal={false}
      hideControls
      value={keys.rsaBits[end]}
      error={end === 'minimum' ? errorAt(problems, 'keys.rsaBits') : undefined}
      onChange={(value) =>
        update({
          keys: { ...keys, rsaBits: { ...keys.rsaBits, [end]: typeof value === 'number' ? value : Number.NaN } },
        })
      }
    />
  );
  return (
    <Fieldset legend="Keys">
      <Stack gap="sm">
        <Choice
          label="Accepted"
          options={profileKeyAlgorithms.map((value) => [value, ALGORITHMS[value]])}
          value={keys.algorithms}
          error={errorAt(problems, 'keys.algorithms')}
          onChange={(algorithms) => update({ keys: { ...keys, algorithms } })}
        />
        <Group grow align="flex-start">
          {bits('minimum', 'Smallest RSA')}
          {bits('maximum', 'Largest RSA')}
        </Group>
        {document.use === 'encryption' && (
          <Select
            label="The KRA makes"
            data={[...generatedKeys]}
            allowDeselect={false}
            value={keys.generate}
            error={errorAt(problems, 'keys.generate')}
            onChange={(value) => update({ keys: { ...keys, generate: value as typeof keys.generate } })}
          />
        )}
        <Choice
          label="Where the key may come from"
          options={profileKeyOrigins.map((value) => [value, keyOrigins[value]])}
          value={document.keyOrigins}
          error={errorAt(problems, 'keyOrigins')}
          onChange={(chosen) => update({ keyOrigins: chosen })}
        />
        <Text size="sm" c="dimmed">
          {document.use === 'encryption'
            ? 'Escrowed, always: mail must outlive a lost key. No profile can change that.'
            : 'Never escrowed: a copy could act in its holder’s name. No profile can change that.'}
        </Text>
      </Stack>
    </Fieldset>
  );
}

function Names({ document, update, problems }: FormProps) {
  const { alternativeNames: names } = document;
  return (
    <Fieldset legend="Names">
      <Stack gap="sm">
        <SubjectTemplate
          subject={document.subject}
          error={errorAt(problems, 'subject')}
          onChange={(subject) => update({ subject })}
        />
        <Select
          label="Addresses among the alternative names"
          allowDeselect={false}
          data={[
            { value: 'all', label: 'All of the holder’s' },
            { value: 'primary', label: 'The primary one' },
            { value: 'none', label: 'None' },
          ]}
          value={names.emails}
          error={errorAt(problems, 'alternativeNames.emails')}
          onChange={(value) => update({ alternativeNames: { ...names, emails: value as typeof names.emails } })}
        />
        <Switch
          label="Addresses beyond ASCII, as SmtpUTF8Mailbox"
          checked={names.international}
          onChange={(event) => update({ alternativeNames: { ...names, international: event.currentTarget.checked } })}
        />
        {document.baseline?.generation === 'multipurpose' && (
          <TextInput
            label="User principal name"
            description="Microsoft’s sign-in name. Empty for none; placeholders as in the subject"
            value={names.userPrincipalName ?? ''}
            error={errorAt(problems, 'alternativeNames.userPrincipalName')}
            onChange={({ currentTarget: { value } }) =>
              update({ alternativeNames: { ...names, userPrincipalName: value === '' ? null : value } })
            }
          />
        )}
      </Stack>
    </Fieldset>
  );
}

function Usage({ document, update, problems }: FormProps) {
  const usage = (kind: 'rsa' | 'ec', label: string) => (
    <Choice
      label={label}
      options={profileKeyUsages.map((value) => [value, value])}
      value={document.keyUsage[kind]}
      error={errorAt(problems, `keyUsage.${kind}`)}
      onChange={(chosen) => update({ keyUsage: { ...document.keyUsage, [kind]: chosen } })}
    />
  );
  return (
    <Fieldset legend="Usage">
      <Stack gap="sm">
        {usage('rsa', 'Key usage, RSA')}
        {usage('ec', 'Key usage, elliptic curves')}
        <TagsInput
          label="Extended key usage"
          description="emailProtection, clientAuth, ocspSigning, or an object identifier. Press Enter after each"
          data={['emailProtection', 'clientAuth', 'ocspSigning']}
          splitChars={[',', ' ']}
          acceptValueOnBlur
          value={document.extendedKeyUsage}
          error={errorAt(problems, 'extendedKeyUsage')}
          onChange={(extendedKeyUsage) => update({ extendedKeyUsage })}
        />
        <Policies
          policies={document.policies}
          error={errorAt(problems, 'policies')}
          onChange={(policies) => update({ policies })}
        />
        {document.use === 'encryption' && (
          <TagsInput
            label="S/MIME capabilities"
            description="What the holder’s software opens, best first"
            data={[...contentCiphers]}
            value={document.smimeCapabilities}
            error={errorAt(problems, 'smimeCapabilities')}
            onChange={(chosen) => update({ smimeCapabilities: contentCiphers.filter((one) => chosen.includes(one)) })}
          />
        )}
      </Stack>
    </Fieldset>
  );
}

function Addresses({ document, update, problems }: FormProps) {
  const { authorityInfoAccess: access, publication } = document;
  const isForMail = document.use === 'signing' || document.use === 'encryption';
  return (
    <Fieldset legend="Status and publication">
      <Stack gap="sm">
        <Switch
          label="Address of the CRL"
          checked={document.crlDistributionPoint}
          error={errorAt(problems, 'crlDistributionPoint')}
          onChange={(event) => update({ crlDistributionPoint: event.currentTarget.checked })}
        />
        <Switch
          label="Address of the OCSP responder"
          checked={access.ocsp}
          onChange={(event) => update({ authorityInfoAccess: { ...access, ocsp: event.currentTarget.checked } })}
        />
        <Switch
          label="Address of the issuer’s certificate"
          checked={access.issuer}
          onChange={(event) => update({ authorityInfoAccess: { ...access, issuer: event.currentTarget.checked } })}
        />
        {isForMail && (
          <>
            <Select
              label="Published"
              allowDeselect={false}
              data={[
                { value: 'everywhere', label: 'In every directory' },
                { value: 'some', label: 'In some directories' },
                { value: 'nowhere', label: 'Nowhere' },
              ]}
              value={typeof publication === 'string' ? publication : 'some'}
              error={typeof publication === 'string' ? errorAt(problems, 'publication') : undefined}
              onChange={(value) => update({ publication: value === 'some' ? [] : (value as 'everywhere' | 'nowhere') })}
            />
            {typeof publication !== 'string' && (
              <TagsInput
                label="Directories"
                description="By the names of the configuration. Press Enter after each"
                value={publication}
                error={errorAt(problems, 'publication')}
                acceptValueOnBlur
                onChange={(names) => update({ publication: names })}
              />
            )}
          </>
        )}
      </Stack>
    </Fieldset>
  );
}

function Lints({ document, update, problems }: FormProps) {
  const { lints } = document;
  return (
    <Fieldset legend="Lints">
      <Stack gap="sm">
        <Group grow align="flex-start">
          <Select
            label="Baseline Requirements"
            description="The edition it is held to"
            allowDeselect={false}
            data={[...baselineEditions]}
            value={lints.edition}
            onChange={(value) => update({ lints: { ...lints, edition: value as typeof lints.edition } })}
          />
          <Select
            label="Issuance is blocked by"
            description="Warnings go on record anyway"
            allowDeselect={false}
            data={[
              { value: 'error', label: 'Errors' },
              { value: 'warning', label: 'Errors and warnings' },
            ]}
            value={lints.block}
            onChange={(value) => update({ lints: { ...lints, block: value as typeof lints.block } })}
          />
        </Group>
        <Exceptions
          exceptions={lints.exceptions}
          error={errorAt(problems, 'lints.exceptions')}
          onChange={(exceptions) => update({ lints: { ...lints, exceptions } })}
        />
      </Stack>
    </Fieldset>
  );
}

const ALGORITHMS: Readonly<Record<(typeof profileKeyAlgorithms)[number], string>> = {
  rsa: 'RSA',
  p256: 'P-256',
  p384: 'P-384',
  p521: 'P-521',
  ed25519: 'Ed25519',
};

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly (readonly [value: T, label: string])[];
  value: readonly T[];
  error: string | undefined;
  onChange: (value: T[]) => void;
}

/** Several of a few. What is chosen keeps the order of the options. */
function Choice<T extends string>({ label, options, value, error, onChange }: ChoiceProps<T>) {
  return (
    <Checkbox.Group
      label={label}
      value={[...value]}
      error={error}
      onChange={(chosen) => onChange(options.map(([one]) => one).filter((one) => chosen.includes(one)))}
    >
      <Group gap="md" mt={6}>
        {options.map(([one, name]) => (
          <Checkbox key={one} value={one} label={name} />
        ))}
      </Group>
    </Checkbox.Group>
  );
}
