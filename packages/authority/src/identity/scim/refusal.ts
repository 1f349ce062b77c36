import { AuthorityError } from '../../errors.ts';

/** RFC 7644 3.12, Table 9; `version` is HTTP's own 412. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'version';

/** What is wrong with a SCIM request, by the protocol's own words. */
export class ScimRefusal extends AuthorityError {
  readonly scimType: ScimType;

  constructor(scimType: ScimType, message: string) {
    super(scimType === 'uniqueness' ? 'conflict' : 'invalid-request', message);
    this.scimType = scimType;
  }
}
