import { type LetterWords, letter } from './language.ts';

const request = [
  'Angefragt von:  {by}',
  'Angefragt am:   {since}',
  'Grund:          {reason}',
  'Vorgang:        {case}',
  'Übergabe:       {delivery}',
  'Anfrage:        {request}',
].join('\n');
const doubt =
  'Wissen Sie nichts davon, sagen Sie es sofort jemandem, der für Wiederherstellungen beauftragt ist. Alles steht im Protokoll von {organisation}: {url}';

export const germanLetters: LetterWords = {
  recoveryReasons: {
    'lost-device': 'ein Gerät ist verloren',
    'forgotten-password': 'ein Kennwort ist vergessen',
    'departed-employee': 'jemand ist ausgeschieden',
    'legal-hold': 'eine rechtliche Aufbewahrung',
    investigation: 'eine Untersuchung',
    other: 'ein anderer',
  },
  deliveries: {
    certificate: 'verschlüsselt für das Zertifikat von',
    pkcs12: 'als Datei, deren Kennwort getrennt übermittelt wird',
    owner: 'nur an Sie, durch einen Link',
    decrypt: 'gar nicht; stattdessen werden benannte Nachrichten entschlüsselt',
  },
  passkeyChanges: {
    added: 'ein Passkey ist auf Ihrer Seite dazugekommen, der Sie anmeldet',
    'added-opening': 'ein Passkey ist auf Ihrer Seite dazugekommen, der Sie anmeldet und Ihre Schlüssel öffnet',
    removed: 'die Registrierungsstelle hat Ihre Passkeys entfernt: Keiner davon meldet noch an oder öffnet Schlüssel',
  },
  texts: {
    'sign-in-link': {
      subject: 'Ihr Link zum Anmelden',
      text: letter(
        'Guten Tag {name},',
        'dieser Link meldet Sie auf Ihrer eigenen Seite bei der Zertifikatsstelle von {organisation} an. Er wirkt einmal, innerhalb von fünfzehn Minuten:',
        '{signInLink}',
        'Jemand hat ihn unter Ihrer Adresse verlangt. Waren Sie das nicht, löschen Sie diese E-Mail: Es ist nichts geschehen.',
      ),
    },
    'passkeys-changed': {
      subject: 'Ihre Passkeys haben sich geändert',
      text: letter(
        'Guten Tag {name},',
        '{change}.',
        'Passkey: {device}',
        'Wollten Sie das nicht so, sagen Sie es sofort der Registrierungsstelle. Ihre Seite: {url}/me',
      ),
    },
    'renewal-link': {
      subject: 'Bitte erneuern Sie Ihr E-Mail-Zertifikat',
      text: letter(
        'Guten Tag {name},',
        'eines Ihrer Zertifikate endet bald, und ein anderes tritt an seine Stelle. Öffnen Sie diesen Link der Zertifikatsstelle von {organisation} auf Ihrem eigenen Gerät, bis {until}:',
        '{claimLink}',
        'Wer diesen Link hat, hat Ihre Schlüssel: Geben Sie ihn nicht weiter.',
      ),
    },
    'renewal-on-device': {
      subject: 'Ihr Zertifikat für verschlüsselte E-Mail endet bald',
      text: letter(
        'Guten Tag {name},',
        'das Zertifikat von {address} für verschlüsselte E-Mail endet am {until}, und sein Schlüssel ist auf Ihrem eigenen Gerät entstanden. Erneuert Ihr Gerät es nicht von selbst, melden Sie es neu an. Was Sie haben, steht auf Ihrer Seite: {url}/me',
      ),
    },
    'key-replaced': {
      subject: 'Ihr neuer E-Mail-Schlüssel',
      text: letter(
        'Guten Tag {name},',
        'einer Ihrer Schlüssel wurde als kompromittiert gemeldet und ist gesperrt. Ein anderer tritt an seine Stelle. Öffnen Sie diesen Link der Zertifikatsstelle von {organisation} auf Ihrem eigenen Gerät, bis {until}:',
        '{claimLink}',
        'Wer diesen Link hat, hat Ihre Schlüssel: Geben Sie ihn nicht weiter.',
      ),
    },
    'recovery-requested': {
      subject: 'Ihre Schlüssel zum Entschlüsseln wurden verlangt',
      text: letter(
        'Guten Tag {name},',
        '{by} hat Schlüssel von Ihnen zum Entschlüsseln verlangt ({count}). So viele Wiederherstellungsbeauftragte müssen zustimmen: {threshold}. Es wurde nichts geöffnet.',
        request,
        doubt,
      ),
    },
    'recovery-released': {
      subject: 'Ihre Schlüssel zum Entschlüsseln wurden wiederhergestellt',
      text: letter(
        'Guten Tag {name},',
        'was {by} verlangt hatte, wurde freigegeben, nachdem so viele Wiederherstellungsbeauftragte zugestimmt haben: {threshold}.',
        request,
        doubt,
      ),
    },
    'recovery-refused': {
      subject: 'Eine Anfrage nach Ihren Schlüsseln wurde abgelehnt',
      text: letter(
        'Guten Tag {name},',
        'was {by} verlangt hatte, wurde von einem Wiederherstellungsbeauftragten abgelehnt. Es wurde nichts geöffnet.',
        request,
        doubt,
      ),
    },
    'recovery-ended': {
      subject: 'Eine Anfrage nach Ihren Schlüsseln ist erledigt',
      text: letter(
        'Guten Tag {name},',
        'was {by} verlangt hatte, wurde nicht rechtzeitig freigegeben. Die Anfrage ist beendet, und es wurde nichts geöffnet.',
        request,
        doubt,
      ),
    },
    'recovered-keys': {
      subject: 'Holen Sie Ihre wiederhergestellten Schlüssel ab',
      text: letter(
        'Guten Tag {name},',
        'Ihre Schlüssel zum Entschlüsseln wurden für Sie wiederhergestellt. Bitte holen Sie sie hier ab, bis {until}:',
        '{claimLink}',
        'Wer diesen Link hat, hat Ihre Schlüssel: Geben Sie ihn nicht weiter.',
      ),
    },
    'keys-opened-outside': {
      subject: 'Ihre Schlüssel wurden außerhalb der Stelle geöffnet',
      text: letter(
        'Guten Tag {name},',
        'am {since} haben Wiederherstellungsbeauftragte Schlüssel von Ihnen mit einer Kopie des Hinterlegten geöffnet, weil die Zertifikatsstelle nicht zu erreichen war.',
        'Beauftragte:  {by}\nGrund:        {detail}',
        'Wissen Sie nichts davon, fragen Sie einen von ihnen.',
      ),
    },
    'held-mail-ended': {
      subject: 'Eine Nachricht an Sie wurde zurückgehalten und ist abgelaufen',
      text: letter(
        'Guten Tag {name},',
        'das Mail-Gateway von {organisation} hat eine Nachricht an Sie zurückgehalten, und ihre Frist ist abgelaufen.',
        'Von: {by}\nZurückgehalten seit: {since}\nGrund: {reason}',
        'Niemand hat sie freigegeben, deshalb wurde sie gelöscht. Wer sie geschrieben hat, kann einen fremden Namen benutzt haben: Bescheid bekam die absendende Adresse nur, wenn ihre eigene Domain für sie bürgt.',
        'Haben Sie die Nachricht erwartet, bitten Sie darum, sie noch einmal zu senden, und Ihre Administration, sie durchzulassen.',
      ),
    },
  },
};
