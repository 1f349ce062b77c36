import { type Language, letter } from './language.ts';
import { englishLetters } from './letters-en.ts';

export const english: Language = {
  locale: 'en-GB',
  uses: { signing: 'signing', encryption: 'encryption', every: 'signing and encryption' },
  reasons: {
    superseded: 'a newer one has taken its place',
    keyCompromise: 'somebody else may have the key',
    affiliationChanged: 'a name or an organisation has changed',
    cessationOfOperation: 'it is no longer used',
    privilegeWithdrawn: 'it may no longer be used',
    cACompromise: 'the authority that signed it can no longer be trusted',
    aACompromise: 'what it says can no longer be trusted',
    unspecified: 'no reason was given',
  },
  topics: { 'lost-key': 'mail no longer opens', 'lost-device': 'a device with keys is lost', other: 'something else' },
  namelessDevice: 'a device without a name',
  recoveryReasons: englishLetters.recoveryReasons,
  deliveries: englishLetters.deliveries,
  passkeyChanges: englishLetters.passkeyChanges,
  texts: {
    welcome: {
      subject: 'Your keys for signed and encrypted mail',
      text: letter(
        'Dear {name},',
        'two keys for your mail are ready at {organisation}: one to sign what you write, one to open what is encrypted to you. Collect them here, on your own computer:',
        '{claimLink}',
        'The link works until {until}, for you alone. Whoever has it can have your keys: do not pass it on.',
        'You need not know anything about certificates. The page takes you through it in a few minutes.',
      ),
    },
    'link-lapsing': {
      subject: 'Your mail keys wait until {until}',
      text: letter(
        'Dear {name},',
        'the keys of {person} for signed and encrypted mail have not been collected yet. The link ends on {until}; it came in an earlier mail, or from your registration officer.',
        'If it is lost, ask a registration officer of {organisation} for a new one. Nothing else is lost.',
      ),
    },
    'certificate-expiring': {
      subject: 'The {use} certificate of {person} ends on {until}',
      text: letter(
        'Dear {name},',
        'the certificate of {address} for {use} ends on {until}. Its key is on a device that only {person} has, so nobody else can renew it.',
        'Please do it in time: sign in at {url}/me, or ask a registration officer for a new link. Mail that you have stays readable either way.',
      ),
    },
    'certificate-renewed': {
      subject: 'The {use} certificate of {person} was renewed',
      text: letter(
        'Dear {name},',
        'the certificate of {address} for {use} was renewed and is good until {until}. Old mail stays readable.',
        'You can see what you have at {url}/me. A mail program of your own that opens encrypted mail needs your keys from there once more.',
      ),
    },
    'certificate-revoked': {
      subject: 'Certificates of {person} were revoked',
      text: letter(
        'Dear {name},',
        'what {address} had for {use} was revoked on {date} by {by}: {reason}. Others are warned of it from now on. Mail that was encrypted before stays readable.',
        'If you know nothing of this, tell your registration officer at once.',
      ),
    },
    'certificate-held': {
      subject: 'Certificates of {person} are on hold',
      text: letter(
        'Dear {name},',
        'what {address} had for {use} was put on hold on {date} by {by}. Until it is released, others are told not to rely on it. No key is lost.',
        'If you know nothing of this, tell your registration officer.',
      ),
    },
    'certificate-released': {
      subject: 'Certificates of {person} are good again',
      text: letter(
        'Dear {name},',
        'what {address} had for {use} and was on hold is good again since {date}. {by} released it. There is nothing to do.',
      ),
    },
    'device-added': {
      subject: 'Your keys went to another device',
      text: letter(
        'Dear {name},',
        'on {date} the encryption keys of {address} were taken to another device: {device}.',
        'If that was not you, tell your registration officer at once, and look at {url}/me.',
      ),
    },
    'person-suspended': {
      subject: '{person} is suspended',
      text: letter(
        'Dear {name},',
        '{person} <{address}> is suspended since {date}, as said by {by}. What they have for mail is on hold: others are told not to rely on it, and nothing new is made or published. No key is lost.',
        'If that is not right, tell your registration officer.',
      ),
    },
    'person-returned': {
      subject: '{person} is here again',
      text: letter(
        'Dear {name},',
        '{person} <{address}> is here again since {date}, as said by {by}. What was on hold is good again, and what is lacking is being made.',
        'Nothing needs to be done but to collect what waits: {url}/me',
      ),
    },
    'person-left': {
      subject: '{person} has left',
      text: letter(
        'Dear {name},',
        '{person} <{address}> has left, as recorded on {date} by {by}. Nobody can sign in that name any more, and nothing is published for that address. What was encrypted before stays readable by the rules of {organisation}.',
      ),
    },
    'recovery-waiting': {
      subject: 'Escrowed keys are asked for',
      text: letter(
        'Dear {name},',
        '{by} asks for the release of what is in escrow. Recovery officers decide on it:',
        'Request: {detail}\n{url}/recovery',
      ),
    },
    'key-recovered': {
      subject: 'Escrowed keys were released',
      text: letter(
        'Dear {name},',
        'on {date} {by} carried out a release of what is in escrow, after the recovery officers that it needs had approved it.',
        'Request: {detail}\nIts whole story stands on the audit trail: {url}/recovery',
      ),
    },
    'help-asked': {
      subject: '{person} asks for help',
      text: letter(
        'Dear {name},',
        '{person} <{address}> asks for help with their mail keys: {topic}.',
        'You find it on the overview: {url}',
      ),
    },
    'approval-pending': {
      subject: 'A device of {person} waits for somebody to decide',
      text: letter(
        'Dear {name},',
        'a device of {person} <{address}> asks for a certificate for {use}, and somebody must say whether it is to have one.',
        'You find it here: {url}/devices',
      ),
    },
    'enrolment-delayed': {
      subject: 'No {use} certificate for {person} yet',
      text: letter(
        'Dear {name},',
        'the certificate of {person} <{address}> for {use} cannot be made yet:',
        '{detail}',
        'It is tried again by itself. Who lacks what, and why: {url}/inventory',
      ),
    },
    'people-conflict': {
      subject: '{source}: somebody must decide about a person',
      text: letter(
        'Dear {name},',
        'the source {source} contradicts what is known here:',
        '{detail}',
        'Nothing was changed for it. Please decide: {url}',
      ),
    },
    'people-drop': {
      subject: '{source} has far fewer people: it was stopped',
      text: letter(
        'Dear {name},',
        'the source {source} suddenly no longer has many people that it had. Nobody was made to leave for it; it waits for somebody to say whether that is right:',
        '{detail}',
        '{url}',
      ),
    },
    'administrator-left': {
      subject: '{person} has left, and is the last administrator',
      text: letter(
        'Dear {name},',
        '{person} <{address}> has left or is suspended, and is the last administrator who signs in without an identity provider. Nobody could let others in, so their access was kept.',
        'Invite another administrator now: {url}/operators. Once they have signed in, the access of {person} ends by itself.',
      ),
    },
    'directory-silent': {
      subject: 'The directory {source} is not followed',
      text: letter(
        'Dear {name},',
        'since {since} no pass over the directory {source} has come to its end. People who join get no certificates meanwhile, and people who leave keep theirs:',
        '{detail}',
      ),
    },
    'target-down': {
      subject: '{target} takes nothing',
      text: letter(
        'Dear {name},',
        'what should be published in {target} has not been taken since {since} ({count} waiting):',
        '{detail}',
        'It is tried again by itself. Until then senders find there what was there before.',
      ),
    },
    'authority-trouble': {
      subject: '{authority} needs somebody',
      text: letter('Dear {name},', '{detail}', 'See {url}/authorities'),
    },
    'authority-ending': {
      subject: 'The authority {authority} ends on {until}',
      text: letter(
        'Dear {name},',
        'the certificate of the authority {authority} itself ends on {until}. What it has signed is good no longer than that.',
        'Make another one in time, and roll over to it: {url}/authorities',
      ),
    },
    'rollover-begun': {
      subject: 'A rollover from {authority} to {target} has begun',
      text: letter(
        'Dear {name},',
        '{by} has begun a rollover: {target} has taken over from {authority}, and so many certificates are made anew by it, a few at a time: {count}.',
        'How far it is: {url}/certificates/renewals',
      ),
    },
    'rollover-finished': {
      subject: 'The rollover from {authority} is done',
      text: letter(
        'Dear {name},',
        'nobody has a certificate any more that only {authority} has signed: the rollover is done.',
        'It can be retired: {url}/authorities',
      ),
    },
    'token-trouble': {
      subject: 'The store of keys {target} does not answer',
      text: letter(
        'Dear {name},',
        'since {since} the store of keys {target} has not answered:',
        '{detail}',
        'What needs its keys waits: certificates, lists, answers about them. It is tried again by itself. See {url}',
      ),
    },
    'trail-unwitnessed': {
      subject: '{target} has not been told of the audit trail',
      text: letter(
        'Dear {name},',
        'since {since} {target} has not been reached with what the audit trail has become:',
        '{detail}',
        'Until it is, nobody outside of the office could tell that the trail was rewritten. See {url}/audit',
      ),
    },
    'drill-overdue': {
      subject: 'A drill of the vault is overdue',
      text: letter(
        'Dear {name},',
        'since {since} a drill of the vault has been due. Nobody has shown lately that escrowed keys come back. Recovery officers take part at {url}/vault',
      ),
    },
    ...englishLetters.texts,
    digest: {
      subject: '{count} notices from {organisation}',
      text: letter('Dear {name},', 'this is what happened since the last mail of this kind:', '{items}', '{url}'),
    },
  },
};
