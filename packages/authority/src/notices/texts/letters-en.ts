import { heldMailEndedText } from '@chancery/api';
import { type LetterWords, letter } from './language.ts';

/** How a request for keys is told of. */
const request = [
  'Asked by:   {by}',
  'Asked on:   {since}',
  'Reason:     {reason}',
  'Case:       {case}',
  'Delivered:  {delivery}',
  'Request:    {request}',
].join('\n');
const doubt =
  'If you know nothing of this, tell a recovery officer at once. All of it stands in the audit trail of {organisation}: {url}';

export const englishLetters: LetterWords = {
  recoveryReasons: {
    'lost-device': 'a device was lost',
    'forgotten-password': 'a password was forgotten',
    'departed-employee': 'somebody has left',
    'legal-hold': 'a legal hold',
    investigation: 'an investigation',
    other: 'another one',
  },
  deliveries: {
    certificate: 'encrypted to the certificate of',
    pkcs12: 'as a file, whose password travels apart',
    owner: 'to you alone, by a link',
    decrypt: 'not at all; named messages are decrypted instead',
  },
  passkeyChanges: {
    added: 'a passkey was added to your page, which signs you in',
    'added-opening': 'a passkey was added to your page, which signs you in and opens your encryption keys',
    removed: 'a registration officer has removed your passkeys: none of them signs in or opens keys any more',
  },
  texts: {
    'sign-in-link': {
      subject: 'Your sign-in link',
      text: letter(
        'Dear {name},',
        'this link signs you in to your own page at the mail certificate office of {organisation}. It works once, within fifteen minutes:',
        '{signInLink}',
        'Somebody asked for it, giving your address. If it was not you, delete this mail: nothing has happened.',
      ),
    },
    'passkeys-changed': {
      subject: 'Your passkeys have changed',
      text: letter(
        'Dear {name},',
        '{change}.',
        'Passkey: {device}',
        'If that is not as you want it, tell your registration officer at once. Your page: {url}/me',
      ),
    },
    'renewal-link': {
      subject: 'Renew your mail certificate',
      text: letter(
        'Dear {name},',
        'a certificate of yours ends soon, and another takes its place. Open this link of the mail certificate office of {organisation} on your own device, until {until}:',
        '{claimLink}',
        'Whoever has this link has your keys: do not pass it on.',
      ),
    },
    'renewal-on-device': {
      subject: 'Your certificate for encrypted mail ends soon',
      text: letter(
        'Dear {name},',
        'the certificate of {address} for encrypted mail ends on {until}, and its key was made on your own device. Where your device does not renew it by itself, enrol it again. Your own page says what you have: {url}/me',
      ),
    },
    'key-replaced': {
      subject: 'Your new mail key',
      text: letter(
        'Dear {name},',
        'a key of yours was reported as compromised and is revoked. Another takes its place. Open this link of the mail certificate office of {organisation} on your own device, until {until}:',
        '{claimLink}',
        'Whoever has this link has your keys: do not pass it on.',
      ),
    },
    'recovery-requested': {
      subject: 'Your encryption keys have been asked for',
      text: letter(
        'Dear {name},',
        '{by} has asked for encryption keys of yours ({count}). So many recovery officers must agree: {threshold}. Nothing has been opened.',
        request,
        doubt,
      ),
    },
    'recovery-released': {
      subject: 'Your encryption keys have been recovered',
      text: letter(
        'Dear {name},',
        'what {by} had asked for was released, after so many recovery officers approved: {threshold}.',
        request,
        doubt,
      ),
    },
    'recovery-refused': {
      subject: 'A request for your encryption keys was refused',
      text: letter(
        'Dear {name},',
        'a recovery officer has refused what {by} had asked for. Nothing was opened.',
        request,
        doubt,
      ),
    },
    'recovery-ended': {
      subject: 'A request for your encryption keys has ended',
      text: letter(
        'Dear {name},',
        'what {by} had asked for was not released in time. The request has ended, and nothing was opened.',
        request,
        doubt,
      ),
    },
    'recovered-keys': {
      subject: 'Collect your recovered encryption keys',
      text: letter(
        'Dear {name},',
        'your encryption keys were recovered for you. Collect them here, until {until}:',
        '{claimLink}',
        'Whoever has this link has your keys: do not pass it on.',
      ),
    },
    'keys-opened-outside': {
      subject: 'Your encryption keys were opened outside of the office',
      text: letter(
        'Dear {name},',
        'on {since} recovery officers opened encryption keys of yours with a copy of the escrow, since the office could not be reached.',
        'Officers:   {by}\nReason:     {detail}',
        'If you know nothing of this, ask one of them.',
      ),
    },
    'held-mail-ended': heldMailEndedText,
  },
};
