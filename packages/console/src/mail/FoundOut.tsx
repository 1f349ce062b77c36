import type { MailVerdict } from '@chancery/api';
import { Stack, Text } from '@mantine/core';
import { Facts } from '../pieces/Facts.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { verdicts } from '../words.ts';

/** What the gateway found out about a message that came in, in words: who vouches for it, what it was encrypted with, and why to look twice. */
export function FoundOut({ of }: { of: MailVerdict }) {
  const { signature, signer, signals, from, authentication } = of;
  return (
    <Stack gap="md">
      {signals.length > 0 && (
        <ul className="findings" aria-label="Why to look twice">
          {signals.map(({ code, severity, reason }) => (
            <li key={code} className="finding" data-tone={severity === 'warning' ? 'bad' : 'warn'}>
              <strong>{severity === 'warning' ? 'Warning' : 'Notice'}</strong>
              <span>{reason}</span>
            </li>
          ))}
        </ul>
      )}
      <Facts
        items={[
          [
            'Signature',
            <Stack key="signature" gap={2} align="flex-start">
              <StateBadge state={signature === null ? ['Not looked into', 'quiet'] : verdicts[signature]} />
              <Text size="sm">{signatureInWords(of)}</Text>
            </Stack>,
          ],
          ...(signer === null
            ? []
            : ([
                ['Signed by', signer.address ?? signer.subject],
                [
                  'Certificate',
                  <span key="certificate" style={{ overflowWrap: 'anywhere' }}>
                    {signer.subject}, by {signer.issuer}, number <span className="mono">{signer.serialNumber}</span>
                  </span>,
                ],
              ] as const)),
          ['Says it is from', from.length === 0 ? 'Nobody' : from.join(', ')],
          ['Encryption', encryptionInWords(of)],
          ...(of.layers.length > 1 ? ([['Layers', layersInWords(of)]] as const) : []),
          ['SPF', authenticationWord(authentication.spf, 'The sender’s domain', 'the server that brought it')],
          ['DKIM', dkimInWords(authentication.dkim)],
          ['DMARC', authenticationWord(authentication.dmarc, 'The author’s domain', 'the message')],
          ...(authentication.arc === 'none'
            ? []
            : ([
                ['ARC', authenticationWord(authentication.arc, 'Whoever passed it on', 'what was found before')],
              ] as const)),
        ]}
      />
    </Stack>
  );
}

function signatureInWords({ signature, reason, identity }: MailVerdict): string {
  switch (signature) {
    case null:
      return 'It stayed encrypted: nobody here knows whether it is signed.';
    case 'unsigned':
      return 'Nobody signed it.';
    case 'valid':
      return 'Everything about it is right, and its signer is whom the message says it is from.';
    default: {
      const who = identity === 'mismatch' ? ' Its signer is not whom the message says it is from.' : '';
      const why = reason ?? (signature === 'invalid' ? 'Something is wrong with it' : 'It can be read in two ways');
      return `${why.replace(/\.?$/, '.')}${who}`;
    }
  }
}

function encryptionInWords({ encrypted, opened, authenticated, handling }: MailVerdict): string {
  if (!encrypted) return 'It came in the clear.';
  if (!opened) return 'It came encrypted, and goes on as it came.';
  const proof =
    authenticated === true
      ? 'and nobody altered it on the way'
      : 'and nothing shows that it was not altered on the way';
  return `It came encrypted, was opened here, ${proof}. ${handlings[handling]}`;
}

const handlings: Readonly<Record<MailVerdict['handling'], string>> = {
  whole: 'All of it was passed on.',
  text: 'Only its text was passed on, with the message as it came attached.',
  shut: 'It was passed on as it came.',
};

const layerNames: Readonly<Record<string, string>> = {
  'enveloped-data': 'encrypted',
  'auth-enveloped-data': 'encrypted with proof',
  'signed-data': 'signed',
  'multipart-signed': 'signed',
  'compressed-data': 'compressed',
};

function layersInWords({ layers }: MailVerdict): string {
  const named = layers.map(({ kind, verdict }) => {
    const name = layerNames[kind] ?? kind;
    return verdict === null ? name : `${name} (${verdicts[verdict][0].toLowerCase()})`;
  });
  return `${named.join(', within it ')}.`;
}

/** RFC 8601 result words. */
const results: Readonly<Record<string, (who: string, what: string) => string>> = {
  pass: (who, what) => `${who} vouches for ${what}.`,
  fail: (who, what) => `${who} says that it does not vouch for ${what}.`,
  softfail: (who, what) => `${who} probably does not vouch for ${what}.`,
  neutral: (who, what) => `${who} says nothing for or against ${what}.`,
  policy: (who, what) => `${who} vouches for ${what} in a way that is not taken here.`,
  none: (who) => `${who} says nothing.`,
  temperror: () => 'It could not be found out then.',
  permerror: (who) => `What ${who.charAt(0).toLowerCase()}${who.slice(1)} says cannot be read.`,
};

function authenticationWord(result: string, who: string, what: string): string {
  return results[result]?.(who, what) ?? result;
}

function dkimInWords(found: readonly string[]): string {
  if (found.length === 0) return 'It has no signature of a domain.';
  const best = found.includes('pass') ? 'pass' : (found[0] ?? 'none');
  return best === 'pass'
    ? `A domain signed it${found.length > 1 ? `; of ${found.length} signatures ${found.filter((one) => one === 'pass').length} hold` : ''}.`
    : authenticationWord(best, 'The domain that signed it', 'it');
}
