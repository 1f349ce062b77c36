import { isSubscriber, type Lint } from './lint.ts';

export const subjectAlternativeName: Lint = {
  id: 'subject-alternative-name',
  clause: 'S/MIME BR 7.1.2.3 (h)',
  severity: 'error',
  applies: isSubscriber,
  check({ certificate: { subjectAltNames: names } }) {
    const wrong: string[] = [];
    if (names.emails.length === 0) wrong.push('the subject alternative name has no e-mail address');
    if (new Set(names.emails.map((email) => email.toLowerCase())).size < names.emails.length)
      wrong.push('an e-mail address stands twice in the subject alternative name');
    if (names.dns.length + names.uris.length + names.ipAddresses.length + names.registeredIds.length > 0)
      wrong.push('the subject alternative name has names that are no e-mail addresses');
    return wrong;
  },
};
