import { type Language, letter } from './language.ts';

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
        'das Zertifikat von {address} für {use} wurde erneuert und gilt bis {until}. Sie brauchen nichts zu tun, und ältere E-Mail bleibt lesbar.',
        'Was Sie haben, sehen Sie unter {url}/me.',
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
    'person-left': {
      subject: '{person} ist ausgeschieden',
      text: letter(
        'Guten Tag {name},',
        '{person} <{address}> ist ausgeschieden, eingetragen am {date} von {by}. In diesem Namen kann niemand mehr signieren, und für diese Adresse wird nichts mehr veröffentlicht. Zuvor Verschlüsseltes bleibt nach den Regeln von {organisation} lesbar.',
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
    digest: {
      subject: '{count} Mitteilungen von {organisation}',
      text: letter('Guten Tag {name},', 'das ist seit der letzten E-Mail dieser Art geschehen:', '{items}', '{url}'),
    },
  },
};
