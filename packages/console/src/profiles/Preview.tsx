import type { CertificatePreview } from '@chancery/api';
import { Skeleton, Stack, Text } from '@mantine/core';
import { tryDecode } from '../certificates/Decoded.tsx';
import type { DecodedCertificate } from '../certificates/decode-certificate.ts';
import { formatTime } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PersonSelect } from '../pieces/PersonSelect.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { lintVerdicts } from '../words.ts';
import type { useDraft } from './use-draft.ts';

/** The certificate that the draft would make, as it would be decoded, with what the lints say of it. */
export function Preview({ draft }: { draft: ReturnType<typeof useDraft> }) {
  const { comparison, personId, setPersonId } = draft;
  const isPersonal = draft.draft.use === 'signing' || draft.draft.use === 'encryption';
  return (
    <Panel title="Preview">
      <Stack>
        {isPersonal && (
          <PersonSelect
            label="Drawn for"
            placeholder="Sam Sample, who has everything"
            value={personId}
            onChange={setPersonId}
          />
        )}
        {comparison.data === undefined ? (
          <Skeleton height={360} />
        ) : (
          <div aria-busy={!draft.settled}>
            <Drawn before={comparison.data.before} after={comparison.data.after} />
          </div>
        )}
      </Stack>
    </Panel>
  );
}

/** One certificate, with what differs from another where there is one. */
export function Drawn({ before, after }: { before: CertificatePreview | null; after: CertificatePreview }) {
  const decoded = after.certificate === null ? null : tryDecode(after.certificate);
  const old = before?.certificate == null ? null : tryDecode(before.certificate);
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed">
        {after.holder}, with a {after.key} key. Not signed; nothing is kept.
      </Text>
      {decoded === null ? (
        <ul className="findings">
          <li className="finding" data-tone="bad">
            {after.refusal ?? 'This browser could not read the certificate.'}
          </li>
        </ul>
      ) : (
        <>
          <Findings findings={after.findings} />
          <Facts items={compared(decoded, old)} />
        </>
      )}
    </Stack>
  );
}

function Findings({ findings }: { findings: CertificatePreview['findings'] }) {
  if (findings.length === 0) {
    return (
      <Text size="sm">
        <StateBadge state={['Clean', 'ok']} /> The lints find nothing wrong.
      </Text>
    );
  }
  return (
    <ul className="findings" aria-label="What the lints say">
      {findings.map((finding) => (
        <li key={`${finding.lint} ${finding.message}`} className="finding" data-tone={lintVerdicts[finding.verdict][1]}>
          <div>
            <strong>{lintVerdicts[finding.verdict][0]}</strong>: {finding.message}{' '}
            <span style={{ whiteSpace: 'nowrap' }}>({finding.clause})</span>
            <div className="mono">{finding.lint}</div>
            {finding.reason !== undefined && <Text size="xs">{finding.reason}</Text>}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Each fact, with what it was where the draft changes it. */
function compared(now: DecodedCertificate, old: DecodedCertificate | null) {
  const before = new Map(old === null ? [] : factsOf(old));
  const names = new Set(factsOf(now).map(([name]) => name));
  const gone = [...before]
    .filter(([name]) => !names.has(name))
    .map(([name, was]) => [name, [] as string[], was] as const);
  const rows = factsOf(now).map(([name, values]) => [name, values, before.get(name)] as const);
  return [...rows, ...gone].map(([name, values, was]) => {
    const isNew = old !== null && JSON.stringify(was ?? []) !== JSON.stringify(values);
    const lost = isNew ? (was ?? []).filter((one) => !values.includes(one)) : [];
    return [
      name,
      <div key={name}>
        {isNew && <StateBadge state={['Changes', 'wait']} />}
        {lost.map((value) => (
          <div key={value} className="was">
            <span className="visually-hidden">was </span>
            {value}
          </div>
        ))}
        {values.map((value) => (
          <div key={value}>{value}</div>
        ))}
        {values.length === 0 && <div>None any more</div>}
      </div>,
    ] as const;
  });
}

/** Serial number, key and their identifiers are left out: they differ from one certificate to the next anyway. */
function factsOf(decoded: DecodedCertificate): [string, string[]][] {
  return [
    ['Subject', decoded.subject.split(/, (?=[A-Za-z]+=)/)],
    ['Valid until', [formatTime(decoded.notAfter)]],
    ['Public key', [decoded.publicKey]],
    ...decoded.extensions
      .filter(({ oid }) => oid !== '2.5.29.14' && oid !== '2.5.29.35')
      .map(({ name, values, critical }): [string, string[]] => [name, critical ? [...values, 'critical'] : values]),
    ['Issuer', [decoded.issuer]],
  ];
}
