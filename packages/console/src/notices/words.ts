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
  'person-left': 'Somebody has left',
  'key-recovered': 'Keys were recovered',
  'help-asked': 'Somebody asks for help',
  'enrolment-delayed': 'A certificate cannot be made',
  'people-conflict': 'A source contradicts',
  'people-drop': 'A source loses people',
  'target-down': 'A target takes nothing',
  'authority-trouble': 'An authority needs somebody',
  'trail-unwitnessed': 'The trail is not witnessed',
  'drill-overdue': 'A drill is overdue',
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
