/** The mail by which a recipient is asked for a certificate: a signed reply brings one. In the languages of notices, one below another. */
import { randomBytes } from 'node:crypto';
import { encodeHeaderText } from '@chancery/smime';
import { wrapped } from '../base64-lines.ts';
import { formatDate } from '../relay/dsn.ts';

export const invitationLanguages = ['en', 'de', 'fr', 'nb'] as const;
export type InvitationLanguage = (typeof invitationLanguages)[number];

interface Text {
  readonly subject: string;
  readonly lines: (facts: { sender: string; organisation: string; until: string }) => readonly string[];
}

const texts: Record<InvitationLanguage, Text> = {
  en: {
    subject: 'A confidential message is waiting for you: please answer with a signed mail',
    lines: ({ sender, organisation, until }) => [
      'Hello,',
      `${sender} (${organisation}) has written you a message that may only travel encrypted. We have no certificate of yours, so it waits with us.`,
      'Please answer this mail with one that is signed with S/MIME. Your certificate comes with the signature, and the message is sent to you encrypted, by itself. Nothing else is needed, and the text of your answer does not matter.',
      `It waits until ${until}. After that it is returned to its sender.`,
      'We never ask for a password, and this mail has no link.',
    ],
  },
  de: {
    subject: 'Eine vertrauliche Nachricht wartet auf Sie: bitte antworten Sie signiert',
    lines: ({ sender, organisation, until }) => [
      'Guten Tag,',
      `${sender} (${organisation}) hat Ihnen eine Nachricht geschrieben, die nur verschlüsselt reisen darf. Wir haben kein Zertifikat von Ihnen, deshalb wartet sie bei uns.`,
      'Bitte antworten Sie auf diese Mail mit einer, die mit S/MIME signiert ist. Ihr Zertifikat kommt mit der Signatur, und die Nachricht geht Ihnen dann von selbst verschlüsselt zu. Mehr ist nicht nötig, und der Text Ihrer Antwort spielt keine Rolle.',
      `Sie wartet bis ${until}. Danach geht sie an die absendende Person zurück.`,
      'Wir fragen nie nach einem Passwort, und diese Mail enthält keinen Link.',
    ],
  },
  fr: {
    subject: 'Un message confidentiel vous attend : merci de répondre par un message signé',
    lines: ({ sender, organisation, until }) => [
      'Bonjour,',
      `${sender} (${organisation}) vous a écrit un message qui ne peut circuler que chiffré. Nous n’avons pas de certificat de vous ; il attend donc chez nous.`,
      'Merci de répondre à ce message par un message signé avec S/MIME. Votre certificat accompagne la signature, et le message vous est alors envoyé chiffré, automatiquement. Rien d’autre n’est nécessaire, et le texte de votre réponse est sans importance.',
      `Il attend jusqu’au ${until}. Passé ce délai, il est retourné à son expéditeur.`,
      'Nous ne demandons jamais de mot de passe, et ce message ne contient aucun lien.',
    ],
  },
  nb: {
    subject: 'En fortrolig melding venter på deg: svar med en signert e-post',
    lines: ({ sender, organisation, until }) => [
      'Hei,',
      `${sender} (${organisation}) har skrevet en melding til deg som bare kan sendes kryptert. Vi har ikke noe sertifikat fra deg, så den venter hos oss.`,
      'Svar på denne e-posten med en som er signert med S/MIME. Sertifikatet ditt følger med signaturen, og meldingen sendes deg da kryptert av seg selv. Mer skal ikke til, og teksten i svaret spiller ingen rolle.',
      `Den venter til ${until}. Etter det returneres den til avsenderen.`,
      'Vi spør aldri om passord, og denne e-posten har ingen lenke.',
    ],
  },
};

/**
 * A whole message from the sender to one recipient, lines ending in CRLF, not signed yet. It names neither the subject nor anything else
 * of the message that waits.
 * @param until milliseconds since 1970
 */
export function invitation({
  gateway,
  organisation,
  sender,
  recipient,
  languages,
  until,
  at,
}: {
  readonly gateway: string;
  readonly organisation: string;
  readonly sender: string;
  readonly recipient: string;
  readonly languages: readonly InvitationLanguage[];
  readonly until: number;
  readonly at: Date;
}): Buffer {
  const facts = { sender, organisation, until: `${new Date(until).toISOString().slice(0, 16).replace('T', ' ')} UTC` };
  const body = languages.map((language) => texts[language].lines(facts).join('\n\n')).join('\n\n----\n\n');
  const [first = 'en'] = languages;
  const header = [
    `From: <${sender}>`,
    `To: <${recipient}>`,
    `Subject: ${encodeHeaderText(texts[first].subject)}`,
    `Date: ${formatDate(at)}`,
    `Message-ID: <${randomBytes(12).toString('hex')}@${gateway}>`,
    // RFC 3834: whoever answers by a program does not answer this.
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ];
  return Buffer.from(`${header.join('\r\n')}\r\n\r\n${wrapped(Buffer.from(body))}\r\n`, 'latin1');
}
