import { type Language, letter } from './language.ts';
import { germanLetters } from './letters-de.ts';

export const german: Language = {
  locale: 'de',
  uses: { signing: 'Signatur', encryption: 'Verschlüsselung', every: 'Signatur und Verschlüsselung' },
  reasons: {
    superseded: 'ein neueres ist an seine Stelle getreten',
    keyCompromise: 'jemand anders hat möglicherweise den Schlüssel',
    affiliationChanged: 'ein Name oder eine Zugehörigkeit hat sich geändert',
    cessationOfOperation: 'es wird nicht mehr gebraucht',
    privilegeWithdrawn: 'es darf nicht mehr gebraucht werden',
    cACompromise: 'der ausstellenden Stelle kann nicht mehr vertraut werden',
    aACompromise: 'seinem Inhalt kann nicht mehr vertraut werden',
    unspecified: 'ohne Angabe eines Grundes',
  },
  topics: {
    'lost-key': 'E-Mail lässt sich nicht mehr öffnen',
    'lost-device': 'ein Gerät mit Schlüsseln ist verloren',
    other: 'etwas anderes',
  },
  namelessDevice: 'ein Gerät ohne Namen',
  recoveryReasons: germanLetters.recoveryReasons,
  deliveries: germanLetters.deliveries,
  passkeyChanges: germanLetters.passkeyChanges,
  texts: {
    welcome: {
      subject: 'Ihre Schlüssel für signierte und verschlüsselte E-Mail',
      text: letter(
        'Guten Tag {name},',
        'bei {organisation} liegen zwei Schlüssel für Ihre E-Mail bereit: einer zum Signieren dessen, was Sie schreiben, einer zum Öffnen dessen, was für Sie verschlüsselt ist. Bitte holen Sie sie hier ab, auf Ihrem eigenen Rechner:',
        '{claimLink}',
        'Der Link gilt bis {until} und nur für Sie. Wer ihn hat, kommt an Ihre Schlüssel: Geben Sie ihn nicht weiter.',
        'Sie brauchen nichts über Zertifikate zu wissen. Die Seite führt Sie in wenigen Minuten hindurch.',
      ),
    },
    'link-lapsing': {
      subject: 'Ihre E-Mail-Schlüssel warten bis {until}',
      text: letter(
        'Guten Tag {name},',
        'die Schlüssel von {person} für signierte und verschlüsselte E-Mail wurden noch nicht abgeholt. Der Link gilt bis {until}; er kam in einer früheren E-Mail oder von Ihrer Registrierungsstelle.',
        'Ist er verloren gegangen, bitten Sie die Registrierungsstelle von {organisation} um einen neuen. Sonst ist nichts verloren.',
      ),
    },
    'certificate-expiring': {
      subject: 'Das Zertifikat von {person} ({use}) endet am {until}',
      text: letter(
        'Guten Tag {name},',
        'das Zertifikat von {address} für {use} endet am {until}. Der Schlüssel dazu liegt auf einem Gerät, das nur {person} hat; niemand sonst kann es erneuern.',
        'Bitte tun Sie es rechtzeitig: Melden Sie sich unter {url}/me an oder bitten Sie die Registrierungsstelle um einen neuen Link. Vorhandene E-Mail bleibt in jedem Fall lesbar.',
      ),
    },
    'certificate-renewed': {
      subject: 'Das Zertifikat von {person} ({use}) wurde erneuert',
      text: letter(
        'Guten Tag {name},',
        'das Zertifikat von {address} für {use} wurde erneuert und gilt bis {until}. Ältere E-Mail bleibt lesbar.',
        'Was Sie haben, sehen Sie unter {url}/me. Ein eigenes Mailprogramm, das Verschlüsseltes öffnet, braucht Ihre Schlüssel noch einmal von dort.',
      ),
    },
    'certificate-revoked': {
      subject: 'Zertifikate von {person} wurden gesperrt',
      text: letter(
        'Guten Tag {name},',
        'was {address} für {use} hatte, wurde am {date} von {by} gesperrt: {reason}. Andere werden von nun an davor gewarnt. Zuvor verschlüsselte E-Mail bleibt lesbar.',
        'Wissen Sie nichts davon, wenden Sie sich bitte sofort an Ihre Registrierungsstelle.',
      ),
    },
    'certificate-held': {
      subject: 'Zertifikate von {person} sind vorläufig gesperrt',
      text: letter(
        'Guten Tag {name},',
        'was {address} für {use} hatte, wurde am {date} von {by} vorläufig gesperrt. Bis zur Freigabe wird anderen gesagt, sich nicht darauf zu verlassen. Kein Schlüssel ist verloren.',
        'Wissen Sie nichts davon, wenden Sie sich bitte an Ihre Registrierungsstelle.',
      ),
    },
    'certificate-released': {
      subject: 'Zertifikate von {person} gelten wieder',
      text: letter(
        'Guten Tag {name},',
        'was {address} für {use} hatte und vorläufig gesperrt war, gilt seit {date} wieder. {by} hat es freigegeben. Sie brauchen nichts zu tun.',
      ),
    },
    'device-added': {
      subject: 'Ihre Schlüssel sind auf einem weiteren Gerät',
      text: letter(
        'Guten Tag {name},',
        'am {date} wurden die Schlüssel von {address} zum Entschlüsseln auf ein weiteres Gerät gebracht: {device}.',
        'Waren Sie das nicht, wenden Sie sich bitte sofort an Ihre Registrierungsstelle und sehen Sie unter {url}/me nach.',
      ),
    },
    'person-suspended': {
      subject: '{person} ist vorübergehend gesperrt',
      text: letter(
        'Guten Tag {name},',
        '{person} <{address}> ist seit {date} vorübergehend gesperrt, nach Angabe von {by}. Was für E-Mail da ist, ist ausgesetzt: Andere erfahren, dass sie sich nicht darauf verlassen sollen, und nichts Neues wird ausgestellt oder veröffentlicht. Kein Schlüssel ist verloren.',
        'Ist das nicht richtig, sagen Sie es der Registrierungsstelle.',
      ),
    },
    'person-returned': {
      subject: '{person} ist wieder da',
      text: letter(
        'Guten Tag {name},',
        '{person} <{address}> ist seit {date} wieder da, nach Angabe von {by}. Was ausgesetzt war, gilt wieder, und was fehlt, wird ausgestellt.',
        'Es ist nichts zu tun, außer abzuholen, was bereitliegt: {url}/me',
      ),
    },
    'person-left': {
      subject: '{person} ist ausgeschieden',
      text: letter(
        'Guten Tag {name},',
        '{person} <{address}> ist ausgeschieden, eingetragen am {date} von {by}. In diesem Namen kann niemand mehr signieren, und für diese Adresse wird nichts mehr veröffentlicht. Zuvor Verschlüsseltes bleibt nach den Regeln von {organisation} lesbar.',
      ),
    },
    'recovery-waiting': {
      subject: 'Hinterlegte Schlüssel werden verlangt',
      text: letter(
        'Guten Tag {name},',
        '{by} verlangt die Freigabe von Hinterlegtem. Wiederherstellungsbeauftragte entscheiden darüber:',
        'Anfrage: {detail}\n{url}/recovery',
      ),
    },
    'key-recovered': {
      subject: 'Hinterlegte Schlüssel wurden herausgegeben',
      text: letter(
        'Guten Tag {name},',
        'am {date} hat {by} eine Herausgabe aus der Hinterlegung ausgeführt, nachdem die nötigen Wiederherstellungsbeauftragten zugestimmt hatten.',
        'Antrag: {detail}\nDie ganze Geschichte steht im Protokoll: {url}/recovery',
      ),
    },
    'help-asked': {
      subject: '{person} bittet um Hilfe',
      text: letter(
        'Guten Tag {name},',
        '{person} <{address}> bittet um Hilfe mit den E-Mail-Schlüsseln: {topic}.',
        'Sie finden die Bitte auf der Übersicht: {url}',
      ),
    },
    'approval-pending': {
      subject: 'Ein Gerät von {person} wartet auf eine Entscheidung',
      text: letter(
        'Guten Tag {name},',
        'ein Gerät von {person} <{address}> verlangt ein Zertifikat für {use}, und jemand muss sagen, ob es eines bekommt.',
        'Sie finden es hier: {url}/devices',
      ),
    },
    'enrolment-delayed': {
      subject: 'Noch kein Zertifikat ({use}) für {person}',
      text: letter(
        'Guten Tag {name},',
        'das Zertifikat von {person} <{address}> für {use} kann noch nicht ausgestellt werden:',
        '{detail}',
        'Es wird von selbst weiter versucht. Wem was fehlt und warum: {url}/inventory',
      ),
    },
    'people-conflict': {
      subject: '{source}: Über eine Person muss jemand entscheiden',
      text: letter(
        'Guten Tag {name},',
        'die Quelle {source} widerspricht dem, was hier bekannt ist:',
        '{detail}',
        'Dafür wurde nichts geändert. Bitte entscheiden Sie: {url}',
      ),
    },
    'people-drop': {
      subject: '{source} hat plötzlich viel weniger Personen: angehalten',
      text: letter(
        'Guten Tag {name},',
        'die Quelle {source} kennt viele Personen plötzlich nicht mehr. Niemand wurde deshalb abgemeldet; es wird gewartet, bis jemand sagt, ob das stimmt:',
        '{detail}',
        '{url}',
      ),
    },
    'administrator-left': {
      subject: '{person} ist ausgeschieden und die letzte Administration',
      text: letter(
        'Guten Tag {name},',
        '{person} <{address}> ist ausgeschieden oder ausgesetzt, und niemand sonst mit Rolle Administration meldet sich ohne Identitätsanbieter an. Damit nicht alle ausgesperrt sind, blieb dieser Zugang bestehen.',
        'Laden Sie jetzt jemanden zur Administration ein: {url}/operators. Nach der ersten Anmeldung endet der Zugang von {person} von selbst.',
      ),
    },
    'directory-silent': {
      subject: 'Dem Verzeichnis {source} wird nicht gefolgt',
      text: letter(
        'Guten Tag {name},',
        'seit {since} ist kein Durchgang durch das Verzeichnis {source} zu Ende gekommen. Wer dazukommt, erhält unterdessen kein Zertifikat, und wer geht, behält seine:',
        '{detail}',
      ),
    },
    'target-down': {
      subject: '{target} nimmt nichts an',
      text: letter(
        'Guten Tag {name},',
        'was in {target} veröffentlicht werden soll, wird seit {since} nicht angenommen ({count} warten):',
        '{detail}',
        'Es wird von selbst weiter versucht. Bis dahin finden Absender dort, was zuvor dort stand.',
      ),
    },
    'authority-trouble': {
      subject: '{authority} braucht jemanden',
      text: letter('Guten Tag {name},', '{detail}', 'Siehe {url}/authorities'),
    },
    'authority-ending': {
      subject: 'Die Zertifizierungsstelle {authority} endet am {until}',
      text: letter(
        'Guten Tag {name},',
        'das Zertifikat der Zertifizierungsstelle {authority} selbst endet am {until}. Was sie signiert hat, gilt nicht länger.',
        'Richten Sie rechtzeitig eine neue ein, und wechseln Sie zu ihr: {url}/authorities',
      ),
    },
    'rollover-begun': {
      subject: 'Ein Wechsel von {authority} zu {target} hat begonnen',
      text: letter(
        'Guten Tag {name},',
        '{by} hat einen Wechsel begonnen: {target} hat von {authority} übernommen und stellt nach und nach so viele Zertifikate neu aus: {count}.',
        'Wie weit er ist: {url}/certificates/renewals',
      ),
    },
    'rollover-finished': {
      subject: 'Der Wechsel von {authority} ist abgeschlossen',
      text: letter(
        'Guten Tag {name},',
        'niemand hat mehr ein Zertifikat, das nur {authority} signiert hat: Der Wechsel ist abgeschlossen.',
        'Sie kann stillgelegt werden: {url}/authorities',
      ),
    },
    'token-trouble': {
      subject: 'Der Schlüsselspeicher {target} antwortet nicht',
      text: letter(
        'Guten Tag {name},',
        'seit {since} antwortet der Schlüsselspeicher {target} nicht:',
        '{detail}',
        'Was seine Schlüssel braucht, wartet: Zertifikate, Listen, Auskünfte darüber. Es wird von selbst weiter versucht. Siehe {url}',
      ),
    },
    'trail-unwitnessed': {
      subject: '{target} kennt den Stand des Protokolls nicht',
      text: letter(
        'Guten Tag {name},',
        'seit {since} ist {target} nicht zu erreichen, um den Stand des Protokolls zu erfahren:',
        '{detail}',
        'Bis dahin könnte niemand außerhalb bemerken, dass das Protokoll neu geschrieben wurde. Siehe {url}/audit',
      ),
    },
    'drill-overdue': {
      subject: 'Eine Übung des Tresors ist überfällig',
      text: letter(
        'Guten Tag {name},',
        'seit {since} ist eine Übung des Tresors fällig. Niemand hat in letzter Zeit gezeigt, dass hinterlegte Schlüssel zurückkommen. Wiederherstellungsbeauftragte nehmen unter {url}/vault teil.',
      ),
    },
    ...germanLetters.texts,
    digest: {
      subject: '{count} Mitteilungen von {organisation}',
      text: letter('Guten Tag {name},', 'das ist seit der letzten E-Mail dieser Art geschehen:', '{items}', '{url}'),
    },
  },
};
