import { isSubscriber, type Lint } from './lint.ts';

export const authorityInformationAccess: Lint = {
  id: 'authority-information-access',
  clause: 'S/MIME BR 7.1.2.3 (c)',
  severity: 'warning',
  applies: isSubscriber,
  check({ certificate: { ocspUrls, caIssuerUrls } }) {
    const wrong: string[] = [];
    if (caIssuerUrls.length === 0) wrong.push("the address of the authority's certificate is missing");
    for (const url of [...caIssuerUrls, ...ocspUrls])
      if (!url.startsWith('http://')) wrong.push(`${url} is not an http address`);
    return wrong;
  },
};
