import { type Language, letter } from './language.ts';

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
        'the certificate of {address} for {use} was renewed and is good until {until}. There is nothing to do, and old mail stays readable.',
        'You can see what you have at {url}/me.',
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
    'person-left': {
      subject: '{person} has left',
      text: letter(
        'Dear {name},',
        '{person} <{address}> has left, as recorded on {date} by {by}. Nobody can sign in that name any more, and nothing is published for that address. What was encrypted before stays readable by the rules of {organisation}.',
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
    digest: {
      subject: '{count} notices from {organisation}',
      text: letter('Dear {name},', 'this is what happened since the last mail of this kind:', '{items}', '{url}'),
    },
  },
};
