import { type Language, letter } from './language.ts';
import { norwegianLetters } from './letters-nb.ts';

export const norwegian: Language = {
  locale: 'nb',
  uses: { signing: 'signering', encryption: 'kryptering', every: 'signering og kryptering' },
  reasons: {
    superseded: 'et nyere har tatt dets plass',
    keyCompromise: 'noen andre kan ha nøkkelen',
    affiliationChanged: 'et navn eller en tilhørighet er endret',
    cessationOfOperation: 'det er ikke lenger i bruk',
    privilegeWithdrawn: 'det skal ikke lenger brukes',
    cACompromise: 'utstederen er ikke lenger til å stole på',
    aACompromise: 'innholdet er ikke lenger til å stole på',
    unspecified: 'ingen grunn er oppgitt',
  },
  topics: {
    'lost-key': 'e-post lar seg ikke lenger åpne',
    'lost-device': 'en enhet med nøkler er borte',
    other: 'noe annet',
  },
  namelessDevice: 'en enhet uten navn',
  recoveryReasons: norwegianLetters.recoveryReasons,
  deliveries: norwegianLetters.deliveries,
  passkeyChanges: norwegianLetters.passkeyChanges,
  texts: {
    welcome: {
      subject: 'Nøklene dine til signert og kryptert e-post',
      text: letter(
        'Hei {name},',
        'hos {organisation} ligger to nøkler til e-posten din klare: én som signerer det du skriver, og én som åpner det som er kryptert til deg. Hent dem her, på din egen datamaskin:',
        '{claimLink}',
        'Lenken virker til {until}, og bare for deg. Den som har den, kan få nøklene dine: ikke gi den videre.',
        'Du trenger ikke å kunne noe om sertifikater. Siden tar deg gjennom det på noen få minutter.',
      ),
    },
    'link-lapsing': {
      subject: 'E-postnøklene dine venter til {until}',
      text: letter(
        'Hei {name},',
        'nøklene til {person} for signert og kryptert e-post er ikke hentet ennå. Lenken utløper {until}; den kom i en tidligere e-post eller fra registreringskontoret.',
        'Er den borte, kan du be registreringskontoret hos {organisation} om en ny. Ingenting annet er tapt.',
      ),
    },
    'certificate-expiring': {
      subject: 'Sertifikatet til {person} for {use} utløper {until}',
      text: letter(
        'Hei {name},',
        'sertifikatet til {address} for {use} utløper {until}. Nøkkelen ligger på en enhet som bare {person} har, så ingen andre kan fornye det.',
        'Gjør det i god tid: logg inn på {url}/me, eller be registreringskontoret om en ny lenke. E-posten du har, forblir lesbar uansett.',
      ),
    },
    'certificate-renewed': {
      subject: 'Sertifikatet til {person} for {use} er fornyet',
      text: letter(
        'Hei {name},',
        'sertifikatet til {address} for {use} er fornyet og gjelder til {until}. Gammel e-post forblir lesbar.',
        'Du ser hva du har, på {url}/me. Et e-postprogram hos deg som åpner kryptert e-post, trenger nøklene dine derfra på nytt.',
      ),
    },
    'certificate-revoked': {
      subject: 'Sertifikater til {person} er tilbakekalt',
      text: letter(
        'Hei {name},',
        'det {address} hadde for {use}, ble tilbakekalt {date} av {by}: {reason}. Andre blir advart mot det fra nå av. E-post som ble kryptert før, forblir lesbar.',
        'Vet du ikke noe om dette, må du straks si fra til registreringskontoret.',
      ),
    },
    'certificate-held': {
      subject: 'Sertifikater til {person} er satt på vent',
      text: letter(
        'Hei {name},',
        'det {address} hadde for {use}, ble satt på vent {date} av {by}. Inntil det frigis, får andre beskjed om ikke å stole på det. Ingen nøkkel er tapt.',
        'Vet du ikke noe om dette, bør du si fra til registreringskontoret.',
      ),
    },
    'certificate-released': {
      subject: 'Sertifikater til {person} gjelder igjen',
      text: letter(
        'Hei {name},',
        'det {address} hadde for {use} og som var satt på vent, gjelder igjen fra {date}. {by} frigav det. Du trenger ikke å gjøre noe.',
      ),
    },
    'device-added': {
      subject: 'Nøklene dine er på en enhet til',
      text: letter(
        'Hei {name},',
        '{date} ble krypteringsnøklene til {address} tatt med til en annen enhet: {device}.',
        'Var det ikke deg, må du straks si fra til registreringskontoret og se på {url}/me.',
      ),
    },
    'person-suspended': {
      subject: '{person} er suspendert',
      text: letter(
        'Hei {name},',
        '{person} <{address}> er suspendert siden {date}, ifølge {by}. Det som brukes til e-post, er satt på vent: andre får vite at de ikke skal stole på det, og ingenting nytt lages eller publiseres. Ingen nøkkel er tapt.',
        'Stemmer det ikke, si det til registreringskontoret.',
      ),
    },
    'person-returned': {
      subject: '{person} er her igjen',
      text: letter(
        'Hei {name},',
        '{person} <{address}> er her igjen siden {date}, ifølge {by}. Det som var satt på vent, er gyldig igjen, og det som mangler, blir laget.',
        'Det er ingenting å gjøre annet enn å hente det som venter: {url}/me',
      ),
    },
    'person-left': {
      subject: '{person} har sluttet',
      text: letter(
        'Hei {name},',
        '{person} <{address}> har sluttet, registrert {date} av {by}. Ingen kan lenger signere i det navnet, og ingenting publiseres for den adressen. Det som ble kryptert før, forblir lesbart etter reglene til {organisation}.',
      ),
    },
    'recovery-waiting': {
      subject: 'Noen ber om deponerte nøkler',
      text: letter(
        'Hei {name},',
        '{by} ber om at noe deponert utleveres. Gjenopprettingsansvarlige bestemmer:',
        'Forespørsel: {detail}\n{url}/recovery',
      ),
    },
    'key-recovered': {
      subject: 'Deponerte nøkler er utlevert',
      text: letter(
        'Hei {name},',
        '{date} utførte {by} en utlevering fra deponeringen, etter at de nødvendige gjenopprettingsansvarlige hadde godkjent den.',
        'Forespørsel: {detail}\nHele historien står i revisjonsloggen: {url}/recovery',
      ),
    },
    'help-asked': {
      subject: '{person} ber om hjelp',
      text: letter(
        'Hei {name},',
        '{person} <{address}> ber om hjelp med e-postnøklene sine: {topic}.',
        'Du finner det på oversikten: {url}',
      ),
    },
    'approval-pending': {
      subject: 'En enhet hos {person} venter på en avgjørelse',
      text: letter(
        'Hei {name},',
        'en enhet hos {person} <{address}> ber om et sertifikat for {use}, og noen må si om den skal få det.',
        'Du finner den her: {url}/devices',
      ),
    },
    'enrolment-delayed': {
      subject: 'Ennå ikke noe sertifikat for {use} til {person}',
      text: letter(
        'Hei {name},',
        'sertifikatet til {person} <{address}> for {use} kan ikke utstedes ennå:',
        '{detail}',
        'Det prøves på nytt av seg selv. Hvem som mangler hva, og hvorfor: {url}/inventory',
      ),
    },
    'people-conflict': {
      subject: '{source}: noen må ta stilling til en person',
      text: letter(
        'Hei {name},',
        'kilden {source} motsier det som er kjent her:',
        '{detail}',
        'Ingenting er endret for det. Ta stilling til det her: {url}',
      ),
    },
    'people-drop': {
      subject: '{source} har plutselig langt færre personer: stanset',
      text: letter(
        'Hei {name},',
        'kilden {source} kjenner plutselig ikke lenger mange personer som den hadde. Ingen er meldt ut for det; det ventes på at noen sier om det stemmer:',
        '{detail}',
        '{url}',
      ),
    },
    'administrator-left': {
      subject: '{person} har sluttet og er siste administrator',
      text: letter(
        'Hei {name},',
        '{person} <{address}> har sluttet eller er suspendert, og ingen andre administratorer logger inn uten identitetsleverandør. For at ikke alle skal bli stengt ute, ble denne tilgangen beholdt.',
        'Inviter en annen administrator nå: {url}/operators. Når vedkommende har logget inn, opphører tilgangen til {person} av seg selv.',
      ),
    },
    'directory-silent': {
      subject: 'Katalogen {source} følges ikke',
      text: letter(
        'Hei {name},',
        'siden {since} har ingen gjennomgang av katalogen {source} kommet til veis ende. De som begynner, får ikke sertifikater imens, og de som slutter, beholder sine:',
        '{detail}',
      ),
    },
    'target-down': {
      subject: '{target} tar ikke imot noe',
      text: letter(
        'Hei {name},',
        'det som skal publiseres i {target}, er ikke tatt imot siden {since} ({count} venter):',
        '{detail}',
        'Det prøves på nytt av seg selv. Inntil da finner avsendere der det som stod der før.',
      ),
    },
    'authority-trouble': {
      subject: '{authority} trenger noen',
      text: letter('Hei {name},', '{detail}', 'Se {url}/authorities'),
    },
    'authority-ending': {
      subject: 'Utstederen {authority} utløper {until}',
      text: letter(
        'Hei {name},',
        'sertifikatet til utstederen {authority} selv utløper {until}. Det den har signert, er ikke gyldig lenger enn det.',
        'Lag en ny i tide, og gå over til den: {url}/authorities',
      ),
    },
    'rollover-begun': {
      subject: 'En overgang fra {authority} til {target} har begynt',
      text: letter(
        'Hei {name},',
        '{by} har begynt en overgang: {target} har tatt over etter {authority} og lager så mange sertifikater på nytt, noen om gangen: {count}.',
        'Hvor langt den er kommet: {url}/certificates/renewals',
      ),
    },
    'rollover-finished': {
      subject: 'Overgangen fra {authority} er ferdig',
      text: letter(
        'Hei {name},',
        'ingen har lenger et sertifikat som bare {authority} har signert: overgangen er ferdig.',
        'Den kan tas ut av bruk: {url}/authorities',
      ),
    },
    'token-trouble': {
      subject: 'Nøkkellageret {target} svarer ikke',
      text: letter(
        'Hei {name},',
        'siden {since} har nøkkellageret {target} ikke svart:',
        '{detail}',
        'Det som trenger nøklene, venter: sertifikater, lister, svar om dem. Det prøves på nytt av seg selv. Se {url}',
      ),
    },
    'trail-unwitnessed': {
      subject: '{target} kjenner ikke stillingen i revisjonsloggen',
      text: letter(
        'Hei {name},',
        'siden {since} har {target} ikke vært å få tak i for å få vite stillingen i revisjonsloggen:',
        '{detail}',
        'Inntil da kan ingen utenfor merke at loggen er skrevet om. Se {url}/audit',
      ),
    },
    'drill-overdue': {
      subject: 'En øvelse med hvelvet er forsinket',
      text: letter(
        'Hei {name},',
        'siden {since} skulle det vært holdt en øvelse med hvelvet. Ingen har i det siste vist at deponerte nøkler kommer tilbake. Gjenopprettingsansvarlige deltar på {url}/vault',
      ),
    },
    ...norwegianLetters.texts,
    digest: {
      subject: '{count} meldinger fra {organisation}',
      text: letter('Hei {name},', 'dette har hendt siden forrige e-post av dette slaget:', '{items}', '{url}'),
    },
  },
};
