import { type LetterWords, letter } from './language.ts';

const request = [
  'Bedt om av:    {by}',
  'Bedt om:       {since}',
  'Grunn:         {reason}',
  'Sak:           {case}',
  'Leveres:       {delivery}',
  'Forespørsel:   {request}',
].join('\n');
const doubt =
  'Vet du ingenting om dette, si det straks til en gjenopprettingsansvarlig. Alt står i revisjonsloggen til {organisation}: {url}';

export const norwegianLetters: LetterWords = {
  recoveryReasons: {
    'lost-device': 'en enhet er borte',
    'forgotten-password': 'et passord er glemt',
    'departed-employee': 'noen har sluttet',
    'legal-hold': 'et rettslig pålegg om oppbevaring',
    investigation: 'en gransking',
    other: 'en annen',
  },
  deliveries: {
    certificate: 'kryptert til sertifikatet til',
    pkcs12: 'som en fil, med passordet sendt for seg',
    owner: 'bare til deg, med en lenke',
    decrypt: 'ikke i det hele tatt; navngitte meldinger dekrypteres i stedet',
  },
  passkeyChanges: {
    added: 'en passnøkkel som logger deg inn, er lagt til på siden din',
    'added-opening': 'en passnøkkel som logger deg inn og åpner krypteringsnøklene dine, er lagt til på siden din',
    removed: 'registreringskontoret har fjernet passnøklene dine: ingen av dem logger inn eller åpner nøkler lenger',
  },
  texts: {
    'sign-in-link': {
      subject: 'Innloggingslenken din',
      text: letter(
        'Hei {name},',
        'denne lenken logger deg inn på din egen side hos sertifikatkontoret til {organisation}. Den virker én gang, i femten minutter:',
        '{signInLink}',
        'Noen ba om den og oppga adressen din. Var det ikke deg, så slett denne e-posten: ingenting har skjedd.',
      ),
    },
    'passkeys-changed': {
      subject: 'Passnøklene dine er endret',
      text: letter(
        'Hei {name},',
        '{change}.',
        'Passnøkkel: {device}',
        'Er det ikke slik du vil ha det, si det straks til registreringskontoret. Siden din: {url}/me',
      ),
    },
    'renewal-link': {
      subject: 'Forny e-postsertifikatet ditt',
      text: letter(
        'Hei {name},',
        'et av sertifikatene dine utløper snart, og et annet tar dets plass. Åpne denne lenken fra sertifikatkontoret til {organisation} på din egen enhet, innen {until}:',
        '{claimLink}',
        'Den som har denne lenken, har nøklene dine: ikke gi den videre.',
      ),
    },
    'renewal-on-device': {
      subject: 'Sertifikatet ditt for kryptert e-post utløper snart',
      text: letter(
        'Hei {name},',
        'sertifikatet til {address} for kryptert e-post utløper {until}, og nøkkelen ble laget på din egen enhet. Fornyer ikke enheten det av seg selv, så meld den inn på nytt. Siden din sier hva du har: {url}/me',
      ),
    },
    'key-replaced': {
      subject: 'Den nye e-postnøkkelen din',
      text: letter(
        'Hei {name},',
        'en av nøklene dine ble meldt som kompromittert og er tilbakekalt. En annen tar dens plass. Åpne denne lenken fra sertifikatkontoret til {organisation} på din egen enhet, innen {until}:',
        '{claimLink}',
        'Den som har denne lenken, har nøklene dine: ikke gi den videre.',
      ),
    },
    'recovery-requested': {
      subject: 'Noen har bedt om krypteringsnøklene dine',
      text: letter(
        'Hei {name},',
        '{by} har bedt om krypteringsnøkler som er dine ({count}). Så mange gjenopprettingsansvarlige må si ja: {threshold}. Ingenting er åpnet.',
        request,
        doubt,
      ),
    },
    'recovery-released': {
      subject: 'Krypteringsnøklene dine er gjenopprettet',
      text: letter(
        'Hei {name},',
        'det {by} hadde bedt om, er utlevert etter at så mange gjenopprettingsansvarlige sa ja: {threshold}.',
        request,
        doubt,
      ),
    },
    'recovery-refused': {
      subject: 'En forespørsel om krypteringsnøklene dine er avslått',
      text: letter(
        'Hei {name},',
        'en gjenopprettingsansvarlig har avslått det {by} hadde bedt om. Ingenting er åpnet.',
        request,
        doubt,
      ),
    },
    'recovery-ended': {
      subject: 'En forespørsel om krypteringsnøklene dine er over',
      text: letter(
        'Hei {name},',
        'det {by} hadde bedt om, ble ikke utlevert i tide. Forespørselen er over, og ingenting er åpnet.',
        request,
        doubt,
      ),
    },
    'recovered-keys': {
      subject: 'Hent de gjenopprettede krypteringsnøklene dine',
      text: letter(
        'Hei {name},',
        'krypteringsnøklene dine er gjenopprettet for deg. Hent dem her, innen {until}:',
        '{claimLink}',
        'Den som har denne lenken, har nøklene dine: ikke gi den videre.',
      ),
    },
    'keys-opened-outside': {
      subject: 'Krypteringsnøklene dine ble åpnet utenfor kontoret',
      text: letter(
        'Hei {name},',
        'den {since} åpnet gjenopprettingsansvarlige krypteringsnøkler som er dine, med en kopi av det deponerte, siden kontoret ikke var å få tak i.',
        'Ansvarlige:  {by}\nGrunn:       {detail}',
        'Vet du ingenting om dette, så spør en av dem.',
      ),
    },
    'held-mail-ended': {
      subject: 'En melding til deg ble holdt tilbake, og fristen er ute',
      text: letter(
        'Hei {name},',
        'en melding til deg ble holdt tilbake av e-postporten hos {organisation}, og fristen er ute.',
        'Fra: {by}\nHoldt tilbake siden: {since}\nGrunn: {reason}',
        'Ingen slapp den gjennom, så den er slettet. Den som skrev den, kan ha brukt et navn som ikke er deres: avsenderen fikk beskjed bare hvis deres eget domene går god for dem.',
        'Hvis du ventet den, be avsenderen sende den på nytt, og administratoren din slippe den gjennom.',
      ),
    },
  },
};
