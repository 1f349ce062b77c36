/** May this document be applied? Its own rules first, then whether anybody could be issued a certificate by it. */
import { type ProfileDocument, type ProfileProblem, profileProblems } from '@chancery/api';
import { AuthorityError } from '../errors.ts';
import type { Snapshot } from '../store/database.ts';
import type { World } from '../world.ts';
import { describeFinding } from './judge.ts';
import { lints } from './lints/lint-certificate.ts';
import { previewCertificate } from './preview.ts';

/** Everything that is wrong with a document by itself. @param before the version that it follows */
export function problemsOf(document: ProfileDocument, before: ProfileDocument | undefined): ProfileProblem[] {
  return [
    ...(before !== undefined && before.use !== document.use
      ? [
          {
            path: 'use',
            message: `A profile keeps its use: certificates of older versions were issued for ${before.use}. Make a new profile.`,
          },
        ]
      : []),
    ...profileProblems(document),
    ...document.lints.exceptions
      .filter(({ lint }) => !KNOWN.has(lint))
      .map(({ lint }) => ({
        path: 'lints.exceptions',
        message: `There is no lint ${lint}, so nothing to except from.`,
      })),
    ...document.lints.exceptions
      .filter(({ lint }) => NEVER_EXCEPTED.has(lint))
      .map(({ lint }) => ({ path: 'lints.exceptions', message: `No profile is excepted from ${lint}.` })),
  ];
}

const KNOWN = new Set(lints.map(({ id }) => id));
/** What keeps a certificate from being an authority, or from passing for a publicly trusted one. */
const NEVER_EXCEPTED = new Set([
  'basic-constraints',
  'certificate-policies',
  'key-usage',
  'extended-key-usage-of-issuer',
]);

/** @throws AuthorityError `unusable-input`, one field a broken rule; `lint-failed` where lints would block whoever asks */
export async function checkProfile(
  world: World,
  snapshot: Snapshot,
  document: ProfileDocument,
  before: ProfileDocument | undefined,
): Promise<void> {
  const problems = problemsOf(document, before);
  if (problems.length > 0)
    throw new AuthorityError(
      'unusable-input',
      `The profile cannot be applied: ${problems.map(({ message }) => message).join(' ')} Nothing was changed.`,
      { fields: problems },
    );
  for (const key of document.keys.algorithms) {
    const { refusal, findings } = await previewCertificate(world, snapshot, document, { key });
    if (refusal !== null) throw new AuthorityError('unusable-input', `The profile cannot be applied: ${refusal}`);
    const blocking = findings.filter(({ verdict }) => verdict === 'blocks');
    if (blocking.length > 0)
      throw new AuthorityError(
        'lint-failed',
        `The profile cannot be applied: with a ${key} key no certificate could be issued by it, since ${blocking.map(describeFinding).join('; ')}. Nothing was changed.`,
        { fields: blocking.map(({ lint, message, clause }) => ({ path: lint, message: `${message} (${clause})` })) },
      );
  }
}
