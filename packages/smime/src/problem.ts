/** One finding about a message, certificate or path: a stable code for programs, a sentence for people. */
export interface Problem {
  /** Stable, in kebab-case: never renamed or given a second meaning. */
  readonly code: string;
  readonly message: string;
  /** The clause it rests on: `RFC 5652 section 11.1`. */
  readonly clause?: string;
  /** An error makes the verdict other than valid; a warning or info does not. */
  readonly severity: 'error' | 'warning' | 'info';
}

export const problem = (severity: Problem['severity'], code: string, message: string, clause?: string): Problem =>
  clause === undefined ? { code, message, severity } : { code, message, clause, severity };
