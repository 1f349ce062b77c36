/** What one validation may spend, shared by all the searches it needs: whoever sends a message chooses the certificates in it. */
import { limits } from '../limits.ts';
import { SignatureBudget } from '../x509/signature-budget.ts';

export class PathBudget {
  /** Of certificates and of CRLs apart, so that neither starves the other. */
  readonly certificates = new SignatureBudget(limits.pathSignatures);
  readonly statements = new SignatureBudget(limits.pathSignatures);
  /** Comparisons of names against name constraints. */
  nameChecks: number = limits.nameConstraintChecks;
  private candidates: number = limits.pathCandidates;
  private paths: number = limits.pathsJudged;
  private spent = false;

  /** True once something was left untried. */
  get exhausted(): boolean {
    return this.spent || this.certificates.exhausted;
  }

  /** One more certificate looked at; false where there is no more. */
  spendCandidate(): boolean {
    if (this.candidates <= 0) this.spent = true;
    else this.candidates -= 1;
    return !this.spent;
  }

  /** One more path walked from anchor to leaf. */
  spendPath(): boolean {
    if (this.paths <= 0) this.spent = true;
    else this.paths -= 1;
    return !this.spent;
  }

  tooLong(): void {
    this.spent = true;
  }
}
