import {
  baselineEditions,
  contentCiphers,
  generatedKeys,
  type ProfileDocument,
  profileKeyAlgorithms,
  profileKeyOrigins,
  profileKeyUsages,
} from '@chancery/api';
import { Fieldset, Group, NumberInput, Stack, TagsInput, Text, Textarea, TextInput } from '@mantine/core';
import { keyOrigins } from '../words.ts';
import { Choice, Pick, same, Toggle, Whole } from './fields.tsx';
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
  const isForMail = document.use === 'signing' || document.use === 'encryption' || document.use === 'partner';
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
            <Pick
              label="Generation"
              description="S/MIME Baseline Requirements"
              options={{
                strict: 'Strict',
                multipurpose: 'Multipurpose',
              }}
              value={baseline.generation}
              error={errorAt(problems, 'baseline')}
              onChange={(value) => update({ baseline: { ...baseline, generation: value } })}
            />
            <Pick
              label="Type"
              description="What its subject vouches for"
              options={{
                mailbox: 'Mailbox-validated',
                organization: 'Organization-validated',
                sponsor: 'Sponsor-validated',
                individual: 'Individual-validated',
              }}
              value={baseline.type}
              onChange={(value) => update({ baseline: { ...baseline, type: value } })}
            />
          </Group>
        )}
      </Stack>
    </Fieldset>
  );
}

function Validity({ document, update, problems }: FormProps) {
  const number = (path: 'validityDays' | 'renewalDays' | 'backdateMinutes', label: string, description: string) => (
    <Whole
      label={label}
      description={description}
      min={path === 'backdateMinutes' ? 0 : 1}
      value={document[path]}
      error={errorAt(problems, path)}
      onChange={(value) => update({ [path]: value })}
    />
  );
  return (
    <Fieldset legend="Validity">
      <Group grow align="flex-start">
        {number('validityDays', 'Valid for', 'Days')}
        {number('renewalDays', 'Renewed from', 'Days before the end')}
        {document.use === 'encryption' && (
          <Pick
            label="Renewed with"
            description="Keys that the KRA made"
            options={{ same: 'The same key', fresh: 'A fresh key' }}
            value={document.renewalKey}
            error={errorAt(problems, 'renewalKey')}
            onChange={(renewalKey) => update({ renewalKey })}
          />
        )}
        {number('backdateMinutes', 'Begins early by', 'Minutes, for slow clocks')}
      </Group>
    </Fieldset>
  );
}

function Keys({ document, update, problems }: FormProps) {
  const { keys } = document;
  const bits = (end: 'minimum' | 'maximum', label: string) => (
    <Whole
      label={label}
      description="Bits"
      min={2048}
      max={8192}
      step={1024}
      value={keys.rsaBits[end]}
      error={end === 'minimum' ? errorAt(problems, 'keys.rsaBits') : undefined}
      onChange={(value) => update({ keys: { ...keys, rsaBits: { ...keys.rsaBits, [end]: value } } })}
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
          <Pick
            label="The KRA makes"
            options={same(generatedKeys)}
            value={keys.generate}
            error={errorAt(problems, 'keys.generate')}
            onChange={(value) => update({ keys: { ...keys, generate: value } })}
          />
        )}
        <Choice
          label="Where the key may come from"
          options={profileKeyOrigins.map((value) => [value, keyOrigins[value]])}
          value={document.keyOrigins}
          error={errorAt(problems, 'keyOrigins')}
          onChange={(chosen) => update({ keyOrigins: chosen })}
        />
        {(document.use === 'signing' || document.use === 'encryption') && (
          <Pick
            label="An operator decides"
            description="On what devices ask for by SCEP and EST, and people bring to their own page"
            options={{ never: 'On nothing', first: 'On the first request of a device', always: 'On renewals too' }}
            value={document.approval}
            error={errorAt(problems, 'approval')}
            onChange={(approval) => update({ approval })}
          />
        )}
        {document.use === 'encryption' && (
          <NumberInput
            label="Escrowed keys are kept"
            description="Years after the last certificate of a key; empty: for ever. Applies to keys that are in escrow already"
            min={0}
            max={100}
            allowDecimal={false}
            value={document.retainYears ?? ''}
            error={errorAt(problems, 'retainYears')}
            onChange={(value) => update({ retainYears: value === '' ? null : Number(value) })}
          />
        )}
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
        <Pick
          label="Addresses among the alternative names"
          options={{
            all: 'All of the holder’s',
            primary: 'The primary one',
            none: 'None',
          }}
          value={names.emails}
          error={errorAt(problems, 'alternativeNames.emails')}
          onChange={(value) => update({ alternativeNames: { ...names, emails: value } })}
        />
        <Toggle
          label="Addresses beyond ASCII, as SmtpUTF8Mailbox"
          checked={names.international}
          onChange={(international) => update({ alternativeNames: { ...names, international } })}
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
  const isForMail = document.use === 'signing' || document.use === 'encryption' || document.use === 'partner';
  return (
    <Fieldset legend="Status and publication">
      <Stack gap="sm">
        <Toggle
          label="Address of the CRL"
          checked={document.crlDistributionPoint}
          error={errorAt(problems, 'crlDistributionPoint')}
          onChange={(checked) => update({ crlDistributionPoint: checked })}
        />
        <Toggle
          label="Address of the OCSP responder"
          checked={access.ocsp}
          onChange={(ocsp) => update({ authorityInfoAccess: { ...access, ocsp } })}
        />
        <Toggle
          label="Address of the issuer’s certificate"
          checked={access.issuer}
          onChange={(issuer) => update({ authorityInfoAccess: { ...access, issuer } })}
        />
        {isForMail && (
          <>
            <Pick
              label="Published"
              options={{
                everywhere: 'In every directory',
                some: 'In some directories',
                nowhere: 'Nowhere',
              }}
              value={typeof publication === 'string' ? publication : 'some'}
              error={typeof publication === 'string' ? errorAt(problems, 'publication') : undefined}
              onChange={(value) => update({ publication: value === 'some' ? [] : value })}
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
          <Pick
            label="Baseline Requirements"
            description="The edition it is held to"
            options={same(baselineEditions)}
            value={lints.edition}
            onChange={(value) => update({ lints: { ...lints, edition: value } })}
          />
          <Pick
            label="Issuance is blocked by"
            description="Warnings go on record anyway"
            options={{
              error: 'Errors',
              warning: 'Errors and warnings',
            }}
            value={lints.block}
            onChange={(value) => update({ lints: { ...lints, block: value } })}
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
