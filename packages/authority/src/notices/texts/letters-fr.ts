import { type LetterWords, letter } from './language.ts';

const request = [
  'Demandé par :  {by}',
  'Demandé le :   {since}',
  'Motif :        {reason}',
  'Dossier :      {case}',
  'Remise :       {delivery}',
  'Demande :      {request}',
].join('\n');
const doubt =
  'Si vous n’en savez rien, prévenez aussitôt un responsable de recouvrement. Tout figure dans le journal d’audit de {organisation} : {url}';

export const frenchLetters: LetterWords = {
  recoveryReasons: {
    'lost-device': 'un appareil a été perdu',
    'forgotten-password': 'un mot de passe a été oublié',
    'departed-employee': 'quelqu’un est parti',
    'legal-hold': 'une obligation de conservation',
    investigation: 'une enquête',
    other: 'un autre',
  },
  deliveries: {
    certificate: 'chiffrées pour le certificat de',
    pkcs12: 'dans un fichier dont le mot de passe voyage à part',
    owner: 'à vous seul, par un lien',
    decrypt: 'aucune ; des messages désignés sont déchiffrés à la place',
  },
  passkeyChanges: {
    added: 'une clé d’accès qui vous connecte a été ajoutée à votre page',
    'added-opening': 'une clé d’accès qui vous connecte et ouvre vos clés de chiffrement a été ajoutée à votre page',
    removed: 'un responsable d’enregistrement a retiré vos clés d’accès : aucune ne connecte ni n’ouvre plus de clés',
  },
  texts: {
    'sign-in-link': {
      subject: 'Votre lien de connexion',
      text: letter(
        'Bonjour {name},',
        'ce lien vous connecte à votre propre page au bureau des certificats de {organisation}. Il fonctionne une fois, pendant quinze minutes :',
        '{signInLink}',
        'Quelqu’un l’a demandé en indiquant votre adresse. Si ce n’était pas vous, supprimez ce message : il ne s’est rien passé.',
      ),
    },
    'passkeys-changed': {
      subject: 'Vos clés d’accès ont changé',
      text: letter(
        'Bonjour {name},',
        '{change}.',
        'Clé d’accès : {device}',
        'Si ce n’est pas ce que vous vouliez, prévenez aussitôt votre responsable d’enregistrement. Votre page : {url}/me',
      ),
    },
    'renewal-link': {
      subject: 'Renouvelez votre certificat de courrier',
      text: letter(
        'Bonjour {name},',
        'l’un de vos certificats expire bientôt, et un autre le remplace. Ouvrez ce lien du bureau des certificats de {organisation} sur votre propre appareil, jusqu’au {until} :',
        '{claimLink}',
        'Qui détient ce lien détient vos clés : ne le transmettez à personne.',
      ),
    },
    'renewal-on-device': {
      subject: 'Votre certificat pour le courrier chiffré expire bientôt',
      text: letter(
        'Bonjour {name},',
        'le certificat de {address} pour le courrier chiffré expire le {until}, et sa clé a été créée sur votre propre appareil. Si votre appareil ne le renouvelle pas de lui-même, enregistrez-le à nouveau. Votre page dit ce que vous avez : {url}/me',
      ),
    },
    'key-replaced': {
      subject: 'Votre nouvelle clé de courrier',
      text: letter(
        'Bonjour {name},',
        'l’une de vos clés a été signalée comme compromise et elle est révoquée. Une autre la remplace. Ouvrez ce lien du bureau des certificats de {organisation} sur votre propre appareil, jusqu’au {until} :',
        '{claimLink}',
        'Qui détient ce lien détient vos clés : ne le transmettez à personne.',
      ),
    },
    'recovery-requested': {
      subject: 'Vos clés de chiffrement ont été demandées',
      text: letter(
        'Bonjour {name},',
        '{by} a demandé des clés de chiffrement qui sont les vôtres ({count}). Tant de responsables de recouvrement doivent donner leur accord : {threshold}. Rien n’a été ouvert.',
        request,
        doubt,
      ),
    },
    'recovery-released': {
      subject: 'Vos clés de chiffrement ont été recouvrées',
      text: letter(
        'Bonjour {name},',
        'ce que {by} avait demandé a été remis, après l’accord de tant de responsables de recouvrement : {threshold}.',
        request,
        doubt,
      ),
    },
    'recovery-refused': {
      subject: 'Une demande de vos clés de chiffrement a été refusée',
      text: letter(
        'Bonjour {name},',
        'un responsable de recouvrement a refusé ce que {by} avait demandé. Rien n’a été ouvert.',
        request,
        doubt,
      ),
    },
    'recovery-ended': {
      subject: 'Une demande de vos clés de chiffrement a pris fin',
      text: letter(
        'Bonjour {name},',
        'ce que {by} avait demandé n’a pas été remis à temps. La demande a pris fin, et rien n’a été ouvert.',
        request,
        doubt,
      ),
    },
    'recovered-keys': {
      subject: 'Retirez vos clés de chiffrement recouvrées',
      text: letter(
        'Bonjour {name},',
        'vos clés de chiffrement ont été recouvrées pour vous. Retirez-les ici, jusqu’au {until} :',
        '{claimLink}',
        'Qui détient ce lien détient vos clés : ne le transmettez à personne.',
      ),
    },
    'keys-opened-outside': {
      subject: 'Vos clés de chiffrement ont été ouvertes hors du bureau',
      text: letter(
        'Bonjour {name},',
        'le {since}, des responsables de recouvrement ont ouvert des clés de chiffrement qui sont les vôtres avec une copie du séquestre, le bureau étant injoignable.',
        'Responsables :  {by}\nMotif :         {detail}',
        'Si vous n’en savez rien, interrogez l’un d’eux.',
      ),
    },
    'held-mail-ended': {
      subject: 'Un message pour vous a été retenu, et son délai est passé',
      text: letter(
        'Bonjour {name},',
        'un message pour vous a été retenu par la passerelle de messagerie de {organisation}, et son délai est passé.',
        'De : {by}\nRetenu depuis : {since}\nMotif : {reason}',
        'Personne ne l’a laissé passer ; il a donc été supprimé. Son auteur a pu écrire sous un nom qui n’est pas le sien : il n’a été prévenu que si son propre domaine répond de lui.',
        'Si vous l’attendiez, demandez à son expéditeur de l’envoyer à nouveau, et à votre administrateur de le laisser passer.',
      ),
    },
  },
};
