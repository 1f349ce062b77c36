import { type Language, letter } from './language.ts';
import { frenchLetters } from './letters-fr.ts';

export const french: Language = {
  locale: 'fr',
  uses: { signing: 'la signature', encryption: 'le chiffrement', every: 'la signature et le chiffrement' },
  reasons: {
    superseded: 'un plus récent l’a remplacé',
    keyCompromise: 'quelqu’un d’autre possède peut-être la clé',
    affiliationChanged: 'un nom ou une appartenance a changé',
    cessationOfOperation: 'il ne sert plus',
    privilegeWithdrawn: 'il ne doit plus servir',
    cACompromise: 'l’autorité qui l’a signé n’est plus digne de confiance',
    aACompromise: 'ce qu’il affirme n’est plus digne de confiance',
    unspecified: 'aucun motif n’a été donné',
  },
  topics: {
    'lost-key': 'le courrier ne s’ouvre plus',
    'lost-device': 'un appareil contenant des clés est perdu',
    other: 'autre chose',
  },
  namelessDevice: 'un appareil sans nom',
  recoveryReasons: frenchLetters.recoveryReasons,
  deliveries: frenchLetters.deliveries,
  passkeyChanges: frenchLetters.passkeyChanges,
  texts: {
    welcome: {
      subject: 'Vos clés pour le courrier signé et chiffré',
      text: letter(
        'Bonjour {name},',
        'deux clés pour votre courrier vous attendent chez {organisation} : l’une pour signer ce que vous écrivez, l’autre pour ouvrir ce qui est chiffré pour vous. Retirez-les ici, sur votre propre ordinateur :',
        '{claimLink}',
        'Ce lien est valable jusqu’au {until}, pour vous seul. Qui le détient peut obtenir vos clés : ne le transmettez à personne.',
        'Il n’est pas nécessaire de connaître les certificats. La page vous guide en quelques minutes.',
      ),
    },
    'link-lapsing': {
      subject: 'Vos clés de courrier vous attendent jusqu’au {until}',
      text: letter(
        'Bonjour {name},',
        'les clés de {person} pour le courrier signé et chiffré n’ont pas encore été retirées. Le lien expire le {until} ; vous l’avez reçu dans un message précédent ou de votre responsable d’enregistrement.',
        'S’il est perdu, demandez-en un nouveau à un responsable d’enregistrement de {organisation}. Rien d’autre n’est perdu.',
      ),
    },
    'certificate-expiring': {
      subject: 'Le certificat de {person} pour {use} expire le {until}',
      text: letter(
        'Bonjour {name},',
        'le certificat de {address} pour {use} expire le {until}. Sa clé se trouve sur un appareil que seul le titulaire, {person}, possède : personne d’autre ne peut le renouveler.',
        'Merci de le faire à temps : connectez-vous à {url}/me ou demandez un nouveau lien à un responsable d’enregistrement. Le courrier déjà reçu reste lisible dans tous les cas.',
      ),
    },
    'certificate-renewed': {
      subject: 'Le certificat de {person} pour {use} a été renouvelé',
      text: letter(
        'Bonjour {name},',
        'le certificat de {address} pour {use} a été renouvelé et reste valable jusqu’au {until}. L’ancien courrier reste lisible.',
        'Vous voyez ce que vous possédez sur {url}/me. Un logiciel de courrier à vous qui ouvre le courrier chiffré a besoin de vos clés, prises là une fois encore.',
      ),
    },
    'certificate-revoked': {
      subject: 'Des certificats de {person} ont été révoqués',
      text: letter(
        'Bonjour {name},',
        'ce que {address} possédait pour {use} a été révoqué le {date} par {by} : {reason}. Les correspondants en sont désormais avertis. Le courrier chiffré auparavant reste lisible.',
        'Si vous n’êtes pas au courant, prévenez aussitôt votre responsable d’enregistrement.',
      ),
    },
    'certificate-held': {
      subject: 'Des certificats de {person} sont suspendus',
      text: letter(
        'Bonjour {name},',
        'ce que {address} possédait pour {use} a été suspendu le {date} par {by}. Jusqu’à la levée de la suspension, il est dit aux autres de ne pas s’y fier. Aucune clé n’est perdue.',
        'Si vous n’êtes pas au courant, prévenez votre responsable d’enregistrement.',
      ),
    },
    'certificate-released': {
      subject: 'Des certificats de {person} sont de nouveau valables',
      text: letter(
        'Bonjour {name},',
        'ce que {address} possédait pour {use} et qui était suspendu est de nouveau valable depuis le {date}. {by} a levé la suspension. Il n’y a rien à faire.',
      ),
    },
    'device-added': {
      subject: 'Vos clés sont sur un autre appareil',
      text: letter(
        'Bonjour {name},',
        'le {date}, les clés de chiffrement de {address} ont été portées sur un autre appareil : {device}.',
        'Si ce n’était pas vous, prévenez aussitôt votre responsable d’enregistrement et consultez {url}/me.',
      ),
    },
    'person-suspended': {
      subject: '{person} est suspendu(e)',
      text: letter(
        'Bonjour {name},',
        '{person} <{address}> est suspendu(e) depuis le {date}, selon {by}. Ce qui sert à son courrier est suspendu : les autres sont avertis de ne pas s’y fier, et rien de nouveau n’est créé ni publié. Aucune clé n’est perdue.',
        'Si ce n’est pas exact, prévenez votre responsable d’enregistrement.',
      ),
    },
    'person-returned': {
      subject: '{person} est de retour',
      text: letter(
        'Bonjour {name},',
        '{person} <{address}> est de retour depuis le {date}, selon {by}. Ce qui était suspendu est de nouveau valable, et ce qui manque est en cours de création.',
        'Il n’y a rien à faire, sinon retirer ce qui attend : {url}/me',
      ),
    },
    'person-left': {
      subject: 'Départ de {person}',
      text: letter(
        'Bonjour {name},',
        'le départ de {person} <{address}> a été enregistré le {date} par {by}. Plus personne ne peut signer sous ce nom, et plus rien n’est publié pour cette adresse. Ce qui a été chiffré auparavant reste lisible selon les règles de {organisation}.',
      ),
    },
    'recovery-waiting': {
      subject: 'Des clés sous séquestre sont demandées',
      text: letter(
        'Bonjour {name},',
        '{by} demande la remise de ce qui est sous séquestre. Les responsables de recouvrement en décident :',
        'Demande : {detail}\n{url}/recovery',
      ),
    },
    'key-recovered': {
      subject: 'Des clés sous séquestre ont été remises',
      text: letter(
        'Bonjour {name},',
        'le {date}, {by} a exécuté une remise de ce qui est sous séquestre, après l’accord des responsables de recouvrement requis.',
        'Demande : {detail}\nToute son histoire figure au journal d’audit : {url}/recovery',
      ),
    },
    'help-asked': {
      subject: '{person} demande de l’aide',
      text: letter(
        'Bonjour {name},',
        '{person} <{address}> demande de l’aide pour ses clés de courrier : {topic}.',
        'Vous trouverez la demande sur la vue d’ensemble : {url}',
      ),
    },
    'approval-pending': {
      subject: 'Un appareil de {person} attend une décision',
      text: letter(
        'Bonjour {name},',
        'un appareil de {person} <{address}> demande un certificat pour {use}, et quelqu’un doit dire s’il doit l’obtenir.',
        'Vous le trouvez ici : {url}/devices',
      ),
    },
    'enrolment-delayed': {
      subject: 'Pas encore de certificat pour {use} : {person}',
      text: letter(
        'Bonjour {name},',
        'le certificat de {person} <{address}> pour {use} ne peut pas encore être établi :',
        '{detail}',
        'De nouveaux essais ont lieu d’eux-mêmes. À qui manque quoi, et pourquoi : {url}/inventory',
      ),
    },
    'people-conflict': {
      subject: '{source} : une décision est nécessaire au sujet d’une personne',
      text: letter(
        'Bonjour {name},',
        'la source {source} contredit ce qui est connu ici :',
        '{detail}',
        'Rien n’a été modifié pour autant. Merci de décider : {url}',
      ),
    },
    'people-drop': {
      subject: '{source} compte soudain bien moins de personnes : arrêt',
      text: letter(
        'Bonjour {name},',
        'la source {source} ne connaît soudain plus beaucoup de personnes. Aucun départ n’a été enregistré pour autant ; on attend que quelqu’un dise si c’est exact :',
        '{detail}',
        '{url}',
      ),
    },
    'administrator-left': {
      subject: 'Départ de {person}, dernier administrateur',
      text: letter(
        'Bonjour {name},',
        '{person} <{address}> est parti(e) ou suspendu(e), et personne d’autre n’administre sans fournisseur d’identité. Pour que tous ne soient pas enfermés dehors, cet accès a été conservé.',
        'Invitez maintenant un autre administrateur : {url}/operators. Dès sa première connexion, l’accès de {person} prend fin de lui-même.',
      ),
    },
    'directory-silent': {
      subject: 'L’annuaire {source} n’est pas suivi',
      text: letter(
        'Bonjour {name},',
        'depuis le {since}, aucun parcours de l’annuaire {source} n’est arrivé à son terme. Les nouveaux venus n’ont pas de certificat entre-temps, et ceux qui partent gardent les leurs :',
        '{detail}',
      ),
    },
    'target-down': {
      subject: '{target} n’accepte rien',
      text: letter(
        'Bonjour {name},',
        'ce qui doit être publié dans {target} n’est plus accepté depuis le {since} ({count} en attente) :',
        '{detail}',
        'De nouveaux essais ont lieu d’eux-mêmes. D’ici là, les expéditeurs y trouvent ce qui s’y trouvait.',
      ),
    },
    'authority-trouble': {
      subject: '{authority} a besoin de quelqu’un',
      text: letter('Bonjour {name},', '{detail}', 'Voir {url}/authorities'),
    },
    'authority-ending': {
      subject: 'L’autorité {authority} prend fin le {until}',
      text: letter(
        'Bonjour {name},',
        'le certificat de l’autorité {authority} elle-même expire le {until}. Ce qu’elle a signé n’est pas valable au-delà.',
        'Créez-en une autre à temps, et passez à celle-ci : {url}/authorities',
      ),
    },
    'rollover-begun': {
      subject: 'Un passage de {authority} à {target} a commencé',
      text: letter(
        'Bonjour {name},',
        '{by} a commencé un passage : {target} a pris la suite de {authority} et refait peu à peu tant de certificats : {count}.',
        'Où il en est : {url}/certificates/renewals',
      ),
    },
    'rollover-finished': {
      subject: 'Le passage depuis {authority} est terminé',
      text: letter(
        'Bonjour {name},',
        'plus personne n’a de certificat que seule {authority} a signé : le passage est terminé.',
        'Elle peut être mise à la retraite : {url}/authorities',
      ),
    },
    'token-trouble': {
      subject: 'Le magasin de clés {target} ne répond pas',
      text: letter(
        'Bonjour {name},',
        'depuis le {since}, le magasin de clés {target} ne répond pas :',
        '{detail}',
        'Ce qui a besoin de ses clés attend : certificats, listes, réponses à leur sujet. L’essai est répété de lui-même. Voir {url}',
      ),
    },
    'trail-unwitnessed': {
      subject: '{target} ignore l’état du journal d’audit',
      text: letter(
        'Bonjour {name},',
        'depuis le {since}, {target} n’a pu être informé de l’état du journal d’audit :',
        '{detail}',
        'D’ici là, personne au-dehors ne pourrait constater que le journal a été réécrit. Voir {url}/audit',
      ),
    },
    'drill-overdue': {
      subject: 'Un exercice du coffre est en retard',
      text: letter(
        'Bonjour {name},',
        'un exercice du coffre est attendu depuis le {since}. Personne n’a montré récemment que les clés sous séquestre peuvent être recouvrées. Les responsables de recouvrement y prennent part sur {url}/vault',
      ),
    },
    ...frenchLetters.texts,
    digest: {
      subject: '{count} avis de {organisation}',
      text: letter(
        'Bonjour {name},',
        'voici ce qui s’est passé depuis le dernier message de ce genre :',
        '{items}',
        '{url}',
      ),
    },
  },
};
