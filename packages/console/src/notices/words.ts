import type { NoticeEvent, NoticeLanguage, NoticeTime, SentNotice } from '@chancery/api';
import type { Worded } from '../words.ts';

export const eventNames: Record<NoticeEvent, string> = {
  welcome: 'Welcome, with the claim link',
  'link-lapsing': 'A claim link ends',
  'certificate-expiring': 'A certificate ends',
  'certificate-renewed': 'A certificate was renewed',
  'certificate-revoked': 'Certificates were revoked',
  'certificate-held': 'Certificates are on hold',
  'certificate-released': 'A hold was lifted',
  'device-added': 'Another device',
  'person-suspended': 'Somebody is suspended',
  'person-returned': 'Somebody is here again',
  'person-left': 'Somebody has left',
  'recovery-waiting': 'Keys are asked for',
  'key-recovered': 'Keys were recovered',
  'help-asked': 'Somebody asks for help',
  'approval-pending': 'A device waits for a decision',
  'enrolment-delayed': 'A certificate cannot be made',
  'people-conflict': 'A source contradicts',
  'people-drop': 'A source loses people',
  'administrator-left': 'The last administrator has left',
  'directory-silent': 'A directory is not followed',
  'target-down': 'A target takes nothing',
  'authority-trouble': 'An authority needs somebody',
  'authority-ending': 'An authority ends',
  'rollover-begun': 'A rollover has begun',
  'rollover-finished': 'A rollover is done',
  'token-trouble': 'A store of keys is silent',
  'trail-unwitnessed': 'The trail is not witnessed',
  'drill-overdue': 'A drill is overdue',
  'sign-in-link': 'Letter: a link to sign in',
  'passkeys-changed': 'Letter: passkeys have changed',
  'renewal-link': 'Letter: renew a certificate',
  'renewal-on-device': 'Letter: a device is to renew',
  'key-replaced': 'Letter: a key was replaced',
  'recovery-requested': 'Letter: keys were asked for',
  'recovery-released': 'Letter: keys were recovered',
  'recovery-refused': 'Letter: a request was refused',
  'recovery-ended': 'Letter: a request has ended',
  'recovered-keys': 'Letter: collect recovered keys',
  'keys-opened-outside': 'Letter: keys were opened outside',
  'held-mail-ended': 'Letter: held mail has ended',
  digest: 'The digest itself',
};

export const languageNames: Record<NoticeLanguage, string> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  nb: 'Norsk',
};

export const timeNames: Record<NoticeTime, string> = {
  now: 'At once',
  daily: 'Daily',
  weekly: 'Weekly',
  off: 'Off',
};

export const sentStates: Record<SentNotice['state'], Worded> = {
  sent: ['Sent', 'ok'],
  waiting: ['Waiting', 'wait'],
  gathering: ['Gathered', 'wait'],
  folded: ['In a digest', 'quiet'],
  withheld: ['Withheld', 'warn'],
  failed: ['Given up', 'bad'],
};
